"""Reads a worker Pod's log, as the caller."""

import aiohttp

from coursegen_operator.kube import ApiUnreachable, Kube

from .problems import Problem

_MAX_BYTES = 1024 * 1024


async def read(client: Kube, path: str, lines: int) -> str:
    """Give the last lines of a log; Problem if Kubernetes refuses, or the node does not answer."""
    url = f"{client.access.server}{path}?tailLines={lines}&limitBytes={_MAX_BYTES}&container=worker"
    try:
        async with client.session.get(url, headers=client.access.headers()) as response:
            text = (await response.read())[: 2 * _MAX_BYTES].decode("utf-8", "replace")
            status = response.status
    except (aiohttp.ClientError, TimeoutError) as error:
        raise ApiUnreachable(f"GET {path}: {type(error).__name__}") from error
    if status == 200:
        return text
    if status == 403:
        raise Problem(403, "You may not read logs in this namespace: that needs the right to get pods/log.")
    if status == 404:
        raise Problem(404, "The Pod is gone, and its log with it.")
    raise Problem(502, "The node that the Pod is on does not give its log: it may not have started yet.")
