"""A reverse proxy that logs people in: it adds a token of its own to every request, and to no WebSocket."""

import asyncio
import contextlib
import re
import threading
from dataclasses import dataclass, field

_CONNECTION = re.compile(rb"\r\nconnection:[^\r]*", re.IGNORECASE)
_UPGRADE = re.compile(rb"\r\nupgrade: *websocket", re.IGNORECASE)


@dataclass
class LoginProxy:
    """Bytes pass through it as they are, but for the head of each request; one connection has one request."""

    port: int
    token: str
    address: str = ""
    """Where it listens."""
    heads: list[str] = field(default_factory=list)
    """What browsers have sent, before anything was added to it."""

    def __post_init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._sockets: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    def __enter__(self) -> "LoginProxy":
        self._thread.start()
        server = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop)
        self._server = server.result()
        self.address = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def break_sockets(self) -> None:
        """Break every WebSocket that is open."""
        self._loop.call_soon_threadsafe(lambda: [writer.close() for writer in self._sockets])

    async def _end(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError), contextlib.closing(writer):
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head.decode("latin-1"))
            there, gateway = await asyncio.open_connection("127.0.0.1", self.port)
            with contextlib.closing(gateway):
                is_socket = bool(_UPGRADE.search(head))
                if is_socket:
                    self._sockets.add(writer)
                else:
                    added = b"\r\nConnection: close\r\nAuthorization: Bearer " + self.token.encode() + b"\r\n\r\n"
                    head = _CONNECTION.sub(b"", head)[:-4] + added
                gateway.write(head)
                passing = [asyncio.ensure_future(_pass(*way)) for way in ((reader, gateway), (there, writer))]
                await asyncio.wait(passing, return_when=asyncio.FIRST_COMPLETED)
                for way in passing:
                    way.cancel()
                self._sockets.discard(writer)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while some := await reader.read(65536):
            writer.write(some)
            await writer.drain()
