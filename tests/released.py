"""The version that was released last: clusters run it before they run this one, so upgrades start from it.

Its contract, operator and base lie here as an archive, so that a checkout without history tries an upgrade as well.
After a release, name its commit and have the archive written: `python -m tests.released`.
"""

import io
import subprocess
import sys
import tarfile
from pathlib import Path

RELEASED = "0d2cda56e2348b5e296b26d714979be874c7faf0"

ARCHIVE = Path(__file__).with_suffix(".tar.xz")
PARTS = ("crds", "operator/src/coursegen_operator", "deploy/base")
ROOT = Path(__file__).parents[1]


def unpack(folder: Path) -> Path:
    """Unpack it, and give where."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder / "released", filter="data")
    return folder / "released"


def sources(tree: Path) -> str:
    """Give the PYTHONPATH by which Python finds it rather than this version."""
    return f"{tree}/crds/src:{tree}/operator/src"


def of_history() -> bytes | None:
    """Give the same from git, as a tar file; None if this checkout does not reach back so far."""
    argv = ["git", "-C", str(ROOT), "archive", RELEASED, *PARTS]
    done = subprocess.run(argv, capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


def contents(archive: tarfile.TarFile) -> dict[str, bytes]:
    """Give the files of an archive, by path."""
    return {m.name: found.read() for m in archive if m.isfile() and (found := archive.extractfile(m))}


def main() -> int:
    """Write the archive."""
    found = of_history()
    if found is None:
        print(f"this checkout does not have {RELEASED}: git fetch --unshallow", file=sys.stderr)
        return 1
    with tarfile.open(fileobj=io.BytesIO(found)) as whole, tarfile.open(ARCHIVE, "w:xz", preset=9) as archive:
        for member in whole:
            archive.addfile(member, whole.extractfile(member) if member.isfile() else None)
    print(f"{ARCHIVE.relative_to(ROOT)}: {ARCHIVE.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
