"""`python -m demo VERB`: brings the whole system up on this machine and shows it at work, or takes it down."""

import argparse
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from localcluster import images, paths
from localcluster.cluster import Access, Cluster
from localcluster.errors import LocalClusterError
from localcluster.images import Build, Image
from localcluster.progress import Reporter

from . import course, live, overlay, screen
from .kubectl import Kubectl, proxy
from .overlay import ROOT, SYSTEM, TENANT

EXAMPLE = Path("examples/python-programming.yaml")
COURSE = "course-123"
_READY_SECONDS = 120
WORKLOADS = (
    "deployment/coursegen-redis",
    "statefulset/coursegen-s3",
    "deployment/coursegen-operator",
    "deployment/coursegen-gateway",
)


def main(argv: Sequence[str]) -> int:
    """Run a verb; an expected failure is a few sentences on stderr and exit code 1."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("verb", choices=("run", "deploy", "images", "down"), metavar="VERB")
    parser.add_argument("--name", default="demo", help="which local cluster (default: demo)")
    parser.add_argument("--timeout", type=float, default=1200, help="seconds that the course may take (default: 1200)")
    arguments = parser.parse_args(argv)
    cluster = Cluster.named(arguments.name, Reporter(sys.stdout))
    try:
        match arguments.verb:
            case "images":
                _images(cluster.reporter)
            case "deploy":
                _deploy(cluster)
            case "down":
                _down(cluster)
            case _:
                return _run(cluster, arguments.timeout)
    except LocalClusterError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "\nStopped. The cluster goes on; `make demo` follows the course again, `make down` ends it.",
            file=sys.stderr,
        )
        return 130
    return 0


def _images(reporter: Reporter) -> dict[str, Image]:
    """Build what is not built yet; the names are those of the manifests."""

    def own(part: str, dockerfile: str) -> Image:
        return images.build(Build(f"{images.REGISTRY}/{part}", ROOT / dockerfile, ROOT), reporter)

    built = {
        "coursegen/operator": own("operator", "operator/Dockerfile"),
        "coursegen/worker": own("worker", "worker_image/Dockerfile"),
        "redis": images.redis(reporter),
        "versity/versitygw": images.s3(reporter),
    }
    overlay.write({name: image.reference for name, image in built.items()})
    return built


def _deploy(cluster: Cluster) -> tuple[Access, Kubectl]:
    reporter = cluster.reporter
    access = cluster.up()
    for image in _images(reporter).values():
        cluster.ensure_image(image)
    kubectl = Kubectl(access.kubectl, access.kubeconfig, paths.cache() / "logs" / f"deploy-{access.name}.log")
    with reporter.step("deploy", "kubectl apply -k deploy/overlays/local") as step:
        # kubectl looks up every kind before it applies anything, so the kinds have to be there first.
        kubectl.run("apply", "-k", str(ROOT / "crds"), what="Applying the CRDs")
        established = ("wait", "--for=condition=Established", "crd", "--selector=app.kubernetes.io/part-of=coursegen")
        kubectl.run(*established, "--timeout=60s", what="Waiting for the CRDs")
        kubectl.run("apply", "-k", str(overlay.OVERLAY), what="kubectl apply -k deploy/overlays/local")
        for done, workload in enumerate(WORKLOADS):
            step.note(f"waiting for {workload.split('/')[1]} ({done} of {len(WORKLOADS)})")
            _rollout(kubectl, workload)
        step.note("operator, gateway, Redis and S3 server are ready")
    return access, kubectl


def _rollout(kubectl: Kubectl, workload: str) -> None:
    try:
        kubectl.run(
            "-n", SYSTEM, "rollout", "status", workload, f"--timeout={_READY_SECONDS}s", what=f"Waiting for {workload}"
        )
    except LocalClusterError as error:
        with suppress(LocalClusterError):  # what its Pods say ends the log, and with it the error
            kubectl.run("-n", SYSTEM, "get", "pods", what="Listing Pods")
            kubectl.run("-n", SYSTEM, "logs", workload, "--tail=4", what="Reading logs")
        error.hint = f"See more: deploy/demo/kubectl -n {SYSTEM} describe {workload}"
        raise


def _run(cluster: Cluster, timeout: float) -> int:
    begun = time.monotonic()
    _, kubectl = _deploy(cluster)
    with proxy(kubectl) as api:
        course.begin(kubectl, api, EXAMPLE, COURSE, cluster.reporter)
        print()
        with live.reading(kubectl, api) as words:
            made = course.follow(api, words, COURSE, screen.choose(), timeout)
        print()
        if made.phase != "Succeeded":
            raise LocalClusterError(
                f"{COURSE} {made.doing}. {made.message}",
                hint=f"See why: deploy/demo/kubectl -n {TENANT} describe coursegen {COURSE}",
            )
        files = course.fetch(kubectl, api, made, Path("out") / COURSE)
    if made.quality:
        print(f"  {made.quality}\n")
    print(f"  The course is in out/{COURSE}:")
    for file in files:
        print(f"    {file.name:<24} {file.stat().st_size / 1000:8.0f} kB")
    print(f"\n  All in {time.monotonic() - begun:.0f} s. No model wrote it: the embedded composer did.")
    print(
        f"\n  The page:    deploy/demo/kubectl -n {SYSTEM} port-forward service/gateway 8080:80, then http://localhost:8080"
    )
    print(f"  Its token:   deploy/demo/kubectl -n {TENANT} create token teacher")
    print(f"  Look around: deploy/demo/kubectl -n {TENANT} get coursegen,chaptergen    Take it down: make down")
    return 0


def _down(cluster: Cluster) -> None:
    cluster.down()
    shutil.rmtree(overlay.GENERATED, ignore_errors=True)
    cluster.reporter.say("  Nothing runs any more. Builds stay in the cache for the next time, files in out/.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
