"""When a namespace's artifacts are cleaned up, and that all that an object refers to is told to stay."""

import types
import typing
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from coursegen_api import names
from coursegen_api.base import Artifact, FailureClass
from coursegen_api.crd import KINDS
from coursegen_api.task import CleanupSummary, CleanupTask
from coursegen_operator.plan import cleanup

from .simulation import NAMESPACE_UIDS, Json, Simulation

HOUR = 3600.0
COURSE = {
    "title": "T",
    "learningObjectives": ["x"],
    "chapterCount": 2,
    "exports": [{"format": "json"}],
}


@pytest.fixture
def sim() -> Simulation:
    return Simulation()


def begin(sim: Simulation, **spec: Any) -> Json:
    """Have a clean-up begin, and give its Job."""
    sim.apply("ArtifactCleanup", "artifacts", spec)
    sim.run(1)
    return sim.job_of("artifacts")


def end(sim: Simulation, **summary: Any) -> None:
    """Have the clean-up that runs succeed."""
    job = sim.job_of("artifacts")
    did = CleanupSummary(**{"removed": 3, "removed_bytes": 300, "kept": 5} | summary)
    sim.start(job)
    sim.succeed(job, sim.result(job).model_copy(update={"cleanup": did}))
    sim.run(1)


def runs(sim: Simulation) -> int:
    return int(sim.status("ArtifactCleanup", "artifacts")["revision"])


def until_the_next_run(sim: Simulation) -> float:
    """Let time pass until another run begins; give the seconds, to the nearest minute."""
    since, before = sim.time, runs(sim)
    while runs(sim) == before and sim.time < since + 1000 * HOUR:
        sim.run(60)
    return sim.time - since


def removed(sim: Simulation) -> float:
    value = sim.metrics.registry.get_sample_value("coursegen_artifacts_removed_total")
    return value or 0.0


def test_a_run_goes_through_the_default_queue_and_its_outcome_is_in_status_and_metrics(sim: Simulation) -> None:
    job = begin(sim, retentionDays=7)
    assert job["metadata"]["labels"][names.LABEL_QUEUE] == "default"
    task = sim.task(job)
    assert isinstance(task.work, CleanupTask)
    assert task.work.retention_days == 7
    assert task.namespace_uid == NAMESPACE_UIDS["courses"]
    end(sim)
    status = sim.status("ArtifactCleanup", "artifacts")
    assert status["phase"] == "Succeeded"
    assert status["cleanup"] == {"removed": 3, "removedBytes": 300, "kept": 5, "complete": True}
    assert removed(sim) == 3


def test_everything_that_a_finished_course_refers_to_stays(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", COURSE)
    sim.work()
    work = sim.task(begin(sim)).work
    assert isinstance(work, CleanupTask)
    reader = work.in_use.reader()
    keys = [key for obj in sim.snapshot.objects.values() for key in cleanup.keys_of(obj)]
    assert len(set(keys)) >= 5, "outline, two chapters, validation, export"
    assert all(key in reader for key in keys)
    assert f"{NAMESPACE_UIDS['courses']}/chapter/{'0' * 64}.json" not in reader


def test_another_namespace_says_nothing_about_what_stays(sim: Simulation) -> None:
    sim.apply("ChapterGeneration", "far", {"courseContext": {"title": "T"}, "title": "T", "learningObjectives": ["x"]})
    sim.apply("ArtifactCleanup", "artifacts", {}, namespace="other")
    sim.work()
    [key] = cleanup.keys_of(sim.snapshot.objects[sim.key("ChapterGeneration", "far")])
    [job] = [j for j in sim.jobs(active=False) if j["metadata"]["namespace"] == "other"]
    assert isinstance(work := sim.task(job).work, CleanupTask)
    assert key not in work.in_use.reader()


@pytest.mark.parametrize(
    ("spec", "summary", "least", "most"),
    [
        ({}, {}, 24 * HOUR, 24 * HOUR * 1.2),
        ({"intervalHours": 2}, {}, 2 * HOUR, 2 * HOUR * 1.2),
        ({}, {"complete": False}, 60, 72),
    ],
)
def test_the_next_run_comes_after_the_interval_or_soon_if_there_was_more(
    sim: Simulation, spec: Json, summary: Json, least: float, most: float
) -> None:
    begin(sim, **spec)
    end(sim, **summary)
    assert least - 60 <= until_the_next_run(sim) <= most + 60
    end(sim)
    assert removed(sim) == 6


def test_a_run_that_failed_for_good_is_followed_by_the_next_all_the_same(sim: Simulation) -> None:
    sim.fail(begin(sim), FailureClass.INVALID_INPUT)
    sim.run(1)
    assert sim.status("ArtifactCleanup", "artifacts")["phase"] == "Failed"
    until_the_next_run(sim)
    end(sim)
    assert (runs(sim), sim.status("ArtifactCleanup", "artifacts")["phase"]) == (1, "Succeeded")


def test_a_failure_that_passes_is_retried_as_of_any_task(sim: Simulation) -> None:
    sim.fail(begin(sim), FailureClass.STORAGE_UNAVAILABLE)
    sim.run(75)
    end(sim)
    status = sim.status("ArtifactCleanup", "artifacts")
    assert (status["phase"], status["retryCount"], status["revision"]) == ("Succeeded", 1, 0)


def test_a_suspended_clean_up_rests_and_goes_on_when_let(sim: Simulation) -> None:
    begin(sim)
    end(sim)
    sim.change_spec("ArtifactCleanup", "artifacts", suspend=True)
    sim.run(100 * HOUR)
    assert (runs(sim), sim.jobs()) == (0, [])
    sim.change_spec("ArtifactCleanup", "artifacts", suspend=False)
    sim.run(1)
    assert runs(sim) == 1


@pytest.mark.parametrize("when", ["after the run", "before the next"])
def test_a_restart_neither_forgets_a_run_nor_makes_one_twice(sim: Simulation, when: str) -> None:
    begin(sim)
    end(sim)
    if when == "before the next":
        sim.run(23 * HOUR)
    sim.restart()
    sim.run(1)
    assert (runs(sim), sim.jobs()) == (0, [])
    assert until_the_next_run(sim) < 30 * HOUR


def test_a_clock_that_was_ahead_does_not_keep_the_next_run_away(sim: Simulation) -> None:
    begin(sim)
    sim.time += 1000 * HOUR
    end(sim)
    sim.time -= 1000 * HOUR
    sim.restart()
    sim.run(1)
    assert runs(sim) == 1


def test_nothing_is_removed_while_an_object_cannot_be_read(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "new", COURSE)
    sim.api.edit("coursegenerations", "courses", "new", lambda body: body["spec"].update(failurePolicy="ExportAnyway"))
    sim.apply("ArtifactCleanup", "artifacts", {})
    sim.run(1)
    status = sim.status("ArtifactCleanup", "artifacts")
    assert (status["holdReason"], sim.jobs()) == ("Misconfigured", [])
    assert "CourseGeneration/courses/new" in status["holdMessage"]
    sim.api.remove("coursegenerations", "courses", "new")
    sim.run(60)
    assert sim.job_of("artifacts")


def test_a_job_whose_creation_was_not_answered_and_whose_task_has_changed_is_taken_back(sim: Simulation) -> None:
    lost = iter(["after"])
    sim.api.fault = lambda verb, path: next(lost, "") if path.endswith("/jobs") else ""
    sim.apply("ArtifactCleanup", "artifacts", {})
    sim.watch()
    sim.watch_is_broken = True  # so that it does not hear of the Job either
    sim.settle()
    sim.apply(
        "ChapterGeneration", "c", {"courseName": "x", "outlineKey": f"{NAMESPACE_UIDS['courses']}/outline/a.json"}
    )
    sim.snapshot.apply("ChapterGeneration", sim.api.objects[sim.path("ChapterGeneration", "c")])
    sim.run(1)
    sim.watch_is_broken = False
    sim.resync()
    end(sim)
    status = sim.status("ArtifactCleanup", "artifacts")
    assert [a["outcome"] for a in status["attempts"]] == ["Withdrawn", "Succeeded"]
    assert status["retryCount"] == 0
    assert set(sim.api.jobs_created.values()) == {1}


# ---- nothing that refers to an artifact is forgotten --------------------------------------------------

KEY = f"{NAMESPACE_UIDS['courses']}/chapter/{'a' * 64}.json"
ARTIFACT = {"key": KEY, "sha256": "a" * 64, "bytes": 1, "mediaType": "application/json"}


def paths_to_keys(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Give the path of every store key below a model: by the pattern that only store keys have."""
    for name, info in model.model_fields.items():
        for part in _parts(info.annotation):
            here = (*path, info.alias or name)
            if isinstance(part, type) and issubclass(part, Artifact):
                yield (*here, "key")
            elif isinstance(part, type) and issubclass(part, BaseModel):
                yield from paths_to_keys(part, here)
        if "Key" in (info.alias or name):
            yield (*path, info.alias or name)


def _parts(annotation: Any) -> Iterator[Any]:
    if typing.get_origin(annotation) in (typing.Annotated, typing.Union, types.UnionType, list):
        for part in typing.get_args(annotation):
            yield from _parts(part)
    else:
        yield annotation


SMALLEST: dict[str, Json] = {
    "CourseGeneration": {"title": "t", "learningObjectives": ["o"]},
    "ChapterGeneration": {"courseName": "c", "title": "t", "learningObjectives": ["o"]},
    "QualityValidation": {},
    "CourseExport": {"format": "pdf"},
    "ArtifactCleanup": {},
}
REFERENCES = [
    pytest.param(kind, (part, *path), id=f"{kind.__name__}.{'.'.join((part, *path))}")
    for kind in KINDS
    if kind.__name__ in SMALLEST
    for part in ("spec", "status")
    for path in paths_to_keys(kind.model_fields[part].annotation)  # type: ignore[arg-type]
]


def test_the_references_that_there_are_were_found() -> None:
    assert len(REFERENCES) >= 10


@pytest.mark.parametrize(("kind", "path"), REFERENCES)
def test_every_field_that_names_an_artifact_keeps_it(kind: Any, path: tuple[str, ...]) -> None:
    whole = {
        "outline": {},
        "exports": [{"format": "pdf", "name": "n"}],
        "qualityRound": {"number": 1, "reportKey": KEY, "chapters": [1]},
    }
    obj: Json = {"metadata": {"name": "n"}, "spec": dict(SMALLEST[kind.__name__]), "status": {}}
    inner: Any = obj
    for name in path[:-1]:
        if name not in inner and name != "artifact":
            inner[name] = whole.get(name, dict(ARTIFACT))
        elif name not in inner:
            inner[name] = dict(ARTIFACT)
        inner = inner[name]
        if isinstance(inner, list):
            inner = inner[0]
    inner[path[-1]] = KEY
    made = kind.model_validate(obj)
    assert list(cleanup.keys_of(made)) == [KEY]
