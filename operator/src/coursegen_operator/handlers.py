"""kopf's part: events in, keys to visit out. A handler stores, enqueues and returns; it never awaits I/O.

Only `on.event` handlers are used: they cost no PATCH and leave nothing on the objects.
"""

import logging
import time
from typing import Any

import kopf

from coursegen_api import names

from .effects import enqueue
from .kube import Access
from .snapshot import KINDS, Snapshot
from .workqueue import WorkQueue

log = logging.getLogger(__name__)


def register(registry: kopf.OperatorRegistry, snapshot: Snapshot, queue: WorkQueue, access: Access) -> None:
    """Register every handler with a registry of our own."""

    @kopf.on.login(registry=registry)
    def login(**_: Any) -> kopf.ConnectionInfo:
        token = access.token_file.read_text().strip() if access.token_file else access.token
        return kopf.ConnectionInfo(
            server=access.server,
            ca_path=access.ca_file,
            certificate_path=access.cert_file,
            private_key_path=access.key_file,
            token=token or None,
            scheme="Bearer" if token else None,
        )

    for kind, model in KINDS.items():
        _watch(registry, kind, model.meta.plural, snapshot, queue)

    @kopf.on.event("batch", "v1", "jobs", registry=registry)
    async def job(event: kopf.RawEvent, **_: Any) -> None:
        deleted = event["type"] == "DELETED"
        touched = snapshot.apply_job(dict(event["object"]), deleted)
        enqueue(queue, touched, None, time.time())


def _watch(registry: kopf.OperatorRegistry, kind: str, plural: str, snapshot: Snapshot, queue: WorkQueue) -> None:
    @kopf.on.event(names.GROUP, names.VERSION, plural, registry=registry, id=f"watch-{plural}")
    async def handle(event: kopf.RawEvent, **_: Any) -> None:
        raw: dict[str, Any] = dict(event["object"])
        enqueue(queue, snapshot.apply(kind, raw, event["type"] == "DELETED"), None, time.time())


class _NothingKept(kopf.DiffBaseStorage):
    """Spares kopf its copies of every object, made at every event to find changes that nobody here asks for."""

    def build(self, *, body: kopf.Body, extra_fields: Any = None) -> kopf.BodyEssence:
        return None  # type: ignore[return-value]  # kopf provides for it, as for what fetch() gives

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Keep nothing."""


def settings(request_timeout: int) -> kopf.OperatorSettings:
    """Give kopf's settings; each is there for a measured reason (docs/architecture.md)."""
    out = kopf.OperatorSettings()
    out.peering.standalone = True
    out.scanning.disabled = True
    out.posting.enabled = False
    out.queueing.worker_limit = None
    out.queueing.idle_timeout = 0.2
    out.persistence.diffbase_storage = _NothingKept()
    out.watching.server_timeout = 300
    out.watching.client_timeout = 330
    out.watching.connect_timeout = 10
    out.watching.chunk_size = 500
    out.watching.label_selectors["batch", "v1", "jobs"] = f"{names.LABEL_MANAGED_BY}={names.MANAGED_BY}"
    out.networking.request_timeout = request_timeout
    out.networking.error_backoffs = (1, 2, 4, 8)
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)
    return out
