"""The planted bugs are planted: one that no longer fits the operator would end it, and so seem to be caught."""

import inspect
import subprocess
import sys
from pathlib import Path

from ...faults import bugs

ROOT = Path(__file__).parents[3]


def _names() -> set[tuple[str, ...]]:
    """Name all that the operator's modules and their classes have."""
    found: set[tuple[str, ...]] = set()
    for module, has in [(name, vars(m)) for name, m in sys.modules.items() if name.startswith("coursegen_operator")]:
        found |= {(module, name) for name in has}
        found |= {(module, name, inner) for name, it in has.items() if inspect.isclass(it) for inner in vars(it)}
    return found


def plant_all() -> None:
    """Plant every bug; AssertionError for one that puts something where nothing was."""
    before = _names()
    for name, plant in bugs.ALL.items():
        plant()
        assert _names() == before, f"{name} replaces what the operator does not have: {_names() - before}"


def test_every_bug_replaces_what_the_operator_has() -> None:
    """In a process of its own, which is of no use afterwards."""
    command = [sys.executable, "-c", f"from {__name__} import plant_all; plant_all()"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
