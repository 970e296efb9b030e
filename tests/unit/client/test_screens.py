"""What commands show: aligned, nothing cut off, and the same words for people and machines."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from rich.text import Text

from coursegen import fleet, kinds, why
from coursegen.cli import check, check_backends, checkup, figures, manifests, one, overview, show, verbs
from coursegen.cli.app import Scope
from coursegen.errors import CoursegenError, NotFoundError, RefusedError, UnreachableError
from coursegen.fleet import Fleet, Part
from coursegen.kinds import Work
from coursegen.performance import report
from coursegen.planning import Estimate
from coursegen_api.chapter import ChapterGeneration

from .apiserver import listed, scope_of, served
from .things import NOW, artifact, at, attempt, chapter, course, export, finished, provider, queue, seen


def plain(blocks: Sequence[Sequence[Text]]) -> str:
    return "\n\n".join("\n".join(line.plain for line in block) for block in blocks if block)


def test_a_table_is_aligned_and_ends_without_spaces() -> None:
    rows = [
        [show.cell("a"), show.number(5), show.cell("long words")],
        [show.cell("bb"), show.number(1234), show.cell(None)],
    ]
    assert [line.plain for line in show.table(("NAME", "N", "SAYS"), rows)] == [
        "NAME      N  SAYS",
        "a         5  long words",
        "bb    1,234  -",
    ]


def test_what_an_object_says_moves_no_cursor() -> None:
    [_, line] = show.table(("SAYS",), [[show.cell("a\x1b[2Jb\nc\x9bd")]])
    assert line.plain == "a\ufffd[2Jb c\ufffdd"
    [fact] = show.facts([("Error", "x\x1b]0;title\x07")])
    assert "\x1b" not in fact.plain


LEASE = {"spec": {"holderIdentity": "pod-1", "renewTime": at(-2)}}
DEPLOYMENT = {"spec": {"replicas": 2}, "status": {"readyReplicas": 2}}


@pytest.mark.parametrize(
    ("seen", "state", "words"),
    [
        (Fleet("", [], [], [], DEPLOYMENT, LEASE), "ok", "2 of 2 replicas ready; pod-1 leads, heard of 2s ago"),
        (Fleet("", [], [], [], DEPLOYMENT | {"status": {"readyReplicas": 1}}, LEASE), "degraded", "1 of 2 replicas"),
        (
            Fleet("", [], [], [], DEPLOYMENT, {"spec": {"holderIdentity": "", "renewTime": at(-2)}}),
            "down",
            "nobody leads",
        ),
        (Fleet("", [], [], [], DEPLOYMENT, {"spec": {"holderIdentity": "p", "renewTime": at(-90)}}), "down", "90s ago"),
        (Fleet("", [], [], [], None, LEASE), "ok", "pod-1 leads, heard of 2s ago; it has no Deployment here"),
        (Fleet("", [], [], []), "unknown", "does it run outside?"),
        (Fleet("", [], [], [], unseen="forbidden"), "unknown", "may not be read: forbidden"),
    ],
)
def test_the_operators_health_follows_from_its_lease_and_replicas(seen: Fleet, state: str, words: str) -> None:
    part = fleet.operator(seen, NOW)
    assert (part.state, words in part.says) == (state, True), part.says


NO_FILE = {"format": "pdf", "name": "python-pdf"}
FILE = NO_FILE | {"artifact": artifact("a.pdf")}
STORAGE = {"failureClass": "StorageUnavailable", "message": "No store.", "attempt": 1, "time": at(-20)}


@pytest.mark.parametrize(
    ("changes", "name", "state", "words"),
    [
        ({}, "queues", "down", "there is none"),
        ({"queues": [queue()]}, "queues", "ok", "1 take work"),
        ({"queues": [queue(spec={"stopPolicy": "Hold"})]}, "queues", "degraded", "stopped: chapter-generation"),
        (
            {"queues": [queue(circuitBreaker={"state": "Open"})]},
            "queues",
            "degraded",
            "circuit not closed: chapter-gen",
        ),
        ({}, "providers", "ok", "the embedded composer writes"),
        (
            {"providers": [provider("a", circuitBreaker={"state": "Open"}), provider()]},
            "providers",
            "degraded",
            "1 Open",
        ),
        ({}, "store", "unknown", "no course has written a file"),
        ({"courses": [course(**seen(errorDetails=STORAGE))]}, "store", "degraded", "could not use it 20s ago"),
        (
            {"courses": [course(**seen(phase="Succeeded", completionTime=at(-10), exports=[FILE]))]},
            "store",
            "ok",
            "a file was written 10s ago",
        ),
        # A course that failed for want of its file has written none.
        (
            {
                "courses": [
                    course(**seen(phase="Failed", completionTime=at(-10), exports=[NO_FILE], errorDetails=STORAGE))
                ]
            },
            "store",
            "degraded",
            "could not use it 20s ago",
        ),
    ],
)
def test_a_part_that_is_not_well_says_why(changes: dict, name: str, state: str, words: str) -> None:
    stood = Fleet(**{"namespace": "", "queues": [], "providers": [], "courses": []} | changes)
    [part] = [p for p in fleet.parts(stood, NOW) if p.name == name]
    assert (part.state, words in part.says) == (state, True), part.says


def test_status_shows_limits_queues_and_open_circuits() -> None:
    hour = {"successRatePercent": 97, "waitP95Seconds": 130, "runP95Seconds": 14}
    full = queue(capacity=4, active=4, pending=12, oldestPendingTime=at(-75), lastHour=hour)
    stood = Fleet(
        "",
        [full, queue("export", spec={"priority": 4, "stopPolicy": "Hold"})],
        [provider("down", circuitBreaker={"state": "Open", "nextProbeTime": at(30)}), provider("up")],
        [course("a", **seen(startTime=at(-50))), course("b", **seen(phase="Held", holdReason="CourseLimit"))],
        settings={"COURSEGEN_MAX_CONCURRENT_COURSES": "100", "COURSEGEN_MAX_JOBS": "400"},
    )
    parts = [Part("operator", "ok", "leads")]
    hour_head = "  SUCCESS%  WAIT-P95  RUN-P95"
    assert plain(overview.status_lines(stood, parts, NOW)).splitlines() == [
        "PART      STATE  SAYS",
        "operator  ok     leads",
        "",
        "Where    all namespaces",
        "Courses  1 running, 1 held; course slots 1 of 100",
        "Jobs     4 of 400 in all queues",
        "",
        f"QUEUE               PRIORITY  ACTIVE  CAPACITY  PENDING  OLDEST  CIRCUIT  STOPPED{hour_head}",
        "chapter-generation         8       4         4       12     75s  Closed   -      "
        "        97     2m10s      14s",
        "export                     4       0         4        0       -  Closed   Hold   "
        "         -         -        -",
        "",
        "PROVIDER  NAMESPACE  CIRCUIT  ACTIVE  NEXT-PROBE",
        f"down      courses    Open          0  {at(30)}",
    ]
    told = overview.status_data(stood, parts, NOW)
    assert (told["courses"], told["jobs"]) == (
        {"byPhase": {"Running": 1, "Held": 1}, "slotsInUse": 1, "limit": 100},
        {"active": 4, "limit": 400},
    )


def test_get_task_shows_attempts_errors_files_and_events() -> None:
    failed = attempt(
        startTime=at(-30),
        completionTime=at(-10),
        outcome="Failed",
        failureClass="Timeout",
        counted=True,
        message="Slow.",
    )
    obj = chapter(
        **seen(
            phase="Held",
            holdReason="RetryBackoff",
            holdMessage="Retry 1 after Timeout is due.",
            nextRetryTime=at(50),
            retryCount=1,
            attempts=[failed],
            artifact=artifact(),
            errorDetails={"failureClass": "Timeout", "message": "Slow.", "attempt": 1, "time": at(-10)},
        )
    )
    event = {"reason": "TaskFailed", "lastTimestamp": at(-10), "message": "Slow.", "metadata": {}}
    text = plain(one.task_lines(obj, why.Around(), [event], NOW))
    for words in (
        "Object    chaptergen/loops in courses",
        "Phase     Held",
        "Error     Timeout in attempt 1: Slow.",
        "1  Timeout      0s   20s  yes      loops-r0-a1  Slow.",
        "chaptergen/loops  12,345  application/json",
        "TaskFailed  10s  Slow.",
        "Retry 1 after Timeout is due, in 50s.",
    ):
        assert words in text, text


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (
            chapter(**seen(attempts=[attempt(startTime=at(-20))], progressPercentage=40, stage="writing")),
            "40 %  writing",
        ),
        (
            course(**seen(startTime=at(-130), progressPercentage=7, stage="Chapters")),
            "7 %  Chapters        -  2m10s  -",
        ),
    ],
)
def test_active_work_has_a_line(obj: Work, expected: str) -> None:
    assert expected in overview.active_lines([obj], NOW)[1].plain


def test_performance_says_from_what_and_whether_the_target_is_met() -> None:
    from datetime import timedelta

    done = attempt(admissionTime=at(-40), completionTime=at(-10), outcome="Succeeded")
    made = report([chapter(**seen(phase="Succeeded", attempts=[done])), export()], NOW, timedelta(hours=1))
    text = plain(figures.lines(made, figures.Source("from here")))
    assert "chapter             1       0     100.0      1.0   30s  30s        0" in text
    assert "Target     95 % of tasks succeed: met" in text
    assert "Chapters   0 of 1 took more than 120 s" in text
    assert "Durations  of each object's last attempt, from slot to end; P95 is one that was measured" in text
    assert "Source     from here; since 2026-11-28T11:00:00Z" in text


def test_doctor_says_how_to_mend_what_is_wrong_and_nothing_else() -> None:
    found = [check.Check("a", "ok", "fine", "never shown"), check.Check("b", "failed", "gone", "Bring it back.")]
    assert plain(list(checkup.lines(found))).splitlines() == [
        "CHECK  STATE   SAYS",
        "a      ok      fine",
        "b      failed  gone",
        "",
        "To mend b:  Bring it back.",
    ]


class Secrets:
    """Stands in for the API server, which has one Secret of Redis."""

    namespace = "courses"

    def __init__(self, url: bytes) -> None:
        self._url = url

    def read(self, path: str) -> dict[str, Any]:
        return {"data": {"url": base64.b64encode(self._url).decode()}}


@pytest.mark.parametrize(
    "url", [b"redis://me:hunter/2@host:6379/0", b"redis://me:hunter#@host/0", b"\xff", b"redis://[/0"]
)
def test_doctor_says_that_the_secret_of_redis_has_no_url_and_not_what_it_has(url: bytes) -> None:
    scope = Scope()
    scope.__dict__["client"] = Secrets(url)
    found = check_backends.redis(scope)
    assert (found.state, "no URL" in found.says) == ("warning", True), found.says
    assert "hunter" not in found.says


def test_a_workers_log_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    show.Screen().raw('{"a": 1}\n\ttwo\x1b[2J\x9b\r\n')
    assert capsys.readouterr().out == '{"a": 1}\n\ttwo\ufffd[2J\ufffd\ufffd\n'


def test_a_finished_course_lists_its_parts() -> None:
    done = course(**seen(phase="Succeeded", stage="Done", progressPercentage=100, conditions=finished()))
    text = plain(one.task_lines(done, why.Around(children=[export(**seen(phase="Succeeded"))]), [], NOW))
    assert "courseexp/python-pdf  Succeeded" in text


def driven(call: Any, answer: Callable[[str], dict[str, Any]]) -> Any:
    """Give what a call comes to, with an API server of one function."""
    try:
        request = next(call)
        while True:
            try:
                said = answer(request.path)
            except CoursegenError as error:
                request = call.throw(error)
            else:
                request = call.send(said)
    except StopIteration as end:
        return end.value


LEASES = "/apis/coordination.k8s.io/v1/namespaces/coursegen-system/leases/coursegen-operator-leader"


@pytest.mark.parametrize(
    ("namespace", "shard", "leads", "state", "words"),
    [
        ("", "", ("", "b"), "ok", "2 of 2 replicas ready; pod-1 leads, heard of 2s ago"),
        (
            "",
            "",
            ("",),
            "degraded",
            "leads, heard of 2s ago; nobody leads operator b, which coursegen.dev/shard of x, y, z",
        ),
        ("x", "b", ("", "b"), "ok", "pod-1 leads, heard of 2s ago"),
        ("x", "b", ("",), "down", "nobody leads operator b, which coursegen.dev/shard of x names"),
        ("x", "b", ("b",), "ok", "pod-1 leads"),  # the operator without a name is no concern of this namespace
    ],
)
def test_of_several_operators_the_namespaces_own_is_judged_and_a_label_that_nobody_works_for_is_named(
    namespace: str, shard: str, leads: tuple[str, ...], state: str, words: str
) -> None:
    labelled = [{"metadata": {"name": n, "labels": {"coursegen.dev/shard": "b"}}} for n in ("x", "y", "z")]

    def answer(path: str) -> dict[str, Any]:
        if path == "/api/v1/namespaces/x":
            return labelled[0]
        if path == "/api/v1/namespaces":
            return {"items": labelled}
        if "/deployments/" in path:
            return DEPLOYMENT | {"spec": DEPLOYMENT["spec"] | {"template": {"spec": {"containers": [{}]}}}}
        if path.startswith(LEASES):
            if path.removeprefix(LEASES).removeprefix("-") in leads:
                return LEASE
            raise NotFoundError("no Lease")
        return {"metadata": {}, "items": []}

    found = driven(fleet.read(namespace), answer)
    part = fleet.operator(found, NOW)
    assert (found.shard, part.state) == (shard, state), part.says
    assert words in part.says
    assert fleet.limit(replace(found, settings={"COURSEGEN_MAX_JOBS": "400"}), "jobs") is None, "each has its own"


def test_an_author_who_may_not_read_queues_sees_the_rest() -> None:
    """coursegen-author is a Role of a namespace, and queues belong to the cluster."""

    def answer(path: str) -> dict[str, Any]:
        if "/namespaces/courses/" not in path:
            raise RefusedError(403, "forbidden")
        return {"metadata": {}, "items": []}

    seen = driven(fleet.read("courses"), answer)
    queues = next(p for p in fleet.parts(seen, NOW) if p.name == "queues")
    assert (queues.state, "coursegen-queue-viewer" in queues.says) == ("unknown", True)
    shown = plain(overview.status_lines(seen, [queues], NOW))
    assert "Jobs     not known" in shown
    assert "PRIORITY" not in shown
    assert overview.status_data(seen, [queues], NOW)["jobs"]["active"] is None
    assert driven(fleet.readable_queues(), answer)[0] == []

    def broken(path: str) -> dict[str, Any]:
        raise RefusedError(500, "etcd")

    with pytest.raises(RefusedError):
        driven(fleet.readable_queues(), broken)


@pytest.mark.parametrize(
    ("validation", "said"),
    [
        (
            {"passed": True, "readability": 96.24, "alignment": 0.947, "bias": 0},
            "passed; worst chapter: readability 96, alignment 0.95; biased wordings: 0",
        ),
        (
            {"passed": False, "readability": 12, "belowBar": [2, 3], "bias": 1},
            "below the bar in chapters 2, 3; worst chapter: readability 12; biased wordings: 1",
        ),
    ],
)
def test_get_task_says_what_a_validation_found(validation: dict[str, Any], said: str) -> None:
    done = course(**seen(phase="Succeeded", conditions=finished(), validation=validation))
    assert f"Quality   {said}" in plain(one.task_lines(done, why.Around(), [], NOW))


@pytest.mark.parametrize(
    ("estimate", "unmeasured"),
    [
        (Estimate(None, None, 0, None, None, rounds=1), False),
        (Estimate(4, 3, 0, None, 0), True),
        (Estimate(4, 3, 0, 60.0, 0), False),
    ],
)
def test_a_plan_says_of_its_queues_that_nothing_was_measured_only_where_that_is_why(
    estimate: Estimate, unmeasured: bool
) -> None:
    said = plain(list(manifests.lines([manifests.Verdict("coursegen/a", "courses", "created", estimate=estimate)])))
    assert ("no run of one of its queues was measured" in said) is unmeasured
    assert ("Its outline decides" in said) is (estimate.chapters is None)


def test_a_watch_outlives_an_api_server_that_is_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    looks: list[str | Exception] = ["here", UnreachableError("away"), UnreachableError("away"), "back"]

    def once() -> list[Sequence[Text]]:
        if not looks:
            raise KeyboardInterrupt
        found = looks.pop(0)
        if isinstance(found, Exception):
            raise found
        return [[Text(found)]]

    monkeypatch.setattr(overview, "_WATCH_SECONDS", 0)
    with pytest.raises(KeyboardInterrupt):
        overview.repeat(Scope(), once, watch=True)
    assert capsys.readouterr().out.split() == ["here", "away", "away", "back"]
    looks = [UnreachableError("nowhere"), "too late"]
    with pytest.raises(UnreachableError, match="nowhere"):
        overview.repeat(Scope(), once, watch=True)


@pytest.mark.parametrize(
    ("failed", "said"),
    [
        ([], "Nothing has failed.\n"),
        ([{"uid": "u", "controller": True}], "What has failed is part of a course: retry it, or delete the course.\n"),
    ],
)
def test_a_purge_that_finds_nothing_says_whether_anything_has_failed(
    failed: list[dict[str, Any]], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    work = {kinds.path(kind, "courses"): listed() for kind in kinds.WORK}
    owned = chapter(**seen(phase="Failed"))
    parts = [owned.stored() | {"metadata": owned.metadata.stored() | {"ownerReferences": [owner]}} for owner in failed]
    work[kinds.path(ChapterGeneration, "courses")] = listed(*parts)
    with served(work) as client:
        verbs.purge(scope_of(client), failed=True, yes=True)
    assert capsys.readouterr() == ("", said)
