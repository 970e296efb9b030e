"""checkov and kube-score over each overlay by itself; what they find is explained in exceptions.toml, or is a fault."""

import json
import subprocess
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import tools

EXCEPTIONS = Path(__file__).with_name("exceptions.toml")

Key = tuple[str, str, str]


@dataclass(frozen=True, order=True)
class Finding:
    """Something that a check has against a resource of an overlay."""

    overlay: str
    check: str
    resource: str
    about: str = ""

    @property
    def key(self) -> Key:
        """Give what an exception names it by."""
        return self.overlay, self.check, self.resource


@dataclass(frozen=True)
class Verdict:
    """What a tool says of all overlays."""

    tool: str
    passed: int
    findings: tuple[Finding, ...]


def excepted(file: Path = EXCEPTIONS) -> dict[Key, str]:
    """Read the exceptions, and why each is made."""
    found = tomllib.loads(file.read_text())["exception"]
    return {(overlay, e["check"], e["resource"]): e["reason"] for e in found for overlay in e["overlays"]}


def judge(findings: Iterable[Finding], known: Mapping[Key, str]) -> list[str]:
    """Give a sentence for each finding that nobody explains, and for each exception that explains nothing."""
    found = {f.key: f for f in findings}
    new = [f"{f.overlay}: {f.check} {f.resource}: {f.about}" for f in sorted(found.values()) if f.key not in known]
    idle = [f"{overlay}: {check} {what}: nothing needs this exception" for overlay, check, what in known.keys() - found]
    return new + sorted(idle)


def verdicts(manifests: Mapping[str, str]) -> list[Verdict]:
    """Have the manifests of some overlays looked at."""
    return [checkov(manifests), kube_score(manifests)]


def checkov(manifests: Mapping[str, str]) -> Verdict:
    """Run checkov for each overlay."""
    program = tools.checkov()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        reports = list(pool.map(lambda text: _checkov(program, text), manifests.values()))
    found = (
        Finding(overlay, f["check_id"], f["resource"], f["check_name"])
        for overlay, report in zip(manifests, reports, strict=True)
        for f in report["results"]["failed_checks"]
    )
    return Verdict("checkov", sum(report["summary"]["passed"] for report in reports), tuple(found))


_AT_ONCE = 2
"""It starts for seconds, and has a process for each overlay: of several folders at once it mixes up the files."""


def _checkov(program: str, manifests: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "manifests.yaml").write_text(manifests)
        argv = [program, f"--directory={folder}", "--framework=kubernetes", "--skip-download", "--output=json"]
        report: dict[str, Any] = json.loads(_said(argv))
    return report


def kube_score(manifests: Mapping[str, str]) -> Verdict:
    """Run kube-score for each overlay: a policy, Service or budget of another is none of its own."""
    passed, findings = 0, []
    for overlay, text in manifests.items():
        objects = json.loads(_said([tools.kube_score(), "score", "--output-format=json", "-"], text))
        checks = [(o, c) for o in objects for c in o["checks"] if not c["skipped"]]
        found = [_finding(overlay, o, c) for o, c in checks if c["grade"] < _GOOD]
        passed += len(checks) - len(found)
        findings += found
    return Verdict("kube-score", passed, tuple(findings))


_GOOD = 7
"""kube-score's grades: 10 is the best, and below 7 it warns."""


def _finding(overlay: str, obj: dict[str, Any], check: dict[str, Any]) -> Finding:
    meta = obj["object_meta"]
    resource = ".".join((obj["type_meta"]["kind"], meta.get("namespace", "default"), meta["name"]))
    about = "; ".join(c["summary"] for c in check["comments"] or ())
    return Finding(overlay, check["check"]["id"], resource, about or check["check"]["name"])


def _said(argv: list[str], stdin: str = "") -> str:
    """Run a tool, whose exit code says that it found something."""
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
    if not done.stdout:
        raise RuntimeError(f"{Path(argv[0]).name} says nothing: {done.stderr}")
    return done.stdout
