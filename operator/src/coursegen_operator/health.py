"""Probes and metrics over HTTP, and the two figures that liveness hangs on: the age of the last LIST, and loop lag."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from .metrics import Metrics

_LAG_PERIOD_SECONDS = 1.0
_MAX_LAG_SECONDS = 10.0
_MISSED_LISTS = 3


@dataclass(slots=True)
class Health:
    """What is known of the process's own state."""

    resync_seconds: float
    last_list: float = 0.0
    """Monotonic time of the last complete LIST; 0 before the first."""
    lag: float = 0.0
    lease: Callable[[], str] = lambda: ""
    """Says why this replica can neither lead nor take over; empty if it can."""

    def unready(self) -> str:
        """Say why the process is of no use yet; empty if it leads or stands by."""
        return self.lease() if self.last_list else "the first list is not complete"

    def trouble(self) -> str:
        """Say why the process should be restarted; empty if it is well."""
        age = time.monotonic() - self.last_list if self.last_list else 0.0
        if age > _MISSED_LISTS * self.resync_seconds:
            return f"the last full list is {age:.0f} s old"
        if self.lag > _MAX_LAG_SECONDS:
            return f"the event loop is {self.lag:.1f} s late"
        return ""


async def measure_lag(health: Health, metrics: Metrics, depth: "object") -> None:
    """Measure how late the event loop runs, for ever."""
    while True:
        begun = time.monotonic()
        await asyncio.sleep(_LAG_PERIOD_SECONDS)
        health.lag = max(0.0, time.monotonic() - begun - _LAG_PERIOD_SECONDS)
        metrics.loop_lag.set(health.lag)
        metrics.queue_depth.set(len(depth))  # type: ignore[arg-type]


async def serve(health: Health, metrics: Metrics, port: int, more: Iterable[web.AbstractRouteDef] = ()) -> None:
    """Answer /livez, /readyz, /metrics and what more there is until cancelled."""

    async def livez(_: web.Request) -> web.Response:
        trouble = health.trouble()
        return web.Response(status=503 if trouble else 200, text=trouble or "ok")

    async def readyz(_: web.Request) -> web.Response:
        trouble = health.unready()
        return web.Response(status=503 if trouble else 200, text=trouble or "ok")

    async def show_metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/livez", livez), web.get("/readyz", readyz), web.get("/metrics", show_metrics), *more])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, port=port).start()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
