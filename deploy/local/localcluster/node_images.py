"""Images inside the node: what is there, and bringing one in; there is no registry to pull from."""

from __future__ import annotations

from pathlib import Path

from localcluster import archive, golang, lock, paths, shell
from localcluster.archive import File, ScratchImage
from localcluster.node import CONTAINERD_SOCKET
from localcluster.paths import Instance
from localcluster.progress import Reporter
from localcluster.sandbox import Sandbox

_CTR = ["ctr", "--address", CONTAINERD_SOCKET, "--namespace", "k8s.io", "images"]


def present(box: Sandbox) -> set[str]:
    """The names of the images that the node has."""
    return set(shell.output(box.enter([*_CTR, "list", "--quiet"])).split())


def load(instance: Instance, box: Sandbox, file: Path) -> None:
    """Imports an archive as `docker save` or `buildah push docker-archive:` write it."""
    argv = box.enter([*_CTR, "import", str(file.resolve())])
    shell.logged(argv, what=f"Importing {file.name}", log=instance.logs / "images.log")


def pause(reporter: Reporter) -> tuple[str, Path]:
    """The image that holds a Pod's namespaces open: its name and its archive."""
    built = golang.ensure(golang.PAUSE, reporter)
    reference = f"coursegen.local/pause:{golang.PAUSE.key}"
    file = paths.cache() / "images" / f"pause-{golang.PAUSE.key}.tar"
    if not file.exists():
        with lock.held(file.with_suffix(".lock")):
            made = file.with_suffix(".made")
            image = ScratchImage(reference, {"/pause": File(built / "pause")}, ("/pause",))
            archive.write(image, made)
            made.replace(file)
    return reference, file
