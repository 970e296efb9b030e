"""A file of one's own as a source: what is read, and what is refused in words."""

from pathlib import Path

import pytest

from coursegen import InputError
from coursegen.cli import sources
from coursegen.cli.app import Scope


@pytest.mark.parametrize(
    ("name", "content", "given"),
    [
        ("My loops.md", b"# Loops", "# Loops"),
        ("loops.md", b"\xef\xbb\xbf# Loops", "# Loops"),
        ("loops.json", b'{"title": "Loops"}', {"title": "Loops"}),
    ],
)
def test_a_file_is_a_source_that_is_called_after_it(tmp_path: Path, name: str, content: bytes, given: object) -> None:
    (tmp_path / name).write_bytes(content)
    found = sources.find(Scope(), str(tmp_path / name))
    assert found.given == {"content": given}
    assert found.name.startswith("my-loops-" if " " in name else "loops")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.md", b"\xff", "not UTF-8"),
        ("a.json", b"{", "no JSON"),
        ("a.json", b"[" * 100_000, "no JSON"),
        ("a.json", b"[1]", "a JSON object with a title"),
    ],
)
def test_a_file_that_is_no_content_is_refused_in_words(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=words):
        sources.find(Scope(), str(tmp_path / name))
