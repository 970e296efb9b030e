"""Our kinds, applied so that what is applied next finds them: kubectl looks each kind up before it applies anything."""

import time
from pathlib import Path

from localcluster.errors import LocalClusterError

from .kubectl import Kubectl

_SECONDS = 180
_OURS = ("crd", "--selector=app.kubernetes.io/part-of=coursegen")


def apply(kubectl: Kubectl, folder: Path) -> None:
    """Apply CRDs and wait until kubectl is told of them, which is some time after the API server serves them."""
    kubectl.run("apply", "-k", str(folder), what="Applying the CRDs")
    kubectl.run("wait", "--for=condition=Established", *_OURS, f"--timeout={_SECONDS}s", what="Waiting for the CRDs")
    kinds = ",".join(kubectl.output("get", *_OURS, "--output=jsonpath={.items[*].metadata.name}").split())
    deadline = time.monotonic() + _SECONDS
    while not _are_told(kubectl, kinds, deadline):
        time.sleep(0.2)


def _are_told(kubectl: Kubectl, kinds: str, deadline: float) -> bool:
    try:
        kubectl.output("get", kinds, "--output=name")
    except LocalClusterError:
        if time.monotonic() > deadline:
            raise
        return False
    return True
