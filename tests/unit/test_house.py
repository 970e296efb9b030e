"""Rules of the house that no linter knows."""

import operator
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
