"""The plugin asks the operator that leads, through the API server; where it may not, the gateway, if there is one."""

import pytest

from coursegen import fleet, shards
from coursegen.calls import Json
from coursegen.errors import CoursegenError, NotFoundError, RefusedError, UnreachableError
from coursegen_operator.plan.position import Position

UID = "6f2b0c1e-8a54-4c0e-9a57-2f1f3c9d7a10"
LEASE = {"spec": {"holderIdentity": "coursegen-operator-7d9f-abcde_0123456789ab"}}
POD = f"/api/v1/namespaces/coursegen-system/pods/coursegen-operator-7d9f-abcde/proxy/position/{UID}"


def ask(*answers: Json | CoursegenError) -> tuple[list[str], Position | None]:
    """Answer one request after the other; give the paths, and what came of it."""
    call, paths = fleet.position(UID, "courses"), []
    request = next(call)
    try:
        for answer in answers:
            paths.append(request.path)
            request = call.throw(answer) if isinstance(answer, CoursegenError) else call.send(answer)
    except StopIteration as end:
        return paths, end.value
    raise AssertionError(f"it asks for {request.path}")


def lease_path(shard: str = "") -> str:
    return f"/apis/coordination.k8s.io/v1/namespaces/coursegen-system/leases/{shards.named(shards.LEASE, shard)}"


NAMESPACE = "/api/v1/namespaces/courses"
UNLABELLED: Json = {"metadata": {"name": "courses"}}
OF_B: Json = {"metadata": {"name": "courses", "labels": {"coursegen.dev/shard": "b"}}}
THERE = {"position": {"queue": "export", "ahead": 3, "seconds": 40.0}}


@pytest.mark.parametrize(
    ("namespace", "shard"),
    [
        (UNLABELLED, ""),
        (OF_B, "b"),
        (RefusedError(403, "no right to read namespaces"), ""),
    ],
)
def test_it_asks_the_pod_that_leads_the_namespaces_operator(namespace: Json | CoursegenError, shard: str) -> None:
    paths, found = ask(namespace, LEASE, THERE)
    assert paths == [NAMESPACE, lease_path(shard), POD]
    assert found == Position("export", 3, 40.0)


def test_of_what_waits_for_no_slot_nothing_is_said() -> None:
    assert ask(UNLABELLED, LEASE, {"position": None})[1] is None


@pytest.mark.parametrize(
    "answers",
    [
        [RefusedError(403, "no right to read Leases")],
        [LEASE, RefusedError(403, "no right to reach Pods")],
        [LEASE, RefusedError(503, "this replica stands by")],
        [LEASE, NotFoundError("an operator outside of the cluster")],
        [LEASE, UnreachableError("what answered is no operator")],
    ],
)
def test_where_the_operator_cannot_be_asked_the_gateway_is(answers: list[Json | CoursegenError]) -> None:
    said = {"available": True, "waiting": True, "queue_name": "export", "ahead": 3, "wait_seconds": 40.0}
    paths, found = ask(UNLABELLED, *answers, said)
    assert paths[-1] == f"/api/v1/tasks/{UID}/position"
    assert found == Position("export", 3, 40.0)


@pytest.mark.parametrize(
    "answers",
    [
        [{"spec": {"holderIdentity": ""}}],  # nobody leads
        [NotFoundError("no Lease")],
        [RefusedError(403, "no right to read Leases"), {}],  # and there is no gateway
        [RefusedError(403, "no right to read Leases"), RefusedError(404, "no such task")],
        [RefusedError(403, "no right to read Leases"), UnreachableError("the gateway does not answer")],
        [RefusedError(403, "no right to read Leases"), {"available": False, "reason": "No operator", "waiting": False}],
    ],
)
def test_without_an_answer_nothing_is_said(answers: list[Json | CoursegenError]) -> None:
    assert ask(UNLABELLED, *answers)[1] is None
