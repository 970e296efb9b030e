"""Rules of the house that no linter knows."""

import operator
import re
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_folder_operator_never_shadows_pythons_own_module() -> None:
    assert Path(operator.__file__).is_relative_to(sysconfig.get_path("stdlib"))
    assert not (ROOT / "operator" / "__init__.py").exists()
    assert not (ROOT / "operator" / "operator.py").exists()


@pytest.mark.parametrize("name", ["operator/Dockerfile", "worker_image/Dockerfile", "deploy/local/bootstrap.sh"])
def test_what_installs_the_packages_is_itself_installed_by_its_hash(name: str) -> None:
    installs = [
        line for line in (ROOT / name).read_text().splitlines() if "pip install" in line or 'pip" install' in line
    ]
    assert installs
    assert all("--require-hashes" in line for line in installs)
    assert "--hash=sha256:" in (ROOT / "deploy/local/uv.txt").read_text()


IMAGES = ("operator", "worker_image", "deploy/local/images/redis", "deploy/local/images/prometheus")
SHELLS = {"sh", "bash", "rbash", "dash"}


def handled(command: str, text: str) -> set[str]:
    """Give the names of the files that lines of a Dockerfile handle by a command."""
    words = (word for line in re.findall(rf"\b{command} (.*)", text) for word in line.split())
    return {word.strip("/;\"'").rpartition("/")[2] for word in words}


@pytest.mark.parametrize("folder", IMAGES)
def test_an_image_ends_without_a_shell_and_as_nobody(folder: str) -> None:
    """tests/e2e/test_secrets.py tries it in those that run; this is of every Dockerfile, whatever runs."""
    build, _, last = (ROOT / folder / "Dockerfile").read_text().replace("\\\n", " ").rpartition("\nFROM ")
    if last.startswith("scratch"):
        assert handled("cp", build) & (SHELLS | {"busybox"}) == set()
    else:
        assert handled("rm -f", last) >= SHELLS
    assert not re.search(r"65532::\S+:/bin/(?!false)", build)
    assert "\nUSER 65532:65532\n" in last
