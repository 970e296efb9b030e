"""The parts of the gateway on their own: state, listeners, tickets, limits, settings, and its OpenAPI document."""

import asyncio
import contextlib
import ssl
from typing import Any

import httpx
import kopf
import pytest

from coursegen_api import names
from coursegen_api.task import Progress
from coursegen_gateway import actions, app, present, sockets
from coursegen_gateway.access import Caller, Impersonator, Remembered, Right
from coursegen_gateway.gateway import Found, Gateway
from coursegen_gateway.guard import RateLimit
from coursegen_gateway.hub import Hub
from coursegen_gateway.problems import Problem
from coursegen_gateway.settings import Settings, SettingsError, load
from coursegen_gateway.state import CHAPTERS, COURSES, PODS, Entry, State
from coursegen_gateway.tickets import SECONDS, Tickets
from coursegen_gateway.words import snaked
from coursegen_operator.access import Access
from coursegen_operator.kube import ApiError

ALICE = Caller("alice", "", (), (), "token")


def chapter(version: int = 1, uid: str = "u1", **status: Any) -> dict[str, Any]:
    attempts = [{"number": 1, "jobName": "j", "admissionTime": "2026-01-01T00:00:00Z"}]
    meta = {"name": "c-1", "namespace": "n", "uid": uid, "resourceVersion": str(version)}
    meta["creationTimestamp"] = "2026-01-01T00:00:00Z"
    spec = {"courseName": "c", "index": 2, "chapterId": "two"}
    return {"metadata": meta, "spec": spec, "status": {"phase": "Running", "attempts": attempts} | status}


def word(percentage: int, time: float, attempt: int = 1) -> Progress:
    return Progress(
        uid="u1", revision=0, attempt=attempt, pod_uid="p", percentage=percentage, stage="Writing", time=time
    )


def test_a_percentage_is_the_highest_of_the_running_attempt_and_of_no_other() -> None:
    state = State()
    state.put(CHAPTERS, chapter())

    def shown() -> int:
        return present.task(state, state.by_uid["u1"]).progress_percentage

    for message, wanted in ((word(30, 1), 30), (word(20, 2), 30), (word(40, 1.5), 30), (word(50, 3, 2), 0)):
        state.take(message, "n")
        assert shown() == wanted
    state.put(CHAPTERS, chapter(2, phase="Succeeded", progressPercentage=100))
    assert shown() == 100


def test_a_word_on_another_namespaces_stream_is_not_heard_and_one_from_a_time_to_come_is_of_now() -> None:
    state = State()
    state.put(CHAPTERS, chapter())
    state.take(word(90, 1), "other")
    assert state.progress == {}
    state.take(word(40, 1e300), "n")
    shown = present.task(state, state.by_uid["u1"])
    assert (shown.progress_percentage, (shown.progress_time or "")[:2]) == (40, "20")


def test_what_comes_late_changes_nothing_and_what_is_made_anew_takes_the_place() -> None:
    state = State()
    state.put(CHAPTERS, chapter(5))
    state.put(CHAPTERS, chapter(4, phase="Held"))
    assert state.by_uid["u1"].item["status"]["phase"] == "Running"
    state.put(CHAPTERS, chapter(6, uid="u2"))
    assert list(state.by_uid) == ["u2"]
    assert [e.item["metadata"]["uid"] for e in state.children(("n", "c"))] == ["u2"]
    for scope, there, version in (("other", set(), 9), ("", {("n", "c-1")}, 9), ("", set(), 5)):
        state.retain(CHAPTERS, scope, there, version)
        assert list(state.by_uid) == ["u2"]
    state.retain(CHAPTERS, "", set(), 6)
    assert (state.by_uid, state.children(("n", "c")), state.with_owner_id(CHAPTERS, "two")) == ({}, [], [])


def test_a_slow_listener_finds_the_newest_state_and_costs_no_more_than_what_exists() -> None:
    state = State()
    skipped: list[int] = []
    hub = Hub(state, skipped=lambda: skipped.append(1))
    state.put(CHAPTERS, chapter())
    listener = hub.listen("u1")
    for number in range(1, 1000):
        state.take(word(number // 10, number), "n")
    assert (list(listener.changed), len(skipped)) == (["u1"], 998)
    assert '"progress_percentage":99' in hub.message("u1")[1]
    feed = hub.listen()
    for number in range(3000):
        feed.tell(str(number))
    assert (len(feed.changed), feed.overflowed) == (2000, True)
    hub.leave(feed)
    hub.leave(listener, "u1")
    assert hub.listeners == 0


def test_a_ticket_is_good_once_for_one_task_and_half_a_minute() -> None:
    now = [0.0]
    tickets = Tickets(lambda: now[0])
    first, second, third = (tickets.give(ALICE, "u1") for _ in range(3))
    assert tickets.use(first, "u1") is ALICE
    assert tickets.use(first, "u1") is None
    assert tickets.use(second, "u2") is None
    assert tickets.use(second, "u1") is None
    now[0] = SECONDS
    assert tickets.use(third, "u1") is None


def test_a_rate_limit_lets_a_burst_through_and_then_its_rate() -> None:
    now = [0.0]
    limit = RateLimit(2, lambda: now[0])
    for _ in range(8):
        limit.take("alice")
    limit.take("bob")
    with pytest.raises(Problem) as refused:
        limit.take("alice")
    assert refused.value.headers == {"Retry-After": "1"}
    now[0] = 0.5
    limit.take("alice")


async def test_an_answer_is_remembered_for_seconds_an_error_not_at_all_and_none_is_asked_for_twice_at_once() -> None:
    now, asked = [0.0], []

    async def ask() -> int:
        asked.append(now[0])
        await asyncio.sleep(0)
        if len(asked) == 1:
            raise ValueError
        return len(asked)

    known: Remembered[int] = Remembered(10, lambda: now[0])
    with pytest.raises(ValueError):  # noqa: PT011 - ours, above
        await known.get("k", ask)
    assert await asyncio.gather(known.get("k", ask), known.get("k", ask)) == [2, 2]
    now[0] = 9.9
    assert await known.get("k", ask) == 2
    now[0] = 10.0
    assert await known.get("k", ask) == 3


async def test_a_callers_connection_shows_no_certificate_of_the_gateways_own() -> None:
    own = kopf.ConnectionInfo(
        server="https://127.0.0.1:1", insecure=True, certificate_path="own.crt", private_key_path="own.key", token="own"
    )
    maker = Impersonator(Access(own))
    seen = maker.client(ALICE).access.connection
    assert (seen.token, seen.certificate_path, seen.private_key_path) == ("token", None, None)
    assert isinstance(Access(seen).ssl_context(), ssl.SSLContext)
    await maker.close()


NO_SERVERS = ("not a url", "prometheus:9090", "ftp://p", "http://", "http://p:x", "http://p/?a=b", "http://p q")
NO_ORIGINS = ("*", "https://*.example", "https://A.example", "https://a.example/", "a.example", "null", "https://a, *")


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"COURSEGEN_HTTP_PORT": "x"}, "COURSEGEN_HTTP_PORT"),
        ({"COURSEGEN_READ_ONLY": "yes"}, "true or false"),
        ({"COURSEGEN_URL_PREFIX": "x/"}, "begins with /"),
        ({"COURSEGEN_STORE_URL": "http://x"}, "s3://"),
        ({"COURSEGEN_STORE_URL": "s3://x", "COURSEGEN_STORE_FOLDER": "/run/s"}, "COURSEGEN_STORE_FOLDER"),
        ({"COURSEGEN_HTTP_PORT": "70000"}, "COURSEGEN_HTTP_PORT"),
        ({"COURSEGEN_MAX_SOCKET": "9"}, "COURSEGEN_MAX_SOCKET is no setting of the gateway.* COURSEGEN_MAX_SOCKETS"),
        *(
            ({"COURSEGEN_PROMETHEUS_URL": url}, "PROMETHEUS_URL does not name a server; it has the form")
            for url in NO_SERVERS
        ),
        *(
            ({"COURSEGEN_HTTP_HOST": host}, "HTTP_HOST is .*; it has to be an address")
            for host in ("junk junk", "300.1.1.1")
        ),
        *(({"COURSEGEN_ALLOWED_ORIGINS": o}, "ALLOWED_ORIGINS names .*; each has the form") for o in NO_ORIGINS),
        ({"COURSEGEN_OPERATOR_URL": "http://junk junk"}, "OPERATOR_URL is 'http://junk junk'; it has the form"),
        ({"COURSEGEN_OPERATOR_URL": "http://"}, "OPERATOR_URL is 'http://'; it has the form"),
        ({"COURSEGEN_STORE_URL": "s3://"}, "STORE_URL does not name a store"),
        ({"COURSEGEN_URL_PREFIX": "/a b"}, "URL_PREFIX is '/a b'; it is a path"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_by_name(variables: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        load(variables)


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("PROMETHEUS_URL", "https://u:p@prometheus.example.com/prom"),
        ("PROMETHEUS_URL", "http://[::1]:9090"),
        ("HTTP_HOST", "::"),
        ("HTTP_HOST", "localhost"),
        ("ALLOWED_ORIGINS", "https://a.example, http://localhost:8080,http://[::1]:3000"),
        ("OPERATOR_URL", "http://operators.coursegen-system.svc:8080,http://127.0.0.1:1"),
        ("STORE_URL", "file:///tmp/store"),
        ("URL_PREFIX", "/courses/gen"),
    ],
)
def test_a_setting_may_have_every_form_that_can_be_used(variable: str, text: str) -> None:
    assert load({f"COURSEGEN_{variable}": text})


def test_settings_are_read_and_printed_without_passwords() -> None:
    urls = {"COURSEGEN_REDIS_URL": "redis://:secret@h", "COURSEGEN_PROMETHEUS_URL": "http://u:secret@prometheus:9090"}
    settings = load(urls | {"COURSEGEN_ALLOWED_ORIGINS": "https://a, https://b"})
    assert settings.allowed_origins == ("https://a", "https://b")
    assert "secret" not in str(settings.public())


@pytest.mark.parametrize(("owner_id", "name"), [("course-123", "course-123"), ("Kurs 7.1", "kurs-7-1-")])
def test_an_owners_id_names_the_object_where_kubernetes_takes_it(owner_id: str, name: str) -> None:
    assert names.object_name(owner_id).startswith(name)
    assert len(names.object_name(owner_id * 9)) <= 52


def test_names_are_in_snake_case() -> None:
    assert snaked({"costMicroUSD": 1, "sha256": [{"mediaType": "x"}]}) == {
        "cost_micro_usd": 1, "sha256": [{"media_type": "x"}],
    }  # fmt: skip


def test_the_document_resolves_and_every_path_but_the_probes_needs_a_token() -> None:
    gateway = Gateway(Settings(), Access(kopf.ConnectionInfo(server="http://127.0.0.1:1")))
    document = app.build(gateway).openapi()
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert _references(document) <= known
    open_paths = [p for p, ops in document["paths"].items() for o in ops.values() if o.get("security") == []]
    assert open_paths == ["/livez", "/readyz"]
    assert document["security"] == [{"token": []}]
    body = document["paths"]["/api/v1/courses"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert {"namespace", "title", "learning_objectives"} <= set(body["required"])
    assert {"namespace", "course_id", "difficulty_score"} <= set(body["properties"])


def _references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(_references(v) for v in value.values()))
    return set().union(*(_references(v) for v in value)) if isinstance(value, list) else set()


def test_a_course_is_found_by_its_owners_id() -> None:
    state = State()
    course = chapter() | {"spec": {"courseId": "T-1", "title": "T"}}
    state.put(COURSES, course)
    assert state.with_owner_id(COURSES, "T-1") == [course]
    assert present.task(state, Entry(COURSES, course)).course_id == "T-1"


def a_gateway() -> Gateway:
    return Gateway(Settings(), Access(kopf.ConnectionInfo(server="http://127.0.0.1:1")))


class Rights:
    """A gate that lets do what is listed."""

    def __init__(self, *rights: Right) -> None:
        self.rights = rights

    async def may(self, caller: Caller, right: Right) -> bool:
        return right in self.rights


@pytest.mark.parametrize(
    ("rights", "seen"),
    [
        ([], 0),
        ([Right("get", COURSES, "n")], 0),
        ([Right("get", CHAPTERS, "n")], 1),
        ([Right("get", CHAPTERS, "n", "c-1")], 1),
        ([Right("get", CHAPTERS, "other")], 0),
    ],
)
async def test_who_may_read_a_course_and_not_its_chapters_is_shown_none(rights: list[Right], seen: int) -> None:
    gateway = a_gateway()
    course = chapter(uid="u0") | {"spec": {"title": "T"}}
    course["metadata"]["name"] = "c"
    gateway.state.put(COURSES, course)
    gateway.state.put(CHAPTERS, chapter())
    gateway.gate = Rights(*rights)  # type: ignore[assignment]
    found = Found(Entry(COURSES, course), ALICE)
    parts = await gateway.parts(found)
    assert len(present.course(gateway.state, course, parts).chapter_tasks) == seen
    if not seen:
        with pytest.raises(Problem, match="no chapter two"):
            await gateway.find_chapter(found, "two")


def test_a_pod_that_bears_the_uid_of_another_namespaces_work_is_not_taken_for_its_worker() -> None:
    state = State()
    state.put(CHAPTERS, chapter())
    pods = {n: {"metadata": {**chapter(uid=f"pod-{n}")["metadata"], "namespace": n}} for n in ("n", "other")}
    for pod in pods.values():
        pod["metadata"] |= {"labels": {names.LABEL_OBJECT_UID: "u1"}}
        state.put(PODS, pod)
    assert state.pods_of(state.by_uid["u1"]) == [pods["n"]]
    assert [state.task_of(p) for p in pods.values()] == [state.by_uid["u1"], None]
    assert present.worker(state, pods["other"], state.task_of(pods["other"])).title is None


async def asked(gateway: Gateway, method: str, path: str, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=app.build(gateway))
    async with httpx.AsyncClient(transport=transport, base_url="https://gateway.example") as client:
        return await client.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site", "Origin": "https://gateway.example"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://["}, 403),
        ({"Sec_Fetch_Site": "same-origin", "Origin": "https://behind.a.proxy"}, 401),
        ({"Origin": "https://gateway.example"}, 401),
        ({}, 401),
    ],
)
async def test_another_sites_page_changes_nothing_even_where_a_proxy_adds_the_token(
    headers: dict[str, str], status: int
) -> None:
    gateway = a_gateway()
    answer = await asked(gateway, "POST", "/api/v1/tasks/u1/cancel", **headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert (await asked(gateway, "GET", "/livez", **headers)).status_code == 200


async def test_a_slash_too_many_leads_nowhere_least_of_all_to_plain_http() -> None:
    answer = await asked(a_gateway(), "GET", "/api/v1/courses/")
    assert (answer.status_code, "location" in answer.headers) == (404, False)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/api/v1/courses", "HEAD, GET, POST"),
        ("OPTIONS", "/api/v1/tasks/u1", "HEAD, GET, DELETE"),
        ("PUT", "/api/v1/queues/default", "PATCH"),
        ("GET", "/api/v1/ws-tickets", "POST"),
        ("POST", "/livez", "HEAD, GET"),
        ("POST", "/page/main.js", "HEAD, GET"),
    ],
)
async def test_a_method_that_a_path_does_not_know_is_told_all_those_that_it_knows(
    method: str, path: str, allowed: str
) -> None:
    answer = await asked(a_gateway(), method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize(("path", "status"), [("/livez", 200), ("/", 200), ("/page/main.js", 200), ("/demand", 401)])
async def test_what_can_be_got_can_be_asked_for_without_its_body(path: str, status: int) -> None:
    got, asked_for = [await asked(a_gateway(), method, path) for method in ("GET", "HEAD")]
    assert (asked_for.status_code, asked_for.headers) == (status, got.headers)
    assert (bool(got.content), asked_for.content) == (True, b"")


async def test_an_api_server_that_does_not_decide_is_a_503_in_words() -> None:
    gateway = a_gateway()

    async def caller(token: str) -> Caller:
        raise ApiError(500, "InternalError", "etcd")

    gateway.gate.caller = caller  # type: ignore[method-assign]
    answer = await asked(gateway, "GET", "/api/v1/tasks", Authorization="Bearer x")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "nothing was changed" in answer.json()["detail"]


def test_the_reason_of_a_close_frame_is_cut_by_bytes() -> None:
    assert len(sockets._reason("ü" * 119).encode()) <= 123


async def test_an_open_socket_does_not_outlive_a_right_that_nobody_can_confirm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "CHECK_SECONDS", 0.0)
    gateway, asked_for = a_gateway(), []
    says = [ApiError(500, "", ""), None, *[ApiError(500, "", "")] * 5]

    async def caller(token: str) -> Caller:
        asked_for.append(token)
        said = says.pop(0)
        if said:
            raise said
        return ALICE

    async def allowed(_: Caller) -> None:
        return None

    gateway.gate.caller = caller  # type: ignore[method-assign]
    with pytest.raises(ApiError):
        await asyncio.wait_for(sockets._check(gateway, ALICE, allowed), 60)
    assert len(asked_for) == 7


async def test_a_new_wish_does_not_keep_the_focus_of_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []

    async def change(gateway: Gateway, found: Found, patch: Any, *_: Any) -> None:
        sent.append(patch["spec"]["regeneration"])

    monkeypatch.setattr(actions, "change", change)
    await actions.regenerate(a_gateway(), Found(Entry(CHAPTERS, chapter()), ALICE), "shorter", None, "wish-2")
    assert sent == [{"focusArea": None, "requestId": "wish-2", "feedback": "shorter"}]


@pytest.mark.parametrize(
    ("status", "refused"),
    [
        ({"phase": "Succeeded"}, True),
        ({"phase": "Succeeded", "missingChapters": [2]}, False),
        ({"phase": "Failed"}, False),
    ],
)
async def test_what_a_course_was_delivered_without_can_be_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, status: dict[str, Any], refused: bool
) -> None:
    sent: list[Any] = []

    async def change(gateway: Gateway, found: Found, patch: Any, *_: Any) -> None:
        sent.append(patch)

    monkeypatch.setattr(actions, "change", change)
    found = Found(Entry(COURSES, chapter(**status)), ALICE)
    with pytest.raises(Problem, check=lambda p: p.status == 409) if refused else contextlib.nullcontext():
        await actions.request(a_gateway(), found, "retry")
    assert bool(sent) is not refused


def test_what_is_relabelled_and_then_deleted_leaves_nothing_behind() -> None:
    state = State()
    pod = {"metadata": {"name": "p", "namespace": "n", "uid": "p1", "labels": {names.LABEL_OBJECT_UID: "u1"}}}
    state.put(CHAPTERS, chapter())
    for version, owner in ((1, "u1"), (2, "nobody")):
        labels = {names.LABEL_OBJECT_UID: owner}
        state.put(PODS, {"metadata": pod["metadata"] | {"resourceVersion": str(version), "labels": labels}})
    moved = chapter(2)
    moved["metadata"]["labels"] = {names.LABEL_COURSE: "d"}
    state.put(CHAPTERS, moved)
    state.remove(PODS, pod)
    assert state.pods_of(state.by_uid["u1"]) == []
    state.remove(CHAPTERS, moved)
    assert state.children(("n", "c")) == []


async def test_what_a_request_says_of_itself_is_no_label_of_a_metric() -> None:
    """A route is the template that a path fits; a method is one of those that there are."""
    gateway = Gateway(Settings(), Access(kopf.ConnectionInfo(server="http://127.0.0.1:1")))
    forged = '"} 1%0Aforged_total 1'
    asked = [("GET", f"/api/v1/tasks/x{forged}"), ('FORGED"} 1', "/api/v1/tasks"), ("GET", f"/nowhere{forged}")]
    transport = httpx.ASGITransport(app=app.build(gateway))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway.example") as client:
        assert {(await client.request(method, path)).status_code for method, path in asked} == {401, 404, 405}
    samples = [s for m in gateway.metrics.requests.collect() for s in m.samples if s.name.endswith("_total")]
    assert {(s.labels["method"], s.labels["route"]) for s in samples} == {
        ("GET", "/api/v1/tasks/{task_id}"), ("other", "/api/v1/tasks"), ("GET", "none"),
    }  # fmt: skip
