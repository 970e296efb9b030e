"""`doctor` on a real API server: CRDs of another version, and providers whose Secret is not what it should be."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ...e2e.scene import Scene
from ...e2e.system import ROOT
from .shell import Shell

CRD = "artifactcleanups.coursegen.dev"
FIELDS = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties"
_SECONDS = 60
ENDPOINT, KEY = "https://api.example.com/v1", "sk-very-secret"


def examined(shell: Shell) -> dict[str, dict[str, str]]:
    process = shell.start("kubectl", "coursegen", "doctor", "-n", shell.namespace, "-o", "json")
    out, err = process.communicate(timeout=60)
    assert process.returncode in (0, 1), err
    assert KEY not in out + err
    return {c["name"]: c for c in json.loads(out)}


def until(look: Callable[[], Any], holds: Callable[[Any], bool]) -> Any:
    """Look again until something holds: what the API server publishes follows a CRD after a moment."""
    end = time.monotonic() + _SECONDS
    while not holds(seen := look()):  # each look takes a second
        assert time.monotonic() < end, seen
    return seen


@pytest.fixture
def as_delivered(scene: Scene, shell: Shell) -> Iterator[None]:
    """Have the CRDs as they are delivered again, after the test."""
    yield
    scene.kubectl("replace", "-f", str(ROOT / "crds" / "artifactcleanups.yaml"))
    until(lambda: examined(shell)["CRDs"], lambda c: c["state"] == "ok")


@pytest.mark.parametrize(
    ("change", "state", "says", "mend"),
    [
        (
            {"op": "remove", "path": f"{FIELDS}/retentionDays"},
            "failed",
            f"{CRD} is older than this plugin: it lacks spec.retentionDays",
            "kubectl apply -k crds",
        ),
        (
            {"op": "add", "path": f"{FIELDS}/colour", "value": {"type": "string"}},
            "warning",
            f"{CRD} is newer than this plugin, which does not know spec.colour",
            "pip install ./crds './operator[cli]'",
        ),
    ],
    ids=["older", "newer"],
)
def test_crds_of_another_version_are_found(
    scene: Scene, shell: Shell, as_delivered: None, change: dict[str, Any], state: str, says: str, mend: str
) -> None:
    assert examined(shell)["CRDs"]["state"] == "ok"
    scene.kubectl("patch", "crd", CRD, "--type=json", "-p", json.dumps([change]))
    found = until(lambda: examined(shell), lambda found: found["CRDs"]["state"] != "ok")
    assert (found["CRDs"]["state"], found["CRDs"]["says"], mend in found["CRDs"]["mend"]) == (state, says, True)
    assert len(found) == 9, "the rest is looked at"


def test_the_secret_of_a_provider_is_looked_at_and_mended_as_doctor_says(scene: Scene, shell: Shell) -> None:
    spec = {"writer": "openai", "endpoint": ENDPOINT, "model": "m", "secretName": "k"}
    scene.create("ModelProvider", "p", spec)
    assert examined(shell)["providers"]["says"] == "p: there is no Secret k"
    kind = {"apiVersion": "v1", "type": "coursegen.dev/provider-key"}
    scene.create("Secret", "k", stringData={"key": KEY, "allowedEndpoint": "https://elsewhere.example"}, **kind)
    found = examined(shell)["providers"]
    assert (found["state"], f"another `allowedEndpoint` than {ENDPOINT}" in found["says"]) == ("failed", True)
    done = shell.start("sh", "-c", found["mend"]).communicate(timeout=60)
    assert done == ("secret/k patched\n", "")
    assert examined(shell)["providers"]["state"] == "ok"
