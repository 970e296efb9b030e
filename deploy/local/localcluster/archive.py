"""A container image made of a few files: an archive as `docker save` writes it, the same bytes for the same files."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

# As Go calls what the kernel calls otherwise; containerd passes over an image that is for another machine.
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class File:
    """One file of an image."""

    source: Path
    mode: int = 0o755


@dataclass(frozen=True)
class ScratchImage:
    """An image without a distribution: static programs and what they need."""

    reference: str
    files: Mapping[str, File]
    entrypoint: tuple[str, ...]
    user: str = "65532:65532"
    folders: tuple[str, ...] = field(default=())


def write(image: ScratchImage, target: Path) -> None:
    """Writes the image's archive."""
    layer = _layer(image)
    layer_digest = hashlib.sha256(layer).hexdigest()
    config = json.dumps(_config(image, layer_digest)).encode()
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = [{"Config": config_name, "RepoTags": [image.reference], "Layers": [f"{layer_digest}.tar"]}]
    with tarfile.open(target, "w") as archive:
        _add(archive, config_name, config, 0o644)
        _add(archive, f"{layer_digest}.tar", layer, 0o644)
        _add(archive, "manifest.json", json.dumps(manifest).encode(), 0o644)


def _config(image: ScratchImage, layer_digest: str) -> dict[str, object]:
    return {
        "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {"Entrypoint": list(image.entrypoint), "User": image.user, "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_digest}"]},
    }


def _layer(image: ScratchImage) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        for folder in sorted(image.folders):
            info = tarfile.TarInfo(folder.strip("/"))
            info.type, info.mode = tarfile.DIRTYPE, 0o1777
            layer.addfile(info)
        for path, file in sorted(image.files.items()):
            _add(layer, path.strip("/"), file.source.read_bytes(), file.mode)
    return buffer.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), mode
    archive.addfile(info, io.BytesIO(content))
