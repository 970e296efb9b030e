"""`doctor`: what the system stands on, each part checked, and how to mend what is wrong."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

import typer
from rich.text import Text

from coursegen_api import names

from .. import fleet, kinds, shards, times
from ..calls import Json
from ..client import Client
from ..errors import CoursegenError, NotFoundError, RefusedError, UnreachableError
from . import check_backends, check_kinds, show
from .app import Scope
from .check import Check
from .show import cell

_NOT_ALLOWED = (401, 403)

_WRONG_CLOCK = timedelta(seconds=15)
_LEAST = (1, 35)
"""resourceVersions are comparable from here on (KEP-5504)."""


def doctor(scope: Scope) -> None:
    """Check everything; exits with 1 if something is wrong."""
    found = list(checks(scope, scope.now))
    if scope.for_machines:
        scope.screen.data([asdict(c) for c in found], scope.output)
    else:
        scope.screen.lines(*lines(found))
    if any(c.state == "failed" for c in found):
        raise typer.Exit(1)


def lines(found: Sequence[Check]) -> Iterator[Sequence[Text]]:
    """Give the blocks of the screen."""
    yield show.table(("CHECK", "STATE", "SAYS"), ([cell(c.name), cell(c.state), cell(c.says)] for c in found))
    yield show.facts((f"To mend {c.name}:", c.mend) for c in found if c.mend and c.state != "ok")


def checks(scope: Scope, now: Callable[[], datetime]) -> Iterator[Check]:
    """Check part by part; one that cannot be looked at is unknown, and the next is looked at.

    UnreachableError if the API server does not answer at all: then nothing can be looked at.
    """
    client = scope.client
    yield _server(client.read("/version"))
    if abs(client.clock.ahead) >= _WRONG_CLOCK:
        yield _clock(client.clock.ahead)
    served = _tried("CRDs", lambda: check_kinds.served(client))
    yield served if served.state == "failed" else _tried("CRDs", lambda: check_kinds.versions(client))
    yield _tried("permissions", lambda: _permissions(client))
    parts = {
        "operator": lambda: _operator(scope, now()),
        "queues": lambda: check_kinds.queues(client),
        "providers": lambda: check_kinds.providers(client),
    }
    for name, look in parts.items():
        missing = Check(name, "unknown", "not looked at: the CRDs are missing")
        yield missing if served.state == "failed" else _tried(name, look)
    yield _tried("worker account", lambda: _account(client))
    yield _tried("store", lambda: check_backends.object_store(scope))
    yield _tried("redis", lambda: check_backends.redis(scope))


def _tried(name: str, look: Callable[[], Check]) -> Check:
    try:
        return look()
    except RefusedError as error:
        said = "you may not look" if error.status in _NOT_ALLOWED else "the API server does not say"
        return Check(name, "unknown", f"{said}: {error}", error.hint)
    except UnreachableError as error:
        return Check(name, "unknown", str(error), error.hint)
    except CoursegenError as error:
        return Check(name, "failed", str(error), error.hint)


def _server(version: Json) -> Check:
    number = (int(version["major"]), int("".join(c for c in version["minor"] if c.isdigit())))
    says = f"{version['gitVersion']} answers"
    if number < _LEAST:
        wanted = ".".join(map(str, _LEAST))
        return Check(
            "API server", "failed", says, f"Kubernetes {wanted} or later is needed (comparable resourceVersions)."
        )
    return Check("API server", "ok", says)


def _clock(ahead: timedelta) -> Check:
    off = (
        f"{times.about(abs(ahead).total_seconds())} {'behind' if ahead > timedelta() else 'ahead of'} the API server's"
    )
    mend = "Set this machine's clock; times and ages that the plugin says are the cluster's meanwhile."
    return Check("clock", "warning", f"this machine's is {off}", mend)


def _permissions(client: Client) -> Check:
    wanted = [(verb, names.GROUP, k.meta.plural) for k in kinds.WORK for verb in ("create", "patch", "delete")]
    wanted += [("get", "", "pods/log")]
    refused = [f"{verb} {what}" for verb, group, what in wanted if not _may(client, verb, group, what)]
    if refused:
        role = f"kubectl -n {client.namespace} create rolebinding authors --role=coursegen-author --user=<you>"
        said = f"in {client.namespace} you may not {', '.join(refused[:4])}" + (" …" if len(refused) > 4 else "")
        return Check("permissions", "warning", said, role)
    return Check("permissions", "ok", f"you may start, steer and delete work in {client.namespace}")


def _may(client: Client, verb: str, group: str, what: str) -> bool:
    resource, _, part = what.partition("/")
    asked = {"namespace": client.namespace, "verb": verb, "group": group, "resource": resource, "subresource": part}
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": asked},
    }
    answer = client.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body)
    return bool(answer.get("status", {}).get("allowed"))


def _operator(scope: Scope, now: datetime) -> Check:
    seen = scope.client.run(fleet.read(scope.client.namespace, scope.system_namespace))
    part = fleet.operator(seen, now)
    state = {"ok": "ok", "degraded": "warning", "down": "failed"}.get(part.state, "unknown")
    mend = _mend_operator(seen, scope.system_namespace, now)
    return Check("operator", state, part.says, mend if state != "ok" else "")


def _mend_operator(seen: fleet.Fleet, system: str, now: datetime) -> str:
    if seen.shards.without_leader(now):
        return (
            f"Start the operator (deploy/overlays/shard), or change the label: "
            f"kubectl label namespace NAME {names.LABEL_SHARD}- gives it to the one without a name."
        )
    name = shards.named(shards.DEPLOYMENT, seen.shard)
    return f"kubectl -n {system} logs deployment/{name} --all-pods; or deploy it: kubectl apply -k deploy/overlays/…"


def _exists(client: Client, path: str) -> bool:
    try:
        client.read(path)
    except NotFoundError:
        return False
    return True


def _account(client: Client) -> Check:
    path = f"/api/v1/namespaces/{client.namespace}/serviceaccounts/{names.WORKER_SERVICE_ACCOUNT}"
    if _exists(client, path):
        return Check("worker account", "ok", f"{names.WORKER_SERVICE_ACCOUNT} is in {client.namespace}")
    mend = "Add the component deploy/components/tenant to the namespace's kustomization."
    if others := _namespaces_of_courses(client):
        mend = f"Name a namespace of courses with -n ({', '.join(others)}); or make this one: a{mend[1:]}"
    return Check(
        "worker account", "failed", f"{client.namespace} has no {names.WORKER_SERVICE_ACCOUNT}: no Pod starts", mend
    )


def _namespaces_of_courses(client: Client) -> list[str]:
    """Name namespaces that have the workers' account; none if they may not be looked at."""
    path = "/api/v1/serviceaccounts"
    try:
        found = client.read(path, fieldSelector=f"metadata.name={names.WORKER_SERVICE_ACCOUNT}", limit="5")["items"]
    except RefusedError:
        return []
    return sorted(str(account["metadata"]["namespace"]) for account in found)
