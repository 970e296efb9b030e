"""Images for a cluster that pulls from a registry: built by Docker where it is, else by buildah; named by digest."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from localcluster import buildah, shell
from localcluster.images import Image
from localcluster.progress import Reporter

from .overlay import ROOT

PARTS: dict[str, tuple[str, dict[str, str]]] = {
    "coursegen/operator": ("operator/Dockerfile", {}),
    "coursegen/worker": ("worker_image/Dockerfile", {}),
    "coursegen/worker-quality": ("worker_image/Dockerfile", {"EXTRAS": "--extra=embedding"}),
}
"""Our images: each one's Dockerfile and build arguments."""
_TAG = "demo"


def has_docker() -> bool:
    """Tell whether there is a Docker to build with: a client whose engine answers."""
    return shutil.which("docker") is not None and shell.succeeds(["docker", "version"])


def docker_build(reporter: Reporter, registry: str, log: Path) -> dict[str, str]:
    """Build our images with Docker; Redis and the S3 server are public ones, which the cluster pulls for itself."""
    out = {}
    with reporter.step("build", "docker build"):
        for name, (file, arguments) in PARTS.items():
            out[name] = f"{registry}/{name.split('/')[1]}:{_TAG}"
            argv = ["docker", "build", "--file", str(ROOT / file), "--tag", out[name]]
            argv += [f"--build-arg={argument}={value}" for argument, value in arguments.items()]
            argv.append(str(ROOT))
            shell.logged(argv, what=f"Building {out[name]}", log=log)
    return out


def docker_tag_by_content(tagged: Mapping[str, str], log: Path) -> dict[str, str]:
    """Tag each image with its own hash as well: under one name for all builds, Kubernetes would see no change."""
    out = {}
    for name, reference in tagged.items():
        image = shell.output(["docker", "inspect", "--format={{.Id}}", reference]).strip().removeprefix("sha256:")
        out[name] = f"{reference.rpartition(':')[0]}:{image[:12]}"
        shell.logged(["docker", "tag", reference, out[name]], what=f"Tagging {reference}", log=log)
    return out


def docker_push(reporter: Reporter, tagged: Mapping[str, str], registry: str, log: Path) -> dict[str, str]:
    """Push what Docker built; gives each by digest, so that what runs is what was built."""
    with reporter.step("images", f"docker push {registry}"):
        for reference in tagged.values():
            shell.logged(["docker", "push", reference], what=f"Pushing {reference}", log=log)
    inspect = ["docker", "inspect", "--format={{index .RepoDigests 0}}"]
    return {name: shell.output([*inspect, reference]).strip() for name, reference in tagged.items()}


def buildah_push(reporter: Reporter, built: Mapping[str, Image], registry: str, log: Path) -> dict[str, str]:
    """Push what buildah built, Redis and the S3 server too; gives each by digest."""
    out = {}
    with reporter.step("images", f"buildah push {registry}"), tempfile.TemporaryDirectory() as folder:
        for number, (name, image) in enumerate(built.items()):
            if not buildah.exists(image.reference):  # one of a single program, which buildah did not build
                archive = Path(folder) / f"{number}.tar"
                image.export(archive)
                buildah.load(archive, image.reference, log)
            repository, _, tag = image.reference.rpartition("/")[2].partition(":")
            target = f"{registry}/{repository}"
            out[name] = f"{target}@{buildah.push(image.reference, f'{target}:{tag}', log)}"
    return out
