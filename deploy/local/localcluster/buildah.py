"""Building images with buildah: no daemon, a storage of its own in the cache, nothing left mounted after a crash."""

from __future__ import annotations

import configparser
import io
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from localcluster import paths, shell

# A mount namespace of its own, in which the caches that buildah keeps under fixed names are a scratch space.
_FIXED = "/var/lib/containers"
_APART = f'mkdir -p {_FIXED} && mount -t tmpfs buildah {_FIXED} && exec "$@"'


def _home() -> Path:
    return paths.cache() / "buildah"


def _command(*arguments: str) -> list[str]:
    storage = [f"--root={_home() / 'root'}", f"--runroot={_home() / 'run'}", "--storage-driver=overlay"]
    return ["unshare", "--mount", "sh", "-c", _APART, "apart", "buildah", *storage, *arguments]


def exists(reference: str) -> bool:
    """Says whether an image is in the storage."""
    return shell.succeeds(_command("inspect", "--type=image", reference))


def build(reference: str, dockerfile: Path, context: Path, arguments: Mapping[str, str], log: Path) -> None:
    """Builds a Dockerfile; its layers are kept, so that the next build repeats only what changed."""
    with _registries() as mounts:
        argv = ["build", "--isolation=chroot", "--network=host", "--layers", "--pull-never", *mounts]
        argv += [f"--build-arg={name}={value}" for name, value in sorted(arguments.items())]
        argv += [f"--file={dockerfile}", f"--tag={reference}", str(context)]
        shell.logged(_command(*argv), what=f"Building {reference}", log=log)


def commit(reference: str, rootfs: Path, log: Path, settings: tuple[str, ...]) -> None:
    """Makes an image of one layer from a tar file."""
    name = shell.output(_command("from", "scratch")).strip()
    try:
        shell.logged(_command("add", name, str(rootfs), "/"), what=f"Packing {reference}", log=log)
        shell.logged(_command("config", *settings, name), what=f"Packing {reference}", log=log)
        shell.logged(_command("commit", name, reference), what=f"Packing {reference}", log=log)
    finally:
        shell.succeeds(_command("rm", name))


def export(reference: str, target: Path, log: Path) -> None:
    """Writes an image as an archive that containerd imports."""
    shell.logged(
        _command("push", reference, f"docker-archive:{target}:{reference}"), what=f"Writing {reference}", log=log
    )


def load(archive: Path, reference: str, log: Path) -> None:
    """Takes an image from an archive that `docker save` could have written."""
    shell.logged(_command("pull", f"docker-archive:{archive}"), what=f"Reading {reference}", log=log)


def push(reference: str, target: str, log: Path) -> str:
    """Pushes an image to a registry and returns the digest that it has there; plain HTTP only to this machine's own."""
    host = target.partition("/")[0].rpartition(":")[0]
    plain = ["--tls-verify=false"] if host in ("localhost", "127.0.0.1") else []
    with tempfile.TemporaryDirectory() as folder:
        digest = Path(folder) / "digest"
        argv = ["push", *plain, f"--digestfile={digest}", reference, f"docker://{target}"]
        shell.logged(_command(*argv), what=f"Pushing {target}", log=log)
        return digest.read_text().strip()


def forget_older(repository: str, *, keep: int) -> None:
    """Removes all but the newest images of one repository from the storage."""
    listed = json.loads(shell.output(_command("images", "--json")))
    dated = [(image["createdatraw"], name) for image in listed for name in image["names"] or ()]
    ours = sorted((entry for entry in dated if entry[1].startswith(f"{repository}:")), reverse=True)
    for _, name in ours[keep:]:
        shell.succeeds(_command("rmi", name))


@contextmanager
def _registries() -> Iterator[list[str]]:
    """Mounts that let pip and uv reach the package registries as the machine itself does, for the build only.

    The machine's certificates, and its pip and uv configuration: none of it becomes part of an image.
    """
    with tempfile.TemporaryDirectory(prefix="coursegen-build-") as scratch:
        pip, uv = Path(scratch) / "pip.conf", Path(scratch) / "uv.toml"
        pip.write_text(_pip_configuration())
        uv.write_text(_uv_configuration())
        packages = paths.cache() / "packages"
        packages.mkdir(parents=True, exist_ok=True)
        mounts = {"/etc/ssl/certs": "ro", "/etc/pip.conf": "ro", "/etc/uv": "ro", "/root/.cache": "rw"}
        sources = {"/etc/ssl/certs": "/etc/ssl/certs", "/etc/pip.conf": str(pip), "/etc/uv": scratch}
        sources["/root/.cache"] = str(packages)
        yield [f"--volume={sources[target]}:{target}:{mode}" for target, mode in mounts.items()]


def _pip_configuration() -> str:
    merged = configparser.ConfigParser(interpolation=None)
    home = Path.home()
    merged.read(["/etc/pip.conf", home / ".pip/pip.conf", home / ".config/pip/pip.conf"])
    for variable, option in (("PIP_INDEX_URL", "index-url"), ("PIP_EXTRA_INDEX_URL", "extra-index-url")):
        if value := os.environ.get(variable):
            merged.setdefault("global", {})
            merged["global"][option] = value
    text = io.StringIO()
    merged.write(text)
    return text.getvalue()


def _uv_configuration() -> str:
    for file in (Path.home() / ".config/uv/uv.toml", Path("/etc/uv/uv.toml")):
        if file.exists():
            return file.read_text()
    lines = ["native-tls = true"]  # the mounted certificates, not the ones that uv brings along
    if index := os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("UV_INDEX_URL"):
        lines.append(f'index-url = "{index}"')
    return "\n".join(lines) + "\n"
