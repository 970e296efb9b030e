"""CLUSTER=kind and CLUSTER=existing, with stand-ins for docker, kind and kubectl: what is asked of them, in order."""

import os
import shutil
from pathlib import Path

import pytest
import yaml

from demo import api_port, ground, overlay, registry
from demo.kubectl import Kubectl
from localcluster.errors import LocalClusterError
from localcluster.images import Image
from localcluster.progress import Reporter

from ...cluster import existing as existing_cluster

DIGEST = "sha256:" + "ab" * 32
STAND_IN = """#!/bin/sh
echo "$(basename "$0") $*" >> {calls}
case "$1 $2" in
  "inspect --format={{{{.Id}}}}") echo sha256:{image} ;;
  "inspect "*) for last; do :; done; echo "${{last%:*}}@{digest}" ;;
  "get clusters") {clusters} ;;
  "get namespace") [ "$3" = kube-system ] && echo {uid} || {namespace} ;;
  "version ") {docker} ;;
esac
"""


class Programs:
    """Stand-ins that write down how they are called."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._calls, self._bin = folder / "calls", folder / "bin"
        self._bin.mkdir()
        self.say()
        monkeypatch.setenv("PATH", f"{self._bin}:{os.environ['PATH']}")
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
        monkeypatch.setenv("KUBECONFIG", str(folder / "kubeconfig"))
        (folder / "kubeconfig").touch()

    def say(self, clusters: str = "true", namespace: str = "true", docker: str = "true", **more: str) -> None:
        said = {"calls": self._calls, "digest": DIGEST, "clusters": clusters, "namespace": namespace, "docker": docker}
        said |= {"uid": "a-uid", "image": "0123456789abcdef" * 4} | more
        for name in ("docker", "kind", "kubectl"):
            program = self._bin / name
            program.write_text(STAND_IN.format(**said))
            program.chmod(0o755)

    def remove(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        (self._bin / name).unlink()
        monkeypatch.setenv("PATH", f"{self._bin}:/usr/bin:/bin")

    def calls(self) -> list[str]:
        return [" ".join(line.split()[:3]) for line in self._calls.read_text().splitlines()]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    return Programs(tmp_path, monkeypatch)


PARTS = ("coursegen.local/operator", "coursegen.local/worker", "coursegen.local/worker-quality")


def reporter() -> Reporter:
    return Reporter()


def component(folder: Path) -> dict:
    return yaml.safe_load((folder / "generated" / "kustomization.yaml").read_text())


def test_kind_makes_a_cluster_once_and_loads_what_docker_builds(programs: Programs, tmp_path: Path) -> None:
    kind = ground.Kind(reporter(), "demo", tmp_path / "overlay")
    kind.up()
    kind.bring_images()
    assert programs.calls() == [
        "kind get clusters", "kind create cluster", "kind export kubeconfig",
        "docker build --file", "docker build --file", "docker build --file",
        *(c for p in PARTS for c in ("docker inspect --format={{.Id}}", f"docker tag {p}:demo")),
        "kind load docker-image",
    ]  # fmt: skip
    named = {"name": "coursegen/operator", "newName": "coursegen.local/operator"}
    assert component(tmp_path / "overlay")["images"] == [named | {"newTag": "0123456789ab"}]
    programs.say(clusters="echo demo", image="f" * 64)  # the code has changed: it is another image to Kubernetes
    kind.bring_images()
    assert component(tmp_path / "overlay")["images"] == [named | {"newTag": "f" * 12}]
    programs.say(clusters="echo demo")
    kind.up()
    assert programs.calls().count("kind create cluster") == 1
    kind.down()
    assert programs.calls()[-1] == "kind delete cluster"


def test_an_existing_cluster_gets_images_by_digest_from_its_registry(programs: Programs, tmp_path: Path) -> None:
    existing = ground.Existing(reporter(), "registry.example.com:5000/team", tmp_path / "overlay")
    existing.up()
    existing.bring_images()
    pushes = [c for c in programs.calls() if c.startswith("docker push")]
    assert pushes == [
        f"docker push registry.example.com:5000/team/{p}:demo" for p in ("operator", "worker", "worker-quality")
    ]
    made = component(tmp_path / "overlay")
    name = "registry.example.com:5000/team/operator"
    assert made["images"] == [{"name": "coursegen/operator", "newName": name, "digest": DIGEST}]
    worker = f"COURSEGEN_WORKER_IMAGE=registry.example.com:5000/team/worker@{DIGEST}"
    assert worker in made["configMapGenerator"][0]["literals"]


UNSHARE = """#!/bin/sh
for last; do :; done
for word; do
  case "$word" in
    --digestfile=*) echo {digest} > "${{word#*=}}" ;;
    inspect) echo "buildah inspect $last" >> {calls}; case "$last" in *versitygw*) exit 1 ;; esac ;;
    pull|push) echo "buildah $word $last" >> {calls} ;;
  esac
done
"""
"""Stands in for buildah, which is run in namespaces of its own; it has not built the image of the S3 server."""


def test_without_docker_an_existing_cluster_gets_what_buildah_built_and_needs_no_public_image(
    programs: Programs, tmp_path: Path
) -> None:
    unshare = tmp_path / "bin" / "unshare"
    unshare.write_text(UNSHARE.format(calls=tmp_path / "calls", digest=DIGEST))
    unshare.chmod(0o755)
    built = {
        "coursegen/operator": Image("coursegen.local/operator:0123", lambda target: None),
        "versity/versitygw": Image("coursegen.local/versitygw:4567", lambda target: target.touch()),
    }
    pushed = registry.buildah_push(reporter(), built, "127.0.0.1:5000/team", tmp_path / "log")
    assert pushed == {
        "coursegen/operator": f"127.0.0.1:5000/team/operator@{DIGEST}",
        "versity/versitygw": f"127.0.0.1:5000/team/versitygw@{DIGEST}",
    }
    calls = [call.partition("docker-archive:")[0] for call in programs.calls()]
    assert calls == [
        "buildah inspect coursegen.local/operator:0123",
        "buildah push docker://127.0.0.1:5000/team/operator:0123",
        "buildah inspect coursegen.local/versitygw:4567",
        "buildah pull ",
        "buildah push docker://127.0.0.1:5000/team/versitygw:4567",
    ]
    assert "--tls-verify=false" in (tmp_path / "log").read_text()


def test_a_docker_whose_engine_does_not_answer_builds_nothing(programs: Programs) -> None:
    assert registry.has_docker()
    programs.say(docker="exit 1")
    assert not registry.has_docker()


REGISTRY = "registry.example.com/team"
IS_THERE = f"echo namespace/{overlay.SYSTEM}"


def test_what_failed_before_it_deployed_anything_has_nothing_to_take_down(programs: Programs, tmp_path: Path) -> None:
    ground.Existing(reporter(), "", tmp_path / "overlay").down()
    assert not [call for call in programs.calls() if call.startswith("kubectl delete")]


def test_an_operator_that_somebody_else_deployed_is_left_alone(programs: Programs, tmp_path: Path) -> None:
    programs.say(namespace=IS_THERE)
    existing = ground.Existing(reporter(), REGISTRY, tmp_path / "overlay")
    (tmp_path / "overlay" / "generated").mkdir(parents=True)  # of a demo on another cluster, or on kind
    for verb in (existing.up, existing.down):
        with pytest.raises(LocalClusterError, match=rf"did not make \(namespace/{overlay.SYSTEM}, .*it is left alone"):
            verb()
    assert not [call for call in programs.calls() if call.startswith("kubectl delete")]


def test_the_demo_takes_down_what_it_deployed_on_this_cluster_and_on_no_other(
    programs: Programs, tmp_path: Path
) -> None:
    existing = ground.Existing(reporter(), REGISTRY, tmp_path / "overlay")
    existing.up()
    existing.bring_images()
    programs.say(namespace=IS_THERE, uid="of-production")  # KUBECONFIG names another cluster meanwhile
    for verb in (existing.up, existing.down):
        with pytest.raises(LocalClusterError, match="it is left alone"):
            verb()
    programs.say(namespace=IS_THERE)
    existing.up()
    ground.Existing(reporter(), "", tmp_path / "overlay").down()  # for which nobody needs a registry
    assert programs.calls()[-1].startswith("kubectl delete -k")
    assert not (tmp_path / "overlay" / "generated").exists()
    with pytest.raises(LocalClusterError, match="it is left alone"):
        existing.down()


def test_what_was_deployed_is_taken_down_though_its_passwords_are_gone(programs: Programs, tmp_path: Path) -> None:
    existing = ground.Existing(reporter(), REGISTRY, tmp_path / "overlay")
    existing.bring_images()
    shutil.rmtree(tmp_path / "overlay" / "generated")  # as `make down CLUSTER=kind` does, whose overlay it is too
    existing.down()
    assert programs.calls()[-1].startswith("kubectl delete -k")


def test_the_tests_leave_a_namespace_alone_that_they_did_not_make(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would label it, and delete it at their end."""
    programs.say(namespace="echo namespace/courses")
    monkeypatch.setenv(existing_cluster.VARIABLE, "existing")
    with pytest.raises(AssertionError, match=r"left alone\.\nnamespace/courses"), existing_cluster.reached():
        pass
    assert {call.split()[1] for call in programs.calls()} == {"get"}


def test_several_kubeconfigs_are_taken_as_kubectl_takes_them(
    programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'absent'}{os.pathsep}{tmp_path / 'kubeconfig'}")
    kubectl = ground.Existing(reporter(), REGISTRY, tmp_path / "overlay").up()
    assert str(kubectl.kubeconfig) == os.environ["KUBECONFIG"]


def test_kubectl_runs_beside_us_also_where_there_is_no_setpriv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kubectl").write_text('#!/bin/sh\necho "W1129 Config not found" >&2\necho "serving $1"\n')
    (tmp_path / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    kubectl = Kubectl(tmp_path / "kubectl", tmp_path / "kubeconfig", tmp_path / "log")
    with kubectl.background("proxy", says="serving (.*)") as found:
        assert found[1] == "proxy"
    silent = pytest.raises(LocalClusterError, match=r"(?s)did not start: W1129 .*serving proxy")
    with silent, kubectl.background("proxy", says="listening"):
        pass


def test_what_is_missing_is_named(programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LocalClusterError, match="IMAGE_REGISTRY is not set"):
        ground.Existing(reporter(), "").up()
    programs.remove("kind", monkeypatch)
    with pytest.raises(LocalClusterError, match="kind is not installed"):
        ground.Kind(reporter(), "demo", tmp_path).up()
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "absent"))
    with pytest.raises(LocalClusterError, match=r"no kubeconfig: KUBECONFIG names .*absent"):
        ground.Existing(reporter(), "registry.example.com/team").up()


@pytest.mark.parametrize(
    ("ports", "let_out"), [([443], []), ([6443], []), ([8443], [8443]), ([6443, 16443, 16443], [16443]), ([], [])]
)
def test_an_api_server_at_a_port_that_the_network_policies_do_not_know_is_reached(
    ports: list[int], let_out: list[int]
) -> None:
    made = api_port.policy(ports)
    rules = made["spec"]["egress"] if made else [{"ports": []}]
    assert [p["port"] for rule in rules for p in rule["ports"]] == let_out


def test_these_ports_are_those_of_the_network_policies_of_all_who_ask_the_api_server() -> None:
    folder = overlay.ROOT / "deploy" / "components"
    for file in ("gateway/networkpolicy.yaml", "prometheus/networkpolicy.yaml", "network-policy/system/policies.yaml"):
        egress = [r for d in yaml.safe_load_all((folder / file).read_text()) for r in d["spec"].get("egress", ())]
        anywhere = {p["port"] for rule in egress if "to" not in rule for p in rule["ports"]}
        assert anywhere >= api_port.KNOWN
