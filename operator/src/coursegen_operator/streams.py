"""From kopf's watch streams straight to our handlers, without kopf's way from an event to a handler.

kopf runs a task for each object, and prepares at every event all that its richer handlers could ask for: 0.5 ms of
CPU, ten times what ours take, and a quarter of the operator's (docs/performance.md). Ours are `on.event` handlers that
store and enqueue; they need none of it. Registering them with kopf still decides what is watched, and logging in,
watching, reconnecting and relisting are kopf's as before. What is replaced is one function of kopf that is not its
public interface, and the parser of its watches: therefore kopf is pinned to a minor version, and a test on the real API
server tells whether events still come this way.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import kopf
from kopf._cogs.aiokits import aiotoggles
from kopf._cogs.clients import api, watching
from kopf._cogs.structs import references
from kopf._core.reactor import queueing
from pydantic_core import from_json

Take = Callable[[kopf.RawEvent], None]
"""Takes an event in; never waits."""

log = logging.getLogger(__name__)


@dataclass
class Settings(kopf.OperatorSettings):
    """kopf's settings, and by plural who takes the events of a kind: they reach every watch that kopf begins."""

    takers: Mapping[str, Take] = field(default_factory=dict)


_kopfs_way = queueing.watcher


async def _watcher(*, settings: kopf.OperatorSettings, resource: kopf.Resource, **arguments: Any) -> None:
    take = settings.takers.get(resource.plural) if isinstance(settings, Settings) else None
    if take is None:
        await _kopfs_way(settings=settings, resource=resource, **arguments)
    else:
        await _follow(take, settings=settings, resource=resource, **arguments)


queueing.watcher = _watcher


class _Json:
    """Parses the lines of a watch in a third of the time that the standard library takes."""

    @staticmethod
    def loads(line: str) -> object:
        return from_json(line, cache_strings="keys")  # looking for known values as well takes a third longer


api.json = _Json  # type: ignore[assignment,attr-defined]


async def _follow(
    take: Take,
    *,
    settings: kopf.OperatorSettings,
    resource: kopf.Resource,
    namespace: references.Namespace,
    processor: object,
    operator_paused: aiotoggles.ToggleSet,
    operator_indexed: aiotoggles.ToggleSet,
    resource_indexed: aiotoggles.Toggle | None,
) -> None:
    """Take every event in; one that cannot be taken is logged, and the next full list brings what it said."""
    stream = watching.infinite_watch(
        settings=settings, resource=resource, namespace=namespace, operator_paused=operator_paused
    )
    async for event in stream:
        if isinstance(event, watching.Bookmark):
            if event is watching.Bookmark.LISTED and resource_indexed is not None:
                await operator_indexed.drop_toggle(resource_indexed)
        elif event["type"] != "BOOKMARK":
            try:
                take(event)
            except Exception:
                log.exception("an event of %s could not be taken in", resource.plural)
