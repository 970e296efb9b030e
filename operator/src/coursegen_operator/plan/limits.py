"""What all that runs must stay under, what of it is in use, and which limit a wish waits for."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from coursegen_api.base import HoldReason
from coursegen_api.queue import GenerationQueue, StopPolicy, Tenant

from .recent import circuits_of, queue_key
from .recent import provider_key as provider_circuit
from .step import Hold, missing_queue
from .world import COURSE_SLOTS, Key, Want

_RUNNING_FOR_A_TRY = 8
"""Where Kubernetes has refused Jobs, one tries whether it still does, and one more for so many that run."""

_REFUSED_FOR_THEMSELVES = 10
"""So many may be refused by a policy for what they are, before it is taken for the whole namespace's."""

_ORDINARY = Tenant(namespace="any", weight=1)
"""What a namespace gets that its queue does not list."""


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """What a queue allows."""

    priority: int
    capacity: int
    ageing_seconds: float = 1800.0
    namespace_capacity: int | None = None
    tenants: Mapping[str, Tenant] = field(default_factory=dict)
    """By namespace; one that is not in here has weight 1 and no limit of its own."""
    stopped: StopPolicy = StopPolicy.NONE

    def tenant(self, namespace: str) -> Tenant:
        """Give what a namespace gets of the queue."""
        return self.tenants.get(namespace, _ORDINARY)

    def capacity_of(self, namespace: str) -> int | None:
        """Give the number of Jobs that a namespace may have here at once; None without a limit of its own."""
        own = self.tenant(namespace).capacity
        return self.namespace_capacity if own is None else own


def of_queue(queue: GenerationQueue, capacity: int | None = None) -> QueueLimits:
    """Read a queue's limits; `capacity` is what an elastic one has now."""
    spec = queue.spec
    elastic = spec.elasticity is not None and spec.capacity > 0 and capacity is not None
    return QueueLimits(
        spec.priority,
        capacity if elastic and capacity is not None else spec.capacity,
        spec.ageing_seconds,
        spec.namespace_capacity,
        {t.namespace: t for t in spec.tenants},
        spec.stop_policy,
    )


@dataclass(slots=True)
class Load:
    """Slots in use, recounted from what exists; a decision adds what it grants."""

    courses: int = 0
    jobs: int = 0
    by_queue: dict[str, int] = field(default_factory=dict)
    by_provider: dict[str, int] = field(default_factory=dict)
    """By `namespace/name`."""
    by_tenant: dict[tuple[str, str], int] = field(default_factory=dict)
    """By queue (or COURSE_SLOTS) and namespace."""
    unstarted: dict[tuple[str, str], int] = field(default_factory=dict)
    """By queue and namespace: those among them whose Pod has not been seen running."""
    by_quota: dict[tuple[str, str], int] = field(default_factory=dict)
    """By queue and namespace: work that a quota refused, and that holds no slot until it is tried again."""
    by_policy: dict[tuple[str, str], int] = field(default_factory=dict)
    """The same of what anything else in Kubernetes refused."""
    promised: dict[Key, Counter[str]] = field(default_factory=dict)
    """By course and provider, then by kind of task: the granted, whose cost is not in status yet."""
    parked: int = 0
    """Open courses that the circuit of their provider keeps: those of other providers are opened in their place."""

    def copy(self) -> "Load":
        """Give a load that a decision can add to without changing this one."""
        return Load(
            self.courses,
            self.jobs,
            dict(self.by_queue),
            dict(self.by_provider),
            dict(self.by_tenant),
            dict(self.unstarted),
            self.by_quota,
            self.by_policy,
            {purse: Counter(kinds) for purse, kinds in self.promised.items()},
            self.parked,
        )

    def take(self, want: Want, key: Key) -> None:
        """Add one slot."""
        tenant = (want.queue, key.namespace)
        self.by_tenant[tenant] = self.by_tenant.get(tenant, 0) + 1
        if want.queue == COURSE_SLOTS:
            self.courses += 1
            return
        self.jobs += 1
        self.unstarted[tenant] = self.unstarted.get(tenant, 0) + 1
        self.by_queue[want.queue] = self.by_queue.get(want.queue, 0) + 1
        provider = provider_key(want.provider, key.namespace)
        if provider:
            self.by_provider[provider] = self.by_provider.get(provider, 0) + 1
        for purse in want.purses:
            self.promised.setdefault(purse, Counter())[want.label] += 1


@dataclass(frozen=True, slots=True)
class Limits:
    """What all that runs must stay under."""

    max_courses: int
    max_jobs: int
    queues: Mapping[str, QueueLimits]
    providers: Mapping[str, int]
    """Concurrency by `namespace/name`; one that is not in here has no limit of its own."""
    course_shares: QueueLimits = field(default_factory=lambda: QueueLimits(0, 0))
    """Whose weights share the course slots."""
    shut: Mapping[Key, Hold] = field(default_factory=dict)
    """By provider or queue whose circuit is not closed: what its work is held with. Nothing but a probe starts."""
    over_budget: Callable[[Want, Mapping[Key, Counter[str]]], str] = lambda want, promised: ""
    """Says which budget a wish is over, with what has been promised to others besides; empty if none."""

    def shares(self, queue: str) -> QueueLimits | None:
        """Give the queue (or, for COURSE_SLOTS, the one in its place) whose weights count."""
        return self.course_shares if queue == COURSE_SLOTS else self.queues.get(queue)


def provider_key(provider: str, namespace: str) -> str:
    """Name a provider as a load does; empty for none."""
    return f"{namespace}/{provider}" if provider else ""


def closed(queue: str, load: Load, limits: Limits) -> Hold | None:
    """Say what keeps a whole queue; None if it has a slot for somebody."""
    if queue == COURSE_SLOTS:
        return _course_limit(limits) if load.courses - load.parked >= limits.max_courses else None
    found = limits.queues.get(queue)
    if found is None:
        return missing_queue(queue)
    if found.stopped is not StopPolicy.NONE or not found.capacity:
        return paused(queue, found)
    if by_circuit := limits.shut.get(queue_key(queue)):
        return by_circuit
    if load.by_queue.get(queue, 0) >= found.capacity:
        return Hold(
            HoldReason.QUEUE_FULL,
            f"Queue {queue} runs as many Jobs as its capacity of {found.capacity}: waits for one of them to end.",
        )
    if load.jobs >= limits.max_jobs:
        return Hold(
            HoldReason.QUEUE_FULL,
            f"The operator's limit of {limits.max_jobs} Jobs over all queues is reached: waits for a Job to end.",
        )
    return None


def fits(number: int, queue: str, namespace: str, provider: str, limits: Limits) -> bool:
    """Tell whether so many Jobs may run at once in a namespace's queue, and of its provider."""
    found = limits.queues.get(queue)
    if found is None or found.stopped is not StopPolicy.NONE:
        return False
    bounds = (
        limits.max_jobs,
        found.capacity,
        found.capacity_of(namespace),
        limits.providers.get(provider_key(provider, namespace)),
    )
    return all(most is None or number <= most for most in bounds)


def room(want: Want, key: Key, load: Load, limits: Limits) -> Hold | None:
    """Say what a wish would have to wait for; None if there is a slot for it.

    An open circuit comes before a full queue, and a used-up budget before the limit of courses: a Job or course that
    ends would be of no use to it.
    """
    by_queue = closed(want.queue, load, limits)
    if want.queue == COURSE_SLOTS:
        return kept(want, key, load, limits) or by_queue
    if by_queue and by_queue.reason is not HoldReason.QUEUE_FULL:
        return by_queue
    return _by_provider(want, key, limits) or by_queue or kept(want, key, load, limits)


def _by_provider(want: Want, key: Key, limits: Limits) -> Hold | None:
    """Say that the circuit of a wish's provider is open."""
    names = circuits_of(key.namespace, want.queue, want.provider) if limits.shut else ()
    return next((limits.shut[n] for n in names if n.kind == "ModelProvider" and n in limits.shut), None)


def kept(want: Want, key: Key, load: Load, limits: Limits) -> Hold | None:
    """Say what keeps a wish from the slots of an open queue."""
    if want.queue == COURSE_SLOTS:
        return _not_to_be_opened(want, key, load, limits)
    return (
        _by_provider(want, key, limits)
        or _by_namespace(want.queue, key.namespace, load, limits)
        or _busy(want, key, load, limits)
        or _over_budget(want, load, limits)
    )


def _not_to_be_opened(want: Want, key: Key, load: Load, limits: Limits) -> Hold | None:
    """Say what keeps a course from a slot that is free: it would hold it for nothing.

    One whose provider is cut off does not come in the place of one that waits for the same.
    """
    if load.courses >= limits.max_courses and provider_circuit(key.namespace, want.provider) in limits.shut:
        return _course_limit(limits)
    return _over_budget(want, load, limits)


def _by_namespace(queue: str, namespace: str, load: Load, limits: Limits) -> Hold | None:
    """Say what keeps a whole namespace from the slots of an open queue."""
    most = limits.queues[queue].capacity_of(namespace)
    if most == 0:
        return Hold(
            HoldReason.QUEUE_PAUSED,
            f"Namespace {namespace} may have no Job in queue {queue} (its capacity there is 0): raise spec.tenants or "
            "spec.namespaceCapacity of the queue to go on.",
        )
    if most is not None and load.by_tenant.get((queue, namespace), 0) >= most:
        return Hold(
            HoldReason.QUEUE_FULL,
            f"Namespace {namespace} runs as many Jobs in queue {queue} as it may have there ({most}): waits for one of "
            "them to end.",
        )
    return _refused((queue, namespace), load) if load.by_quota or load.by_policy else None


def _busy(want: Want, key: Key, load: Load, limits: Limits) -> Hold | None:
    """Say that a wish's provider serves as many as it may."""
    used = provider_key(want.provider, key.namespace)
    concurrency = limits.providers.get(used) if used else None
    if concurrency is not None and load.by_provider.get(used, 0) >= concurrency:
        return Hold(
            HoldReason.PROVIDER_BUSY,
            f"Provider {want.provider} serves as many Jobs as its concurrency of {concurrency}: waits for one of them "
            "to end.",
        )
    return None


def _over_budget(want: Want, load: Load, limits: Limits) -> Hold | None:
    """Say that a budget has no room for what a wish is likely to cost."""
    words = limits.over_budget(want, load.promised) if want.purses else ""
    return Hold(HoldReason.BUDGET_EXCEEDED, words) if words else None


def _refused(tenant: tuple[str, str], load: Load) -> Hold | None:
    """Say that Kubernetes refuses a namespace's Jobs, and enough of them try again; the more run, the more may."""
    queue, namespace = tenant
    unstarted = load.unstarted.get(tenant, 0)
    if unstarted <= (load.by_tenant.get(tenant, 0) - unstarted) // _RUNNING_FOR_A_TRY:
        return None
    if load.by_quota.get(tenant):
        return Hold(
            HoldReason.QUOTA_EXCEEDED,
            f"A quota of namespace {namespace} refuses Jobs of queue {queue}: they are tried a few at a time, and go "
            "on when the quota has room.",
        )
    if load.by_policy.get(tenant, 0) > _REFUSED_FOR_THEMSELVES:
        return Hold(
            HoldReason.MISCONFIGURED,
            f"Kubernetes refuses Jobs of queue {queue} in namespace {namespace}: they are tried a few at a time, and "
            "go on when that is mended. What has been tried says why.",
        )
    return None


def _course_limit(limits: Limits) -> Hold:
    return Hold(
        HoldReason.COURSE_LIMIT,
        f"{limits.max_courses} courses are being generated, the limit: waits for one to end.",
    )


def paused(name: str, queue: QueueLimits) -> Hold:
    """Give the hold of work of a queue that an admin has stopped."""
    if queue.stopped is StopPolicy.NONE:
        return Hold(HoldReason.QUEUE_PAUSED, f"Queue {name} has capacity 0: raise spec.capacity to go on.")
    return Hold(
        HoldReason.QUEUE_PAUSED,
        f"Queue {name} is stopped (spec.stopPolicy {queue.stopped.value}): set it to None to go on.",
    )
