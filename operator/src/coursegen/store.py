"""Reads artifacts from the object store, with the namespace's own credentials and through a tunnel where it must be."""

import base64
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from coursegen_api import authorities
from coursegen_api.base import Artifact
from coursegen_api.names import ENV_CA, ENV_STORE_URL, SECRET_STORE

from . import s3
from .client import Client
from .errors import CoursegenError, NotFoundError, RefusedError

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_INSIDE = re.compile(r"^(?P<service>[a-z0-9-]+)\.(?P<namespace>[a-z0-9-]+)\.svc(\.cluster\.local)?\.?$")
_FORWARDED = re.compile(r"127\.0\.0\.1:(\d+)")


class SettingsError(CoursegenError):
    """What is said of the store makes no sense, whether or not it runs."""


def credentials(client: Client, namespace: str, store_url: str | None) -> Mapping[str, str]:
    """Give the store's URL, authorities and AWS_* variables: the caller's own, else those of the namespace's Secret.

    Raises:
        RefusedError: the Secret may not be read.
        NotFoundError: there is none.
        SettingsError: what it holds is no text.
    """
    if store_url:
        return {k: v for k, v in os.environ.items() if k.startswith("AWS_") or k == ENV_CA} | {ENV_STORE_URL: store_url}
    try:
        secret = client.read(f"/api/v1/namespaces/{namespace}/secrets/{SECRET_STORE}")
    except (RefusedError, NotFoundError) as error:
        hint = f"Name the store with --store-url, and its credentials with AWS_*; or ask for the Secret {SECRET_STORE}."
        error.hint = hint
        raise
    try:
        return {k: base64.b64decode(v).decode() for k, v in (secret.get("data") or {}).items()}
    except UnicodeDecodeError as error:
        raise SettingsError(f"The Secret {SECRET_STORE} of namespace {namespace} holds what is no text.") from error


@contextmanager
def opened(known: Mapping[str, str], kubectl: list[str]) -> "Iterator[ObjectStore]":
    """Open the store; one inside the cluster is reached by `kubectl port-forward` during the body.

    Raises:
        SettingsError: the URL names no store that workers take, or its settings make no sense.
        CoursegenError: there is no way to it.
    """
    from obstore.exceptions import BaseError
    from obstore.store import from_url

    url, endpoint = known.get(ENV_STORE_URL, ""), known.get("AWS_ENDPOINT_URL", "")
    if url.startswith("file://"):
        yield from_url(url)
        return
    if not url.startswith("s3://"):
        raise SettingsError(f"{ENV_STORE_URL} is {url!r}: it has to begin with s3://.")
    try:
        authorities.trust(known.get(ENV_CA, ""))
    except ValueError as error:
        raise SettingsError(f"{ENV_CA} of the store {error}.") from error
    with _reached(endpoint, kubectl) as reached:
        config = s3.config(known)
        if reached:
            config["aws_endpoint_url"] = reached
        allow = reached.startswith("http://") or s3.allows_http(known)
        try:
            store = from_url(url, config=config, client_options={"allow_http": allow})  # type: ignore[call-overload]
        except BaseError as error:
            raise SettingsError(f"The store's settings (AWS_*) make no sense: {_reason(error)}") from error
        yield store


@contextmanager
def _reached(endpoint: str, kubectl: list[str]) -> Iterator[str]:
    """Give an endpoint that is reached from here; empty: none is named."""
    if not endpoint:  # AWS' own, by the region
        yield ""
        return
    parts = urlsplit(endpoint)
    with tunnel(parts.hostname or "", parts.port or 80, kubectl) as (host, port):
        yield endpoint if host == parts.hostname else f"{parts.scheme}://{host}:{port}"


@contextmanager
def tunnel(host: str, port: int, kubectl: list[str]) -> Iterator[tuple[str, int]]:
    """Give host and port that are reached from here: those of a Service by `kubectl port-forward` during the body.

    Raises:
        CoursegenError: kubectl is not there, or cannot reach the Service.
    """
    inside = _INSIDE.match(host)
    if not inside:
        yield host, port
        return
    if not shutil.which(kubectl[0]):
        raise CoursegenError(f"{host} is inside the cluster, and there is no kubectl on the PATH to reach it with.")
    target = [f"service/{inside['service']}", f":{port}"]
    argv = [*kubectl, "port-forward", "--namespace", inside["namespace"], *target]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:  # noqa: S603
        try:
            assert process.stdout is not None
            said = []  # warnings come first, as of a kubeconfig that is not there
            for line in process.stdout:
                if found := _FORWARDED.search(line):
                    break
                said.append(line)
            else:
                words = "".join(said).strip()
                raise CoursegenError(f"{host} could not be reached by kubectl port-forward: {words}")
            _straight("127.0.0.1")
            yield "127.0.0.1", int(found[1])
        finally:
            process.terminate()


def _straight(host: str) -> None:
    """Have obstore, which knows no other way to be told, pass proxies by on the way to a host."""
    known = os.environ.get("NO_PROXY") or os.environ.get("no_proxy")
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = ",".join(filter(None, (known, host)))


def answers(store: "ObjectStore", prefix: str) -> str:
    """Ask the store for a key that is not there, as workers do; give what is wrong, empty if it answers.

    Not for a list: credentials that are limited to a namespace's folder need not be able to list anything.
    """
    import obstore
    from obstore.exceptions import BaseError

    try:
        obstore.get(store, f"{prefix}/doctor/none")
    except (BaseError, OSError) as error:
        if isinstance(error, FileNotFoundError) and "NoSuchBucket" not in str(error):
            return ""
        return _reason(error)[:300]
    return ""


def _reason(error: BaseException) -> str:
    """Give the sentence of an obstore error, without its debug dump."""
    return authorities.distrust(error) or str(error).split("Debug source")[0].strip()


def save(store: "ObjectStore", artifact: Artifact, path: Path) -> None:
    """Fetch an artifact into a file, which appears whole or not at all.

    Raises:
        NotFoundError: the store has no such key.
        CoursegenError: what came is not what status says, or the store does not answer.
    """
    import obstore
    from obstore.exceptions import BaseError

    try:
        content = bytes(obstore.get(store, artifact.key).bytes())
    except FileNotFoundError as error:
        raise NotFoundError(f"The store has no {artifact.key}.", "It may have been removed: regenerate it.") from error
    except BaseError as error:
        raise CoursegenError(f"The store does not give {artifact.key}: {_reason(error)}") from error
    if hashlib.sha256(content).hexdigest() != artifact.sha256:
        raise CoursegenError(
            f"{artifact.key} in the store is not what status says: its SHA-256 differs.", "Nothing was written."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as making:
        making.write(content)
    Path(making.name).chmod(0o644)
    Path(making.name).replace(path)
