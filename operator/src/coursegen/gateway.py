"""The way to the gateway: for content too large for a ConfigMap, and for where work stands."""

import os
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from .access import Access
from .calls import Json, Question, Upload
from .errors import InputError, RefusedError, UnreachableError
from .transport import AGENT

_TIMEOUT = httpx.Timeout(90.0, connect=10.0)
_HINTS = {
    401: "Give Client(gateway_token=…) a token of the cluster: kubectl create token NAME.",
    403: "Ask for the role coursegen-author in this namespace.",
}


@dataclass(frozen=True)
class Gateway:
    """A gateway, and how to be let in."""

    url: str
    token: str = field(default="", repr=False)
    """Of the cluster; without one the kubeconfig's."""


def find(url: str | None, token: str | None) -> Gateway | None:
    """Give the gateway that was named, or COURSEGEN_GATEWAY_URL's; InputError for what is no address."""
    url = (url or os.environ.get("COURSEGEN_GATEWAY_URL", "")).rstrip("/")
    if not url:
        return None
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
        hint = "It begins with https:// (or http:// on this machine)."
        raise InputError(f"{url!r} is no address of a gateway.", hint)
    return Gateway(url, token or os.environ.get("COURSEGEN_GATEWAY_TOKEN", ""))


def arguments(gateway: Gateway, access: Access, wish: Upload | Question) -> dict[str, Any]:
    """Give a request as httpx takes it; InputError if there is no token to send with it."""
    own = access.headers()
    headers = {"Authorization": f"Bearer {gateway.token}"} if gateway.token else own
    if not headers.get("Authorization", "").startswith("Bearer "):
        raise InputError(f"{gateway.url} asks for a token, and the kubeconfig has none.", _HINTS[401])
    headers |= {"User-Agent": AGENT}
    if isinstance(wish, Question):
        return {"method": "GET", "url": f"{gateway.url}{wish.path}", "headers": headers, "timeout": _TIMEOUT}
    return {
        "method": "POST",
        "url": f"{gateway.url}/api/v1/uploads",
        "params": {"namespace": wish.namespace},
        "content": wish.data,
        "headers": headers | {"Content-Type": wish.media},
        "timeout": _TIMEOUT,
    }


def answer(gateway: Gateway, wish: Upload | Question, response: httpx.Response) -> Json:
    """Give what was answered, of content the key that it is kept under; raises the error that an answer tells of."""
    try:
        said = response.json()
    except ValueError:
        said = None
    known = isinstance(said, dict)
    if known and response.is_success and isinstance(wish, Question):
        return dict(said)
    if known and response.is_success and "artifact_key" in said:
        return {"artifact_key": said["artifact_key"]}
    if response.is_success or not known or "detail" not in said:
        raise UnreachableError(
            f"What answers at {gateway.url} is no gateway (HTTP {response.status_code}).",
            "Look at the address: it is the one of the page, without a path.",
        )
    raise RefusedError(response.status_code, str(said["detail"]), _HINTS.get(response.status_code, ""))


def unreachable(gateway: Gateway, error: Exception) -> UnreachableError:
    """Give the error of no answer."""
    return UnreachableError(
        f"The gateway {gateway.url} does not answer: {error or type(error).__name__}",
        "kubectl -n coursegen-system port-forward service/gateway 8080:80 makes it http://localhost:8080.",
    )
