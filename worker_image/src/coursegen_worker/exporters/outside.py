"""What a page or a style sheet would load from, or lead to, outside of its package.

Only real attributes and real styles count. A lesson may show `<script src=//…>` or `url(https://…)` as text.
"""

import re
from html.parser import HTMLParser

_ADDRESSES = frozenset(
    ("action", "background", "data", "formaction", "href", "manifest", "poster", "src", "xlink:href")
)
_SEVERAL = frozenset(("imagesrcset", "ping", "srcset"))
"""Attributes that hold an address, and those that hold several."""
_OUTSIDE = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?[/\\]{2}|https?:", re.IGNORECASE)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_LOADED = re.compile(r"""(?:url\(\s*["']?|@import\s*["']|image-set\(\s*["'])\s*([^"')\s]+)""", re.IGNORECASE)
_REFRESH = re.compile(r"""url\s*=\s*["']?([^"'\s]+)""", re.IGNORECASE)


def of_page(text: str) -> list[str]:
    """Give the addresses outside of the package that a page of HTML names, in order."""
    page = _Page()
    page.feed(text)
    page.close()
    return page.found


def of_style(text: str) -> list[str]:
    """Give the addresses outside of the package that a style sheet names, in order."""
    return [address for address in _LOADED.findall(_COMMENT.sub("", text)) if _leaves(address)]


def _leaves(address: str) -> bool:
    """Tell whether a browser would look for it elsewhere; it overlooks white space, and takes `\\` for `/`."""
    return _OUTSIDE.match("".join(address.split())) is not None


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_style = tag == "style"
        values = {name: value or "" for name, value in attrs}
        for name, value in values.items():
            if name in _ADDRESSES:
                self.found += filter(_leaves, [value])
            elif name in _SEVERAL:
                self.found += filter(_leaves, re.split(r"[\s,]+", value))
            elif name == "style":
                self.found += of_style(value)
        if tag == "meta" and values.get("http-equiv", "").lower() == "refresh":
            self.found += filter(_leaves, _REFRESH.findall(values.get("content", "")))

    def handle_endtag(self, tag: str) -> None:
        self._in_style = False

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.found += of_style(data)
