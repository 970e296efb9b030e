"""CLUSTER=existing on a cluster that is there: images come from a registry by digest, tests leave nothing behind.

The registry is a real one behind TLS, with an authority that neither this machine nor the node knows by itself.
"""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from demo import ground
from demo import registry as images_of_the_demo
from localcluster import Access, Cluster, Reporter, images

from . import registry

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).parents[2]
SYSTEM_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
IN_THE_CLUSTER = "crd,clusterrole,clusterrolebinding,priorityclass,validatingadmissionpolicy,namespace"


@dataclass(frozen=True)
class There:
    """A cluster as somebody has it who did not make it: a kubeconfig, and a registry."""

    access: Access
    registry: registry.Registry

    def kubectl(self, *arguments: str) -> str:
        argv = [str(self.access.kubectl), f"--kubeconfig={self.access.kubeconfig}", *arguments]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[There]:
    folder = tmp_path_factory.mktemp("existing")
    cluster = Cluster.named(f"t-{os.getpid()}-{secrets.token_hex(2)}", Reporter(sys.stderr))  # tests/cluster sweeps it
    try:
        access = cluster.up()
        with registry.serving(access.host_address, folder) as running:
            trusted = cluster.instance.registries / running.address
            trusted.mkdir(parents=True)
            (trusted / "hosts.toml").write_text(f'[host."https://{running.address}"]\nca = "{running.authority}"\n')
            yield There(access, running)
    finally:
        cluster.down()


def test_a_pod_runs_the_image_that_was_pushed(there: There, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both = tmp_path / "authorities.crt"
    both.write_bytes(SYSTEM_AUTHORITIES.read_bytes() + there.registry.authority.read_bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(both))
    monkeypatch.setenv("KUBECONFIG", str(there.access.kubeconfig))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(images_of_the_demo, "has_docker", lambda: False)
    monkeypatch.setattr(ground, "built", lambda reporter: {"redis": images.redis(reporter)})  # the smallest of six
    existing = ground.Existing(Reporter(sys.stderr), f"{there.registry.address}/team", tmp_path / "overlay")
    existing.up()
    existing.bring_images()
    [image] = yaml.safe_load((tmp_path / "overlay/generated/kustomization.yaml").read_text())["images"]
    assert image["newName"] == f"{there.registry.address}/team/redis"
    reference = f"{image['newName']}@{image['digest']}"
    there.kubectl("run", "pulled", f"--image={reference}", "--image-pull-policy=Always")
    there.kubectl("wait", "--for=condition=Ready", "pod/pulled", "--timeout=240s")
    ran = there.kubectl("get", "pod", "pulled", "--output=jsonpath={.status.containerStatuses[0].imageID}")
    assert ran == reference


def test_the_tests_take_a_cluster_that_is_there_and_leave_nothing_in_it(there: There) -> None:
    before = there.kubectl("get", IN_THE_CLUSTER, "--output=name")
    environment = os.environ | {"COURSEGEN_TEST_CLUSTER": "existing", "KUBECONFIG": str(there.access.kubeconfig)}
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/cluster/test_rbac.py"]
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
    until = time.monotonic() + 240
    while there.kubectl("get", IN_THE_CLUSTER, "--output=name") != before:  # a namespace goes by and by
        assert time.monotonic() < until, there.kubectl("get", IN_THE_CLUSTER, "--output=name")
        time.sleep(0.5)
