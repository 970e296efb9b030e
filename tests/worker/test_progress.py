"""Progress: seen at once, at most two a second, never in the way."""

import asyncio
import itertools
import socket
import time

import pytest
from servers import SECONDS, RedisServer
from tests.ports import free_port
from worker_support import NAMESPACE

from coursegen_api import names
from coursegen_api.task import Progress as Message
from coursegen_operator.progress import ProgressReader, Redis
from coursegen_worker.progress import MIN_INTERVAL_SECONDS, Identity, Progress

pytestmark = pytest.mark.usefixtures("patient")

STREAM = names.progress_stream(NAMESPACE)
IDENTITY = Identity("uid-1", 2, 3, "pod-9")


def entries(server: RedisServer) -> list[dict[str, str]]:
    return [{k.decode(): v.decode() for k, v in fields.items()} for _, fields in server.client().xrange(STREAM)]


@pytest.fixture(autouse=True)
def _empty_stream(redis_server: RedisServer) -> None:
    redis_server.client().delete(STREAM)


def wait_for(server: RedisServer, count: int) -> list[dict[str, str]]:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if len(found := entries(server)) >= count:
            return found
        time.sleep(0.01)
    raise AssertionError(f"{count} messages did not come: {entries(server)}")


def test_the_first_message_comes_at_once_by_a_user_that_may_only_append(redis_server: RedisServer) -> None:
    progress = Progress(redis_server.tenant_url, STREAM, IDENTITY)
    first = wait_for(redis_server, 1)[0]
    progress.close()
    assert first["percentage"] == "0"
    assert first["podUid"] == "pod-9"


def test_messages_have_the_fields_of_the_contract(redis_server: RedisServer) -> None:
    Progress(redis_server.tenant_url, STREAM, IDENTITY).close(SECONDS)
    sent = entries(redis_server)[0]
    message = Message.model_validate(sent)
    assert message.fields() == sent


def test_many_reports_are_few_messages_and_the_last_one_is_among_them(redis_server: RedisServer) -> None:
    progress = Progress(redis_server.tenant_url, STREAM, IDENTITY)
    wait_for(redis_server, 1)
    began = time.monotonic()
    while time.monotonic() - began < 0.8:
        progress.report(100 * (time.monotonic() - began), "writing")
        time.sleep(0.001)
    progress.report(100, "done")
    progress.close(SECONDS)
    took = time.monotonic() - began
    found = entries(redis_server)
    assert len(found) <= 2 + 1 + took / MIN_INTERVAL_SECONDS
    assert (found[-1]["percentage"], found[-1]["stage"]) == ("100", "done")


def test_the_percentage_never_falls() -> None:
    progress = Progress(None, STREAM, IDENTITY)
    progress.report(40, "a")
    progress.report(20, "b")
    progress.report(400, "c")
    assert (progress.percentage, progress.stage) == (100, "c")


def test_a_part_of_the_task_moves_between_its_ends() -> None:
    progress = Progress(None, STREAM, IDENTITY)
    advance = progress.part(40, 60)
    advance(0.5, "half")
    assert progress.percentage == 50


@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1:{port}", "redis://nonsense:x", "ftp://host", "redis://", "rediss://127.0.0.1:{port}"]
)
def test_a_dead_redis_fails_and_slows_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coursegen_worker.progress.FIRST_RECONNECT_SECONDS", 60)
    began = time.monotonic()
    progress = Progress(url.format(port=free_port()), STREAM, IDENTITY)
    for share in range(100):
        progress.report(share, "writing")
    progress.close()
    assert time.monotonic() - began < 20


def test_a_redis_that_never_answers_slows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coursegen_worker.progress.REPLY_TIMEOUT_SECONDS", 60)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        began = time.monotonic()
        progress = Progress(f"redis://:secret@127.0.0.1:{mute.getsockname()[1]}", STREAM, IDENTITY)
        progress.report(50, "writing")
        progress.close(0.1)
        assert time.monotonic() - began < 20


def test_a_wrong_password_is_not_shown(redis_server: RedisServer, capfd: pytest.CaptureFixture[str]) -> None:
    Progress(f"redis://tenant:wrong-secret@127.0.0.1:{redis_server.port}", STREAM, IDENTITY).close(SECONDS)
    log = capfd.readouterr().err
    assert "progress-unavailable" in log
    assert "wrong-secret" not in log


@pytest.mark.parametrize("password", ["wrong-secret/x", "wrong-secret#x", "wrong-secret?x", "wrong-secret@x\u2100"])
def test_a_password_that_breaks_the_url_is_not_shown(password: str, capfd: pytest.CaptureFixture[str]) -> None:
    """What urllib says of such a URL quotes it."""
    Progress(f"redis://:{password}@127.0.0.1", STREAM, IDENTITY).close(SECONDS)
    log = capfd.readouterr().err
    assert "special characters as %XX" in log
    assert "wrong-secret" not in log


def test_a_pod_that_is_let_out_a_moment_after_its_start_loses_no_message(
    redis_server: RedisServer, capfd: pytest.CaptureFixture[str]
) -> None:
    """A network policy may not know it yet: until then it is refused."""
    client, port = redis_server.client(), free_port()
    progress = Progress(redis_server.tenant_url.replace(f":{redis_server.port}", f":{port}"), STREAM, IDENTITY)
    deadline = time.monotonic() + SECONDS
    while "ConnectionRefusedError" not in capfd.readouterr().err:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    client.config_set("port", port)
    try:
        while not client.xlen(STREAM):
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        client.config_set("port", redis_server.port)
        progress.close()


def test_it_reconnects_after_redis_was_away(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coursegen_worker.progress.RECONNECT_SECONDS", 0.05)
    monkeypatch.setattr("coursegen_worker.progress.FIRST_RECONNECT_SECONDS", 0.05)
    progress = Progress(redis_server.tenant_url, STREAM, IDENTITY)
    wait_for(redis_server, 1)
    redis_server.client().client_kill_filter(skipme=True, _type="normal")
    progress.report(10, "lost, perhaps")
    deadline = time.monotonic() + SECONDS
    for number in itertools.count():
        progress.report(11, f"again {number}")
        if any(int(e["percentage"]) > 10 for e in entries(redis_server)):
            break
        assert time.monotonic() < deadline
        time.sleep(0.05)
    progress.close()


async def test_what_is_no_text_is_counted_and_what_comes_after_it_is_read(redis_server: RedisServer) -> None:
    """Who may append to a stream may append anything; nobody that reads it may end of it."""
    word = Message(uid="u", revision=0, attempt=1, pod_uid="p", percentage=9, stage="s", time=1.0)
    client = redis_server.client()
    client.xadd(STREAM, {"uid": b"\xff\xfe"})
    client.xadd(STREAM, dict(word.fields()))
    url = f"redis://:{redis_server.password}@127.0.0.1:{redis_server.port}/0"
    unreadable: list[None] = []
    heard: asyncio.Queue[Message] = asyncio.Queue()
    reader = ProgressReader(Redis(url), lambda: {"ns": NAMESPACE}, lambda: unreadable.append(None))
    task = asyncio.create_task(reader.run(lambda message, namespace: heard.put_nowait(message)))
    first = asyncio.create_task(heard.get())
    await asyncio.wait({task, first}, return_when=asyncio.FIRST_COMPLETED)
    task.cancel()
    assert first.done()
    assert (first.result(), len(unreadable)) == (word, 1)
