"""An image's tag follows what its Dockerfile copies, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcluster.dockerfile import Context
from localcluster.errors import LocalClusterError


@pytest.fixture
def context(tmp_path: Path) -> Context:
    for name in ("app/main.py", "app/__pycache__/main.pyc", "lib/a.whl", "lib/b.whl", "lib/notes.txt", "README.md"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(
        "FROM base AS build\n"
        "COPY --chown=1:1 app /app\n"
        'COPY ["lib/*.whl", \\\n     "/lib/"]\n'
        "FROM base\n"
        "COPY --from=build /nowhere /there\n"
    )
    return Context(dockerfile, tmp_path)


def names(context: Context) -> list[str]:
    return [str(path) for path in context.files()]


def test_files_are_those_that_a_copy_names(context: Context) -> None:
    assert names(context) == ["app/main.py", "lib/a.whl", "lib/b.whl"]


@pytest.mark.parametrize(
    ("changed", "matters"),
    [("app/main.py", True), ("lib/a.whl", True), ("Dockerfile", True), ("README.md", False), ("lib/notes.txt", False)],
)
def test_the_digest_changes_with_what_is_copied(context: Context, changed: str, matters: bool) -> None:
    before = context.digest()
    with (context.folder / changed).open("a") as file:
        file.write("\n# more\n")
    assert (context.digest() != before) is matters


def test_the_digest_changes_with_an_executable_bit(context: Context) -> None:
    before = context.digest()
    (context.folder / "app/main.py").chmod(0o755)
    assert context.digest() != before


def test_a_file_that_is_not_there_is_named(context: Context) -> None:
    context.dockerfile.write_text("FROM base\nCOPY missing.py /\n")
    with pytest.raises(LocalClusterError, match=r"missing\.py"):
        context.files()


def test_the_stage_holds_the_copied_files_with_one_time(context: Context, tmp_path: Path) -> None:
    target = tmp_path / "stage"
    target.mkdir()
    context.stage(target)
    staged = sorted(str(p.relative_to(target)) for p in target.rglob("*") if p.is_file())
    assert staged == names(context)
    assert len({p.stat().st_mtime for p in target.rglob("*")}) == 1


def test_a_copy_of_the_whole_folder_skips_what_tools_leave_behind(context: Context) -> None:
    context.dockerfile.write_text("FROM base\nCOPY . /src\n")
    assert "app/main.py" in names(context)
    assert not any("__pycache__" in name for name in names(context))
