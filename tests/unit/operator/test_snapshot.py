"""The snapshot: no plan is made from a state before our own last write, and what vanished is gone."""

from typing import Any

import pytest

from coursegen_api import names
from coursegen_operator.plan.world import Key
from coursegen_operator.snapshot import Snapshot

from .simulation import full_list

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


def job(version: int, uid: str = "j1", name: str = "job", finished: bool = False, owner: str = "u1") -> Json:
    end = {"type": "Complete", "status": "True", "lastTransitionTime": "2026-01-01T00:01:00Z"}
    return {
        "metadata": {
            "name": name,
            "namespace": "courses",
            "uid": uid,
            "resourceVersion": str(version),
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {names.LABEL_OBJECT_UID: "u1", names.LABEL_QUEUE: names.QUEUE_CHAPTER},
            "ownerReferences": [{"uid": owner, "controller": True}] if owner else [],
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
    full_list(snapshot, "Job", [], 7)
    assert (snapshot.load.jobs, snapshot.gone["u1"]) == (0, {"job"})
    full_list(snapshot, "ChapterGeneration", [], 7)
    assert (snapshot.objects, snapshot.by_uid) == ({}, {})


def test_a_full_list_does_not_drop_what_was_created_while_it_was_read() -> None:
    snapshot = Snapshot()
    snapshot.apply("ChapterGeneration", chapter(5))
    snapshot.apply_job(job(6))
    full_list(snapshot, "Job", [], 5)
    assert (snapshot.load.jobs, snapshot.gone["u1"]) == (1, set())


def test_an_old_list_of_the_watch_brings_nothing_back_to_life() -> None:
    snapshot = Snapshot()
    snapshot.apply("ChapterGeneration", chapter(5))
    full_list(snapshot, "Job", [job(6)], 7)
    snapshot.apply_job(job(9), deleted=True)
    snapshot.apply_job(job(8))
    assert snapshot.jobs == {}, "older than its deletion"
    full_list(snapshot, "Job", [], 10)
    snapshot.apply_job(job(8))
    snapshot.apply("ChapterGeneration", chapter(7, uid="u2", name="other"))
    assert snapshot.jobs == {}, "not in a newer list"
    full_list(snapshot, "ChapterGeneration", [], 11)
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


def test_a_job_is_believed_where_its_owner_is_what_its_label_says() -> None:
    foreign = job(7)
    foreign["metadata"]["namespace"] = "other"
    snapshot = Snapshot()
    snapshot.apply("ChapterGeneration", chapter(5))
    for forged in (foreign, job(7, owner=""), job(7, owner="u2")):
        assert snapshot.apply_job(forged) == set()
    assert (snapshot.jobs, snapshot.load.jobs) == ({}, 0)
    snapshot.apply_job(job(8))
    snapshot.apply("ChapterGeneration", chapter(9), deleted=True)
    snapshot.apply_job(job(10, owner=""))  # kubectl delete --cascade=orphan: it runs, and holds its slot
    assert snapshot.load.jobs == 1
    snapshot.apply_job(job(11, uid="j2", owner=""))  # somebody's own Job took its name
    assert (snapshot.jobs, snapshot.load.jobs) == ({}, 0)


@pytest.mark.parametrize("kind", ["GenerationQueue", "ModelProvider"])
def test_queues_and_providers_do_not_go_back_to_an_older_list(kind: str) -> None:
    def version(number: int, **spec: Any) -> Json:
        spec |= {"priority": 5, "capacity": 1} if kind == "GenerationQueue" else {"writer": "template"}
        meta = {"name": "q", "uid": "q1", "resourceVersion": str(number)}
        return {"metadata": meta if kind == "GenerationQueue" else meta | {"namespace": "courses"}, "spec": spec}

    key = Key(kind, "" if kind == "GenerationQueue" else "courses", "q")
    limit = "ageingSeconds" if kind == "GenerationQueue" else "concurrency"
    snapshot = Snapshot()
    snapshot.apply(kind, version(5, **{limit: 1}))
    snapshot.apply(kind, version(9, **{limit: 2}))
    full_list(snapshot, kind, [version(5, **{limit: 1})], 7)
    found = snapshot.gate(key)
    assert found is not None
    assert found.spec.wire()[limit] == 2
    snapshot.apply(kind, version(10), deleted=True)
    full_list(snapshot, kind, [version(9, **{limit: 2})], 9)
    assert snapshot.gate(key) is None


_UNREADABLE = chapter(12) | {"spec": {"title": 1}}


@pytest.mark.parametrize(
    ("meanwhile", "left"),
    [
        ([], "ours"),
        ([chapter(12, stage="theirs")], "theirs"),
        ([_UNREADABLE], None),
        ([chapter(11, stage="ours")], "ours"),
    ],
    ids=["nothing", "a newer version", "a version that cannot be read", "the same by the watch"],
)
def test_the_answer_to_our_own_write_counts_unless_something_newer_is_known(
    meanwhile: list[Json], left: str | None
) -> None:
    snapshot = Snapshot()
    snapshot.apply("ChapterGeneration", chapter(10))
    planned = snapshot.objects[KEY]
    for raw in meanwhile:
        snapshot.apply("ChapterGeneration", raw)
    snapshot.written(KEY, planned, {"stage": "ours"}, {"metadata": chapter(11)["metadata"]})
    found = snapshot.objects.get(KEY)
    assert (found.status.stage if found else None) == left


def test_the_answer_to_a_write_does_not_bring_back_what_was_deleted_meanwhile() -> None:
    snapshot = Snapshot()
    snapshot.apply("ChapterGeneration", chapter(10))
    planned = snapshot.objects[KEY]
    snapshot.apply("ChapterGeneration", chapter(12), deleted=True)
    assert snapshot.written(KEY, planned, {"stage": "ours"}, {"metadata": chapter(11)["metadata"]}) == set()
    assert KEY not in snapshot.objects
