"""Posts Events, each of them once: its name is a function of what it is about, and a second of that name is refused."""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from coursegen_api import names
from coursegen_api.kinds import ObjectMeta

from .kube import ApiError, ApiUnreachable, Kube, path_of
from .plan import clock as plan_clock
from .plan import telling
from .plan.world import AnyObject, Key, PostEvent

_REMEMBERED = 10_000
_RECALL_SECONDS = 5.0
"""The start waits no longer for what was posted before it: what is asked for again is refused, and harms nobody."""
_CLUSTER_EVENTS = "default"
"""Where Kubernetes keeps the Events of objects that have no namespace."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class EventPoster:
    """Posts Events through the API server, and knows the last ones that were posted."""

    kube: Kube
    clock: Callable[[], float]
    posted: dict[str, None] = field(default_factory=dict)
    """What tells their names apart, in the order of posting."""

    async def post(self, key: Key, meta: ObjectMeta, effect: PostEvent, occasion: str) -> None:
        """Post an Event about an object, unless this was done: `occasion` (a revision) tells one from the next."""
        now = plan_clock.stamp(self.clock())
        namespace = meta.namespace or _CLUSTER_EVENTS
        digest = hashlib.sha256(f"{meta.uid}/{occasion}/{effect.reason}".encode()).hexdigest()[:16]
        if digest in self.posted:
            return
        body = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{meta.name}.{digest}", "namespace": namespace},
            "involvedObject": {
                "apiVersion": names.API_VERSION,
                "kind": key.kind,
                "name": meta.name,
                "namespace": meta.namespace,
                "uid": meta.uid,
                "resourceVersion": meta.resource_version,
            },
            "type": effect.type,
            "reason": effect.reason,
            "message": effect.message[:1024],
            "firstTimestamp": now[:19] + "Z",
            "lastTimestamp": now[:19] + "Z",
            "count": 1,
            "source": {"component": names.MANAGED_BY},
            "reportingComponent": names.MANAGED_BY,
        }
        try:
            await self.kube.create(path_of("events", namespace), body)
            self._remember(digest)
        except ApiError as error:
            self._remember(digest)
            if error.status != 409 and not error.is_terminating:
                log.warning("event %s of %s cannot be posted: %s", effect.reason, key, error)

    async def recall(self, objects: Iterable[AnyObject]) -> None:
        """Learn what was posted before this process began, where an end is so fresh that it would be told again."""
        now = self.clock()
        fresh = {o.metadata.namespace for o in objects if telling.is_due(o.status.completion_time, now)}
        try:
            async with asyncio.timeout(_RECALL_SECONDS):
                for namespace in sorted(fresh):
                    await self._recall(namespace)
        except (ApiError, ApiUnreachable, TimeoutError) as error:
            log.warning("what was posted of %d namespaces is not known, and asked for again: %r", len(fresh), error)

    async def _recall(self, namespace: str) -> None:
        ours = f"reportingComponent={names.MANAGED_BY}"
        async for page in self.kube.pages(path_of("events", namespace), fieldSelector=ours):
            for meta in (event["metadata"] for event in page["items"]):
                if telling.is_due(meta["creationTimestamp"], self.clock() - 1.0):  # which has whole seconds
                    self._remember(meta["name"].rpartition(".")[2])

    def _remember(self, digest: str) -> None:
        self.posted[digest] = None
        while len(self.posted) > _REMEMBERED:
            del self.posted[next(iter(self.posted))]
