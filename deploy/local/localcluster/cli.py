"""The command line: what may be said; `verbs` does it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from localcluster import verbs
from localcluster.errors import LocalClusterError
from localcluster.settings import Options

_ABOUT = "A real Kubernetes on this machine, without Docker."


def main(argv: Sequence[str]) -> int:
    """Runs one verb; an expected failure is a sentence on stderr and exit code 1, never a traceback."""
    ours, rest = split(argv)
    arguments = _parser().parse_args(ours)
    arguments.rest = rest
    try:
        code: int = arguments.run(arguments)
    except LocalClusterError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. What was made so far stays; `down` removes it.", file=sys.stderr)
        return 130
    return code


def split(argv: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Parts our own words from those of the program that a verb passes on to: `kubectl --name demo get pods -h`."""
    if not argv or argv[0] not in ("kubectl", "enter"):
        return argv, ()
    named = 2 if argv[1:2] == ["--name"] else 1 if argv[1:2] and argv[1].startswith("--name=") else 0
    return argv[: 1 + named], argv[1 + named :]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="localcluster", description=_ABOUT)
    add = parser.add_subparsers(required=True, metavar="VERB").add_parser
    one = argparse.ArgumentParser(add_help=False)
    one.add_argument("--name", default="demo", help="which cluster (default: demo)")
    _add_cluster_verbs(add, one)
    _add_image_verbs(add, one)
    return parser


def _add_cluster_verbs(add: verbs.AddVerb, one: argparse.ArgumentParser) -> None:
    build = add("build", help="install and build everything that a cluster needs, where it is missing")
    build.set_defaults(run=verbs.build)

    up = add("up", parents=[one], help="bring a cluster up, change it or repair it; prints its kubeconfig")
    up.add_argument("--control-plane-only", action="store_true", help="no node: an API server to test against")
    up.add_argument("--kwok", type=int, default=0, metavar="N", help="N fake nodes instead of the real one")
    up.add_argument("--kwok-stages", type=Path, metavar="DIR", help="what fake Pods do (default: Jobs succeed at once)")
    up.add_argument("--kcm-qps", type=float, default=Options.kcm_qps, help="requests a second of the controllers")
    up.add_argument("--kcm-burst", type=int, default=Options.kcm_burst, help="their burst")
    up.add_argument("--no-network-policies", action="store_true", help="accept them, and let everything pass")
    up.add_argument("--audit-log", action="store_true", help="log every request: who, verb, resource")
    up.set_defaults(run=verbs.up)

    down = add("down", parents=[one], help="remove a cluster and everything that it made on the machine")
    down.add_argument("--all", action="store_true", help="every cluster")
    down.set_defaults(run=verbs.down)

    status = add("status", parents=[one], help="say how a cluster is; exit code 0 if it is ready")
    status.add_argument("--all", action="store_true", help="every cluster")
    status.add_argument("-o", "--output", choices=("text", "json"), default="text")
    status.set_defaults(run=verbs.status)

    logs = add("logs", parents=[one], help="show the log of one of its programs, or list them")
    logs.add_argument("program", nargs="?")
    logs.add_argument("-f", "--follow", action="store_true")
    logs.set_defaults(run=verbs.logs)

    path = add("path", parents=[one], help="print a path: of kubectl, the kubeconfig, …")
    path.add_argument("of", choices=sorted(verbs.PATHS))
    path.set_defaults(run=verbs.path)

    kubectl = add("kubectl", parents=[one], help="run kubectl: everything after it is kubectl's")
    kubectl.set_defaults(run=verbs.kubectl)

    enter = add("enter", parents=[one], help="run a program inside the node, such as `enter -- ctr images list`")
    enter.set_defaults(run=verbs.enter)


def _add_image_verbs(add: verbs.AddVerb, one: argparse.ArgumentParser) -> None:
    base = add("base-image", help="make the base image, Debian with Python, and print its name")
    base.set_defaults(run=verbs.base_image)

    image = add("build-image", parents=[one], help="build a Dockerfile, bring it into the node, print its name")
    image.add_argument("--dockerfile", type=Path, required=True)
    image.add_argument("--context", type=Path, required=True)
    image.add_argument("--tag-prefix", required=True, metavar="REPOSITORY", help="the name without its tag")
    image.add_argument("--build-arg", action="append", default=[], metavar="NAME=VALUE")
    image.add_argument("--no-load", action="store_true", help="only build it")
    image.set_defaults(run=verbs.build_image)

    service = add("service-image", parents=[one], help="the same for Redis or the S3 server, which are ours to make")
    service.add_argument("service", choices=sorted(verbs.SERVICES))
    service.add_argument("--no-load", action="store_true", help="only build it")
    service.set_defaults(run=verbs.service_image)

    load = add("load-image", parents=[one], help="bring an archive (docker save) into the node")
    load.add_argument("archive", type=Path)
    load.set_defaults(run=verbs.load_image)
