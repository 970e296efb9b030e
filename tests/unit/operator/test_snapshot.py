"""The snapshot: no plan is made from a state before our own last write, and what vanished is gone."""

from typing import Any

import pytest

from coursegen_api import names
from coursegen_operator.plan.world import Key
from coursegen_operator.snapshot import Snapshot

Json = dict[str, Any]


def chapter(version: int, uid: str = "u1", name: str = "ch", **status: Any) -> Json:
    return {
        "metadata": {
            "name": name,
            "namespace": "courses",
            "uid": uid,
            "resourceVersion": str(version),
            "generation": 1,
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {"courseName": "c", "title": "T", "learningObjectives": ["x"]},
        "status": status,
    }


def job(version: int, uid: str = "j1", name: str = "job", finished: bool = False) -> Json:
    end = {"type": "Complete", "status": "True", "lastTransitionTime": "2026-01-01T00:01:00Z"}
    return {
        "metadata": {
            "name": name,
            "namespace": "courses",
            "uid": uid,
            "resourceVersion": str(version),
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {names.LABEL_OBJECT_UID: "u1", names.LABEL_QUEUE: names.QUEUE_CHAPTER},
        },
        "spec": {"template": {"spec": {"containers": []}}},
        "status": {"conditions": [end]} if finished else {},
    }


KEY = Key("ChapterGeneration", "courses", "ch")


@pytest.mark.parametrize("late", [5, 9])
def test_an_event_older_than_our_own_write_is_dropped(late: int) -> None:
    snapshot = Snapshot()
    snapshot.apply("ChapterGeneration", chapter(9, stage="new"))
    assert snapshot.apply("ChapterGeneration", chapter(late, stage="old")) == set()
    assert snapshot.objects[KEY].status.stage == "new"


def test_an_object_of_the_same_name_and_another_uid_replaces_the_old_one() -> None:
    snapshot = Snapshot()
    snapshot.apply("ChapterGeneration", chapter(5))
    snapshot.apply("ChapterGeneration", chapter(7, uid="u2"))
    assert set(snapshot.by_uid) == {"u2"}


def test_a_child_that_changes_has_its_course_visited() -> None:
    snapshot = Snapshot()
    course = {
        "metadata": {"name": "c", "namespace": "courses", "uid": "cu", "resourceVersion": "1"},
        "spec": {"title": "T", "learningObjectives": ["x"]},
    }
    snapshot.apply("CourseGeneration", course)
    child = chapter(5)
    child["metadata"]["ownerReferences"] = [{"uid": "cu", "controller": True}]
    assert Key("CourseGeneration", "courses", "c") in snapshot.apply("ChapterGeneration", child)


def test_a_full_list_drops_what_the_watch_missed() -> None:
    snapshot = Snapshot()
    snapshot.apply("ChapterGeneration", chapter(5))
    snapshot.apply_job(job(6))
    assert snapshot.load.jobs == 1
    snapshot.replace("Job", [], 7)
    assert (snapshot.load.jobs, snapshot.gone["u1"]) == (0, {"job"})
    snapshot.replace("ChapterGeneration", [], 7)
    assert (snapshot.objects, snapshot.by_uid) == ({}, {})


def test_a_full_list_does_not_drop_what_was_created_while_it_was_read() -> None:
    snapshot = Snapshot()
    snapshot.apply("ChapterGeneration", chapter(5))
    snapshot.apply_job(job(6))
    snapshot.replace("Job", [], 5)
    assert (snapshot.load.jobs, snapshot.gone["u1"]) == (1, set())


def test_an_old_list_of_the_watch_brings_nothing_back_to_life() -> None:
    snapshot = Snapshot()
    snapshot.apply("ChapterGeneration", chapter(5))
    snapshot.replace("Job", [job(6)], 7)
    snapshot.apply_job(job(9), deleted=True)
    snapshot.apply_job(job(8))
    assert snapshot.jobs == {}, "older than its deletion"
    snapshot.replace("Job", [], 10)
    snapshot.apply_job(job(8))
    snapshot.apply("ChapterGeneration", chapter(7, uid="u2", name="other"))
    assert snapshot.jobs == {}, "not in a newer list"
    snapshot.replace("ChapterGeneration", [], 11)
    snapshot.apply("ChapterGeneration", chapter(10))
    assert snapshot.objects == {}
    snapshot.apply("ChapterGeneration", chapter(12))
    assert set(snapshot.objects) == {KEY}, "newer than the list"


def test_slots_are_counted_from_attempts_and_jobs_and_each_once() -> None:
    snapshot = Snapshot()
    attempt = {"number": 1, "jobName": "job", "admissionTime": "2026-01-01T00:00:00Z"}
    snapshot.apply("ChapterGeneration", chapter(5, attempts=[attempt]))
    assert snapshot.load.jobs == 1
    snapshot.apply_job(job(6))
    assert snapshot.load.by_queue[names.QUEUE_CHAPTER] == 1
    ended = attempt | {"completionTime": "2026-01-01T00:02:00Z", "outcome": "Succeeded"}
    snapshot.apply("ChapterGeneration", chapter(7, attempts=[ended]))
    assert snapshot.load.jobs == 1  # its Job has not ended yet
    snapshot.apply_job(job(8, finished=True))
    assert snapshot.load.jobs == 0


def test_counting_anew_gives_the_same() -> None:
    snapshot = Snapshot()
    attempt = {"number": 1, "jobName": "job", "admissionTime": "2026-01-01T00:00:00Z"}
    snapshot.apply("ChapterGeneration", chapter(5, attempts=[attempt]))
    snapshot.apply_job(job(6))
    before = (snapshot.load.jobs, dict(snapshot.load.by_queue))
    snapshot.recount()
    assert (snapshot.load.jobs, dict(snapshot.load.by_queue)) == before
