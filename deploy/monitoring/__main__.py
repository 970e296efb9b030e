"""Writes the tables of docs/metrics.md, the PrometheusRule and the dashboards; with --check it compares."""

import argparse
import sys
from pathlib import Path

from . import dashboards, docs, rules

ROOT = Path(__file__).parents[2]


def generated() -> dict[Path, str]:
    """Give every generated file with the text that it should have."""
    reference = ROOT / "docs" / "metrics.md"
    component = ROOT / "deploy" / "components" / "monitoring"
    files = {reference: docs.filled(reference.read_text()), component / "prometheusrule.yaml": rules.manifest()}
    return files | {component / "dashboards" / name: text for name, text in dashboards.files().items()}


def main() -> int:
    """Write the files, or say which are stale."""
    parser = argparse.ArgumentParser(prog="python -m monitoring", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is stale")
    check = parser.parse_args().check
    stale = [p for p, text in generated().items() if not p.exists() or p.read_text() != text]
    for path in stale:
        if check:
            print(f"stale: {path.relative_to(ROOT)}; run `make generate` and commit the result", file=sys.stderr)
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(generated()[path])
    return 1 if stale and check else 0


if __name__ == "__main__":
    sys.exit(main())
