"""`python -m checks audit` has checkov and kube-score judge the overlays; `… sbom FOLDER` writes bills of materials."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from . import audit, bom, overlays


def look() -> int:
    """Have the overlays looked at; 1 if something is not explained."""
    verdicts = audit.verdicts(overlays.rendered())
    for verdict in verdicts:
        print(f"  {verdict.tool:<10} {verdict.passed:4d} checks passed, {len(verdict.findings)} findings")
    faults = audit.judge((f for v in verdicts for f in v.findings), audit.excepted())
    print("  every finding has its reason in deploy/checks/exceptions.toml" if not faults else "  unexplained:")
    for fault in faults:
        print(f"    {fault}")
    return 1 if faults or not all(v.passed for v in verdicts) else 0


def list_packages(folder: Path) -> int:
    """Write the bills of materials; 1 with a tool's own words if it fails."""
    try:
        written = bom.write(folder)
    except subprocess.CalledProcessError as error:
        print(error.stderr, file=sys.stderr)
        return 1
    for file in written:
        print(f"  {file}: {len(json.loads(file.read_text())['components'])} packages")
    return 0


def main(arguments: Sequence[str]) -> int:
    """Run a verb."""
    match list(arguments):
        case ["audit"]:
            return look()
        case ["sbom", folder]:
            return list_packages(Path(folder))
        case _:
            print("audit, or sbom FOLDER", file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
