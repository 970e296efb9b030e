"""The store: content-addressed keys, one winner, damage found and mended; on a real S3 server and on a folder."""

import json
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from servers import S3Server
from worker_support import NAMESPACE, OTHER_NAMESPACE

from coursegen_api.base import FailureClass, StoreKey
from coursegen_worker import artifacts
from coursegen_worker.documents import Chapter, Generator, Paragraph, Section
from coursegen_worker.failures import TaskFailedError
from coursegen_worker.store import Store, TooLargeError, content_key

KEY = f"{NAMESPACE}/chapter/{'a' * 64}.json"


def chapter(text: str = "A loop repeats.") -> Chapter:
    return Chapter.model_validate(
        {
            "chapter_id": "c1",
            "course": {"title": "Python"},
            "index": 1,
            "title": "Loops",
            "complexity_level": "beginner",
            "objectives": [],
            "generator": Generator(writer="template", llm=False, version="1"),
            "sections": [Section(id="s1", kind="concept", title="One", blocks=[Paragraph(text=text)])],
        }
    )


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    if request.param == "folder":
        return Store.open(tmp_path.as_uri(), NAMESPACE)
    server: S3Server = request.getfixturevalue("s3_server")
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return Store.open(f"{server.url}/{tmp_path.name}", NAMESPACE)


def test_what_was_written_is_read_back(store: Store) -> None:
    assert store.read(KEY, 100) is None
    assert store.create(KEY, b"one")
    assert store.read(KEY, 100) == b"one"


def test_create_never_writes_over_what_is_there(store: Store) -> None:
    assert store.create(KEY, b"one")
    assert not store.create(KEY, b"two")
    assert store.read(KEY, 100) == b"one"


def test_replace_writes_over_what_is_there(store: Store) -> None:
    store.create(KEY, b"one")
    assert store.replace(KEY, b"two")
    assert store.read(KEY, 100) == b"two"


def test_a_reader_is_never_given_more_than_it_allows(store: Store) -> None:
    store.create(KEY, b"x" * 101)
    with pytest.raises(TooLargeError):
        store.read(KEY, 100)


@pytest.mark.parametrize(
    "key",
    [
        f"{OTHER_NAMESPACE}/chapter/{'a' * 64}.json",
        f"{NAMESPACE}/chapter/../../{OTHER_NAMESPACE}/chapter/x",
        f"{NAMESPACE}/chapter/",
        f"/{KEY}",
        "chapter",
        "",
    ],
)
def test_keys_of_others_are_refused(store: Store, key: str) -> None:
    for call in (lambda: store.read(key, 1), lambda: store.create(key, b""), lambda: store.replace(key, b"")):
        with pytest.raises(TaskFailedError) as caught:
            call()
        assert caught.value.failure is FailureClass.INVALID_INPUT


def test_a_document_is_found_whole_or_not_at_all(store: Store) -> None:
    artifacts.commit_document(store, KEY, chapter())
    found = artifacts.find_document(store, KEY, Chapter)
    assert found is not None
    assert found[1].sections == chapter().sections


@pytest.mark.parametrize(
    "damage", [b"", b"{}", b"not json", chapter().seal()[:-20], chapter().seal().replace(b"loop", b"loot")]
)
def test_a_damaged_document_is_a_miss_and_is_replaced(store: Store, damage: bytes) -> None:
    store.create(KEY, damage)
    assert artifacts.find_document(store, KEY, Chapter) is None
    artifact, _ = artifacts.commit_document(store, KEY, chapter())
    found = artifacts.find_document(store, KEY, Chapter)
    assert found is not None
    assert found[0] == artifact


def test_a_file_without_its_mark_is_a_miss(store: Store) -> None:
    key = f"{NAMESPACE}/export/{'b' * 64}.pdf"
    store.create(key, b"%PDF half")
    assert artifacts.find_file(store, key) is None
    artifact = artifacts.commit_file(store, key, b"%PDF whole", "application/pdf")
    assert artifacts.find_file(store, key) == artifact
    assert store.read(key, 100) == b"%PDF whole"


def test_a_file_unlike_its_mark_is_a_miss_and_is_replaced(store: Store) -> None:
    key = f"{NAMESPACE}/export/{'c' * 64}.pdf"
    artifacts.commit_file(store, key, b"%PDF one", "application/pdf")
    store.replace(key, b"%PDF two")
    assert artifacts.find_file(store, key) is None
    artifacts.commit_file(store, key, b"%PDF one", "application/pdf")
    assert artifacts.find_file(store, key) is not None


def test_of_many_writers_at_once_one_wins_and_the_others_take_its_artifact(store: Store) -> None:
    found = []
    barrier = threading.Barrier(6)

    def write(number: int) -> None:
        barrier.wait()
        found.append(artifacts.commit_document(store, KEY, chapter(f"Written by {number}.")))

    writers = [threading.Thread(target=write, args=(n,)) for n in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(found) == 6
    assert len({artifact.sha256 for artifact, _ in found}) == 1
    stored = artifacts.find_document(store, KEY, Chapter)
    assert stored is not None
    assert stored[0] == found[0][0]


def test_a_store_that_is_not_there_is_unavailable(monkeypatch: pytest.MonkeyPatch, s3_server: S3Server) -> None:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    for url in ("s3://no-such-bucket", "nonsense", "http://example.org/", None):
        with pytest.raises(TaskFailedError) as caught:
            Store.open(url, NAMESPACE).create(KEY, b"x")
        assert caught.value.failure is FailureClass.STORAGE_UNAVAILABLE


def test_wrong_credentials_are_told_without_being_shown(monkeypatch: pytest.MonkeyPatch, s3_server: S3Server) -> None:
    for name, value in (s3_server.environment | {"AWS_SECRET_ACCESS_KEY": "not-the-secret"}).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(TaskFailedError) as caught:
        Store.open(s3_server.url, NAMESPACE).create(KEY, b"x")
    assert caught.value.failure is FailureClass.STORAGE_UNAVAILABLE
    assert "not-the-secret" not in caught.value.message
    assert "\n" not in caught.value.message


IDENTITY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), IDENTITY, max_size=5))
def test_a_key_is_a_function_of_the_content_alone(identity: dict[str, object]) -> None:
    key = content_key(NAMESPACE, "chapter", "json", identity)
    assert TypeAdapter(StoreKey).validate_python(key) == key
    shuffled = dict(sorted(identity.items(), reverse=True))
    assert content_key(NAMESPACE, "chapter", "json", shuffled) == key
    assert content_key(NAMESPACE, "chapter", "json", json.loads(json.dumps(identity))) == key


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Learn  Python ", "Learn Python", True),
        ("Caf\u00e9", "Cafe\u0301", True),
        ("Learn Python", "Learn python", False),
        ("a", "b", False),
    ],
)
def test_keys_look_through_spaces_and_unicode_forms(one: str, other: str, same: bool) -> None:
    keys = {content_key(NAMESPACE, "chapter", "json", {"title": text}) for text in (one, other)}
    assert (len(keys) == 1) is same
