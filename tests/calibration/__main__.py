"""`make calibration`: how well each method of alignment tells right chapters from wrong ones."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from . import separation


def main(argv: Sequence[str]) -> int:
    """Print a table a method, or JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.calibration", description=__doc__)
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    found = separation.measured()
    if parser.parse_args(argv).output == "json":
        print(json.dumps([asdict(row) for row in found], indent=2))
        return 0
    for method in dict.fromkeys(row.method for row in found):
        print(f"\n{method}, passing at {separation.BAR:g}\n")
        print(f"  {'':<34} {'split':<10} {'passed':>8}   {'lowest':>6} {'mean':>6} {'highest':>7}")
        for row in found:
            if row.method == method:
                passed = f"{row.passed} of {row.cases}"
                figures = f"{row.lowest:>6.2f} {row.mean:>6.2f} {row.highest:>7.2f}"
                print(f"  {row.label:<34} {row.split:<10} {passed:>8}   {figures}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
