"""A task always fits its 64 KiB, and reaches the worker as it was written."""

import json
import os
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from coursegen_api import task
from coursegen_api.task import MAX_INPUT_BYTES, ChapterTask, CourseContext, TaskInput, TaskKind

from .generate import UUID, largest, values

SCHEMA = TaskInput.model_json_schema(by_alias=True)


def chapter(**changes: object) -> TaskInput:
    course = CourseContext(title="Python Programming")
    work = ChapterTask(chapter_id="c", course=course, **changes)  # type: ignore[arg-type]
    return TaskInput(uid=UUID, namespace_uid=UUID, name="c", revision=0, attempt=1, deadline_seconds=120, work=work)


@pytest.mark.parametrize("kind", list(TaskKind))
def test_the_largest_task_fits(kind: TaskKind) -> None:
    wire = largest(SCHEMA, SCHEMA["$defs"], {"kind": kind.value})
    text = TaskInput.model_validate(wire).to_json()
    assert MAX_INPUT_BYTES / 8 < len(text.encode()) <= MAX_INPUT_BYTES


def test_a_task_over_the_bound_is_never_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task, "MAX_INPUT_BYTES", 100)
    with pytest.raises(ValueError, match="over 100"):
        chapter().to_json()


@settings(deadline=None)
@given(values(SCHEMA, SCHEMA["$defs"]))
def test_a_task_comes_out_as_it_went_in(wire: dict) -> None:
    sent = TaskInput.model_validate(wire)
    assert TaskInput.model_validate_json(sent.to_json()) == sent


@settings(deadline=None)
@given(st.text(st.sampled_from('$()A{}\\" '), min_size=1).filter(str.strip))
def test_kubernetes_finds_nothing_to_expand_in_a_task(title: str) -> None:
    text = chapter(title=title[:200]).to_json()
    assert "$$" not in text
    assert "$(" not in text
    assert json.loads(text)["work"]["title"] == chapter(title=title[:200]).work.title  # type: ignore[union-attr]


def test_a_task_survives_an_environment() -> None:
    sent = chapter(title="Bash: $$ and $(pwd) 'quoted' \"twice\" \\ 🎓", learning_objectives=["Use ${HOME}"])
    code = "import os; print(ascii(os.environ['TASK']))"
    environment = os.environ | {"TASK": sent.to_json()}
    said = subprocess.run(["python3", "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(eval(said.stdout)) == sent.wire()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"deadlineSeconds": 14}, "deadlineSeconds"),
        ({"deadlineSeconds": 3601}, "deadlineSeconds"),
        ({"attempt": 0}, "attempt"),
        ({"revision": -1}, "revision"),
        ({"namespaceUid": "../../else"}, "namespaceUid"),
        ({"v": 2}, "v"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_task_that_is_none_is_refused(changes: dict[str, object], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        TaskInput.model_validate(chapter().wire() | changes)
    assert refused.value.errors()[0]["loc"][0] == field
