"""The images that run in the cluster: built when their inputs changed, imported when the node lacks them."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from localcluster import archive, base_image, buildah, golang, lock, paths
from localcluster.archive import File, ScratchImage
from localcluster.dockerfile import Context
from localcluster.errors import LocalClusterError
from localcluster.progress import Reporter

REGISTRY = "coursegen.local"  # no such host: a node that lacks an image says so at once
_KEPT = 3
BASE_ARGUMENT = "BASE_IMAGE"


@dataclass(frozen=True)
class Image:
    """An image that exists, and how its archive is written."""

    reference: str
    export: Callable[[Path], None]


@dataclass(frozen=True)
class Build:
    """A Dockerfile to build; `repository` is the image's name without its tag."""

    repository: str
    dockerfile: Path
    context: Path
    arguments: Mapping[str, str] = field(default_factory=dict)


def build(wanted: Build, reporter: Reporter) -> Image:
    """Builds a Dockerfile on the local base image, unless its inputs are those of a build that is there."""
    context = Context(wanted.dockerfile.resolve(), wanted.context.resolve())
    if not context.dockerfile.is_file():
        raise LocalClusterError(f"There is no {wanted.dockerfile}.")
    arguments = {BASE_ARGUMENT: base_image.ensure(reporter), **wanted.arguments}
    recipe = f"{context.digest()} {sorted(arguments.items())}"
    reference = f"{wanted.repository}:{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    short = wanted.repository.rpartition("/")[2]
    log = paths.cache() / "logs" / f"image-{short}.log"
    with lock.held(paths.cache() / f"image-{short}.lock"):
        if not buildah.exists(reference):
            with reporter.step(f"image {short}", reference), tempfile.TemporaryDirectory() as folder:
                context.stage(Path(folder))
                buildah.build(reference, context.dockerfile, Path(folder), arguments, log)
                buildah.forget_older(wanted.repository, keep=_KEPT)
    return Image(reference, lambda target: buildah.export(reference, target, log))


def redis(reporter: Reporter) -> Image:
    """Redis, from Debian's package."""
    return _packaged("redis", reporter)


def prometheus(reporter: Reporter) -> Image:
    """Prometheus, from Debian's package."""
    return _packaged("prometheus", reporter)


def _packaged(name: str, reporter: Reporter) -> Image:
    folder = paths.HERE / "images" / name
    return build(Build(f"{REGISTRY}/{name}", folder / "Dockerfile", folder), reporter)


def s3(reporter: Reporter) -> Image:
    """versitygw alone: an S3 server over the folder that is mounted at /data."""
    return _scratch(golang.VERSITYGW, reporter, folders=("/data", "/tmp"))


def pause(reporter: Reporter) -> Image:
    """What holds a Pod's namespaces open."""
    return _scratch(golang.PAUSE, reporter)


def _scratch(module: golang.Module, reporter: Reporter, folders: tuple[str, ...] = ()) -> Image:
    """An image of one of our static programs."""
    program = golang.ensure(module, reporter) / module.name
    reference = f"{REGISTRY}/{module.name}:{module.key}"
    files = {f"/{module.name}": File(program)}
    image = ScratchImage(reference, files, (f"/{module.name}",), folders=folders)
    return Image(reference, lambda target: archive.write(image, target))
