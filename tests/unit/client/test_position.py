"""The plugin asks the operator that leads, by way of the API server; whoever may not, is told nothing of positions."""

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


@pytest.mark.parametrize(
    "answers",
    [
        [LEASE, {"position": None}],
        [{"spec": {"holderIdentity": ""}}],
        [NotFoundError("no Lease")],
        [RefusedError(403, "no right to read Leases")],
        [LEASE, RefusedError(403, "no right to reach Pods")],
        [LEASE, RefusedError(503, "this replica stands by")],
        [LEASE, NotFoundError("an operator outside of the cluster")],
        [LEASE, UnreachableError("what answered is no operator")],
    ],
)
def test_without_an_answer_nothing_is_said(answers: list[Json | CoursegenError]) -> None:
    assert ask(UNLABELLED, *answers)[1] is None
