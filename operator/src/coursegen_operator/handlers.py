"""kopf's part: events in, keys to visit out. A handler stores, enqueues and returns; it never awaits I/O.

Only `on.event` handlers are used: they cost no PATCH and leave nothing on the objects.
"""

import logging
import time
from collections.abc import Mapping
from typing import Any

import kopf

from coursegen_api import names

from .access import Access
from .effects import enqueue
from .kube import Json
from .metrics import Metrics
from .plan.step import awaits
from .plan.world import ReadPods
from .pods import PodReader
from .snapshot import KINDS, Snapshot
from .streams import Settings, Take
from .workqueue import WorkQueue

_ELSEWHERE = {"jobs": ("batch", "v1"), "namespaces": ("", "v1")}
"""What is watched and is not of our group."""


def register(registry: kopf.OperatorRegistry, takers: Mapping[str, Take], access: Access) -> None:
    """Register every handler with a registry of our own: it is what has kopf watch a kind.

    The events themselves come by streams.py; those that came kopf's way would be taken all the same.
    """

    @kopf.on.login(registry=registry)
    def login(**_: Any) -> kopf.ConnectionInfo:
        return access.present()

    for plural, take in takers.items():
        group, version = _ELSEWHERE.get(plural, (names.GROUP, names.VERSION))
        _watch(registry, group, version, plural, take)


def take_job(raw: Json, deleted: bool, snapshot: Snapshot, queue: WorkQueue, pods: PodReader) -> None:
    """Take in a Job; if it has ended, its object is visited when its Pods have been read, which say how."""
    touched = snapshot.apply_job(raw, deleted)
    job = snapshot.jobs.get((raw["metadata"]["namespace"], raw["metadata"]["name"]))
    key = snapshot.by_uid.get(job.object_uid) if job and job.finished else None
    if job and key and key in touched and awaits(snapshot.objects[key], job):
        pods.want(key, ReadPods(job.namespace, job.name, job.uid))
        touched.discard(key)
    enqueue(queue, touched, None, time.time())


def takers(snapshot: Snapshot, queue: WorkQueue, pods: PodReader, metrics: Metrics) -> dict[str, Take]:
    """Give what takes in the events of each kind that is watched, by plural."""

    jobs_seen = metrics.watch_events.labels("Job")

    def job(event: kopf.RawEvent) -> None:
        jobs_seen.inc()
        take_job(dict(event["object"]), event["type"] == "DELETED", snapshot, queue, pods)

    def of(kind: str) -> Take:
        seen = metrics.watch_events.labels(kind)

        def take(event: kopf.RawEvent) -> None:
            seen.inc()
            enqueue(queue, snapshot.apply(kind, dict(event["object"]), event["type"] == "DELETED"), None, time.time())

        return take

    def namespace(event: kopf.RawEvent) -> None:
        found: dict[str, Any] = dict(event["object"])
        if snapshot.territory.see(found, time.time(), deleted=event["type"] == "DELETED"):
            enqueue(queue, snapshot.leave(found["metadata"]["name"]), None, time.time())
        snapshot.see_namespace(found["metadata"]["name"], found["metadata"]["uid"])

    ours = {"jobs": job} | {model.meta.plural: of(kind) for kind, model in KINDS.items()}
    return ours if snapshot.territory.named else ours | {"namespaces": namespace}


def _watch(registry: kopf.OperatorRegistry, group: str, version: str, plural: str, take: Take) -> None:
    @kopf.on.event(group, version, plural, registry=registry, id=f"watch-{plural}")
    async def handle(event: kopf.RawEvent, **_: Any) -> None:
        take(event)


def settings(request_timeout: int, takers: Mapping[str, Take]) -> kopf.OperatorSettings:
    """Give kopf's settings; each is there for a measured reason (docs/architecture.md)."""
    out = Settings(takers=takers)
    out.peering.standalone = True
    out.scanning.disabled = True
    out.posting.enabled = False
    out.watching.server_timeout = 300
    out.watching.client_timeout = 330
    out.watching.connect_timeout = 10
    out.watching.chunk_size = 500
    out.watching.label_selectors["batch", "v1", "jobs"] = f"{names.LABEL_MANAGED_BY}={names.MANAGED_BY}"
    out.networking.request_timeout = request_timeout
    out.networking.error_backoffs = (1, 2, 4, 8)
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)
    return out
