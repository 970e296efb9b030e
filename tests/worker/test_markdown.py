"""The Markdown document: a CommonMark parser reads in it what the course says, and no markup of the course's."""

import json
import re
from functools import cache
from itertools import pairwise
from pathlib import Path

import foreign_courses
import judges
import pytest
from foreign_courses import ARABIC, ENGLISH, JAPANESE
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from worker_support import DEMO, as_course, compose, ignore

from coursegen_worker import words
from coursegen_worker.documents import Block, CodeBlock, Course, ListBlock, Option, Question
from coursegen_worker.exporters import markdown_export, without_assessments
from coursegen_worker.exporters.describe import spans

HOSTILE = (
    "# *Not* a _heading_ & not &amp; an entity [link](x) <b>",
    "1. ![image](y) ~~gone~~ `code <b>` \\* $x$ | table |\n---\n> quoted",
    "- - -",
)
LONG = ("A long title " * 800, ENGLISH[1], ENGLISH[2])
OURS = {"heading", "paragraph", "bullet_list", "ordered_list", "list_item", "blockquote", "fence", "inline"}
OURS_INLINE = {"text", "code_inline", "strong_open", "strong_close"}
RULES = {
    "default": True,
    "MD004": False,  # a list after another has another mark, or the two would be one
    "MD013": False,  # a paragraph is one line: that is how it is edited
    "MD024": False,  # titles are the course's
    "MD026": False,
    "MD029": False,  # a list that goes on behind some code goes on with its number
    "MD034": False,  # an address in a text stays text
}


def parse(text: str) -> list[Token]:
    return MarkdownIt("commonmark").parse(text)


def said(token: Token) -> str:
    """Give an inline token's text, without white space: that is not what is at stake."""
    return re.sub(r"\s", "", "".join(child.content for child in token.children or []))


@cache
def demo() -> Course:
    outline, chapters = compose(*DEMO)
    return as_course(outline, chapters)


def hostile() -> Course:
    return foreign_courses.course(ENGLISH, JAPANESE, ARABIC, HOSTILE, LONG, title="# Title *with* `marks` <i>")


def document(course: Course) -> str:
    return markdown_export.export(course, ignore).data.decode()


def texts_of(course: Course) -> list[str]:
    """Give every running text of a course."""
    found = [course.course.title, *(o.text for o in course.objectives)]
    for chapter in course.chapters:
        found.append(chapter.title)
        for section in chapter.sections:
            found += [section.title, *_texts(section.blocks), *_texts(section.solution or [])]
        for question in chapter.questions:
            found += [question.stem, *(t for o in question.options for t in (o.text, o.feedback))]
    return found


def _texts(blocks: list[Block]) -> list[str]:
    texts = []
    for block in blocks:
        if not isinstance(block, CodeBlock):
            texts += block.items if isinstance(block, ListBlock) else [block.text]
    return texts


def plain(marked: str) -> str:
    """Give a text as its reader sees it: backticks mark code."""
    line = markdown_export.html.clean(marked)
    return re.sub(r"\s", "", "".join(part["text"] for part in spans(" ".join(line.split()))))


@pytest.mark.parametrize("course", [demo, hostile])
def test_a_parser_reads_what_the_course_says_and_no_markup(course: object) -> None:
    made: Course = course()  # type: ignore[operator]
    tokens = parse(document(made))
    assert {t.type.removesuffix("_open").removesuffix("_close") for t in tokens} <= OURS
    inline = [t for t in tokens if t.type == "inline"]
    assert {child.type for t in inline for child in t.children or []} <= OURS_INLINE
    read = [said(t) for t in inline]
    for text in texts_of(made):
        assert any(line.endswith(plain(text)) for line in read), text
    code = [t.content for t in tokens if t.type == "fence"]
    for chapter in made.chapters:
        for block in (b for s in chapter.sections for b in s.blocks if isinstance(b, CodeBlock)):
            assert f"{block.text}\n" in code


def test_headings_go_down_one_by_one() -> None:
    levels = [int(t.tag[1]) for t in parse(document(demo())) if t.type == "heading_open"]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


LINE = st.text(st.one_of(st.sampled_from("`*_[]<>#~&!|$-+=.:;()\\ 19a\n"), st.characters(codec="utf-8")), max_size=40)


@settings(max_examples=300, deadline=None)
@given(LINE)
@example("`a``b` and `c`")
def test_any_text_is_one_paragraph_heading_or_item_with_those_signs(text: str) -> None:
    line = markdown_export.line(text)
    for mark in ("", "# ", "- ", "1. "):
        tokens = [t for t in parse(f"{mark}{line}\n\n{mark}x") if t.type == "inline"]
        if plain(text):
            assert [said(t) for t in tokens] == [plain(text), "x"], repr(line)


FENCES = [
    "```",
    "````",
    "```py\n",
    "\n```\n",
    "\n  ```\n",
    "\n    ```\n",
    "~~~\n",
    "\n# note\n- one\n",
    "[first](x)",
    "__init__ and _",
]


@settings(max_examples=500, deadline=None)
@given(st.lists(st.one_of(LINE, st.sampled_from(FENCES)), min_size=1, max_size=8).map("".join))
@example("Which of __init__ and _x_ [first](x)?\n\n# note\n- one\n\n```py\nx\n```\n\n1. Or *not*?")
@example("\0```\nx\n```")
def test_any_question_is_read_as_its_texts_and_its_code(stem: str) -> None:
    question = Question(id="q", objective_id="o", stem=stem, options=[Option(text="x", feedback="")] * 2, answer=0)
    tokens = parse(markdown_export._question(question, "1", words.of("en")))
    read = [_packed(t.content) if t.type == "fence" else said(t) for t in tokens if t.type in ("inline", "fence")]
    shown = [_packed(markdown_export.html.clean(part["text"])) for part in spans(stem)]
    assert "".join(read) == f"1{''.join(shown)}A.xB.x"
    code = [_lines(t.content) for t in tokens if t.type == "fence"]
    assert code == [_lines(part["text"]) for part in spans(stem) if part["block"]]


def _packed(text: str) -> str:
    return re.sub(r"\s", "", text)


def _lines(code: str) -> str:
    """Give code as a parser of Markdown tells it."""
    return markdown_export.html.clean(code).replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")


@settings(max_examples=100, deadline=None)
@given(st.text(st.sampled_from("`~ \nab"), max_size=30))
def test_any_code_stays_as_it_is(code: str) -> None:
    block = CodeBlock(language="py`\nthon", text=code)
    [fence] = parse("\n\n".join(markdown_export._blocks([block], words.of("en"))))
    assert (fence.type, fence.info) == ("fence", "python")
    assert fence.content.removesuffix("\n") == code.removesuffix("\n")


def test_markdownlint_finds_nothing(tmp_path: Path) -> None:
    paths = []
    for name, course in {"demo": demo(), "hostile": hostile(), "plain": without_assessments(demo())}.items():
        paths.append(tmp_path / f"{name}.md")
        paths[-1].write_text(document(course), "utf-8")
    assert judges.markdownlint(paths, RULES) == {}
    paths[0].write_text("#No space\n\n\n\n* a\n", "utf-8")
    assert set(judges.markdownlint(paths[:1], RULES)) == {str(paths[0])}, json.dumps(RULES)
