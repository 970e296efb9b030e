"""`python -m checks audit` has checkov and kube-score look at the overlays; `… sbom FOLDER` writes a bill of materials.

checkov and cyclonedx are downloaded by uv when they are first needed, in a version that is named here: they are large,
and nothing of ours imports them. kube-score is built from its Go module, as the local cluster's programs are.
"""

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo import registry
from localcluster import golang
from localcluster.progress import Reporter

ROOT = Path(__file__).resolve().parents[2]
OVERLAYS = ("production", "production/tenant", "namespaced")
EXCEPTIONS = Path(__file__).with_name("exceptions.toml")
CHECKOV = "checkov==3.3.30"
KUBE_SCORE = golang.Module(
    "kube-score", package="github.com/zegl/kube-score/cmd/kube-score", about="a judge of manifests, about a minute"
)
CYCLONEDX = "cyclonedx-bom==7.5.0"


@dataclass(frozen=True, order=True)
class Finding:
    """Something that a check has against a resource."""

    check: str
    resource: str
    about: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Give what an exception names it by."""
        return self.check, self.resource


def excepted(file: Path = EXCEPTIONS) -> dict[tuple[str, str], str]:
    """Read the exceptions, and why each is made."""
    found = tomllib.loads(file.read_text())["exception"]
    return {(e["check"], e["resource"]): e["reason"] for e in found}


def judge(findings: Iterable[Finding], known: dict[tuple[str, str], str]) -> list[str]:
    """Give a sentence for each finding that nobody explains, and for each exception that explains nothing."""
    found = {f.key: f for f in findings}
    new = [f"{f.check} {f.resource}: {f.about}" for f in sorted(found.values()) if f.key not in known]
    idle = [
        f"{check} {resource}: nothing needs this exception"
        for check, resource in known
        if (check, resource) not in found
    ]
    return new + idle


def audit() -> int:
    """Have the overlays looked at; 1 if something is not explained."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{overlay.replace('/', '-')}.yaml" for overlay in OVERLAYS]
        for overlay, file in zip(OVERLAYS, files, strict=True):
            file.write_text(_rendered(overlay))
        tools = [("checkov", *_checkov(folder)), ("kube-score", *_kube_score(files))]
    for name, passed, findings in tools:
        print(f"  {name:<10} {passed:4d} checks passed, {len(findings)} findings")
    faults = judge((f for _, _, findings in tools for f in findings), excepted())
    print("  every finding has its reason in deploy/checks/exceptions.toml" if not faults else "  unexplained:")
    for fault in faults:
        print(f"    {fault}")
    return 1 if faults or not all(passed for _, passed, _ in tools) else 0


def _checkov(folder: str) -> tuple[int, list[Finding]]:
    argv = ["checkov", "--directory", folder, "--framework", "kubernetes", "--skip-download", "--output", "json"]
    report = json.loads(_tool(CHECKOV, argv).stdout)
    failed = report["results"]["failed_checks"]
    return report["summary"]["passed"], [Finding(f["check_id"], f["resource"], f["check_name"]) for f in failed]


def _kube_score(files: Sequence[Path]) -> tuple[int, list[Finding]]:
    """Run kube-score; a grade of 10 is the best, and below 7 it warns."""
    program = golang.ensure(KUBE_SCORE, Reporter(sys.stderr)) / "kube-score"
    argv = [str(program), "score", "--output-format=json", *map(str, files)]
    said = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
    checks = [(o, c) for o in json.loads(said) for c in o["checks"] if not c["skipped"]]
    findings = [_finding(o, c) for o, c in checks if c["grade"] < 7]
    return len(checks) - len(findings), findings


def _finding(obj: dict[str, Any], check: dict[str, Any]) -> Finding:
    meta = obj["object_meta"]
    resource = ".".join((obj["type_meta"]["kind"], meta.get("namespace", "default"), meta["name"]))
    about = "; ".join(c["summary"] for c in check["comments"] or ())
    return Finding(check["check"]["id"], resource, about or check["check"]["name"])


def sbom(folder: Path) -> int:
    """Write a CycloneDX bill of materials for each image's packages, with their hashes, from uv.lock."""
    folder.mkdir(parents=True, exist_ok=True)
    for image in registry.PARTS:
        argv = ["export", "--quiet", "--locked", "--no-dev", "--no-emit-workspace", *installed(image)]
        locked = _run(["uv", *argv, "--format=requirements-txt"])
        out = folder / f"{image.rpartition('/')[2]}.cdx.json"
        argv = ["cyclonedx-py", "requirements", "-", f"--output-file={out}", "--output-reproducible"]
        done = _tool(CYCLONEDX, argv, stdin=locked)
        if done.returncode != 0:
            print(done.stderr, file=sys.stderr)
            return 1
        parts = json.loads(out.read_text())["components"]
        print(f"  {out}: {len(parts)} packages")
    return 0


def installed(image: str) -> list[str]:
    """Say which packages of the lock file are in an image, as options of uv, from its Dockerfile."""
    file, arguments = registry.PARTS[image]
    steps = (ROOT / file).read_text()
    for name, value in arguments.items():
        steps = steps.replace(f"${name}", value)
    [dependencies] = [line for line in steps.splitlines() if "--no-install-workspace" in line]
    return [f"--{option}={value}" for option, value in re.findall(r"--(package|extra)[ =](\S+)", dependencies)]


def _rendered(overlay: str) -> str:
    kubectl = golang.ensure(golang.CONTROL_PLANE, Reporter(sys.stderr)) / "kubectl"
    return _run([str(kubectl), "kustomize", str(ROOT / "deploy" / "overlays" / overlay)])


def _tool(package: str, argv: Sequence[str], stdin: str = "") -> "subprocess.CompletedProcess[str]":
    command = ["uv", "tool", "run", "--quiet", f"--from={package}", *argv]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, cwd=ROOT)


def _run(argv: Sequence[str]) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True, cwd=ROOT).stdout


def main(arguments: Sequence[str]) -> int:
    """Run a verb."""
    match list(arguments):
        case ["audit"]:
            return audit()
        case ["sbom", folder]:
            return sbom(Path(folder))
        case _:
            print("audit, or sbom FOLDER", file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
