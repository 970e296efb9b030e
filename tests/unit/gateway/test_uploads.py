"""Content from outside: what is taken, what is refused, and a clean-up that wants the same at the same moment."""

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import kopf
import pytest

from coursegen_api import names
from coursegen_api.task import MAX_CONTENT_BYTES
from coursegen_gateway import app, store, uploads
from coursegen_gateway.access import Caller, Right
from coursegen_gateway.gateway import Gateway
from coursegen_gateway.problems import Problem
from coursegen_gateway.settings import Settings
from coursegen_gateway.state import EXPORTS, NAMESPACES, VALIDATIONS
from coursegen_operator.access import Access
from coursegen_worker import renewal
from coursegen_worker.store import Store as WorkersStore

from ..simulated import simulated

NAMESPACE_UID = "6f2b0c1e-8a54-4c0e-9a57-2f1f3c9d7a10"
TEXT = b"# Loops\n\nA loop runs again."
MARKDOWN, JSON = "text/markdown", "application/json"


class Rights:
    """A gate that knows alice, and lets her do what is listed."""

    def __init__(self, *rights: Right) -> None:
        self.rights = rights

    async def caller(self, token: str) -> Caller:
        return Caller("alice", "", (), (), token)

    async def may(self, caller: Caller, right: Right) -> bool:
        return right in self.rights

    async def demand(self, caller: Caller, right: Right, what: str) -> None:
        if not await self.may(caller, right):
            raise Problem(403, f"You may not {what}.")


def a_gateway(folder: Path, *, rights: tuple[str, ...] = (EXPORTS,), **settings: Any) -> Gateway:
    """Make a gateway without a cluster, for who may create some kinds in the namespace n."""
    given = {"store_url": folder.as_uri()} | settings
    gateway = Gateway(Settings(**given), Access(kopf.ConnectionInfo(server="http://127.0.0.1:1")))
    gateway.gate = Rights(*(Right("create", kind, "n") for kind in rights))  # type: ignore[assignment]
    gateway.state.put(NAMESPACES, {"metadata": {"name": "n", "uid": NAMESPACE_UID, "resourceVersion": "1"}})
    return gateway


async def sent(gateway: Gateway, body: Any, media: str = MARKDOWN, namespace: str = "n") -> httpx.Response:
    transport = httpx.ASGITransport(app=app.build(gateway))
    headers = {"Authorization": "Bearer token"} | ({"Content-Type": media} if media else {})
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway.example", headers=headers) as client:
        return await client.post("/api/v1/uploads", params={"namespace": namespace}, content=body)


def kept(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize(
    ("body", "media", "ending"),
    [
        (TEXT, MARKDOWN, "md"),
        ("# Übungen".encode(), "Text/Markdown; charset=utf-8", "md"),
        (b'{"title": "Loops", "content": "A loop."}', JSON, "json"),
        (b'\xef\xbb\xbf\n {"title": "Loops"}', JSON, "json"),
        (b"x" * MAX_CONTENT_BYTES, MARKDOWN, "md"),
    ],
    ids=["markdown", "charset", "json", "byte order mark", "as large as can be"],
)
async def test_content_is_kept_under_the_hash_of_its_bytes(
    tmp_path: Path, body: bytes, media: str, ending: str
) -> None:
    gateway, digest = a_gateway(tmp_path), hashlib.sha256(body).hexdigest()
    for _ in range(2):
        answer = await sent(gateway, body, media)
        assert answer.status_code == 201, answer.text
        assert answer.json() == {
            "artifact_key": f"{NAMESPACE_UID}/upload/{digest}.{ending}", "namespace": "n", "sha256": digest,
            "bytes": len(body), "media_type": media.partition(";")[0].lower(),
        }  # fmt: skip
    assert kept(tmp_path) == [answer.json()["artifact_key"]]
    assert (tmp_path / answer.json()["artifact_key"]).read_bytes() == body


@pytest.mark.parametrize(
    ("body", "media", "status", "words"),
    [
        (b"a\xff", MARKDOWN, 422, "not UTF-8"),
        ("ü".encode()[:1], MARKDOWN, 422, "not UTF-8"),
        (b"", MARKDOWN, 422, "empty"),
        (b" \n\t", JSON, 422, "empty"),
        (b"[1]", JSON, 422, "JSON object"),
        (TEXT, JSON, 422, "JSON object"),
        (b"%PDF-1.7", "application/pdf", 415, "text/markdown"),
        (TEXT, "", 415, "Content-Type"),
        (b"x" * (MAX_CONTENT_BYTES + 1), MARKDOWN, 413, "at most 10 MiB"),
    ],
    ids=["bytes", "cut", "nothing", "blank", "list", "text as json", "pdf", "no type", "too large"],
)
async def test_what_cannot_be_used_is_refused_in_words_and_not_kept(
    tmp_path: Path, body: bytes, media: str, status: int, words: str
) -> None:
    answer = await sent(a_gateway(tmp_path), body, media)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert words in answer.json()["detail"]
    assert kept(tmp_path) == []


async def test_a_body_that_does_not_say_how_long_it_is_ends_at_the_bound(tmp_path: Path) -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 1024 * 1024
            yield b"x" * 1024 * 1024

    answer = await sent(a_gateway(tmp_path), endless())
    assert (answer.status_code, "at most 10 MiB" in answer.json()["detail"]) == (413, True)
    assert taken <= MAX_CONTENT_BYTES + 1024 * 1024
    assert kept(tmp_path) == []


@pytest.mark.parametrize(
    ("made", "namespace", "status", "words"),
    [
        ({"rights": (VALIDATIONS,)}, "n", 201, ""),
        ({"rights": (EXPORTS,)}, "n", 201, ""),
        ({"rights": ()}, "n", 403, "may not send content"),
        ({}, "other", 403, "may not send content"),
        ({}, "", 422, "namespace"),
        ({}, "../x", 422, "namespace"),
        ({"read_only": True}, "n", 403, "read-only"),
        ({"namespaces": ("other",)}, "n", 403, "for other"),
        ({"store_url": ""}, "n", 503, "ConfigMap"),
    ],
)
async def test_content_is_taken_from_who_may_have_it_validated_or_exported(
    tmp_path: Path, made: dict[str, Any], namespace: str, status: int, words: str
) -> None:
    answer = await sent(a_gateway(tmp_path, **made), TEXT, namespace=namespace)
    assert (answer.status_code, words in answer.text) == (status, True), answer.text
    assert bool(kept(tmp_path)) == (status == 201)


async def test_a_namespace_that_is_not_there_has_no_place_for_content(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path)
    gateway.gate.rights = (Right("create", EXPORTS, "gone"),)  # type: ignore[attr-defined]
    answer = await sent(gateway, TEXT, namespace="gone")
    assert (answer.status_code, kept(tmp_path)) == (404, [])


async def test_a_few_send_at_once_and_who_comes_then_is_asked_to_wait(tmp_path: Path) -> None:
    gateway, go_on = a_gateway(tmp_path), asyncio.Event()
    begun = asyncio.Barrier(5)

    async def slowly(number: int) -> AsyncIterator[bytes]:
        yield b"# "
        await begun.wait()
        await go_on.wait()
        yield str(number).encode()

    sending = [asyncio.create_task(sent(gateway, slowly(n))) for n in range(4)]
    await begun.wait()
    refused = await sent(gateway, TEXT)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    go_on.set()
    assert [(await one).status_code for one in sending] == [201] * 4
    assert (await sent(gateway, TEXT)).status_code == 201


@simulated
async def test_a_body_that_does_not_come_to_its_end_is_given_up_after_a_minute() -> None:
    async def never() -> AsyncIterator[bytes]:
        yield b"# "
        await asyncio.sleep(3600)

    loop = asyncio.get_running_loop()
    begun = loop.time()
    with pytest.raises(Problem, check=lambda p: p.status == 408):
        await uploads._read(never(), "md")
    assert loop.time() - begun == pytest.approx(60)


# ---- beside a clean-up ------------------------------------------------------------------------------------

KEY = names.upload_key(NAMESPACE_UID, hashlib.sha256(TEXT).hexdigest(), "md")


class Meddled(store.Store):
    """A store in which something happens just before, or just after, it is looked for an announcement."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder.as_uri())
        self.before: Callable[[], object] | None = None
        self.after: Callable[[], object] | None = None

    async def _written(self, key: str) -> datetime | None:
        looked_for = key.endswith(names.STORE_ANNOUNCED)
        if looked_for and self.before:
            happens, self.before = self.before, None
            happens()
        found = await super()._written(key)
        if looked_for and self.after:
            happens, self.after = self.after, None
            happens()
        return found


@pytest.fixture
def meddled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Meddled:
    monkeypatch.setattr(store, "_LOOK_SECONDS", 0.0)
    (tmp_path / KEY).parent.mkdir(parents=True)
    return Meddled(tmp_path)


def removal(folder: Path) -> Callable[[], None]:
    """Give the rest of a removal: the content goes, then the announcement."""

    def finish() -> None:
        (folder / KEY).unlink()
        (folder / (KEY + names.STORE_ANNOUNCED)).unlink(missing_ok=True)

    return finish


async def test_what_a_clean_up_removes_at_that_moment_is_written_again(tmp_path: Path, meddled: Meddled) -> None:
    (tmp_path / (KEY + names.STORE_ANNOUNCED)).write_bytes(b"120")
    meddled.after = removal(tmp_path)
    await meddled.keep(KEY, TEXT)
    assert kept(tmp_path) == [KEY]


async def test_what_was_removed_before_it_was_looked_for_is_written_again(tmp_path: Path, meddled: Meddled) -> None:
    meddled.before = removal(tmp_path)
    await meddled.keep(KEY, TEXT)
    assert kept(tmp_path) == [KEY]


async def test_a_removal_that_does_not_end_is_said_and_one_of_the_dead_is_none(
    tmp_path: Path, meddled: Meddled
) -> None:
    announced = tmp_path / (KEY + names.STORE_ANNOUNCED)
    announced.write_bytes(b"120")
    with pytest.raises(Problem, check=lambda p: p.status == 503):
        await meddled.keep(KEY, TEXT)
    long_ago = (datetime.now(UTC) - timedelta(hours=3)).timestamp()
    os.utime(announced, (long_ago, long_ago))
    await meddled.keep(KEY, TEXT)


async def test_beside_the_workers_own_clean_up_nothing_that_was_sent_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(store, "_LOOKS", 10_000)  # the thread that removes may be kept from it for long
    there, cleaners = store.Store(tmp_path.as_uri()), WorkersStore.open(tmp_path.as_uri(), NAMESPACE_UID)
    old = time.time() - 40 * 24 * 3600
    with ThreadPoolExecutor(1) as pool:
        for _ in range(25):
            (tmp_path / KEY).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / KEY).write_bytes(TEXT)
            os.utime(tmp_path / KEY, (old, old))
            before = datetime.now(UTC) - timedelta(days=30)
            removing = asyncio.get_running_loop().run_in_executor(
                pool, renewal.remove, cleaners, KEY, [KEY], before, 120
            )
            await there.keep(KEY, TEXT)
            await removing
            assert kept(tmp_path) == [KEY]


def test_a_secrets_settings_that_are_for_other_programs_are_passed_over() -> None:
    """Its workers pass them over as well: the same entries serve both."""
    said = {"COURSEGEN_STORE_URL": "s3://c", "AWS_REGION": "eu-central-1", "AWS_PROFILE": "me", "AWS_CA_BUNDLE": "/ca"}
    assert store._opened(said).config == {"bucket": "c", "region": "eu-central-1"}
