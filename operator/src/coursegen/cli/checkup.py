"""`doctor`: what the system stands on, each part checked, and how to mend what is wrong."""

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import typer
from rich.text import Text

from coursegen_api import names
from coursegen_api.provider import ModelProvider
from coursegen_api.queue import GenerationQueue

from .. import fleet, kinds, shards, store
from ..client import Client
from ..errors import CoursegenError, NotFoundError, RefusedError
from . import show
from .app import Scope
from .show import cell

_REDIS_KEY, _REDIS_CA = "url", "ca.crt"
"""Of the Secret coursegen-redis, as worker Pods take them."""

_LEAST = (1, 35)
"""resourceVersions are comparable from here on (KEP-5504)."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: str
    """ok, warning, failed or unknown."""
    says: str
    mend: str = ""


def doctor(scope: Scope) -> None:
    """Check everything; exits with 1 if something is wrong."""
    found = list(checks(scope, datetime.now(UTC)))
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


def checks(scope: Scope, now: datetime) -> Iterator[Check]:
    """Check part by part; one that cannot be looked at is unknown, and the next is looked at."""
    client = scope.client
    yield _tried("API server", lambda: _server(client))
    crds = _tried("CRDs", lambda: _crds(client))
    yield crds
    if crds.state == "failed":
        return
    yield _tried("permissions", lambda: _permissions(client))
    yield _tried("operator", lambda: _operator(scope, now))
    yield _tried("queues", lambda: _queues(client))
    yield _tried("providers", lambda: _providers(client))
    yield _tried("worker account", lambda: _account(client))
    yield _tried("store", lambda: _store(scope))
    yield _tried("redis", lambda: _redis(scope))


def _tried(name: str, look: Callable[[], Check]) -> Check:
    try:
        return look()
    except RefusedError as error:
        return Check(name, "unknown", f"you may not look: {error}")
    except NotFoundError as error:
        return Check(name, "failed", str(error), error.hint)


def _server(client: Client) -> Check:
    version = client.read("/version")
    number = (int(version["major"]), int("".join(c for c in version["minor"] if c.isdigit())))
    says = f"{version['gitVersion']} answers"
    if number < _LEAST:
        wanted = ".".join(map(str, _LEAST))
        return Check(
            "API server", "failed", says, f"Kubernetes {wanted} or later is needed (comparable resourceVersions)."
        )
    return Check("API server", "ok", says)


def _crds(client: Client) -> Check:
    mend = (
        "kubectl apply -k crds && kubectl wait --for=condition=Established crd -l app.kubernetes.io/part-of=coursegen"
    )
    try:
        served = {r["name"] for r in client.read(kinds.API)["resources"]}
    except NotFoundError:
        return Check("CRDs", "failed", f"{names.API_VERSION} is not served", mend)
    missing = [k.meta.plural for k in kinds.ALL if k.meta.plural not in served]
    if missing:
        return Check("CRDs", "failed", f"not served: {', '.join(missing)}", mend)
    return Check("CRDs", "ok", f"{len(kinds.ALL)} kinds of {names.API_VERSION}")


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


def _queues(client: Client) -> Check:
    there = {q.metadata.name: q for q in client.list(GenerationQueue)}
    missing = sorted(set(names.QUEUE_PRIORITIES) - set(there))
    if missing:
        return Check("queues", "failed", f"missing: {', '.join(missing)}", "kubectl apply -f deploy/base/queues.yaml")
    stopped = sorted(n for n, q in there.items() if not q.spec.capacity or q.spec.stop_policy.value != "None")
    if stopped:
        mend = 'kubectl patch genqueue NAME --type=merge -p \'{"spec":{"stopPolicy":"None"}}\', or raise its capacity'
        return Check("queues", "warning", f"stopped: {', '.join(stopped)}", mend)
    shut = sorted(n for n, q in there.items() if fleet.circuit_of(q) != "Closed")
    if shut:
        return Check(
            "queues", "warning", f"circuit open: {', '.join(shut)}", "What it runs fails: look at its tasks' errors."
        )
    return Check("queues", "ok", f"{len(there)} take work")


def _providers(client: Client) -> Check:
    there = client.list(ModelProvider)
    shut = [p.metadata.name for p in there if fleet.circuit_of(p) != "Closed"]
    if shut:
        mend = "It failed of late; it is probed by itself. See `kubectl describe modelprov NAME`."
        return Check("providers", "warning", f"circuit open: {', '.join(shut)}", mend)
    without = []
    for provider in there:
        secret = provider.spec.secret_name
        if secret and not _exists(client, f"/api/v1/namespaces/{client.namespace}/secrets/{secret}"):
            without.append(f"{provider.metadata.name} (Secret {secret})")
    if without:
        return Check(
            "providers",
            "failed",
            f"without a key: {', '.join(without)}",
            f"Create the Secret, of type {names.SECRET_TYPE_PROVIDER_KEY}, with `key` and `allowedEndpoint`.",
        )
    return Check(
        "providers", "ok", f"{len(there)} in {client.namespace}" if there else "none: the embedded composer writes"
    )


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


def _store(scope: Scope) -> Check:
    """Look into the store with the credentials that workers have, through a tunnel where it is in the cluster."""
    client = scope.client
    try:
        known = store.credentials(client, client.namespace, None)
    except NotFoundError:
        mend = f"Create the Secret {names.SECRET_STORE} with {names.ENV_STORE_URL} and AWS_*: every worker needs it."
        return Check("store", "failed", f"{client.namespace} has no Secret {names.SECRET_STORE}: no Pod starts", mend)
    prefix = client.read(f"/api/v1/namespaces/{client.namespace}")["metadata"]["uid"]
    try:
        with store.opened(known, scope.kubectl()) as opened:
            trouble = store.answers(opened, prefix)
    except CoursegenError as error:
        return Check("store", "unknown", str(error))
    if trouble:
        mend = f"Look at the Secret {names.SECRET_STORE} (URL, AWS_*) and at whether the store runs."
        return Check("store", "failed", f"does not answer: {trouble}", mend)
    return Check("store", "ok", "answers, with the credentials that workers have")


def _redis(scope: Scope) -> Check:
    """Ask the Redis of --redis-url, else the one that workers are told of."""
    part = fleet.redis(scope.redis_url) if scope.redis_url else _workers_redis(scope)
    state = {"ok": "ok", "degraded": "warning"}.get(part.state, "unknown")
    mend = (
        "Nothing is lost. Look at the Pod of Redis, and at the URL's user and password." if state == "warning" else ""
    )
    return Check("redis", state, part.says, mend)


def _workers_redis(scope: Scope) -> fleet.Part:
    client = scope.client
    try:
        secret = client.read(f"/api/v1/namespaces/{client.namespace}/secrets/{names.SECRET_REDIS}")
    except NotFoundError:
        return fleet.Part("redis", "unknown", f"no Secret {names.SECRET_REDIS}: percentages move with the Jobs alone")
    try:
        data = {k: base64.b64decode(v).decode() for k, v in (secret.get("data") or {}).items()}
        url = urlsplit(data.get(_REDIS_KEY, ""))
        wanted = url.port or 6379
    except ValueError:
        said = f"{names.SECRET_REDIS} has no URL under `{_REDIS_KEY}`: is its password percent-encoded?"
        return fleet.Part("redis", "degraded", said)
    try:
        with store.tunnel(url.hostname or "", wanted, scope.kubectl()) as (host, port):
            login, at, _ = url.netloc.rpartition("@")
            reached = url._replace(netloc=f"{login}{at}{host}:{port}").geturl()
            return fleet.redis(reached, data.get(_REDIS_CA, ""), forwarded=host != url.hostname)
    except CoursegenError as error:
        return fleet.Part("redis", "unknown", str(error))
