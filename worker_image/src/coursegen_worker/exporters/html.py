"""Chapters as HTML that is XML as well: everything from the course escaped, each text with its language."""

import re
from html import escape
from typing import Any

from coursegen_worker import words
from coursegen_worker.documents import Block, CodeBlock, Course, ListBlock, Question, Section
from coursegen_worker.exporters import language
from coursegen_worker.exporters.describe import LABELLED, LETTERS, notes, shortened, spans, without_marks

_BAD_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MENU_CHARS = 120


def clean(text: str) -> str:
    """Leave out what no XML document may contain, even escaped."""
    return _BAD_XML.sub("", text)


def text(plain: str) -> str:
    """Give a text for an element or an attribute."""
    return escape(clean(plain), quote=True)


def inline(marked: str) -> str:
    """Give a text in which backticks mark code."""
    return "".join(map(_span, spans(marked)))


def _span(part: dict[str, Any]) -> str:
    shown = text(part["text"])
    if not part["code"]:
        return shown
    own_lines = ' class="block"' if part["block"] else ""
    return f'<code dir="ltr"{own_lines}>{shown}</code>'


class Writer:
    """Writes the parts of a course in one language; a text in another is marked."""

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self.words = words.of(lang)
        """What this project says by itself."""
        own = self.words.lang
        self.ours = f'lang="{own}"' if own == lang else f'lang="{own}" dir="{language.direction(own)}"'
        """Attributes of that: English where the table of words lacks the course's language."""

    def mark(self, plain: str) -> str:
        """Give the attributes of an element in another language than the course's, led by a space; else nothing."""
        other = language.different(plain, self.lang)
        return f' lang="{other}" dir="{language.direction(other)}"' if other else ""

    def said(self, name: str, /, **values: object) -> str:
        """Give a phrase of ours, to stand in an element or an attribute."""
        return text(self.words(name, **values))

    def notes(self, course: Course) -> str:
        """Write what a reader must know of a course."""
        return "".join(f'<p class="note"{self.mark(note)}>{text(note)}</p>' for note in notes(course, self.words))

    def short(self, title: str) -> str:
        """Give a title for a menu."""
        return text(shortened(without_marks(title), _MENU_CHARS))

    def section(self, section: Section, name: str, level: int = 2) -> str:
        """Write a section; `name` is the id of its heading, and `level` how deep that is."""
        badge = f'<p class="label" {self.ours}>{self.said(section.kind)}</p>' if section.kind in LABELLED else ""
        solution = (
            f"<details><summary {self.ours}>{self.said('show_solution')}</summary>"
            f"{self.blocks(section.solution)}</details>"
            if section.solution
            else ""
        )
        return (
            f'<section class="{section.kind}"><div class="box">{badge}'
            f'<h{level} id="{name}"{self.mark(section.title)}>{inline(section.title)}</h{level}>'
            f"{self.blocks(section.blocks)}{solution}</div></section>"
        )

    def question(self, question: Question, number: str) -> str:
        """Write a question as a form; its answer is not in it."""
        name = f"q{number.replace('.', '-')}"
        options = "".join(
            f'<label><input type="radio" name="{name}" value="{n}"/>'
            f"<span{self.mark(option.text)}>{inline(option.text)}</span></label>"
            for n, option in enumerate(question.options)
        )
        return (
            f'<form class="question" data-question="{number}"><fieldset><legend{self.mark(question.stem)}>'
            f'<span class="number">{number}</span> {inline(question.stem)}</legend>{options}</fieldset>'
            f'<button type="submit" {self.ours}>{self.said("check")}</button>'
            '<p class="feedback" role="status"></p></form>'
        )

    def asked(self, question: Question, number: str) -> str:
        """Write a question as text; its answer is not in it."""
        options = "".join(f"<li>{inline(option.text)}</li>" for option in question.options)
        return (
            f'<p class="stem"{self.mark(question.stem)}><b>{number}</b> {inline(question.stem)}</p>'
            f'<ol class="options">{options}</ol>'
        )

    def answer(self, question: Question, number: str) -> str:
        """Write the right answer, and what the chooser of each option is told."""
        told = "".join(
            f"<li>{letter}. {inline(option.feedback)}</li>"
            for letter, option in zip(LETTERS, question.options, strict=False)
            if option.feedback
        )
        right = question.options[question.answer]
        feedback = f'<ul class="feedback">{told}</ul>' if told else ""
        return f"<p><b>{number} {LETTERS[question.answer]}.</b> {inline(right.text)}</p>{feedback}"

    def blocks(self, blocks: list[Block]) -> str:
        """Write blocks one after the other."""
        return "".join(map(self._block, blocks))

    def _block(self, block: Block) -> str:
        if isinstance(block, ListBlock):
            tag = "ol" if block.ordered else "ul"
            start = f' start="{block.first}"' if block.ordered and block.first != 1 else ""
            items = "".join(f"<li>{inline(item)}</li>" for item in block.items)
            return f"<{tag}{start}{self.mark(' '.join(block.items))}>{items}</{tag}>"
        if isinstance(block, CodeBlock):
            output = ""
            if block.output is not None:
                output = (
                    f'<p class="caption" {self.ours}>{self.said("prints")}</p>'
                    f'<pre class="output" tabindex="0" dir="ltr"><samp>{text(block.output)}</samp></pre>'
                )
            code = f'<pre tabindex="0" dir="ltr"><code>{text(block.text)}</code></pre>'
            return f'<figure class="code">{code}{output}</figure>'
        return f"<p{self.mark(block.text)}>{inline(block.text)}</p>"
