"""`python -m demo VERB`: brings the whole system up on this machine and shows it at work, or takes it down."""

import argparse
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from localcluster import proxies
from localcluster.errors import LocalClusterError
from localcluster.progress import Reporter

from . import api_port, bucket, course, crds, live, overlay, screen
from . import ground as grounds
from .ground import Ground
from .kubectl import Kubectl, proxy
from .overlay import ROOT, SYSTEM, TENANT, TENANTS, TRIAL

EXAMPLE = Path("examples/python-programming.yaml")
COURSE = "course-123"
_READY_SECONDS = 120
_STORE = "statefulset/coursegen-s3"
WORKLOADS = (
    _STORE,
    "deployment/coursegen-redis",
    "deployment/coursegen-operator",
    "deployment/coursegen-gateway",
    "deployment/coursegen-prometheus",
)


def main(argv: Sequence[str]) -> int:
    """Run a verb; an expected failure is a few sentences on stderr and exit code 1."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("verb", choices=("run", "deploy", "images", "down"), metavar="VERB")
    parser.add_argument("--name", default="demo", help="which local cluster (default: demo)")
    parser.add_argument("--cluster", default="local", choices=grounds.KINDS, help="where (default: local)")
    parser.add_argument("--timeout", type=float, default=1200, help="seconds that the course may take (default: 1200)")
    arguments = parser.parse_args(argv)
    ground = grounds.choose(arguments.cluster, arguments.name, Reporter(sys.stdout))
    try:
        match arguments.verb:
            case "images":
                ground.build_images()
            case "deploy":
                _deploy(ground)
            case "down":
                _down(ground)
            case _:
                return _run(ground, arguments.timeout)
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


def _deploy(ground: Ground) -> Kubectl:
    kubectl = ground.up()
    ground.bring_images()
    folder = ground.overlay.relative_to(ROOT)
    with ground.reporter.step("deploy", f"kubectl apply -k {folder}") as step:
        crds.apply(kubectl, ROOT / "crds")
        uids = _tenants(kubectl)
        overlay.limit(ground.overlay / "generated", uids)
        kubectl.run("apply", "-k", str(ground.overlay), what=f"kubectl apply -k {folder}")
        api_port.allow(kubectl, ground.overlay / "generated")
        for done, workload in enumerate(WORKLOADS):
            step.note(f"waiting for {workload.split('/')[1]} ({done} of {len(WORKLOADS)})")
            _rollout(kubectl, workload, ground.words)
            if workload == _STORE:  # before work begins
                bucket.protect(kubectl, ground.overlay / "generated", uids)
        step.note("operator, gateway, Prometheus, Redis, S3 server ready")
    return kubectl


def _tenants(kubectl: Kubectl) -> dict[str, str]:
    """Make the namespaces first: their workers' accounts are to reach no other, and that goes by their UIDs."""
    for folder, tenant in (("tenant", TENANT), ("trial", TRIAL)):
        kubectl.run("apply", "-k", str(ROOT / "deploy/overlays/local" / folder), what=f"Making the namespace {tenant}")
    uid = ("--output=jsonpath={.metadata.uid}",)
    return {tenant: kubectl.output("get", "namespace", tenant, *uid).strip() for tenant in TENANTS}


def _rollout(kubectl: Kubectl, workload: str, words: str) -> None:
    try:
        kubectl.run(
            "-n", SYSTEM, "rollout", "status", workload, f"--timeout={_READY_SECONDS}s", what=f"Waiting for {workload}"
        )
    except LocalClusterError as error:
        with suppress(LocalClusterError):  # what its Pods say ends the log, and with it the error
            kubectl.run("-n", SYSTEM, "get", "pods", what="Listing Pods")
            kubectl.run("-n", SYSTEM, "events", "--types=Warning", "--no-headers", what="Listing Events")
            kubectl.run("-n", SYSTEM, "logs", workload, "--tail=4", what="Reading logs")
        error.hint = f"See more: {words} -n {SYSTEM} describe {workload}"
        raise


def _run(ground: Ground, timeout: float) -> int:
    begun = time.monotonic()
    kubectl = _deploy(ground)
    with proxy(kubectl) as api:
        course.begin(kubectl, api, EXAMPLE, COURSE, ground.reporter)
        print()
        with live.reading(kubectl, api, ground.overlay / "generated") as words:
            made = course.follow(api, words, COURSE, screen.choose(), timeout)
        print()
        if made.phase != "Succeeded":
            raise LocalClusterError(
                f"{COURSE} {made.doing}. {made.message}",
                hint=f"See why: {ground.words} -n {TENANT} describe coursegen {COURSE}",
            )
        files = course.fetch(kubectl, api, made, Path("out") / COURSE)
    if made.quality:
        print(f"  {made.quality}\n")
    print(f"  The course is in out/{COURSE}:")
    for file in files:
        print(f"    {file.name:<24} {file.stat().st_size / 1000:8.0f} kB")
    print(f"\n  All in {time.monotonic() - begun:.0f} s. No model wrote it: the embedded composer did.")
    forward = f"{ground.words} -n {SYSTEM} port-forward service/gateway 8080:80"
    print(f"\n  The page:    {forward}, then http://localhost:8080")
    print(f"  Its token:   {ground.words} -n {TENANT} create token teacher")
    print(f"  Look around: {ground.words} -n {TENANT} get coursegen,chaptergen")
    print(f"  Steer it:    {ground.plugin} status    Take it down: make down")
    return 0


def _down(ground: Ground) -> None:
    ground.down()
    shutil.rmtree(ground.overlay / "generated", ignore_errors=True)
    ground.reporter.say("  Nothing runs any more. Builds stay in the cache for the next time, files in out/.")


if __name__ == "__main__":
    proxies.stand_aside()
    sys.exit(main(sys.argv[1:]))
