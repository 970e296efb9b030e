"""How the whole system stands: operator, queues, providers, courses, and what of it could not be seen."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from coursegen_api.base import FailureClass, Phase
from coursegen_api.circuit import CircuitState
from coursegen_api.course import CourseGeneration
from coursegen_api.provider import ModelProvider
from coursegen_api.queue import GenerationQueue
from coursegen_operator.plan.position import Position

from . import calls, kinds, shards, times
from .calls import Call, Json
from .errors import CoursegenError, NotFoundError, RefusedError, UnreachableError
from .shards import Shards

SYSTEM = "coursegen-system"
_COURSES = "COURSEGEN_MAX_CONCURRENT_COURSES"
_JOBS = "COURSEGEN_MAX_JOBS"
_TARGET = "COURSEGEN_SUCCESS_RATE_TARGET_PERCENT"


@dataclass(frozen=True)
class Part:
    """One part of the system."""

    name: str
    state: str
    """ok, degraded, down or unknown."""
    says: str


@dataclass(frozen=True)
class Fleet:
    """What was seen."""

    namespace: str
    """Empty: all of them."""
    queues: Sequence[GenerationQueue]
    providers: Sequence[ModelProvider]
    courses: Sequence[CourseGeneration]
    deployment: Json | None = None
    lease: Json | None = None
    settings: dict[str, str] = field(default_factory=dict)
    unseen: str = ""
    """Why the operator's own objects could not be read."""
    queues_unseen: str = ""
    """Why the queues could not be read: they belong to the cluster, and authors may be bound to a namespace alone."""
    shard: str = ""
    """Whose the namespace is, where several operators share the cluster; Deployment and Lease are that one's."""
    shards: Shards = field(default_factory=Shards)


def read(namespace: str, system: str = SYSTEM) -> Call[Fleet]:
    """Read it all; the operator's own objects may be out of bounds for who asks."""
    queues, queues_unseen = yield from readable_queues()
    providers: list[ModelProvider] = yield from calls.listed(ModelProvider, namespace)
    courses: list[CourseGeneration] = yield from calls.listed(CourseGeneration, namespace)
    queues.sort(key=lambda q: (-q.spec.priority, q.metadata.name))
    deployment = lease = None
    settings: dict[str, str] = {}
    unseen = ""
    shard = yield from shards.of(namespace)
    try:
        name = shards.named(shards.DEPLOYMENT, shard)
        deployment = yield from shards.maybe(f"/apis/apps/v1/namespaces/{system}/deployments/{name}")
        lease = yield from shards.maybe(shards.lease_path(system, shard))
        settings = yield from _settings(deployment, system)
    except RefusedError as error:
        unseen = str(error)
    others = yield from shards.read(system)
    return Fleet(
        namespace, queues, providers, courses, deployment, lease, settings, unseen, queues_unseen, shard, others
    )


def readable_queues() -> Call[tuple[list[GenerationQueue], str]]:
    """Give the queues; or none, and why, to who may not read them."""
    try:
        return (yield from calls.listed(GenerationQueue, "")), ""
    except RefusedError as error:
        if error.status != 403:
            raise
        return [], str(error)


def position(uid: str, namespace: str, system: str = SYSTEM) -> Call[Position | None]:
    """Ask the operator that leads for a namespace where work stands, through the API server, or else the gateway.

    None if it waits for no slot; also where who asks may not reach the operator so, or nobody leads: the position
    is good to know, no more.
    """
    try:
        shard = yield from shards.of(namespace)
        lease = yield from shards.maybe(shards.lease_path(system, shard))
        pod, _, _ = shards.holder(lease)[0].rpartition("_")
        found = (yield from calls.read(f"/api/v1/namespaces/{system}/pods/{pod}/proxy/position/{uid}")) if pod else {}
    except (NotFoundError, RefusedError, UnreachableError):
        return (yield from _position_by_gateway(uid))
    said = found.get("position")
    return Position(said["queue"], said["ahead"], said["seconds"]) if said else None


def _position_by_gateway(uid: str) -> Call[Position | None]:
    """Ask the gateway, if one is named, which asks the operators itself for whoever may read the task."""
    try:
        said = yield calls.Question(f"/api/v1/tasks/{uid}/position")
    except CoursegenError:
        return None
    return Position(said["queue_name"] or "", said["ahead"], said["wait_seconds"]) if said.get("waiting") else None


def _settings(deployment: Json | None, system: str) -> Call[dict[str, str]]:
    """Read the ConfigMap that the Deployment names (Kustomize adds a hash to it), and what goes before that."""
    if deployment is None:
        return {}
    [container, *_] = deployment["spec"]["template"]["spec"]["containers"]
    named = [s["configMapRef"]["name"] for s in container.get("envFrom", ()) if "configMapRef" in s]
    found: dict[str, str] = {}
    for name in named:
        config = yield from shards.maybe(f"/api/v1/namespaces/{system}/configmaps/{name}")
        found |= (config or {}).get("data") or {}
    return found | {e["name"]: e["value"] for e in container.get("env") or () if "value" in e}


def success_target(namespace: str, system: str = SYSTEM) -> Call[float | None]:
    """Read what share of tasks shall succeed, in percent, from the operator's settings; None if they say nothing of it.

    Nor if they may not be read: whose namespace is a tenant's sees nothing of the operator.
    """
    try:
        shard = yield from shards.of(namespace)
        path = f"/apis/apps/v1/namespaces/{system}/deployments/{shards.named(shards.DEPLOYMENT, shard)}"
        said = (yield from _settings((yield from shards.maybe(path)), system)).get(_TARGET, "")
    except RefusedError:
        return None
    return float(said) if said.isdigit() else None


def parts(fleet: Fleet, now: datetime) -> list[Part]:
    """Say how each part of the system stands."""
    return [operator(fleet, now), _queues(fleet), _providers(fleet), _store(fleet, now)]


def operator(fleet: Fleet, now: datetime) -> Part:
    """Say how the operator stands, from its Deployment and its Lease; without either, from what it wrote of late."""
    own = _own(fleet, now)
    missing = {name: there for name, there in fleet.shards.without_leader(now).items() if name != fleet.shard}
    if not missing:
        return own
    says = f"{own.says}; {shards.sentence(missing)}"
    return Part("operator", "degraded" if own.state == "ok" else own.state, says)


def _own(fleet: Fleet, now: datetime) -> Part:
    """Look at the operator that the namespace is of."""
    if fleet.unseen:
        return Part("operator", "unknown", f"its Deployment and Lease may not be read: {fleet.unseen}")
    if fleet.deployment is None and fleet.lease is None:
        if fleet.shard:
            return Part("operator", "down", shards.sentence({fleet.shard: [fleet.namespace]}))
        written = [t for q in fleet.queues if (t := _ready_since(q))]
        said = f"it has written the status of {len(written)} queues" if written else "no queue has a status"
        return Part("operator", "unknown", f"neither Deployment nor Lease is there (does it run outside?); {said}")
    ready, wanted = _replicas(fleet.deployment)
    holder, renewed = shards.holder(fleet.lease)
    age = times.seconds_since(renewed, now)
    nobody = shards.sentence({fleet.shard: [fleet.namespace]}) if fleet.shard else "nobody leads"
    leads = f"{holder} leads, heard of {times.span(age)} ago" if holder else nobody
    said = f"{ready} of {wanted} replicas ready; {leads}" if fleet.deployment else f"{leads}; it has no Deployment here"
    if not shards.leads(fleet.lease, now):
        return Part("operator", "down", said)
    return Part("operator", "ok" if ready >= wanted else "degraded", said)


def _ready_since(queue: GenerationQueue) -> str | None:
    return next((c.last_transition_time for c in queue.status.conditions if c.type == "Ready"), None)


def _replicas(deployment: Json | None) -> tuple[int, int]:
    if deployment is None:
        return 0, 0
    return int(deployment.get("status", {}).get("readyReplicas", 0)), int(deployment["spec"].get("replicas", 1))


def _queues(fleet: Fleet) -> Part:
    bad = [q.metadata.name for q in fleet.queues if circuit_of(q) != "Closed"]
    stopped = [q.metadata.name for q in fleet.queues if q.spec.stop_policy.value != "None" or not q.spec.capacity]
    if fleet.queues_unseen:
        return Part("queues", "unknown", "they may not be read: ask for the ClusterRole coursegen-queue-viewer")
    if not fleet.queues:
        return Part("queues", "down", "there is none: kubectl apply -k deploy/overlays/…")
    said = [f"circuit not closed: {', '.join(bad)}"] if bad else []
    said += [f"stopped: {', '.join(stopped)}"] if stopped else []
    return Part("queues", "degraded" if said else "ok", "; ".join(said) or f"{len(fleet.queues)} take work")


def _providers(fleet: Fleet) -> Part:
    states = Counter(circuit_of(p) for p in fleet.providers)
    if not fleet.providers:
        return Part("providers", "ok", "there is none: the embedded composer writes")
    said = ", ".join(f"{n} {state}" for state, n in sorted(states.items()))
    return Part("providers", "ok" if set(states) == {"Closed"} else "degraded", said)


def circuit_of(obj: GenerationQueue | ModelProvider) -> str:
    """Give the state of a circuit; one that has never been written is closed."""
    found = obj.status.circuit_breaker
    return (found.state if found else CircuitState.CLOSED).value


def _store(fleet: Fleet, now: datetime) -> Part:
    """Judge by what workers said of it: nothing here holds the store's credentials."""
    errors = [c.status.error_details for c in fleet.courses]
    last = max((e.time for e in errors if e and e.failure_class is FailureClass.STORAGE_UNAVAILABLE), default=None)
    written = (c.status for c in fleet.courses if c.status.phase is Phase.SUCCEEDED and c.status.exports)
    done = max((status.completion_time or "" for status in written), default="") or None
    if last and (done is None or last > done):
        return Part("store", "degraded", f"a worker could not use it {times.age(last, now)} ago")
    if done:
        return Part("store", "ok", f"a file was written {times.age(done, now)} ago")
    return Part("store", "unknown", "no course has written a file yet")


def limit(fleet: Fleet, what: str) -> int | None:
    """Give the operator's limit of `courses` or `jobs`; None if it is not known, or each of several has its own."""
    if fleet.shards.namespaces:
        return None
    value = fleet.settings.get({"courses": _COURSES, "jobs": _JOBS}[what], "")
    return int(value) if value.isdigit() else None


def redis(url: str | None, ca: str = "", *, forwarded: bool = False) -> Part:
    """Ask Redis whether it is there; without a URL nobody knows.

    Arguments:
        ca: certificates (PEM) that vouch for a rediss:// server; empty: those of the system.
        forwarded: True if it is reached at an address of this machine, which no certificate names.
    """
    if not url:
        return Part("redis", "unknown", "no URL given (--redis-url): percentages are those of status, seconds old")
    from redis import Redis
    from redis.exceptions import RedisError

    tls: Json = {"ssl_ca_data": ca or None, "ssl_check_hostname": not forwarded} if url.startswith("rediss://") else {}
    try:
        with Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2, protocol=2, **tls) as client:
            client.ping()
    except (RedisError, OSError, ValueError) as error:
        return Part("redis", "degraded", f"does not answer ({type(error).__name__}): percentages are older")
    return Part("redis", "ok", "answers")


def find_namespace(wanted: str) -> Call[str]:
    """Give all namespaces (empty) if they may be listed, else the one that is wanted."""
    try:
        yield from calls.read(kinds.path(CourseGeneration), limit="1")
    except RefusedError as error:
        if error.status != 403:
            raise
        return wanted
    return ""
