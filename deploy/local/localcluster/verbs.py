"""What each verb of the command line does."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from localcluster import base_image as base_images
from localcluster import debian, golang, images, paths
from localcluster import status as statuses
from localcluster.cluster import Cluster
from localcluster.errors import LocalClusterError
from localcluster.images import Build, Image
from localcluster.paths import Instance
from localcluster.progress import Reporter
from localcluster.settings import Options

_TAIL_LINES = "200"

PATHS: Mapping[str, Callable[[Instance], Path]] = {
    "audit-log": lambda instance: instance.audit_log,
    "cache": lambda _: paths.cache(),
    "kubeconfig": lambda instance: instance.kubeconfig,
    "kubectl": lambda _: golang.ensure(golang.CONTROL_PLANE, _reporter()) / "kubectl",
    "state": lambda instance: instance.state,
}
SERVICES: Mapping[str, Callable[[Reporter], Image]] = {
    "redis": images.redis,
    "s3": images.s3,
    "prometheus": images.prometheus,
}


class AddVerb(Protocol):
    """argparse's own way to add a subcommand."""

    def __call__(
        self,
        name: str,
        *,
        help: str,
        parents: list[argparse.ArgumentParser] = ...,
    ) -> argparse.ArgumentParser: ...


def _reporter() -> Reporter:
    return Reporter(sys.stderr)


def _cluster(arguments: argparse.Namespace) -> Cluster:
    return Cluster.named(arguments.name, _reporter())


def build(_: argparse.Namespace) -> int:
    """Installs and builds what is missing."""
    debian.ensure((*debian.CONTROL_PLANE, *debian.NODE, *debian.POLICIES, *debian.IMAGES), _reporter())
    for module in golang.MODULES:
        golang.ensure(module, _reporter())
    return 0


def up(arguments: argparse.Namespace) -> int:
    """Brings a cluster up and prints its kubeconfig."""
    stages: Path | None = arguments.kwok_stages
    options = Options(
        control_plane_only=arguments.control_plane_only,
        kwok_nodes=arguments.kwok,
        kwok_stages=str(stages.resolve()) if stages else None,
        kcm_qps=arguments.kcm_qps,
        kcm_burst=arguments.kcm_burst,
        network_policies=not arguments.no_network_policies,
        audit_log=arguments.audit_log,
    )
    print(_cluster(arguments).up(options).kubeconfig)
    return 0


def down(arguments: argparse.Namespace) -> int:
    """Removes one cluster, or all."""
    reporter = _reporter()
    for instance in paths.instances() if arguments.all else [paths.instance(arguments.name)]:
        Cluster(instance, reporter).down()
    return 0


def status(arguments: argparse.Namespace) -> int:
    """Prints how clusters are."""
    asked = paths.instances() if arguments.all else [paths.instance(arguments.name)]
    found = [statuses.of(instance) for instance in asked]
    if arguments.output == "json":
        documents = [one.to_json() for one in found]
        print(json.dumps(documents if arguments.all else documents[0], indent=2))
    else:
        print("\n".join(line for one in found for line in one.lines()) or "No cluster.")
    return 0 if all(one.state == "ready" for one in found) else 1


def logs(arguments: argparse.Namespace) -> int:
    """Shows a log, or says which there are."""
    folder = paths.instance(arguments.name).logs
    if arguments.program is None:
        print("\n".join(sorted(file.stem for file in folder.glob("*.log"))) or f"No logs in {folder}.")
        return 0
    file = folder / f"{arguments.program}.log"
    if not file.exists():
        raise LocalClusterError(f"There is no log of {arguments.program!r}.", hint="`logs` alone lists them.")
    return _become(["tail", "-n", _TAIL_LINES, *(["-F"] if arguments.follow else []), str(file)])


def path(arguments: argparse.Namespace) -> int:
    """Prints a path."""
    print(PATHS[arguments.of](paths.instance(arguments.name)))
    return 0


def kubectl(arguments: argparse.Namespace) -> int:
    """Becomes kubectl."""
    instance = paths.instance(arguments.name)
    if not instance.kubeconfig.exists():
        raise LocalClusterError(f"There is no cluster {arguments.name!r}.", hint="`up` makes one.")
    folder = golang.ensure(golang.CONTROL_PLANE, _reporter())
    path = f"{os.environ.get('PATH', '')}:{folder}"  # a plugin that calls kubectl finds one
    environment = {"KUBECONFIG": str(instance.kubeconfig), "PATH": path}
    return _become([str(folder / "kubectl"), *arguments.rest], environment)


def enter(arguments: argparse.Namespace) -> int:
    """Becomes a program inside the node's namespaces."""
    rest = list(arguments.rest)
    command = rest[1:] if rest[:1] == ["--"] else rest
    return _become(_cluster(arguments).sandbox().enter(command or ["sh"]))


def base_image(_: argparse.Namespace) -> int:
    """Makes the base image."""
    print(base_images.ensure(_reporter()))
    return 0


def build_image(arguments: argparse.Namespace) -> int:
    """Builds a Dockerfile."""
    given = dict(_pair(text) for text in arguments.build_arg)
    wanted = Build(arguments.tag_prefix, arguments.dockerfile, arguments.context, given)
    return _deliver(images.build(wanted, _reporter()), arguments)


def service_image(arguments: argparse.Namespace) -> int:
    """Makes the image of Redis or the S3 server."""
    return _deliver(SERVICES[arguments.service](_reporter()), arguments)


def load_image(arguments: argparse.Namespace) -> int:
    """Imports an archive."""
    if not arguments.archive.is_file():
        raise LocalClusterError(f"There is no {arguments.archive}.")
    _cluster(arguments).load_image(arguments.archive)
    return 0


def _deliver(image: Image, arguments: argparse.Namespace) -> int:
    if not arguments.no_load:
        _cluster(arguments).ensure_image(image)
    print(image.reference)
    return 0


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise LocalClusterError(f"--build-arg {text}: say NAME=VALUE.")
    return name, value


def _become(argv: list[str], environment: Mapping[str, str] | None = None) -> int:
    """Replaces this program by another, which then has the terminal and answers for the exit code."""
    sys.stdout.flush()
    try:
        os.execvpe(argv[0], argv, {**os.environ, **(environment or {})})  # noqa: S606
    except FileNotFoundError as error:
        raise LocalClusterError(f"There is no program {argv[0]!r}.") from error
