"""What is stored shares what is equal, and is what it was."""

import itertools

import pytest

from coursegen_api.chapter import ChapterGeneration
from coursegen_operator import compact

from .test_snapshot import chapter

CONDITION = {
    "type": "Ready",
    "status": "True",
    "reason": "R",
    "message": "",
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}


def read(version: int) -> ChapterGeneration:
    raw = chapter(version, phase="Running", conditions=[CONDITION, CONDITION | {"type": "Finished"}])
    return ChapterGeneration.model_validate(raw, extra="ignore")


def test_models_of_which_the_same_was_given_share_one_set_however_deep_they_lie() -> None:
    first, second = read(1), read(2)
    before = first.wire(), first.stored()
    compact.compact(first)
    compact.compact(second)
    assert (first.wire(), first.stored()) == before
    for one, other in ((first.metadata, second.metadata), (first.status, second.status), (first.spec, second.spec)):
        assert one.model_fields_set is other.model_fields_set
    ready, finished = first.status.conditions
    assert ready.model_fields_set is finished.model_fields_set is second.status.conditions[0].model_fields_set


def test_a_changed_copy_changes_no_set_that_others_share() -> None:
    first, second = read(1), read(2)
    compact.compact(first)
    compact.compact(second)
    before = set(second.status.model_fields_set)
    changed = first.status.model_copy(update={"stage": "new", "phase": first.status.phase})
    assert changed.model_fields_set == before | {"stage"}
    assert second.status.model_fields_set == before


def test_sets_that_somebody_makes_on_purpose_are_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compact, "_MOST", 10)
    monkeypatch.setattr(compact, "_sets", {})
    optional = {"stage": "s", "title": "T", "queueName": "q", "holdMessage": "h", "startTime": "2026-01-01T00:00:00Z"}
    for size in range(len(optional) + 1):
        for given in itertools.combinations(optional.items(), size):
            compact.compact(ChapterGeneration.model_validate(chapter(1, **dict(given))))
    assert len(compact._sets) < 20
