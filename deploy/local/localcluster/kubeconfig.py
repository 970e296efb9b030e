"""Kubeconfig files: JSON, which is YAML too, with certificates inside so that each file stands alone."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from localcluster import files
from localcluster.api import PORT


def build(pki: Path, leaf: str, *, name: str, address: str) -> dict[str, Any]:
    """The kubeconfig of one certificate."""

    def inline(file: str) -> str:
        return base64.b64encode((pki / file).read_bytes()).decode()

    cluster = {"server": f"https://{address}:{PORT}", "certificate-authority-data": inline("ca.crt")}
    user = {"client-certificate-data": inline(f"{leaf}.crt"), "client-key-data": inline(f"{leaf}.key")}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }


def write(path: Path, config: dict[str, Any]) -> None:
    """Writes a kubeconfig that only its owner can read."""
    files.write_json(path, config, private=True)
