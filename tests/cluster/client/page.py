"""A page of the docs whose examples are run: what is shown is what was said."""

import itertools
import re
import shlex
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

_SECONDS = 120
_SECTION = re.compile(r"<!-- ([a-z-]+) -->\n(.*?)(?=\n<!-- |\Z)", re.DOTALL)

# What differs from one run to the next. Both sides of a comparison are reduced by these, one after the other.
_VARIES = (
    (r"(It should be|When it will be) finished .*", "ESTIMATE"),  # by what was measured before
    (r"Estimate  .*", "ESTIMATE"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?", "TIME"),
    (r"\b\d\d:\d\d:\d\d\b", "TIME"),
    (r"\d{8}T\d{6}Z", "TIME"),
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "UID"),
    (r"\b[0-9a-f]{64}\b", "HASH"),
    (r"-[0-9a-f]{10}-r(\d)-a(\d)", r"-HASH-r\1-a\2"),
    (r"-(quality|pdf|scorm|json)-[0-9a-f]{8}\b", r"-\1-HASH"),
    (r"r(\d)-[0-9a-f]{10}\b", r"r\1-HASH"),
    (r"\S+_[0-9a-f]{12}\b", "LEADER"),
    (r"v1\.\d+\.\d+\S*", "VERSION"),
    (r"\b(\d+h)?(\d+m)?\d+s\b|\b\d+m\b", "SPAN"),
    (r"\b\d[\d,]*\.\d\b", "FIGURE"),
    (r"\b[\d,]+ (KiB|bytes)", r"SIZE \1"),
    (r"\b\d+ of (\d+) took more than", r"SOME of \1 took more than"),  # on a busy machine the waiting chapter does
    (r"\d+ sections and \d+ questions", "PARTS"),  # which depend on the composer
    (r" +", " "),
)


_BY_CHANCE = re.compile(
    r"\d+ of \d+ courses ended, \d+ chapters written.*"  # said every ten seconds: how often depends on the machine
    r'|.*"event": "progress-unavailable".*'  # a worker that began before the network knew its Pod
)
"""Lines that one run says and the next does not."""


def reduced(text: str) -> list[str]:
    """Give the lines of a text without what differs from one run to the next; the same line twice counts once."""
    for pattern, name in _VARIES:
        text = re.sub(pattern, name, text)
    lines = [line.rstrip() for line in text.splitlines()]
    return [line for line, _ in itertools.groupby(lines) if not _BY_CHANCE.fullmatch(line)]


def marked(text: str, name: str) -> str:
    """Give the part of a page between its marks, which another test writes; AssertionError if there is none."""
    begin, end = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
    inside, found, _ = text.partition(begin)[2].partition(end)
    assert found, f"no part {name}"
    return f"{begin}{inside}{end}"


class Page:
    """Runs commands one after the other, and writes down what they say."""

    def __init__(self, prose: Path, environment: Mapping[str, str], folder: Path) -> None:
        self._environment, self._folder = dict(environment), folder
        self._prose = dict(_SECTION.findall(prose.read_text()))
        self._parts: list[str] = []

    def text(self, section: str) -> None:
        """Add a section of the prose."""
        self._parts.append(self._prose.pop(section).strip())

    def keep(self, page: Path, name: str) -> None:
        """Add a part as a page has it already."""
        self._parts.append(marked(page.read_text(), name))

    def shell(self, line: str, code: int = 0, seconds: float = _SECONDS) -> str:
        """Run a command line as a person's shell would, and show it; AssertionError if it ends with another code."""
        done = subprocess.run(
            shlex.split(line),
            env=self._environment,
            cwd=self._folder,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        said = (done.stderr + done.stdout).rstrip()
        assert done.returncode == code, f"{line}: exit code {done.returncode}\n{said}"
        ending = f"\n$ echo $?\n{code}" if code else ""
        self._parts.append(f"```console\n$ {line}\n{said}{ending}\n```")
        return done.stdout

    def written(self) -> str:
        """Give the page, without the name of this machine; AssertionError if a section of the prose is not on it."""
        assert not self._prose, f"not shown: {list(self._prose)}"
        return "\n\n".join(self._parts).replace(socket.gethostname(), "coursegen-operator-0") + "\n"
