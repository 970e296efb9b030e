"""One request over httpx: what both clients do with it, and what they make of an answer."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from . import errors
from .access import Access
from .calls import Json, Request

AGENT = "coursegen-client"
TIMEOUT = httpx.Timeout(30.0, connect=10.0)
WATCH_TIMEOUT = httpx.Timeout(10.0, read=330.0)
BUSY_TRIES = 5


def settings(access: Access) -> dict[str, Any]:
    """Give what a session is made with."""
    given = {"base_url": access.server, "verify": access.verify, "timeout": TIMEOUT}
    return given | {"proxy": access.proxy, "trust_env": False}  # `access` has looked at the environment already


def arguments(request: Request, access: Access) -> dict[str, Any]:
    """Give a request as httpx takes it."""
    headers = {"User-Agent": AGENT, "Accept": "application/json"} | access.headers()
    given: dict[str, Any] = {"method": request.method, "url": request.path, "params": dict(request.query)}
    if access.server_name:
        given["extensions"] = {"sni_hostname": access.server_name}
    if request.body is not None:
        given["json"] = request.body
        headers["Content-Type"] = request.media
    return given | {"headers": headers}


def busy_seconds(response: httpx.Response, attempt: int) -> float | None:
    """Say how long to wait before asking again; None if the answer stands."""
    if response.status_code != 429 or attempt >= BUSY_TRIES:
        return None
    said = response.headers.get("Retry-After", "")
    return float(said) if said.isdigit() else 1.0


def answer(response: httpx.Response) -> Json:
    """Give the JSON of an answer; raises the error that it tells of."""
    try:
        said: Json = response.json()
    except ValueError as error:
        if response.is_success:
            raise errors.UnreachableError("What answered is no API server: its words are no JSON.") from error
        said = {"message": response.text[:300]}
    if not response.is_success:
        raise errors.of_answer(response.status_code, str(said.get("message", f"HTTP {response.status_code}")))
    return said


class Clock:
    """The cluster's clock, by the API server's answers: this machine's may be minutes off, as a laptop's that slept."""

    def __init__(self) -> None:
        self.ahead = timedelta()
        """Of this machine's; 0 for what is less than 2 s: an answer tells whole seconds, and takes its time."""

    def hear(self, response: httpx.Response) -> None:
        """Take in when an answer was given, if it says so."""
        try:
            ahead = parsedate_to_datetime(response.headers.get("Date", "")) - datetime.now(UTC)
        except (ValueError, TypeError):
            return
        self.ahead = ahead if abs(ahead) >= timedelta(seconds=2) else timedelta()

    def now(self) -> datetime:
        """Give the cluster's time."""
        return datetime.now(UTC) + self.ahead


class Lines:
    """Lines from the pieces of an answer: a newline ends one, and nothing else that `str.splitlines` takes for an end.

    A string in JSON may hold U+0085 and U+2028 as they are.
    """

    def __init__(self) -> None:
        self._rest = b""

    def take(self, piece: bytes) -> list[str]:
        """Give the lines that a piece completes."""
        *whole, self._rest = (self._rest + piece).split(b"\n")
        return [line.decode(errors="replace") for line in whole]

    def end(self) -> list[str]:
        """Give what came after the last end of a line, if anything did."""
        return [self._rest.decode(errors="replace")] if self._rest else []


def unreachable(access: Access, error: Exception) -> errors.UnreachableError:
    """Give the error of no answer."""
    return errors.UnreachableError(
        f"The API server {access.server} does not answer: {error or type(error).__name__}",
        "Look whether the cluster is up and the kubeconfig's context is the one you mean.",
    )
