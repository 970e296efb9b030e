"""`support-bundle`: an archive of how things stand, without content and credentials."""

import io
import json
import tarfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import fleet, kinds, redact
from ..errors import CoursegenError
from . import overview
from .app import Scope

_LOG_LINES = "5000"
_READ_ME = """\
How a coursegen system stood at {time}, as `kubectl coursegen support-bundle` saw it.

Taken out: titles, objectives, feedback and tasks; passwords, tokens and keys. Secrets were not read.
Look through it before you send it on: messages of errors are in it as they were written.
errors.txt says what could not be read.
"""


def run(scope: Scope, file: Path | None) -> None:
    """Write the archive, whole or not at all."""
    now = datetime.now(UTC)
    path = file or Path(f"coursegen-support-{now:%Y%m%dT%H%M%SZ}.tar.gz")
    making = path.with_name(f".{path.name}.making")
    errors: list[str] = []
    count = 0
    try:
        with tarfile.open(making, "w:gz") as archive:
            _add(archive, "README.txt", _READ_ME.format(time=f"{now:%Y-%m-%d %H:%M:%S} UTC"))
            for name, content in _collected(scope, now, errors):
                _add(archive, name, content)
                count += 1
            _add(archive, "errors.txt", "\n".join(errors) + "\n" if errors else "none\n")
        making.chmod(0o600)
        making.replace(path)
    except OSError as error:
        raise CoursegenError(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        making.unlink(missing_ok=True)
    scope.screen.say(f"{path}: {count} files, {path.stat().st_size / 1024:.0f} KiB; {len(errors)} things not read")
    scope.screen.say("Content and credentials are taken out. Look through it before you send it on.")


def _collected(scope: Scope, now: datetime, errors: list[str]) -> Iterator[tuple[str, str]]:
    client, place, system = scope.client, scope.widest(), scope.system_namespace

    def of(name: str, path: str) -> Iterator[tuple[str, str]]:
        try:
            yield f"{name}.json", _json(redact.thing(client.read(path)))
        except CoursegenError as error:
            errors.append(f"{path}: {error}")

    in_place = f"/namespaces/{place}" if place else ""
    for kind in kinds.ALL:
        yield from of(kind.meta.plural, kinds.path(kind, place))
    yield from of(
        "jobs", f"/apis/batch/v1{in_place}/jobs?labelSelector=app.kubernetes.io/managed-by=coursegen-operator"
    )
    yield from of("events", f"/api/v1{in_place}/events")
    yield from of("quotas", f"/api/v1{in_place}/resourcequotas")
    yield from of("version", "/version")
    yield from of("nodes", "/api/v1/nodes")
    yield from of(
        "crds",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions?labelSelector=app.kubernetes.io/part-of=coursegen",
    )
    yield from of("system/deployments", f"/apis/apps/v1/namespaces/{system}/deployments")
    yield from of("system/configmaps", f"/api/v1/namespaces/{system}/configmaps")
    yield from of("system/leases", f"/apis/coordination.k8s.io/v1/namespaces/{system}/leases")
    yield from of("system/pods", f"/api/v1/namespaces/{system}/pods")
    try:
        seen = client.run(fleet.read(place, system))
        yield "status.json", _json(redact.thing(overview.status_data(seen, fleet.parts(seen, now), now)))
        pods = client.read(f"/api/v1/namespaces/{system}/pods")["items"]
    except CoursegenError as error:
        errors.append(f"status: {error}")
        return
    for pod in pods:
        name = pod["metadata"]["name"]
        try:
            log = client.text(f"/api/v1/namespaces/{system}/pods/{name}/log", tailLines=_LOG_LINES)
            yield f"system/logs/{name}.log", redact.text(log)
        except CoursegenError as error:
            errors.append(f"log of {name}: {error}")


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _add(archive: tarfile.TarFile, name: str, content: str) -> None:
    data = content.encode()
    info = tarfile.TarInfo(f"coursegen-support/{name}")
    info.size, info.mtime, info.mode = len(data), int(time.time()), 0o600
    archive.addfile(info, io.BytesIO(data))
