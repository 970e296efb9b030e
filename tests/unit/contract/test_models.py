"""The models: what they write they read, and the API server's word is theirs."""

import json
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from coursegen_api.base import Model
from coursegen_api.crd import KINDS
from coursegen_api.kinds import Kind
from coursegen_api.task import Progress, TaskResult

from .generate import values

OTHERS: tuple[type[Model], ...] = (TaskResult, Progress)


@cache
def strategy(model: type[Model]) -> st.SearchStrategy[Any]:
    schema = model.model_json_schema(by_alias=True)
    return values(schema, schema.get("$defs", {}))


def parts(kind: type[Kind]) -> dict[str, type[Model]]:
    return {part: kind.model_fields[part].annotation for part in ("spec", "status")}  # type: ignore[misc]


@pytest.mark.parametrize(
    "model",
    [pytest.param(model, id=f"{k.kind_name()}.{part}") for k in KINDS for part, model in parts(k).items()]
    + [pytest.param(model, id=model.__name__) for model in OTHERS],
)
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], max_examples=50, deadline=None)
@given(data=st.data())
def test_a_model_reads_what_it_writes(model: type[Model], data: st.DataObject) -> None:
    parsed = model.model_validate(data.draw(strategy(model)))
    assert model.model_validate(parsed.wire()) == parsed
    assert model.model_validate_json(json.dumps(parsed.wire())) == parsed


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind_name())
def test_a_new_object_has_a_status_of_defaults(kind: type[Kind]) -> None:
    smallest = {
        "CourseGeneration": {"title": "t", "learningObjectives": ["o"]},
        "ChapterGeneration": {"courseName": "c", "title": "t", "learningObjectives": ["o"]},
        "QualityValidation": {"courseName": "c"},
        "CourseExport": {"courseName": "c", "format": "pdf"},
        "ArtifactCleanup": {},
        "GenerationQueue": {"priority": 3},
        "ModelProvider": {},
    }[kind.kind_name()]
    made = kind.model_validate({"metadata": {"name": "n", "surprise": 1}, "spec": smallest, "surprise": 1})
    assert made.status.observed_generation == 0  # type: ignore[attr-defined]
    with pytest.raises(ValidationError):
        kind.model_validate({"metadata": {"name": "n"}, "spec": smallest | {"surprise": 1}})


def test_a_model_cannot_be_changed() -> None:
    progress = Progress(uid="u", revision=0, attempt=1, pod_uid="p", percentage=1, stage="s", time=0)
    with pytest.raises(ValidationError):
        progress.percentage = 2  # type: ignore[misc]


@settings(deadline=None)
@given(strategy(Progress))
def test_progress_is_read_from_the_streams_flat_strings(wire: dict) -> None:
    sent = Progress.model_validate(wire)
    fields = sent.fields()
    assert all(isinstance(value, str) for value in fields.values())
    assert Progress.model_validate(fields) == sent
