"""The client, against a real HTTP server on loopback."""

import asyncio
from collections.abc import AsyncIterator, Callable

import kopf
import pytest
from aiohttp import web

from coursegen_operator.access import Access
from coursegen_operator.kube import ApiError, ApiUnreachable, Kube, path_of

Handler = Callable[[web.Request], web.Response]


class Server:
    """Answers each request with the next of its answers, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: list[web.Response] = []
        self.asked: list[tuple[str, str, str]] = []
        self.accepted: list[str] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append((request.method, request.path_qs, await request.text()))
        self.accepted.append(request.headers["Accept"])
        return self.answers.pop(0)


@pytest.fixture
async def server() -> AsyncIterator[tuple[Server, Kube]]:
    answers = Server()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answers.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with Kube(Access(kopf.ConnectionInfo(server=f"http://127.0.0.1:{port}"))) as kube:
        yield answers, kube
    await runner.cleanup()


async def test_a_busy_server_is_asked_again_as_it_says(server: tuple[Server, Kube]) -> None:
    answers, kube = server
    answers.answers = [web.json_response({}, status=429, headers={"Retry-After": "0"}), web.json_response({"ok": 1})]
    assert await kube.get("/x") == {"ok": 1}
    assert len(answers.asked) == 2


async def test_a_server_that_stays_busy_is_left_alone_as_long_as_it_says_before_that_is_told(
    server: tuple[Server, Kube], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, kube = server
    answers.answers = [web.json_response({}, status=429, headers={"Retry-After": "7"}) for _ in range(6)]
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr("coursegen_operator.kube.asyncio.sleep", pause)
    with pytest.raises(ApiError, match="429"):
        await kube.create("/x", {})
    assert (len(answers.asked), pauses) == (6, [7.0] * 6)


async def test_a_refusal_is_raised_with_its_reason(server: tuple[Server, Kube]) -> None:
    answers, kube = server
    answers.answers = [web.json_response({"reason": "Conflict", "message": "stale"}, status=409)]
    with pytest.raises(ApiError, match="stale") as raised:
        await kube.patch_status("/x", {})
    assert (raised.value.status, raised.value.reason) == (409, "Conflict")


@pytest.mark.parametrize("metadata_only", [True, False])
async def test_of_a_write_no_more_is_told_than_is_asked_for(server: tuple[Server, Kube], metadata_only: bool) -> None:
    answers, kube = server
    answers.answers = [web.json_response({}), web.json_response({})]
    await kube.create("/x", {}, metadata_only=metadata_only)
    await kube.patch_status("/x", {}, metadata_only=metadata_only)
    assert ["as=PartialObjectMetadata" in accepted for accepted in answers.accepted] == [metadata_only] * 2


async def test_a_list_is_read_to_its_last_page(server: tuple[Server, Kube]) -> None:
    answers, kube = server
    pages = [{"metadata": {"continue": "more"}, "items": [1]}, {"metadata": {"resourceVersion": "9"}, "items": [2]}]
    answers.answers = [web.json_response(p) for p in pages]
    assert await kube.list("/x") == [1, 2]
    assert "continue=more" in answers.asked[1][1]


async def test_every_delete_is_in_the_background_and_of_the_right_object(server: tuple[Server, Kube]) -> None:
    answers, kube = server
    answers.answers = [web.json_response({})]
    await kube.delete("/x", uid="u1")
    assert '"propagationPolicy":"Background"' in answers.asked[0][2]
    assert '"preconditions":{"uid":"u1"}' in answers.asked[0][2]


@pytest.mark.parametrize("body", [b'{"half":', b"\x1f\x8b\x08"], ids=["half", "no text"])
async def test_half_an_answer_is_no_answer(server: tuple[Server, Kube], body: bytes) -> None:
    answers, kube = server
    answers.answers = [web.Response(body=body, content_type="application/json")]
    with pytest.raises(ApiUnreachable):
        await kube.get("/x")


async def test_a_replica_that_does_not_lead_writes_nothing(server: tuple[Server, Kube]) -> None:
    answers, kube = server
    kube.may_write = lambda: False
    with pytest.raises(ApiUnreachable):
        await kube.create("/x", {})
    assert answers.asked == []


async def test_a_write_is_checked_when_its_first_byte_is_sent(server: tuple[Server, Kube]) -> None:
    answers, kube = server
    answers.answers = [web.json_response({}), web.json_response({})]
    await kube.get("/x")  # the connection is there
    leads = True
    kube.may_write = lambda: leads
    write = asyncio.create_task(kube.create("/x", {}))
    for _ in range(3):  # as far as aiohttp goes before it writes
        await asyncio.sleep(0)
        if kube._writes:
            break
    leads = False
    with pytest.raises(ApiUnreachable, match="does not lead"):
        await write
    assert [verb for verb, *_ in answers.asked] == ["GET"]


async def test_a_write_that_is_asked_for_again_later_is_checked_again(server: tuple[Server, Kube]) -> None:
    answers, kube = server
    answers.answers = [web.json_response({}, status=429, headers={"Retry-After": "0"})]
    leads = iter([True, False])
    kube.may_write = lambda: next(leads)
    with pytest.raises(ApiUnreachable, match="does not lead"):
        await kube.create("/x", {})
    assert len(answers.asked) == 1


async def test_what_a_leader_writes_has_a_bounded_time_to_take_effect(server: tuple[Server, Kube]) -> None:
    answers, kube = server
    kube.write_seconds = 5
    answers.answers = [web.json_response({}), web.json_response({}), web.json_response({})]
    await kube.create("/x", {})
    await kube.delete("/x")
    await kube.get("/x")
    assert [path for _, path, _ in answers.asked] == ["/x?fieldValidation=Strict&timeout=5s", "/x?timeout=5s", "/x"]


async def test_it_is_known_when_every_write_is_answered(server: tuple[Server, Kube]) -> None:
    answers, kube = server
    answers.answers = [web.json_response({})]
    write = asyncio.create_task(kube.create("/x", {}))
    await asyncio.sleep(0)
    quiet = asyncio.create_task(kube.all_answered())
    await asyncio.wait([write, quiet], return_when=asyncio.FIRST_COMPLETED)
    assert write.done()
    await quiet


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        (("jobs", "n", "j"), "/apis/batch/v1/namespaces/n/jobs/j"),
        (("pods", "n"), "/api/v1/namespaces/n/pods"),
        (("namespaces", "", "n"), "/api/v1/namespaces/n"),
        (("generationqueues", "", "q", "status"), "/apis/coursegen.dev/v1alpha1/generationqueues/q/status"),
    ],
)
def test_paths(arguments: tuple[str, ...], path: str) -> None:
    assert path_of(*arguments) == path
