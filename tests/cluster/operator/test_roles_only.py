"""The install of deploy/overlays/namespaced: an operator whose account has Roles, and nothing in the cluster."""

import json
from pathlib import Path

import pytest
import yaml

from ...e2e.recorder import Json
from ...e2e.scene import COURSE, Scene
from ...e2e.system import BACKOFF_SECONDS, ROOT, Operator
from .gateway.place import until_may
from .kubelet import Kubelet

OVERLAY = ROOT / "deploy" / "overlays" / "namespaced"
RBAC = ("ServiceAccount", "Role", "RoleBinding")


def rendered(scene: Scene) -> list[Json]:
    """Give the overlay's manifests, for the scene's namespace."""
    parts = [m for m in yaml.safe_load_all(scene.kubectl("kustomize", str(OVERLAY))) if m]
    return json.loads(json.dumps(parts).replace('"courses"', f'"{scene.namespace}"'))


@pytest.fixture
def account(scene: Scene, tmp_path: Path) -> Path:
    """Give a kubeconfig of the service account, with the Roles of the overlay and no other."""
    parts = rendered(scene)
    assert not [p["kind"] for p in parts if p["kind"].startswith("Cluster")]
    file = tmp_path / "rbac.yaml"
    file.write_text(yaml.safe_dump_all([p for p in parts if p["kind"] in RBAC]))
    scene.kubectl("apply", "-f", str(file))
    roles = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{scene.namespace}/roles"
    for binding in (p for p in parts if p["kind"] == "RoleBinding"):
        for who in binding["subjects"]:
            until_may(scene.system, who, f"{roles}/{binding['roleRef']['name']}")
    config = yaml.safe_load(scene.system.kubectl.kubeconfig.read_text())
    config["users"] = [{"name": "operator", "user": {"token": scene.kubectl("create", "token", "coursegen-operator")}}]
    config["contexts"][0]["context"]["user"] = "operator"
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(config))
    return kubeconfig


def short_waits(folder: Path) -> Path:
    """Give the overlay's queues, with the tests' waits."""
    queues = list(yaml.safe_load_all((OVERLAY / "queues.yaml").read_text()))
    for queue in queues:
        queue["spec"]["backoffSeconds"] = BACKOFF_SECONDS
    file = folder / "queues.yaml"
    file.write_text(yaml.safe_dump_all(queues))
    return file


def test_an_operator_with_roles_only_brings_a_course_to_its_end(
    scene: Scene, kubelet: Kubelet, operator: Operator, account: Path, tmp_path: Path
) -> None:
    operator.kill()  # the one with an account that may do everything
    try:
        environment = {"KUBECONFIG": str(account), "COURSEGEN_LEASE_NAMESPACE": scene.namespace}
        settings = {"queues_file": str(short_waits(tmp_path)), "leader_election": "true", "keep_jobs_seconds": "3"}
        started = scene.system.operator(scene.namespace, [scene.namespace], environment, **settings)
        scene.create("ModelProvider", "p", {"writer": "template"})
        scene.create("CourseGeneration", "c", COURSE | {"providerName": "p", "exports": [{"format": "pdf"}]})
        assert scene.until_ended("c")["phase"] == "Succeeded"
        scene.until_event("c", "CourseSucceeded")
        scene.until_gone("Job", "Pod")  # removed by what the Roles allow
        started.check()
        log = started.log.read_text()
        assert "leads" in log, log
        assert "forbidden" not in log.lower(), log
        started.kill()
        scene.system.processes.remove(started)
    finally:
        operator.start()
