"""The manifests keep what they promise, read as files; tests/cluster applies them."""

from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from coursegen_api import names
from coursegen_operator import settings
from demo import overlay

ROOT = Path(__file__).parents[3]
BASE = ROOT / "deploy" / "base"
PARTS = sorted(
    p
    for folder in ("base", "components")
    for p in (ROOT / "deploy" / folder).rglob("*.yaml")
    if p.stem != "kustomization"
)


def documents(path):
    return [d for d in yaml.safe_load_all(path.read_text()) if d]


ALL = [(p.name, d) for p in PARTS for d in documents(p)]
RULES = [(n, d, r) for n, d in ALL for r in d.get("rules", ())]
PODS = [
    (d["metadata"]["name"], d["spec"]["template"]["spec"]) for _, d in ALL if d["kind"] in ("Deployment", "StatefulSet")
]


def test_every_queue_has_its_priority_and_a_priority_class_in_the_same_order():
    queues = {d["metadata"]["name"]: d["spec"]["priority"] for d in documents(BASE / "queues.yaml")}
    classes = {d["metadata"]["name"]: d for d in documents(BASE / "priorityclasses.yaml")}
    assert queues == names.QUEUE_PRIORITIES
    assert {names.priority_class(q) for q in queues} == set(classes)
    by_value = sorted(queues, key=lambda q: classes[names.priority_class(q)]["value"])
    assert by_value == sorted(queues, key=queues.__getitem__)
    assert {c["preemptionPolicy"] for c in classes.values()} == {"Never"}


@pytest.mark.parametrize(("file", "role", "rule"), RULES)
def test_no_role_has_a_wildcard_or_reaches_a_secret(file, role, rule):
    assert "*" not in rule["apiGroups"] + rule["resources"] + rule["verbs"]
    assert "secrets" not in rule["resources"]


def test_the_operator_may_hold_its_own_lease_and_no_other():
    role = next(d for d in documents(BASE / "operator" / "rbac.yaml") if d["kind"] == "Role")
    assert role["metadata"]["namespace"] == "coursegen-system"
    verbs = {v: r.get("resourceNames") for r in role["rules"] for v in r["verbs"] if r["resources"] == ["leases"]}
    default = next(f.default for f in fields(settings.Settings) if f.name == "lease_name")
    assert verbs == {"get": [default], "update": [default], "create": None}
    generated = [c["name"] for c in documents(BASE / "operator" / "kustomization.yaml")[0]["configMapGenerator"]]
    assert default not in generated, "kustomize adds the ConfigMap's hash to every resourceName that equals its name"
    assert {d["kind"] for _, d, r in RULES if "leases" in r["resources"]} == {"Role"}


def test_no_generated_config_map_or_secret_has_the_name_of_what_a_role_names():
    """kustomize takes such a name for a reference, and puts the generated one with its hash in its place."""
    generated = {
        g["name"]
        for file in (ROOT / "deploy").rglob("kustomization.yaml")
        for d in documents(file)
        for kind in ("configMapGenerator", "secretGenerator")
        for g in d.get(kind, ())
    }
    assert "coursegen-operator" in generated
    assert not generated & {n for _, _, rule in RULES for n in rule.get("resourceNames", ())}


def test_who_may_edit_courses_may_not_make_model_providers():
    aggregated = [
        r
        for _, role, r in RULES
        if role["metadata"].get("labels", {}).get("rbac.authorization.k8s.io/aggregate-to-edit") == "true"
    ]
    assert aggregated
    assert not [r for r in aggregated if {"modelproviders", "generationqueues"} & set(r["resources"])]


@pytest.mark.parametrize(("name", "pod"), PODS)
def test_every_pod_meets_pod_security_restricted_and_has_bounds(name, pod):
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        for kind in ("requests", "limits"):
            assert {"cpu", "memory", "ephemeral-storage"} <= set(container["resources"][kind])


def test_passwords_are_made_once_and_images_named_each_time(tmp_path, monkeypatch):
    monkeypatch.setattr(overlay, "GENERATED", tmp_path / "generated")
    images = {
        "coursegen/operator": "local/operator:1",
        "coursegen/worker": "local/worker:1",
        "coursegen/worker-quality": "local/worker-quality:1",
    }
    overlay.write(images)
    first = {p.name: p.read_text() for p in overlay.GENERATED.iterdir()}
    overlay.write({**images, "coursegen/worker": "local/worker:2"})
    second = {p.name: p.read_text() for p in overlay.GENERATED.iterdir()}
    assert {n for n in first if first[n] != second[n]} == {"kustomization.yaml"}
    assert "COURSEGEN_WORKER_IMAGE=local/worker:2" in second["kustomization.yaml"]
    assert "COURSEGEN_VALIDATION_IMAGE=local/worker-quality:1" in second["kustomization.yaml"]
    assert all(p.stat().st_mode & 0o077 == 0 for p in overlay.GENERATED.iterdir() if p.suffix != ".yaml")
