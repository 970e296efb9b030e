"""The manifests keep what they promise, read as files; tests/cluster applies them."""

import re
from pathlib import Path

import pytest
import yaml

from coursegen_api import names
from coursegen_gateway import settings as gateway_settings
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
ROLES = [
    (str(p.relative_to(ROOT)), rule)
    for p in sorted((ROOT / "deploy").rglob("*.yaml"))
    if "generated" not in p.parts
    for d in documents(p)
    if d.get("kind") in ("Role", "ClusterRole")
    for rule in d.get("rules", ())
]
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


def test_roles_of_overlays_are_looked_at_as_well():
    assert {"deploy/overlays/namespaced/role.yaml", "deploy/base/operator/rbac.yaml"} <= {file for file, _ in ROLES}


@pytest.mark.parametrize(("file", "rule"), ROLES)
def test_no_role_has_a_wildcard_or_reaches_a_secret(file, rule):
    asked = [a for part in ("apiGroups", "resources", "nonResourceURLs", "verbs") for a in rule.get(part, ())]
    assert not [a for a in asked if "*" in a]
    assert "secrets" not in rule.get("resources", ())


def test_the_operator_may_hold_its_own_lease_and_no_other():
    role = next(d for d in documents(BASE / "operator" / "rbac.yaml") if d["kind"] == "Role")
    assert role["metadata"]["namespace"] == "coursegen-system"
    verbs = {v: r.get("resourceNames") for r in role["rules"] for v in r["verbs"] if r["resources"] == ["leases"]}
    default = settings.Settings(worker_image="w").lease()
    assert verbs == {"get": [default], "update": [default], "create": None}
    generated = [c["name"] for c in documents(BASE / "operator" / "kustomization.yaml")[0]["configMapGenerator"]]
    assert default not in generated, "kustomize adds the ConfigMap's hash to every resourceName that equals its name"
    assert {d["kind"] for _, d, r in RULES if "leases" in r.get("resources", ())} == {"Role"}


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


OVERLAYS, COMPONENTS = ROOT / "deploy" / "overlays", ROOT / "deploy" / "components"
QUEUES = {"generationqueues", "generationqueues/status"}


def rules(role):
    return {
        (group, what, verb)
        for r in role["rules"]
        for group in r["apiGroups"]
        for what in r["resources"]
        for verb in r["verbs"]
    }


def test_the_install_for_one_namespace_has_the_same_queues_and_rights_but_for_what_lies_in_the_cluster():
    assert documents(OVERLAYS / "namespaced" / "queues.yaml") == documents(BASE / "queues.yaml")
    [role] = (d for d in documents(OVERLAYS / "namespaced" / "role.yaml") if d["kind"] == "Role")
    [whole] = (d for d in documents(BASE / "operator" / "rbac.yaml") if d["kind"] == "ClusterRole")
    in_the_cluster = {
        r for r in rules(whole) if r[1] in QUEUES or r[1:] in (("namespaces", "list"), ("namespaces", "watch"))
    }
    assert rules(role) == rules(whole) - in_the_cluster


@pytest.mark.parametrize("overlay_name", ["production", "namespaced"])
def test_what_is_not_built_on_the_spot_is_named_by_digest(overlay_name):
    [kustomization] = documents(OVERLAYS / overlay_name / "kustomization.yaml")
    assert all(i["digest"].startswith("sha256:") for i in kustomization["images"])
    literals = [line for g in kustomization["configMapGenerator"] for line in g.get("literals", ())]
    [worker] = (line for line in literals if line.startswith("COURSEGEN_WORKER_IMAGE="))
    assert "@sha256:" in worker


@pytest.mark.parametrize(
    ("name", "known", "file"),
    [
        ("coursegen-operator", settings.Settings, BASE / "operator" / "settings.env"),
        ("coursegen-gateway", gateway_settings.Settings, COMPONENTS / "gateway" / "settings.env"),
    ],
)
def test_every_setting_of_an_overlay_is_one_that_its_program_knows(name, known, file):
    lines = file.read_text().splitlines()
    for overlaid in OVERLAYS.glob("*/kustomization.yaml"):
        generators = [g for g in documents(overlaid)[0].get("configMapGenerator", ()) if g["name"] == name]
        lines += [line for g in generators for line in g.get("literals", ())]
    patches = [d for f in OVERLAYS.glob("*/*.yaml") for d in documents(f) if d.get("kind") == "ConfigMap"]
    lines += [f"{k}={v}" for d in patches if d["metadata"]["name"] == name for k, v in d["data"].items()]
    given = {line.partition("=")[0] for line in lines if line.startswith("COURSEGEN_")}
    assert given
    assert given <= {f"COURSEGEN_{name.upper()}" for name in known.model_fields}


def selects(selector, labels):
    """Tell whether a label selector matches, of what the manifests use of it."""
    expressions = selector.get("matchExpressions", ())
    assert {e["operator"] for e in expressions} <= {"In"}
    ones = selector.get("matchLabels", {}).items() <= labels.items()
    return ones and all(labels.get(e["key"]) in e["values"] for e in expressions)


def merged(overlay, kind, name):
    """Give what an overlay says of an object itself, its patches included."""
    [found] = [
        d
        for file in (OVERLAYS / overlay).glob("*.yaml")
        if file.stem != "kustomization"
        for d in documents(file)
        if (d["kind"], d["metadata"]["name"]) == (kind, name)
    ]
    return found


def test_kind_has_all_that_local_has_and_the_demo_waits_for():
    [local], [kind] = (documents(OVERLAYS / name / "kustomization.yaml") for name in ("local", "kind"))
    assert kind["components"] == local["components"]
    assert kind["resources"] == [r if r.startswith("../") else f"../local/{r}" for r in local["resources"]]


def test_production_has_operator_gateway_and_monitoring_and_no_password():
    [kustomization] = documents(OVERLAYS / "production" / "kustomization.yaml")
    parts = {c.removeprefix("../../components/") for c in kustomization["components"]}
    assert parts == {"gateway", "monitoring", "network-policy/system", "admission-policy"}
    assert "secretGenerator" not in kustomization
    there = set(kustomization["resources"]) | {p["path"] for p in kustomization["patches"]}
    files = {f.name for f in (OVERLAYS / "production").glob("*.yaml")} - {"kustomization.yaml"}
    assert files == {t for t in there if t.endswith(".yaml")}, "every file is in it"
    with_data = [n for n, d in ALL if d["kind"] == "Secret" and {"data", "stringData"} & set(d)]
    assert with_data == []


@pytest.mark.parametrize("name", ["coursegen-operator", "coursegen-gateway"])
def test_in_production_a_node_or_a_zone_that_goes_leaves_one_of_each(name):
    spec = merged("production", "Deployment", name)["spec"]
    assert spec["replicas"] == 2
    assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    spread = spec["template"]["spec"]["topologySpreadConstraints"]
    assert [s["topologyKey"] for s in spread] == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
    budgets = [d for _, d in ALL if d["kind"] == "PodDisruptionBudget"]
    budgets += documents(OVERLAYS / "production" / "poddisruptionbudget.yaml")
    [budget] = [b for b in budgets if b["metadata"]["name"] == name]
    labels = {"app.kubernetes.io/name": name}
    assert budget["spec"]["selector"]["matchLabels"] == labels
    assert all(s["labelSelector"]["matchLabels"] == labels for s in spread)
    [deployment] = [d for _, d in ALL if (d["kind"], d["metadata"]["name"]) == ("Deployment", name)]
    assert deployment["spec"]["template"]["metadata"]["labels"].items() >= labels.items()


def test_in_production_a_full_cluster_takes_the_workers_place_before_the_gateways_and_that_before_the_operators():
    values = {d["metadata"]["name"]: d["value"] for d in documents(OVERLAYS / "production" / "priorityclass.yaml")}
    classes = [
        merged("production", "Deployment", f"coursegen-{part}")["spec"]["template"]["spec"]["priorityClassName"]
        for part in ("gateway", "operator")
    ]
    workers = max(d["value"] for d in documents(BASE / "priorityclasses.yaml"))
    assert workers < values[classes[0]] < values[classes[1]] < 2_000_000_000  # what is above is Kubernetes' own


def test_what_runs_in_the_systems_namespace_has_a_network_policy_of_its_own():
    """Production denies everything else there."""
    selectors = [d["spec"]["podSelector"] for _, d in ALL if d["kind"] == "NetworkPolicy" and d["spec"]["podSelector"]]
    for name, pod in [(d["metadata"]["name"], d["spec"]["template"]) for _, d in ALL if d["kind"] == "Deployment"]:
        assert any(selects(s, pod["metadata"]["labels"]) for s in selectors), name


def test_no_manifest_tells_people_to_apply_a_folder_and_a_file_at_once():
    """kubectl takes one of -k and -f."""
    told = [line for f in (ROOT / "deploy").rglob("*.yaml") for line in re.findall("kubectl apply.*", f.read_text())]
    commands = [c for line in told for c in line.split("&&")]
    assert [c for c in commands if " -k " in c] != []
    assert [c for c in commands if " -k " in c and " -f " in c] == []
