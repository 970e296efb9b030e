"""Which namespaces are an operator's where several share a cluster, and what it makes of one that moves."""

import pytest

from coursegen_api.names import LABEL_SHARD
from coursegen_operator.snapshot import Snapshot
from coursegen_operator.territory import Territory

from .simulation import full_list

Json = dict[str, object]


def namespace(name: str, shard: str = "") -> Json:
    return {"metadata": {"name": name, "labels": {LABEL_SHARD: shard} if shard else {}}}


def held(territory: Territory, *names: str) -> list[str]:
    return [n for n in names if territory.holds(n)]


def beginning(shard: str) -> Territory:
    """Give the territory of an operator that has just read that `mine` is a's, `other` b's and `plain` nobody's."""
    territory = Territory(shard, pause=5.0)
    assert not territory.survey([namespace("mine", "a"), namespace("other", "b"), namespace("plain")], 0.0)
    territory.due(0.0)
    return territory


@pytest.mark.parametrize(("shard", "names"), [("a", ["mine"]), ("b", ["other"]), ("", ["plain"]), ("c", [])])
def test_an_operator_works_where_the_label_names_it_and_the_unnamed_one_where_there_is_none(
    shard: str, names: list[str]
) -> None:
    assert held(beginning(shard), "mine", "other", "plain", "never-heard-of") == names


def test_every_namespace_is_one_operators_and_no_more() -> None:
    each = [beginning(shard) for shard in ("", "a", "b")]
    for name in ("mine", "other", "plain"):
        assert len([t for t in each if t.holds(name)]) == 1


def test_namespaces_that_are_named_are_held_whatever_their_labels_say() -> None:
    territory = Territory("a", named=("one", "two"))
    assert territory.scopes == ("one", "two")
    assert territory.holds("one")


def test_what_is_in_no_namespace_is_everybodys() -> None:
    assert beginning("c").holds("")


def test_a_namespace_that_moves_is_left_at_once_and_taken_over_after_the_pause() -> None:
    a, b = beginning("a"), beginning("b")
    moved = namespace("mine", "b")
    assert a.see(moved, 10.0)
    assert not b.see(moved, 10.0)
    assert (held(a, "mine"), held(b, "mine"), b.next_due()) == ([], [], 15.0)
    assert b.due(14.9) == []
    assert b.due(15.0) == ["mine"]
    assert (held(b, "mine"), b.next_due()) == (["mine"], None)


def test_a_namespace_that_comes_back_before_its_time_is_not_taken_over() -> None:
    b = beginning("b")
    b.see(namespace("mine", "b"), 10.0)
    assert not b.see(namespace("mine", "a"), 12.0)
    assert b.due(99.0) == []
    assert not b.holds("mine")


def test_a_new_namespace_was_nobodys_and_is_held_at_once() -> None:
    a = beginning("a")
    a.see(namespace("new", "a"), 10.0)
    assert a.due(10.0) == ["new"]


def test_a_change_of_something_else_moves_nothing() -> None:
    a = beginning("a")
    assert not a.see(namespace("mine", "a"), 10.0)
    assert a.holds("mine")
    assert a.next_due() is None


def test_a_full_list_brings_what_the_watch_missed() -> None:
    a = beginning("a")
    assert a.survey([namespace("other", "a"), namespace("plain")], 10.0) == {"mine"}
    assert a.due(15.0) == ["other"]
    assert held(a, "mine", "other", "plain") == ["other"]


def test_a_namespace_that_is_deleted_is_lost() -> None:
    a = beginning("a")
    assert a.see(namespace("mine", "a"), 1.0, deleted=True)
    assert held(a, "mine") == []


def test_a_word_is_sent_when_a_namespace_begins_to_come() -> None:
    a = beginning("a")
    a.news.clear()
    a.see(namespace("plain"), 1.0)
    assert not a.news.is_set()
    a.see(namespace("plain", "a"), 2.0)
    assert a.news.is_set()


CHAPTER = {
    "metadata": {"name": "c", "namespace": "mine", "uid": "u1", "resourceVersion": "7", "generation": 1},
    "spec": {"title": "T", "learningObjectives": ["L"], "courseContext": {"title": "C", "subjectDomain": "S"}},
}
JOB = {
    "metadata": {
        "name": "j", "namespace": "mine", "uid": "j1", "resourceVersion": "8",
        "labels": {"coursegen.dev/object-uid": "u1", "coursegen.dev/queue": "chapter-generation"},
        "ownerReferences": [{"uid": "u1", "controller": True}],
        "creationTimestamp": "2026-01-01T00:00:00Z",
    },
    "spec": {"template": {"spec": {"containers": [{"name": "worker", "image": "w"}]}}},
}  # fmt: skip


def working() -> Snapshot:
    snapshot = Snapshot(territory=beginning("a"))
    snapshot.apply("ChapterGeneration", CHAPTER)
    snapshot.apply_job(JOB)
    snapshot.namespace_uids["mine"] = "n1"
    assert snapshot.load.jobs == 1
    return snapshot


def test_nothing_of_another_operators_namespace_is_taken_in() -> None:
    snapshot = Snapshot(territory=beginning("b"))
    assert snapshot.apply("ChapterGeneration", CHAPTER) == set()
    assert snapshot.apply_job(JOB) == set()
    assert (snapshot.objects, snapshot.jobs, snapshot.load.jobs) == ({}, {}, 0)


def test_what_moves_away_holds_no_slot_any_more_and_is_visited_to_be_forgotten() -> None:
    snapshot = working()
    snapshot.territory.see(namespace("mine", "b"), 1.0)
    assert {str(k) for k in snapshot.leave("mine")} == {"ChapterGeneration/mine/c"}
    assert (snapshot.objects, snapshot.jobs, snapshot.load.jobs, snapshot.namespace_uids) == ({}, {}, 0, {})
    assert snapshot.apply("ChapterGeneration", CHAPTER) == set(), "an answer that comes late"
    assert snapshot.objects == {}


def test_a_namespace_that_was_made_anew_while_nobody_watched_is_not_taken_for_the_one_before() -> None:
    snapshot = working()
    snapshot.see_namespace("mine", "n1")
    assert snapshot.namespace_uids == {"mine": "n1"}
    snapshot.see_namespace("mine", "n2")
    assert snapshot.namespace_uids == {}, "which the next visit asks for"


def test_what_comes_back_is_as_before_though_it_is_older_than_the_last_full_list() -> None:
    snapshot = working()
    territory = snapshot.territory
    territory.see(namespace("mine", "b"), 1.0)
    snapshot.leave("mine")
    for kind in ("ChapterGeneration", "Job"):
        full_list(snapshot, kind, [], 100)
    territory.see(namespace("mine", "a"), 2.0)
    territory.due(99.0)
    snapshot.coming.add("mine")
    assert snapshot.apply("ChapterGeneration", CHAPTER)
    snapshot.apply_job(JOB)
    assert (len(snapshot.objects), snapshot.load.jobs) == (1, 1)
