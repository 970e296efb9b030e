"""Where waiting work stands: the operator that leads is asked, since its planner alone knows who goes first."""

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from coursegen_operator.plan.position import Position

from .access import Remembered

_FRESH_SECONDS = 5.0
_ANSWER = aiohttp.ClientTimeout(total=5)
UNSET = "No operator is set (COURSEGEN_OPERATOR_URL): how many go first is not known here."
SILENT = "No operator that leads has answered: how many go first is not known now."
BUSY = "The operator is asked by many: ask again in some seconds."


@dataclass(frozen=True, slots=True)
class Found:
    """What an operator said, or why nothing is known; neither is there for work that waits for no slot."""

    position: Position | None = None
    unknown: str = ""


class Positions:
    """Asks every replica of every operator: the one that leads and knows the object says where it stands."""

    def __init__(self, urls: Sequence[str], session: aiohttp.ClientSession) -> None:
        """Know where operators are.

        Arguments:
            urls: `http://name:port`; each name stands for all replicas of an operator, as a headless Service's does.
        """
        self._urls, self._session = urls, session
        self._known: Remembered[Found] = Remembered(_FRESH_SECONDS)

    async def of(self, uid: str) -> Found:
        """Give the position of an object; that of a moment ago, if somebody has just asked."""
        return await self._known.get(uid, lambda: self._ask(uid))

    async def _ask(self, uid: str) -> Found:
        if not self._urls:
            return Found(unknown=UNSET)
        replicas = [a for found in await asyncio.gather(*map(_replicas, self._urls)) for a in found]
        answers = await asyncio.gather(*(self._answer(f"{address}/position/{uid}") for address in replicas))
        said = [position for code, position in answers if code == 200]
        if standing := next(filter(None, said), None):
            return Found(standing)
        if any(code == 429 for code, _ in answers):
            return Found(unknown=BUSY)
        return Found() if said else Found(unknown=SILENT)

    async def _answer(self, url: str) -> tuple[int, Position | None]:
        """Give the status code and the position; 0 for no answer, or one that is no operator's."""
        try:
            async with self._session.get(url, timeout=_ANSWER, allow_redirects=False) as response:
                if response.status != 200:
                    return response.status, None
                said: Any = (await response.json())["position"]
                return 200, Position(said["queue"], said["ahead"], said["seconds"]) if said else None
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError):
            return 0, None


async def _replicas(url: str) -> list[str]:
    """Give the addresses that a name stands for; none if nobody knows the name."""
    parts = urlsplit(url)
    try:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(parts.hostname, parts.port or 80, type=socket.SOCK_STREAM)
    except OSError:
        return []
    hosts = sorted({str(address[4][0]) for address in found})
    return [f"http://{f'[{h}]' if ':' in h else h}:{parts.port or 80}" for h in hosts]
