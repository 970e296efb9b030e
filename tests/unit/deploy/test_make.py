"""The Makefile's first step, with a stand-in for uv: where the machine has one of its own, it is linked and stays."""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[3]
UV = "#!/bin/sh\nmkdir -p .venv/bin\n"
"""Stands in for `uv sync`."""


def test_a_uv_of_the_machines_own_is_still_there_when_packages_have_changed(tmp_path: Path) -> None:
    folder, machine = tmp_path / "a checkout", tmp_path / "bin"
    for name in ("Makefile", ".ci/step", "deploy/local/bootstrap.sh", "deploy/local/uv.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    for name in ("pyproject.toml", "uv.lock", *(f"{p}/pyproject.toml" for p in ("crds", "operator", "worker_image"))):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    machine.mkdir()
    (machine / "uv").write_text(UV)
    (machine / "uv").chmod(0o755)
    environment = {"PATH": f"{machine}:{os.environ['PATH']}", "XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": "/"}
    for _ in range(2):
        (folder / ".venv" / "ready").unlink(missing_ok=True)
        argv = ["make", "--no-print-directory", ".venv/ready"]
        done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert (folder / ".venv" / "bin" / "uv").resolve() == machine / "uv"
