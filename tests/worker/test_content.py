"""Content from elsewhere is read where it can be understood, and refused with the field's name where not."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import foreign_courses
import pytest
from worker_support import DEMO, NAMESPACE, as_course, compose, ignore

from coursegen_api import names
from coursegen_api.base import ExportFormat, FailureClass
from coursegen_api.task import MAX_CONTENT_BYTES, Source
from coursegen_worker import content, durations, markdown
from coursegen_worker.documents import CodeBlock, Course, ListBlock
from coursegen_worker.exporters import Wanted, export
from coursegen_worker.exporters.describe import around_code
from coursegen_worker.failures import TaskFailedError
from coursegen_worker.store import Store

MARKDOWN = """
# Rain

## Learning objectives
- Explain how rain forms
- Draw the way of water

## How it forms
Warm air *rises* and **cools**. See [this page](https://example.org).

1. First
2. Then

```python
print("**not bold**")
```

| a | b |
|---|---|
"""
QUESTION = {"question": "How does rain form?", "options": ["by cooling", "by noise"], "answer": 0}


def read(folder: Path, **files: object) -> content.Content:
    mounted = folder / "mounted"
    mounted.mkdir()
    for name, value in files.items():
        text = value if isinstance(value, str | bytes) else json.dumps(value)
        path = mounted / name.replace("_", ".")
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    (mounted / "..data").mkdir()
    store = Store.open(folder.as_uri(), NAMESPACE)
    return content.read(Source(content_path=str(mounted)), store, ignore)


def test_markdown_is_a_chapter_with_its_objectives(tmp_path: Path) -> None:
    chapter = read(tmp_path, rain_md=MARKDOWN).course.chapters[0]
    assert chapter.title == "Rain"
    assert [o.text for o in chapter.objectives] == ["Explain how rain forms", "Draw the way of water"]
    assert [s.title for s in chapter.sections] == ["How it forms"]
    blocks = chapter.sections[0].blocks
    assert getattr(blocks[0], "text", "") == "Warm air rises and cools. See this page."
    assert blocks[1] == ListBlock(ordered=True, items=["First", "Then"])
    assert blocks[2] == CodeBlock(language="python", text='print("**not bold**")')
    assert chapter.generator.writer == "external"
    assert chapter.generator.llm is None


def test_markdown_files_are_chapters_in_the_order_of_their_names(tmp_path: Path) -> None:
    course = read(tmp_path, a_md="# One\n\ntext", b_md="# Two\n\ntext").course
    assert [(c.index, c.title) for c in course.chapters] == [(1, "One"), (2, "Two")]


@pytest.mark.parametrize(
    "raw",
    [
        {"title": "Rain", "learningObjectives": ["Explain rain"], "content": "It rains.", "questions": [QUESTION]},
        {
            "title": "Rain",
            "learning_objectives": ["Explain rain"],
            "sections": [{"title": "One", "content": "It rains."}],
            "assessments": [QUESTION],
        },
        {
            "title": "Weather",
            "chapters": [
                {
                    "title": "Rain",
                    "learningObjectives": [{"text": "Explain rain"}],
                    "content": "It rains.",
                    "questions": [QUESTION],
                }
            ],
        },
    ],
)
def test_json_in_a_plain_shape_is_read(tmp_path: Path, raw: dict[str, object]) -> None:
    chapter = read(tmp_path, rain_json=raw).course.chapters[0]
    assert chapter.title == "Rain"
    assert chapter.objectives[0].text == "Explain rain"
    assert chapter.questions[0].objective_id == "o1"


@pytest.mark.parametrize("over", [0, 1])
def test_content_that_was_sent_to_the_gateway_may_have_ten_mebibytes(tmp_path: Path, over: int) -> None:
    key = names.upload_key(NAMESPACE, "0" * 64, "json")
    document = json.dumps({"title": "Rain", "content": "It rains.", "source": ""}).encode()
    padding = b"x" * (MAX_CONTENT_BYTES + over - len(document))
    (tmp_path / key).parent.mkdir(parents=True)
    (tmp_path / key).write_bytes(document.replace(b'"source": "', b'"source": "' + padding))
    store, source = Store.open(tmp_path.as_uri(), NAMESPACE), Source(artifact_key=key)
    if over:
        with pytest.raises(TaskFailedError, match=f"over {MAX_CONTENT_BYTES}"):
            content.read(source, store, ignore)
    else:
        assert content.read(source, store, ignore).course.chapters[0].title == "Rain"


def test_our_own_documents_are_read_as_they_are(tmp_path: Path) -> None:
    ours = compose(*DEMO)[1][0]
    assert read(tmp_path, ours_json=ours.seal()).course.chapters[0].sections == ours.sections


def json_export(course: Course) -> bytes:
    return export(course, Wanted(ExportFormat.JSON), ignore).data


def whole() -> Course:
    outline, chapters = compose(*DEMO)
    return as_course(outline, chapters)


def with_a_gap() -> Course:
    outline, chapters = compose(*DEMO)
    return as_course(outline, [chapters[0], *chapters[2:]], missing_chapters=[2])


@pytest.mark.parametrize("made", [whole, with_a_gap, lambda: foreign_courses.course(foreign_courses.GERMAN)])
def test_a_json_export_is_read_back_as_the_course_that_it_was_made_of(
    made: Callable[[], Course], tmp_path: Path
) -> None:
    course = made()
    again = read(tmp_path, course_json=json_export(course)).course
    assert json_export(again) == json_export(course)
    for form in (ExportFormat.MARKDOWN, ExportFormat.EPUB, ExportFormat.CMI5):
        assert export(again, Wanted(form), ignore).data == export(course, Wanted(form), ignore).data, form


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ((), {"$schema": "https://coursegen.dev/schemas/course-v1.json"}, "$schema: "),
        ((), {"hasPart": []}, "hasPart: "),
        ((), {"teaches": [""]}, "it cannot be read: teaches.0: "),
        ((), {"name": ""}, "it cannot be read: name: "),
        ((), {"inLanguage": "German"}, "it cannot be read: inLanguage: "),
        (("hasPart", 0), {"position": 2}, "hasPart: the position 2 is there twice"),
        (("hasPart", 0), {"extra": 1}, "hasPart.0.extra: "),
        (("hasPart", 1, "questions", 0), {"answer": 9}, "hasPart.1.questions.0.answer: 9 is the index of no option"),
    ],
)
def test_what_is_wrong_in_a_json_export_is_named(
    path: tuple[str | int, ...], value: dict[str, object], words: str, tmp_path: Path
) -> None:
    raw = json.loads(json_export(whole()))
    place = raw
    for step in path:
        place = place[step]
    place.update(value)
    with pytest.raises(TaskFailedError) as caught:
        read(tmp_path, course_json=raw)
    assert caught.value.failure is FailureClass.INVALID_INPUT
    assert f"course.json: {words}" in caught.value.message


@pytest.mark.parametrize("course", [False, True])
@pytest.mark.parametrize(
    ("answer", "words"), [(4, "4 is the index of no option: there are 4"), (9, "there are 4"), (-1, "")]
)
def test_an_answer_that_is_no_option_is_refused_by_its_fields_name(
    course: bool, answer: int, words: str, tmp_path: Path
) -> None:
    ours = compose(*DEMO)[1][0].wire()
    ours["questions"][1]["answer"] = answer
    with pytest.raises(TaskFailedError) as caught:
        read(tmp_path, ours_json={"title": "x", "chapters": [ours]} if course else ours)
    assert caught.value.failure is FailureClass.INVALID_INPUT
    where = "ours.json: chapters[0]: " if course else "ours.json: "
    assert f"{where}questions.1.answer: " in caught.value.message
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "there is nothing"),
        ({"a_txt": "x"}, "there is a.txt"),
        ({"a_json": "{}", "b_json": "{}"}, "one *.json or some *.md"),
        ({"a_json": "{"}, "cannot be read"),
        ({"a_json": "[1]"}, "JSON object"),
        ({"a_json": "[" * 100_000}, "cannot be read"),
        ({"a_json": b"\xff\xfe"}, "UTF-8"),
        ({"a_json": {"title": "x"}}, "content or sections is missing"),
        ({"a_json": {"title": "x", "sections": [{"title": "y"}]}}, "each needs a content"),
        ({"a_json": {"title": "x", "content": " "}}, "there is no text"),
        ({"a_json": {"title": "x", "content": "y", "learningObjectives": "z"}}, "learningObjectives"),
        (
            {"a_json": {"title": "x", "content": "y", "learningObjectives": ["z"], "questions": [{"question": "q"}]}},
            "questions[0]",
        ),
        (
            {
                "a_json": {
                    "title": "x",
                    "content": "y",
                    "learningObjectives": ["z"],
                    "questions": [QUESTION | {"answer": 9}],
                }
            },
            "index of an option",
        ),
        ({"a_json": {"title": "x", "chapters": []}}, "chapters"),
        ({"a_json": {"title": "x", "chapters": ["y"]}}, "chapters[0]"),
        ({"a_json": {"kind": "chapter", "sections": []}}, "Field required"),
        ({"a_md": ""}, "no text"),
        ({"a_md": "x" * 1_100_000}, "bytes"),
    ],
)
def test_what_cannot_be_understood_is_invalid_input_with_a_reason(
    tmp_path: Path, files: dict[str, object], words: str
) -> None:
    with pytest.raises(TaskFailedError) as caught:
        read(tmp_path, **files)
    assert caught.value.failure is FailureClass.INVALID_INPUT
    assert words in caught.value.message


def test_content_of_others_can_be_exported(tmp_path: Path) -> None:
    course = read(tmp_path, rain_md=MARKDOWN).course
    for form in set(ExportFormat) - {ExportFormat.QTI}:  # it has no questions
        assert export(course, Wanted(form), ignore).data


def test_a_course_knows_its_writers_once_each() -> None:
    outline, chapters = compose(*DEMO)
    assert len(as_course(outline, chapters).generators) == 1


def test_headings_may_be_underlined() -> None:
    parts = markdown.parts("Rain\n====\nIt rains\nmore.\n\nHow it\nforms\n---\nSo.")
    found = [(p.level, p.text) if isinstance(p, markdown.Heading) else getattr(p, "text", "") for p in parts]
    assert found == [(1, "Rain"), "It rains more.", (2, "How it forms"), "So."]


def test_steps_go_on_counting_behind_code_and_behind_other_lists(tmp_path: Path) -> None:
    steps = "3. Write it:\n   ```sh\n   x\n   ```\n4. Run it:\n   - here\n   - there\n5. Look."
    found = [(b.ordered, list(b.numbers)) for b in markdown.blocks(steps) if isinstance(b, ListBlock)]
    assert found == [(True, [3]), (True, [4]), (False, [1, 2]), (True, [5])]
    course = read(tmp_path, steps_md=f"# Steps\n\n{steps}").course
    shown = {
        form: export(course, Wanted(form), ignore).data.decode() for form in (ExportFormat.HTML, ExportFormat.MARKDOWN)
    }
    assert all(f'<ol start="{n}"' in shown[ExportFormat.HTML] for n in (3, 4, 5))
    assert all(f"\n{n}. " in shown[ExportFormat.MARKDOWN] for n in (3, 4, 5))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a\nb\n\nc", ["a b", "c"]),
        ("# T\n- x\n- y", ["T", ["x", "y"]]),
        ("snake_case_name and 2 * 3 * 4", ["snake_case_name and 2 * 3 * 4"]),
        ("***both*** _one_ __two__", ["both one two"]),
        ("![alt](x.png) [t](u)", ["alt t"]),
        (
            '`__init__`, `__name__ == "__main__"`, `*.py` or `*.txt`',
            ['`__init__`, `__name__ == "__main__"`, `*.py` or `*.txt`'],
        ),
        ("**Use `_x_`**, not `d[k](v)` or `![a](b)`", ["Use `_x_`, not `d[k](v)` or `![a](b)`"]),
        ("a ** b ** c, x **= 2 and y **= 3", ["a ** b ** c, x **= 2 and y **= 3"]),
        ("- a\n  more", [["a more"]]),
        ("a\n\n---\n\nb\n* * *\nc\n\n___", ["a", "b", "c"]),
        ("- a\n- b\n\n---\n- c", [["a", "b"], ["c"]]),
        ("1. a\n\n2. b\n\n\n3. c\n\nd", [["a", "b", "c"], "d"]),
        ("- a\n\n1. b", [["a"], ["b"]]),
        ("- Run it:\n  ```sh\n  if x\n    y\n  ```\n  and look", [["Run it:"], "if x\n  y", "and look"]),
        ("```py\n    x = 1\n    ```\n```\ny", ["    x = 1\n    ```", "y"]),
        ("````\n```\nx\n   ````\ny", ["```\nx", "y"]),
        ("```one``` and ```two```", ["```one``` and ```two```"]),
        ("<b>bold</b>", ["<b>bold</b>"]),
        (r"2 \* 3 \* 4, \_a\_ and C:\new *b\*c*", [r"2 * 3 * 4, _a_ and C:\new b*c"]),
        (r"`\*` and \[a\](b)", [r"`\*` and [a](b)"]),
        ("Title\n=====\na\n\nPart\n---\nb", ["Title", "a", "Part", "b"]),
        ("> a\n> b\n\nif a > b", ["a b", "if a > b"]),
        ("`[t](u)` and [`t`](u)", ["`[t](u)` and `t`"]),
        ("- a\n\n- b\n\n* c", [["a", "b"], ["c"]]),
        ("- a\n    - b\n- c", [["a", "b", "c"]]),
        ("1. a\n   ```python\n   if a:\n       b\n   ```\n2. c", [["a"], "if a:\n    b", ["c"]]),
        ("a\n  ```\nb\n  ```\nc", ["a", "b", "c"]),
        ("", []),
    ],
)
def test_markdown_is_read_leniently(text: str, found: list[object]) -> None:
    assert [getattr(b, "items", None) or getattr(b, "text", None) for b in markdown.blocks(text)] == found


READ = """\
# Signs

## \\*Marks\\* and `__init__`

*One* [link](x), a ** b.

- a

- b

3. c
   ```py
   d
      ```
4. e

Under
-----
> quoted

***

| t |
|---|
"""


def test_what_is_read_otherwise_than_before_is_made_anew(tmp_path: Path) -> None:
    """Files and reports have the reader's version in their keys: whoever changes what is read raises it, here too."""
    found = read(tmp_path, read_md=READ)
    sections = json.dumps([section.wire() for section in found.course.chapters[0].sections])
    read_as = hashlib.sha256(sections.encode()).hexdigest()[:12]
    assert (found.identity["reader"], read_as) == (2, "2f70103a4186")


@pytest.mark.parametrize("before", [0, 2, 5])
@pytest.mark.parametrize("after", range(10))
def test_a_fence_ends_where_it_may_for_all_readers(before: int, after: int) -> None:
    text = f"Look:\n{' ' * before}```py\nx\n{' ' * after}```\n```"
    code = [b for b in markdown.blocks(text) if isinstance(b, CodeBlock)]
    [fenced] = [part for part in around_code(text) if isinstance(part, CodeBlock)]
    assert fenced == code[0]
    assert (fenced.text == "x") == (after < before + 4)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "What is it?\n\n```py\nx\n  y\n```\n\nAnd `z`?",
            ["What is it?", CodeBlock(language="py", text="x\n  y"), "And `z`?"],
        ),
        ("What is it? ```py\nx```", ["What is it?", CodeBlock(language="py", text="x")]),
        ("````\n```\nx\n```\n````", [CodeBlock(text="```\nx\n```")]),
        ("  ```\n  if x:\n    y\n  ```", [CodeBlock(text="if x:\n  y")]),
        ("   \n ```\n```\n ", []),
        (" a ```b``` ```", [" a ```b``` ```"]),
    ],
)
def test_a_text_is_divided_at_its_fences(text: str, parts: list[object]) -> None:
    assert around_code(text) == parts


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("1. a\n2. b", [1]),
        ("1. a\n\n```py\nx\n```\n\n2. b\n3. c", [1, 2]),
        ("1. a\n   - b\n2. c", [1, 1, 2]),
        ("0. a", [0]),
        ("1. a\n1. b\n\nc\n\n7. d", [1, 7]),
        ("\n".join(f"{n}. a" for n in range(1, 202)), [1, 101, 201]),
    ],
)
def test_a_list_goes_on_with_its_number_behind_what_stood_between(text: str, first: list[int]) -> None:
    assert [b.first for b in markdown.blocks(text) if isinstance(b, ListBlock)] == first


@pytest.mark.parametrize(
    ("iso", "seconds", "words"),
    [
        ("PT2H", 7200, "2 hours"),
        ("PT1H30M", 5400, "1 hour 30 minutes"),
        ("P1D", 86400, "24 hours"),
        ("PT45M", 2700, "45 minutes"),
    ],
)
def test_durations_are_read_and_said(iso: str, seconds: int, words: str) -> None:
    assert durations.seconds(iso) == seconds
    assert durations.words(iso) == words
    assert durations.seconds(durations.iso(seconds)) == seconds


@pytest.mark.parametrize("text", ["2H", "PT2X", "", "P-1D"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="ISO 8601"):
        durations.seconds(text)
