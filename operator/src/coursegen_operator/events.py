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
_RECALL_SECONDS = 60.0
"""No longer is asked what was posted before the start: what is asked for again is refused, and harms nobody."""
_AGAIN_SECONDS = 1.0
_CLUSTER_EVENTS = "default"
"""Where Kubernetes keeps the Events of objects that have no namespace."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class EventPoster:
    """Posts Events through the API server, and knows the last ones that were posted.

    Until `recall` has asked what others posted before, nothing is posted, and nobody waits for that.
    """

    kube: Kube
    clock: Callable[[], float]
    posted: dict[str, None] = field(default_factory=dict)
    """What tells their names apart, in the order of posting."""
    _held: list[tuple[Key, ObjectMeta, PostEvent, str]] | None = field(default_factory=list)
    """What is to be posted when it is known what was; None: it is."""

    async def post(self, key: Key, meta: ObjectMeta, effect: PostEvent, occasion: str) -> None:
        """Post an Event about an object, unless this was done: `occasion` (a revision) tells one from the next."""
        digest = hashlib.sha256(f"{meta.uid}/{occasion}/{effect.reason}".encode()).hexdigest()[:16]
        if digest in self.posted:
            return
        if self._held is not None:
            self._held.append((key, meta, effect, occasion))
            return
        now = plan_clock.stamp(self.clock())
        namespace = meta.namespace or _CLUSTER_EVENTS
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
            await self.kube.create(path_of("events", namespace), body, metadata_only=True)
            self._remember(digest)
        except ApiError as error:
            self._remember(digest)
            if error.status != 409 and not error.is_terminating:
                log.warning("event %s of %s cannot be posted: %s", effect.reason, key, error)

    async def recall(self, objects: Iterable[AnyObject]) -> None:
        """Learn what was posted before this process began, where an end is so fresh that it would be told again.

        Then post what was to be posted meanwhile.
        """
        now = self.clock()
        fresh = {o.metadata.namespace for o in objects if telling.is_due(o.status.completion_time, now)}
        try:
            async with asyncio.timeout(_RECALL_SECONDS):
                for namespace in sorted(fresh):
                    await self._recall(namespace)
        except (ApiError, ApiUnreachable, TimeoutError) as error:
            log.warning("what was posted of %d namespaces is not known, and asked for again: %r", len(fresh), error)
        held, self._held = self._held or [], None
        for one in held:
            await self._surely(*one)

    async def _surely(self, key: Key, meta: ObjectMeta, effect: PostEvent, occasion: str) -> None:
        """Post, again and again until there is an answer: no visit is left that would."""
        while True:
            try:
                return await self.post(key, meta, effect, occasion)
            except ApiUnreachable as error:
                log.warning("event %s of %s is posted again soon: %s", effect.reason, key, error)
                await asyncio.sleep(_AGAIN_SECONDS)

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
