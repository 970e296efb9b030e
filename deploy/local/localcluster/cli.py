"""The command line: `python -m localcluster VERB …`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from localcluster import golang
from localcluster.cluster import Cluster
from localcluster.errors import LocalClusterError
from localcluster.progress import Reporter
from localcluster.settings import Options


def main(argv: Sequence[str]) -> int:
    """Runs one verb; an expected failure is a sentence on stderr and exit code 1."""
    parser = _parser()
    arguments, rest = parser.parse_known_args(argv)
    if rest and arguments.run is not _kubectl:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="localcluster", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    instance = argparse.ArgumentParser(add_help=False)
    instance.add_argument("--name", default="demo", help="which cluster (default: demo)")

    build = verbs.add_parser("build", help="build every program that a cluster needs, where the cache lacks it")
    build.set_defaults(run=_build)

    up = verbs.add_parser("up", parents=[instance], help="bring a cluster up, or repair it")
    up.add_argument("--control-plane-only", action="store_true", help="no node: an API server to test against")
    up.add_argument("--kcm-qps", type=float, default=Options.kcm_qps, help="controller manager: requests a second")
    up.add_argument("--kcm-burst", type=int, default=Options.kcm_burst, help="controller manager: burst")
    up.add_argument("--audit-log", action="store_true", help="log every request (who, verb, resource)")
    up.set_defaults(run=_up)

    down = verbs.add_parser("down", parents=[instance], help="remove a cluster and everything it made")
    down.set_defaults(run=_down)

    kubectl = verbs.add_parser("kubectl", parents=[instance], help="run kubectl against a cluster")
    kubectl.set_defaults(run=_kubectl)
    return parser


def _cluster(arguments: argparse.Namespace) -> Cluster:
    return Cluster.named(arguments.name, Reporter(sys.stderr))


def _build(arguments: argparse.Namespace) -> int:
    del arguments
    for module in golang.MODULES:
        golang.ensure(module, Reporter(sys.stderr))
    return 0


def _up(arguments: argparse.Namespace) -> int:
    options = Options(
        control_plane_only=arguments.control_plane_only,
        kcm_qps=arguments.kcm_qps,
        kcm_burst=arguments.kcm_burst,
        audit_log=arguments.audit_log,
    )
    access = _cluster(arguments).up(options)
    print(access.kubeconfig)
    return 0


def _down(arguments: argparse.Namespace) -> int:
    _cluster(arguments).down()
    return 0


def _kubectl(arguments: argparse.Namespace) -> int:
    cluster = _cluster(arguments)
    kubectl = golang.ensure(golang.CONTROL_PLANE, cluster.reporter) / "kubectl"
    os.execve(  # noqa: S606
        kubectl,
        ["kubectl", *arguments.rest],
        {**os.environ, "KUBECONFIG": str(cluster.instance.kubeconfig)},
    )
