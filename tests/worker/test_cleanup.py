"""Clean-up on a real S3 server and on a folder: what goes, what stays, and what happens when both want the same."""

import json
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from servers import S3Server
from worker_support import NAMESPACE, OTHER_NAMESPACE, Worker, make_task

from coursegen_api.base import FailureClass
from coursegen_api.inuse import InUse
from coursegen_api.task import CleanupTask, TaskResult
from coursegen_worker import artifacts, renewal, tasks
from coursegen_worker.documents import Chapter, Generator, Paragraph, Section
from coursegen_worker.failures import TaskFailedError
from coursegen_worker.meter import Meter
from coursegen_worker.progress import Identity, Progress
from coursegen_worker.store import Store

DAY = 24 * 3600


def key(letter: str, kind: str = "chapter", extension: str = "json", namespace: str = NAMESPACE) -> str:
    return f"{namespace}/{kind}/{letter * 64}.{extension}"


@dataclass(frozen=True)
class Aging:
    """A store over a folder, whose files can be made old."""

    store: Store
    folder: Path

    def age(self, name: str, days: float) -> None:
        """Set back when a file was written, which the server tells as its LastModified."""
        then = time.time() - days * DAY
        os.utime(self.folder / name, (then, then))

    def put(self, name: str, days: float, data: bytes = b"x") -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self.age(name, days)
        return name

    def there(self, name: str) -> bool:
        return (self.folder / name).exists()


@pytest.fixture(params=["folder", "s3"])
def aging(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Aging:
    if request.param == "folder":
        return Aging(Store.open(tmp_path.as_uri(), NAMESPACE), tmp_path)
    server: S3Server = request.getfixturevalue("s3_server")
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    bucket = server.folder.parent / tmp_path.name.replace("_", "-")[:60]
    bucket.mkdir()
    return Aging(Store.open(f"s3://{bucket.name}", NAMESPACE, retries=0), bucket)


def clean(store: Store, *in_use: str, retention_days: int = 30, deadline_seconds: int = 120) -> TaskResult:
    work = CleanupTask(retention_days=retention_days, in_use=InUse.of(in_use, "salt"))
    progress = Progress(None, "", Identity("", 0, 0, ""))
    tools = tasks.Tools(store, progress, Meter(), time.monotonic() + deadline_seconds)
    return tasks.run(make_task(work, deadline_seconds=deadline_seconds), tools)


def chapter() -> Chapter:
    return Chapter.model_validate(
        {
            "chapter_id": "c1",
            "course": {"title": "Python"},
            "index": 1,
            "title": "Loops",
            "complexity_level": "beginner",
            "objectives": [],
            "generator": Generator(writer="template", llm=False, version="1"),
            "sections": [Section(id="s1", kind="concept", title="One", blocks=[Paragraph(text="A loop repeats.")])],
        }
    )


def test_only_what_is_old_unused_and_made_here_goes(aging: Aging) -> None:
    stays = [
        aging.put(key("a"), 29),
        aging.put(key("b"), 400),  # in use
        aging.put(f"{NAMESPACE}/chapter/mine.json", 400),
        aging.put(f"{NAMESPACE}/uploads/{'a' * 63}.json", 400),
        aging.put(key("a", namespace=OTHER_NAMESPACE), 400),
    ]
    goes = [aging.put(key("c"), 31), aging.put(key("d", "outline"), 400), aging.put(key("e", "cleanup"), 400)]
    goes += [aging.put(key("f", "upload", "md"), 31)]
    result = clean(aging.store, key("b"))
    assert [aging.there(name) for name in stays] == [True] * 5
    assert [aging.there(name) for name in goes] == [False] * 4
    assert result.cleanup
    assert (result.cleanup.removed, result.cleanup.removed_bytes, result.cleanup.kept) == (4, 4, 2)
    assert result.cleanup.complete
    assert result.artifact
    told = json.loads((aging.folder / result.artifact.key).read_bytes())
    assert sorted(entry["key"] for entry in told["removed"]) == sorted(goes)
    assert not list(aging.folder.rglob(f"*{renewal.ANNOUNCED}"))


def test_a_file_goes_with_its_mark_and_stays_while_either_is_young(aging: Aging) -> None:
    old, young = key("a", "export", "pdf"), key("b", "export", "pdf")
    for name, days in ((old, 31), (f"{old}.mark", 31), (young, 31), (f"{young}.mark", 1)):
        aging.put(name, days)
    result = clean(aging.store)
    assert result.cleanup
    assert (result.cleanup.removed, result.cleanup.kept) == (1, 1)
    assert [aging.there(n) for n in (old, f"{old}.mark", young, f"{young}.mark")] == [False, False, True, True]


def test_an_empty_store_is_clean(aging: Aging) -> None:
    result = clean(aging.store)
    assert result.cleanup
    assert (result.cleanup.removed, result.cleanup.kept, result.cleanup.complete) == (0, 0, True)


def test_what_there_is_no_time_for_is_left_to_the_next_run(aging: Aging, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coursegen_worker.tasks.cleanup._SHARE_OF_DEADLINE", -1.0)
    aging.put(key("a"), 31)
    result = clean(aging.store)
    assert result.cleanup
    assert not result.cleanup.complete
    assert aging.there(key("a"))


def test_the_process_of_a_worker_cleans_up(s3_server: S3Server, tmp_path: Path) -> None:
    bucket = s3_server.folder.parent / "process"
    old = bucket / key("a")
    old.parent.mkdir(parents=True)
    old.write_bytes(b"old")
    os.utime(old, (0, 0))
    worker = Worker(tmp_path, "s3://process", s3_server.environment)
    work = CleanupTask(retention_days=2, in_use=InUse.of([], ""))
    ended = worker.run(work)
    assert ended.code == 0, ended.log
    assert ended.result.cleanup
    assert (ended.result.cleanup.removed, old.exists()) == (1, False)


# ---- taking over ------------------------------------------------------------------------------------


def old_document(aging: Aging) -> str:
    artifacts.commit_document(aging.store, key("a"), chapter())
    aging.age(key("a"), 40)
    return key("a")


def announce(aging: Aging, name: str, days: float) -> None:
    assert aging.store.create(name + renewal.ANNOUNCED, b"")
    aging.age(name + renewal.ANNOUNCED, days)


def test_an_old_document_that_is_taken_over_is_young_again_and_the_same(aging: Aging) -> None:
    name = old_document(aging)
    before = (aging.folder / name).read_bytes()
    assert artifacts.reuse_document(aging.store, name, Chapter)
    assert (aging.folder / name).read_bytes() == before
    clean(aging.store)
    assert aging.there(name)


def test_an_old_file_that_is_taken_over_is_young_again_and_its_mark_too(aging: Aging) -> None:
    name = key("a", "export", "pdf")
    made = artifacts.commit_file(aging.store, name, b"%PDF", "application/pdf")
    for part in (name, f"{name}.mark"):
        aging.age(part, 40)
    assert artifacts.reuse_file(aging.store, name) == made
    clean(aging.store)
    assert artifacts.find_file(aging.store, name) == made


def test_a_young_document_is_taken_over_as_it_is(aging: Aging) -> None:
    artifacts.commit_document(aging.store, key("a"), chapter())
    aging.age(key("a"), 0.9)
    before = (aging.folder / key("a")).stat().st_mtime
    assert artifacts.reuse_document(aging.store, key("a"), Chapter)
    assert (aging.folder / key("a")).stat().st_mtime == before


def during(aging: Aging, monkeypatch: pytest.MonkeyPatch, step: str, action: Callable[[], object]) -> None:
    """Have something happen once, in the middle of a removal: right before the store's next `step`."""
    real, left = getattr(Store, step), [action]

    def then(store: Store, name: str, *more: object) -> object:
        if left and not name.endswith("now"):
            left.pop()()
        return real(store, name, *more)

    monkeypatch.setattr(Store, step, then)


def test_a_document_that_is_taken_over_before_the_last_look_stays(
    aging: Aging, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = old_document(aging)
    before = aging.store.now_by_us() - timedelta(days=30)

    def touch() -> None:
        aging.store.replace(name, (aging.folder / name).read_bytes())

    during(aging, monkeypatch, "look", touch)
    assert not renewal.remove(aging.store, name, [name], before)
    assert aging.there(name)


def test_who_takes_over_while_it_is_being_deleted_makes_it_anew(aging: Aging, monkeypatch: pytest.MonkeyPatch) -> None:
    name = old_document(aging)
    taken: list[object] = []
    other = threading.Thread(target=lambda: taken.append(artifacts.reuse_document(aging.store, name, Chapter)))

    def begin_to_take_over() -> None:
        monkeypatch.undo()  # `during` has happened
        other.start()
        while (aging.folder / name).stat().st_mtime < time.time() - DAY:  # until it has been written again
            time.sleep(0.01)

    before = aging.store.now_by_us() - timedelta(days=30)
    during(aging, monkeypatch, "delete", begin_to_take_over)
    assert renewal.remove(aging.store, name, [name], before)
    other.join(60)
    assert taken == [None]
    assert not list(aging.folder.rglob(f"*{renewal.ANNOUNCED}"))


def test_a_removal_that_does_not_end_is_a_failure_that_passes(aging: Aging, monkeypatch: pytest.MonkeyPatch) -> None:
    name = old_document(aging)
    announce(aging, name, 0)
    monkeypatch.setattr(renewal, "_WAIT_SECONDS", 0)
    with pytest.raises(TaskFailedError, match="being removed") as caught:
        artifacts.reuse_document(aging.store, name, Chapter)
    assert caught.value.failure is FailureClass.STORAGE_UNAVAILABLE


@pytest.mark.parametrize("days", [0.0, 0.5])
def test_what_another_clean_up_has_announced_is_left_to_it(aging: Aging, days: float) -> None:
    name = old_document(aging)
    announce(aging, name, days)
    assert clean(aging.store).cleanup
    assert aging.there(name)
    left_behind = days * DAY > 2 * 3600
    assert aging.there(name + renewal.ANNOUNCED) is not left_behind
    result = clean(aging.store).cleanup
    assert result
    assert result.removed == (1 if left_behind else 0)


def test_an_announcement_of_one_who_was_killed_keeps_nobody(aging: Aging) -> None:
    name = old_document(aging)
    announce(aging, name, 1)
    assert artifacts.reuse_document(aging.store, name, Chapter)


def test_a_clean_up_that_was_killed_keeps_nobody_longer_than_it_could_have_lived(
    aging: Aging, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = old_document(aging)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    before = aging.store.now_by_us() - timedelta(days=30)
    with monkeypatch.context() as patched:
        patched.setattr(Store, "delete", killed)
        with pytest.raises(KeyboardInterrupt):
            renewal.remove(aging.store, name, [name], before, lives_seconds=120)
    monkeypatch.setattr(renewal, "_WAIT_SECONDS", 0)
    aging.age(name + renewal.ANNOUNCED, 140 / DAY)
    with pytest.raises(TaskFailedError, match="being removed"):
        artifacts.reuse_document(aging.store, name, Chapter)
    aging.age(name, 40)
    aging.age(name + renewal.ANNOUNCED, 160 / DAY)
    assert artifacts.reuse_document(aging.store, name, Chapter)


def test_the_run_after_one_that_was_killed_goes_on_with_all_that_it_had_announced(aging: Aging) -> None:
    names = [aging.put(key(letter), 40) for letter in "0123456789abcdef"]
    for name in names:
        announce(aging, name, 1)
    assert clean(aging.store).cleanup
    result = clean(aging.store).cleanup
    assert result
    assert result.removed == len(names)
    assert not list(aging.folder.rglob(f"*{renewal.ANNOUNCED}"))


def test_many_may_ask_for_the_time_at_once(aging: Aging) -> None:
    stores = [aging.store, aging.store, *(Store(aging.store._backend, NAMESPACE) for _ in range(3))]
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(Store.now, stores * 8))
    assert max(told) - min(told) < timedelta(seconds=30)
