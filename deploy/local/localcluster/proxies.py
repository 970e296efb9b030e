"""The way to a cluster of this machine is never through a proxy, whatever the environment has for the world outside."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

_NEAR = ("127.0.0.1", "localhost", "10.213.0.0/16")
"""Forwarded ports, and the nodes of all clusters (sandbox.py)."""


def stand_aside(environ: MutableMapping[str, str] = os.environ) -> None:
    """Has this program and those that it starts pass proxies by on the way to the clusters of this machine."""
    known = environ.get("NO_PROXY") or environ.get("no_proxy") or ""
    listed = [entry for entry in known.split(",") if entry]
    environ["NO_PROXY"] = environ["no_proxy"] = ",".join([*listed, *(near for near in _NEAR if near not in listed)])
