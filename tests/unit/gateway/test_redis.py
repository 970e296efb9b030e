"""Redis as the gateway tells of it: where none is set nothing is wrong."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import kopf
import pytest
from prometheus_client import generate_latest

from coursegen_gateway import app
from coursegen_gateway.access import Caller, Right
from coursegen_gateway.gateway import Gateway
from coursegen_gateway.settings import Settings
from coursegen_gateway.state import QUEUES
from coursegen_operator.access import Access

NOWHERE = "redis://127.0.0.1:1/0"


class Everybody:
    """A gate that lets everybody see everything."""

    async def caller(self, token: str) -> Caller:
        return Caller("alice", "", (), (), token)

    async def demand(self, caller: Caller, right: Right, what: str) -> None:
        return None


async def told(gateway: Gateway) -> tuple[str, str, int, bytes]:
    """Give what health says: status, way to Redis, number of problems; and the metric's samples."""
    transport, headers = httpx.ASGITransport(app=app.build(gateway)), {"Authorization": "Bearer token"}
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway.example", headers=headers) as client:
        said = (await client.get("/health/tasks")).json()
    lines = generate_latest(gateway.metrics.registry).splitlines()
    found = b" ".join(line for line in lines if line.startswith(b"coursegen_gateway_redis_connected"))
    return said["status"], said["progress"], len(said["problems"]), found


@pytest.mark.parametrize(
    ("settings", "url", "connected", "wanted"),
    [
        ({}, None, False, ("healthy", "off", 0, b"")),
        ({"redis_folder": ""}, None, False, ("healthy", "off", 0, b"")),
        ({"redis_folder": "here"}, None, False, ("healthy", "off", 0, b"")),
        ({"redis_folder": "here"}, "", False, ("healthy", "off", 0, b"")),
        ({"redis_folder": "here"}, NOWHERE, False,
         ("degraded", "disconnected", 1, b"coursegen_gateway_redis_connected 0.0")),
        ({"redis_folder": "here"}, "http://nowhere", False,
         ("degraded", "disconnected", 1, b"coursegen_gateway_redis_connected 0.0")),
        ({"redis_url": NOWHERE}, None, True, ("healthy", "connected", 0, b"coursegen_gateway_redis_connected 1.0")),
    ],
    ids=["no setting", "empty setting", "no secret", "empty secret", "down", "no Redis", "up"],
)  # fmt: skip
async def test_a_redis_that_nobody_has_set_is_off_and_one_that_is_down_degrades(
    tmp_path: Path, settings: dict[str, Any], url: str | None, connected: bool, wanted: tuple[str, str, int, bytes]
) -> None:
    if settings.get("redis_folder"):
        settings = {"redis_folder": str(tmp_path)}
    if url is not None:
        (tmp_path / "url").write_text(url)
    gateway = Gateway(Settings(**settings), Access(kopf.ConnectionInfo(server="http://127.0.0.1:1")))
    gateway.gate = Everybody()  # type: ignore[assignment]
    queue = {"metadata": {"name": "export", "uid": "q", "resourceVersion": "1"}, "spec": {"priority": 3}}
    gateway.state.put(QUEUES, queue)
    if gateway.progress:
        reading = asyncio.create_task(gateway.progress.run(gateway.state.take))
        await asyncio.sleep(0)  # it knows by then whether there is a Redis, and has not found out whether it answers
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        gateway.progress.connected = connected
    assert await told(gateway) == wanted
