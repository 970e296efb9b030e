"""A small reader of Markdown: headings, paragraphs, lists and fenced code become blocks.

A quotation is a paragraph, a rule is nothing. It is lenient and bounded: whatever it does not know is a paragraph of
plain text. It interprets no HTML, no links and no images; `backticks` stay, since documents mark code with them.
"""

import re
from dataclasses import dataclass

from coursegen_worker.documents import Block, CodeBlock, ListBlock, Paragraph

_HEADING = re.compile(r"(#{1,6})[ \t]+(.*?)[ \t#]*$")
_FENCE = re.compile(r"([ \t]*)(```+|~~~+)(?!.*`)[ \t]*([A-Za-z0-9_+-]*)")
"""Also within an item of a list, where it is indented; backticks that close in the same line are code in a sentence."""
_ITEM = re.compile(r"[ \t]*(?:([-*+])|(\d{1,3})([.)]))[ \t]+(.*)$")
_RULE = re.compile(r"[ \t]*([-*_])[ \t]*(?:\1[ \t]*){2,}$")
_UNDERLINE = re.compile(r"(=|-)\1{2,}[ \t]*$")
"""Makes a heading of the lines above it."""
_QUOTED = re.compile(r"^[ \t]*(?:>[ \t]?)+")
_SIGN = r"[!-/:-@\[-_{-~]"
"""What a backslash escapes; a backtick is left, since it would mark code."""
_KEPT = rf"(?P<kept>`[^`]*`|\\{_SIGN})"
_INNER = rf"(?P<inner>(?:`[^`]*`|\\{_SIGN}|[^`\\]|\\(?!{_SIGN})){{1,500}}?(?<![\s*])\**)"
"""What is emphasised is short: a bound keeps a text of many stars from taking for ever."""
_EMPHASIS = re.compile(_KEPT + r"|(?<![\w*])(\*\*|__|\*|_)(?=\**[^\s*])" + _INNER + r"\2(?![\w*])")
_LINK = re.compile(_KEPT + r"|!?\[(?P<inner>[^\]]*)\]\([^)\s]*(?:[ \t]+\"[^\"]*\")?\)")
"""Code and escaped signs are found first, so that what looks like a mark there stays: `__init__`."""
_ESCAPED = re.compile(rf"(`[^`]*`)|\\({_SIGN})")


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
        if not line.strip():
            at += 1
        elif fence := _FENCE.match(line):
            at = _code(lines, at + 1, fence, found)
        elif heading := _HEADING.match(line):
            found.append(Heading(len(heading[1]), plain(heading[2])))
            at += 1
        elif _RULE.match(line):
            at += 1
        elif _ITEM.match(line):
            at = _list(lines, at, found)
        elif line.lstrip().startswith("|"):
            at = _table(lines, at, found)
        else:
            at = _paragraph(lines, at, found)
    return found


def plain(text: str) -> str:
    """Give the text without marks of emphasis, link targets and escapes; code stays as it is."""
    previous = None
    while previous != text:
        previous, text = text, _EMPHASIS.sub(_unmarked, text)
    return _ESCAPED.sub(lambda found: found[1] or found[2], _LINK.sub(_unmarked, text)).strip()


def _unmarked(match: re.Match[str]) -> str:
    return match["inner"] if match["kept"] is None else match["kept"]


def _code(lines: list[str], at: int, fence: re.Match[str], found: list[Heading | Block]) -> int:
    """Read fenced code; as far as the fence is indented, its lines are not. What closes it may be, by three spaces."""
    indent = re.compile(rf"[ \t]{{0,{len(fence[1])}}}")
    end = re.compile(rf"(?![ \t]{{4}})[ \t]*{fence[2]}")
    inside = []
    while at < len(lines) and not end.match(line := indent.sub("", lines[at], count=1)):
        inside.append(line)
        at += 1
    found.append(CodeBlock(language=fence[3][:30], text="\n".join(inside)))
    return at + 1


def _list(lines: list[str], at: int, found: list[Heading | Block]) -> int:
    """Read a list; items of the same mark may have blank lines between them."""
    items: list[str] = []
    first = _ITEM.match(lines[at])
    number, mark = (first[2], first[1] or first[3]) if first else (None, "")
    while at < len(lines):
        if (item := _ITEM.match(lines[at])) and bool(item[2]) == bool(number):
            items.append(item[4])
        elif lines[at][:1] in (" ", "\t") and lines[at].strip() and not item and not _FENCE.match(lines[at]):
            items[-1] += " " + lines[at].strip()
        else:
            break
        at += 1
        after = next((n for n in range(at, len(lines)) if lines[n].strip()), at)
        if after > at and (item := _ITEM.match(lines[after])) and (item[1] or item[3]) == mark:
            at = after
    for start in range(0, len(items), 100):
        place = start + int(number) if number else 1
        part = [plain(i) for i in items[start : start + 100]]
        found.append(ListBlock(ordered=bool(number), start=place if place != 1 else None, items=part))
    return at


def _table(lines: list[str], at: int, found: list[Heading | Block]) -> int:
    end = at
    while end < len(lines) and lines[end].lstrip().startswith("|"):
        end += 1
    found.append(CodeBlock(language="", text="\n".join(lines[at:end])))
    return end


def _paragraph(lines: list[str], at: int, found: list[Heading | Block]) -> int:
    """Read a paragraph, or a heading that is underlined."""
    end = at + 1
    while end < len(lines) and lines[end].strip() and not _ends_paragraph(lines[end]):
        end += 1
    text = plain(" ".join(_QUOTED.sub("", line, count=1).strip() for line in lines[at:end]))
    if underline := _UNDERLINE.match(lines[end]) if end < len(lines) else None:
        found.append(Heading(1 if underline[1] == "=" else 2, text))
        return end + 1
    found.append(Paragraph(text=text))
    return end


def _ends_paragraph(line: str) -> bool:
    return line.startswith("|") or any(mark.match(line) for mark in (_FENCE, _HEADING, _UNDERLINE, _RULE, _ITEM))
