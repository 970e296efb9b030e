"""`make agreement`: runs the demo, sees whether all places say the same at its end, and writes docs/agreement.md."""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from coursegen_api import names
from demo.kubectl import Kubectl, Proxy, proxy
from localcluster import Cluster, Options, Reporter, paths
from localcluster.errors import LocalClusterError

from ..monitoring.server import Server
from . import figures, page, reading
from .figures import Source

ROOT = Path(__file__).parents[2]
RUN = Path(__file__).parent / "run.yaml"
NAME = "agreement"
SYSTEM, TENANT = "coursegen-system", "courses"
ENOUGH_MEMORY = '{"spec":{"workers":{"resources":{"limits":{"memory":"256Mi"}}}}}'
_SETTLED_SECONDS = 120


def main() -> int:
    """Run, read, compare, write; exit code 1 if a place differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.agreement", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the cluster, to look around")
    keep = parser.parse_args().keep
    cluster = Cluster.named(NAME, Reporter(sys.stdout))
    cluster.down()  # what is counted begins at 0
    try:
        demo("deploy")
        access = cluster.up(Options())
        kubectl = Kubectl(access.kubectl, access.kubeconfig, paths.cache() / "logs" / f"{NAME}.log")
        begin_anew(kubectl)
        said = demo("run")
        more(kubectl)
        return compare(kubectl, said)
    except LocalClusterError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    finally:
        if not keep:
            cluster.down()


def demo(verb: str) -> list[str]:
    """Run the demo, and give what it says."""
    argv = [sys.executable, "-m", "demo", "--name", NAME, verb]
    process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        print(line, end="", flush=True)
        lines.append(line.rstrip())
    if process.wait():
        raise LocalClusterError("`make demo` failed.", hint="What it said is above.")
    return lines


def begin_anew(kubectl: Kubectl) -> None:
    """Have nothing done yet that Prometheus was too late for: it never hears of what ends before the first scrape.

    The clean-ups of the tenants ran as soon as there was an operator. They go, and `make demo` makes them again.
    """
    kubectl.run("delete", "artifactcleanups", "--all", "--all-namespaces", what="Deleting the clean-ups")
    operator = ("-n", SYSTEM, "rollout")
    kubectl.run(*operator, "restart", "deployment/coursegen-operator", what="Restarting the operator")
    kubectl.run(*operator, "status", "deployment/coursegen-operator", "--timeout=120s", what="Waiting for the operator")
    found = kubectl.output("get", "pods", "-n", SYSTEM, "-l", "app.kubernetes.io/name=coursegen-operator", "-o", "json")
    metas = [pod["metadata"] for pod in json.loads(found)["items"]]
    new = "|".join(m["name"] for m in metas if "deletionTimestamp" not in m)
    with forwarded(kubectl, "service/prometheus", ":9090") as port:
        Server(port, time.time()).until(f'sum(coursegen_leader{{pod=~"{new}"}})', 1)


def more(kubectl: Kubectl) -> None:
    """Bring about retries, a failure and a wait, and see them to their end."""
    kubectl.run("apply", "-f", str(RUN), what=f"Applying {RUN.name}")
    example = ROOT / "examples" / "given-chapters.yaml"
    kubectl.run("-n", TENANT, "apply", "-f", str(example), what=f"Applying {example.name}")
    retried = ("chaptergen/succeeds-when-tried-again", "--for=jsonpath={.status.holdReason}=RetryBackoff")
    wait(kubectl, *retried)
    patch = ("patch", "genqueue", "mended", "--type=merge", f"--patch={ENOUGH_MEMORY}")
    kubectl.run(*patch, what="Giving the workers more memory")
    for what in ("chaptergen/succeeds-when-tried-again", "chaptergen/fails", "coursegen/python-in-an-evening"):
        wait(kubectl, what, "--for=condition=Finished")


def wait(kubectl: Kubectl, *what: str) -> None:
    """Wait until something holds of an object."""
    kubectl.run("-n", TENANT, "wait", *what, "--timeout=180s", what=f"Waiting for {what[0]}")


def compare(kubectl: Kubectl, demo_said: list[str]) -> int:
    """Read every place until they agree, and write the page."""
    with places(kubectl) as (found, api):
        readings, differences = reading.settled(found, _SETTLED_SECONDS)
        print()
        print("\n".join(figures.table(readings)))
        for difference in differences:
            print(f"  ✗ {difference}")
        if differences:
            return 1
        page.pictures(found.page)
        told = found.plugin("performance", "--prometheus", found.prometheus_url)
        told = told.replace(found.prometheus_url, "http://localhost:9090")
        version = (api.get("/version") or {}).get("gitVersion", "")
    page.write(readings, demo_said, told.rstrip(), version)
    figures_, where = len(readings[Source.OBJECTS]), page.PAGE.relative_to(ROOT)
    print(f"\n  {figures_} figures, {len(readings)} places, no difference: {where}")
    return 0


@contextmanager
def places(kubectl: Kubectl) -> Iterator[tuple[reading.Places, Proxy]]:
    """Reach gateway, page and Prometheus during the body."""
    with ExitStack() as stack:
        api = stack.enter_context(proxy(kubectl))
        gateway = stack.enter_context(forwarded(kubectl, "service/gateway", ":80"))
        server = Server(stack.enter_context(forwarded(kubectl, "service/prometheus", ":9090")), time.time())
        token = kubectl.output("-n", TENANT, "create", "token", "teacher").strip()
        address, headers = f"http://127.0.0.1:{gateway}", {"Authorization": f"Bearer {token}"}
        client = stack.enter_context(httpx.Client(base_url=address, headers=headers, timeout=30, trust_env=False))
        shown = stack.enter_context(reading.signed_in(address, token))
        plugin = reading.plugin(kubectl.kubeconfig, paths.cache())
        yield reading.Places(lambda plural: listed(api, plural), plugin, client, shown, server, server.url), api


@contextmanager
def forwarded(kubectl: Kubectl, service: str, port: str) -> Iterator[int]:
    """Forward a port of the system during the body, and give where it is here."""
    words = ("port-forward", f"--namespace={SYSTEM}", service, port)
    with kubectl.background(*words, says=r"127\.0\.0\.1:(\d+)") as found:
        yield int(found[1])


def listed(api: Proxy, plural: str) -> list[dict[str, object]]:
    """Give all objects of a kind."""
    items: list[dict[str, object]] = (api.get(f"/apis/{names.API_VERSION}/{plural}") or {}).get("items", [])
    return items


if __name__ == "__main__":
    sys.exit(main())
