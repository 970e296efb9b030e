"""A small reader of Markdown: headings, paragraphs, lists and fenced code become blocks; rules are left out.

It is lenient and bounded: whatever it does not know is a paragraph of plain text. It interprets no
HTML, no links and no images; `backticks` stay, since documents mark code with them.
"""

import re
from dataclasses import dataclass

from coursegen_worker.documents import Block, CodeBlock, ListBlock, Paragraph

_HEADING = re.compile(r"(#{1,6})[ \t]+(.*?)[ \t#]*$")
_UNDERLINE = re.compile(r" {0,3}(?:(=+)|-+)[ \t]*$")
_RULE = re.compile(r" {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$")
_FENCE = re.compile(r"([ \t]*)(```+|~~~+)(?!.*`)[ \t]*([A-Za-z0-9_+-]*)")
_ITEM = re.compile(r"[ \t]{0,3}(?:([-*+])|(\d{1,3})[.)])[ \t]+(.*)$")
_EMPHASIS = re.compile(r"(?<![\w*])(\*\*|__|\*|_)(?=\**[^\s*])(.*?[^\s*]\**)\1(?![\w*])")
_CODE = re.compile(r"`[^`]+`")
_HELD = "\0"
"""Stands for a piece of code while the text around it is read; no text has this sign."""
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)\s]*(?:[ \t]+\"[^\"]*\")?\)")


@dataclass(frozen=True)
class Heading:
    """A heading, from level 1 to 6."""

    level: int
    text: str


def blocks(text: str) -> list[Block]:
    """Read Markdown without headings; a heading in it becomes a paragraph."""
    return [Paragraph(text=p.text) if isinstance(p, Heading) else p for p in parts(text)]


def parts(text: str) -> list[Heading | Block]:
    """Read Markdown into headings and blocks, in order."""
    found: list[Heading | Block] = []
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    at = 0
    while at < len(lines):
        line = lines[at]
        if not line.strip() or _RULE.match(line):
            at += 1
        elif fence := _FENCE.match(line):
            at = _code(lines, at + 1, fence, found)
        elif heading := _HEADING.match(line):
            found.append(Heading(len(heading[1]), plain(heading[2])))
            at += 1
        elif _ITEM.match(line):
            at = _list(lines, at, found)
        elif line.lstrip().startswith("|"):
            at = _table(lines, at, found)
        else:
            at = _paragraph(lines, at, found)
    return found


def plain(text: str) -> str:
    """Give the text without marks of emphasis and link targets; code is left as it is: `__init__`, `f(*args)`."""
    text = text.replace(_HELD, "")
    code = iter(_CODE.findall(text))
    previous, text = None, _CODE.sub(_HELD, text)
    while previous != text:
        previous, text = text, _EMPHASIS.sub(r"\2", text)
    return re.sub(_HELD, lambda _: next(code, ""), _LINK.sub(r"\1", text)).strip()


def _code(lines: list[str], at: int, fence: re.Match[str], found: list[Heading | Block]) -> int:
    """Read code up to the end of its fence; what stands before a fence within an item is no part of its lines."""
    text = []
    while at < len(lines) and not (line := _moved(lines[at], len(fence[1]))).startswith(fence[2]):
        text.append(line)
        at += 1
    found.append(CodeBlock(language=fence[3][:30], text="\n".join(text)))
    return at + 1


def _moved(line: str, most: int) -> str:
    """Take white space off the beginning of a line, at most so much."""
    return line[min(most, len(line) - len(line.lstrip(" \t"))) :]


def _list(lines: list[str], at: int, found: list[Heading | Block]) -> int:
    items: list[str] = []
    first = _ITEM.match(lines[at])
    ordered = bool(first and first[2])
    number = int(first[2]) if first and first[2] else 1
    while at < len(lines):
        line = lines[at]
        if (item := _ITEM.match(line)) and bool(item[2]) == ordered:
            items.append(item[3])
        elif line.strip() and line.startswith((" ", "\t")) and not item and not _FENCE.match(line):
            items[-1] += " " + line.strip()
        elif not line.strip() and (behind := _behind_blanks(lines, at, ordered)):
            at = behind
            continue
        else:
            break
        at += 1
    for begin in range(0, len(items), 100):
        start = number + begin if ordered and number + begin != 1 else None
        found.append(ListBlock(ordered=ordered, start=start, items=[plain(i) for i in items[begin : begin + 100]]))
    return at


def _behind_blanks(lines: list[str], at: int, ordered: bool) -> int:
    """Give the place behind blank lines where a list goes on; 0 where it has ended."""
    while at < len(lines) and not lines[at].strip():
        at += 1
    item = _ITEM.match(lines[at]) if at < len(lines) else None
    return at if item and bool(item[2]) == ordered else 0


def _table(lines: list[str], at: int, found: list[Heading | Block]) -> int:
    end = at
    while end < len(lines) and lines[end].lstrip().startswith("|"):
        end += 1
    found.append(CodeBlock(language="", text="\n".join(lines[at:end])))
    return end


def _paragraph(lines: list[str], at: int, found: list[Heading | Block]) -> int:
    """Read a paragraph, or a heading that is underlined."""
    end = at + 1
    while end < len(lines) and lines[end].strip() and not _starts_block(lines[end]):
        end += 1
    text = plain(" ".join(line.strip() for line in lines[at:end]))
    if end < len(lines) and (underline := _UNDERLINE.match(lines[end])):
        found.append(Heading(1 if underline[1] else 2, text))
        return end + 1
    found.append(Paragraph(text=text))
    return end


def _starts_block(line: str) -> bool:
    marks = (_FENCE, _HEADING, _ITEM, _UNDERLINE, _RULE)
    return any(mark.match(line) for mark in marks) or line.startswith("|")
