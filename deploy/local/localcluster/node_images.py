"""Images inside the node: what is there, and bringing one in; there is no registry to pull from."""

from __future__ import annotations

import tempfile
from pathlib import Path

from localcluster import shell
from localcluster.images import Image
from localcluster.node import CONTAINERD_SOCKET
from localcluster.paths import Instance
from localcluster.sandbox import Sandbox

_CTR = ["ctr", "--address", CONTAINERD_SOCKET, "--namespace", "k8s.io", "images"]


def present(box: Sandbox) -> set[str]:
    """The names of the images that the node has."""
    return set(shell.output(box.enter([*_CTR, "list", "--quiet"])).split())


def load(instance: Instance, box: Sandbox, file: Path) -> None:
    """Imports an archive as `docker save` or `buildah push docker-archive:` write it."""
    argv = box.enter([*_CTR, "import", str(file.resolve())])
    shell.logged(argv, what=f"Importing {file.name}", log=instance.logs / "images.log")


def ensure(instance: Instance, box: Sandbox, image: Image) -> bool:
    """Imports an image unless the node has it; says whether it had to."""
    if image.reference in present(box):
        return False
    with tempfile.TemporaryDirectory(dir=instance.state) as folder:
        file = Path(folder) / "image.tar"
        image.export(file)
        load(instance, box, file)
    return True
