"""Every overlay, rendered and tried on the real API server: schemas, Pod Security, and who may do what."""

import copy
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from kubernetes.utils.quantity import parse_quantity

from coursegen_api import names
from coursegen_api.queue import GenerationQueue
from coursegen_operator.plan import jobs
from coursegen_operator.settings import Settings
from coursegen_operator.snapshot import KINDS
from demo import overlay, registry

from .conftest import ROOT, LiveCluster, until

OVERLAYS = ("production", "production/tenant", "namespaced", "local/tenant", "shard")
GENERATED = ("local", "kind")
"""Overlays that name a component `generated`, which is in no repository."""

SYSTEM = "coursegen-system"
PARTS = {
    SYSTEM: (
        "base",
        "network-policy/system",
        "dedicated-workers",
        "redis",
        "s3",
        "gateway",
        "prometheus",
        "monitoring",
        "admission-policy",
    ),
    "courses": ("overlays/local/tenant",),
}
FOREIGN = "monitoring.coreos.com/"
"""The Prometheus operator's kinds, which no API server here knows."""

OPERATOR = f"system:serviceaccount:{SYSTEM}:coursegen-operator"


def tree(folder: Path) -> Path:
    """Copy deploy/ as it is in the repository, with `generated` as the demo writes it; gives the copy."""
    for part in ("deploy", "crds"):
        shutil.copytree(
            ROOT / part, folder / part, ignore=shutil.ignore_patterns("generated", "store.env", "go", "src")
        )
    digest = f"coursegen.local/image@sha256:{'0' * 64}"
    images = dict.fromkeys((*registry.PARTS, "redis", "versity/versitygw", "prom/prometheus"), digest)
    for name in GENERATED:
        overlay.write(images, folder / "deploy" / "overlays" / name / "generated")
    return folder / "deploy"


def kustomize(cluster: LiveCluster, folder: str) -> list[dict]:
    done = cluster.kubectl("kustomize", folder)
    assert done.returncode == 0, done.stderr
    return [m for m in yaml.safe_load_all(done.stdout) if m and not m["apiVersion"].startswith(FOREIGN)]


def apply(cluster: LiveCluster, text: str) -> None:
    done = cluster.kubectl("apply", "--server-side", "-f", "-", stdin=text)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def applied(cluster: LiveCluster) -> LiveCluster:
    """Give a cluster with the namespaces that manifests lie in; Pod Security is enforced there."""
    for name in (SYSTEM, overlay.TENANT, overlay.TRIAL):
        labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
        labels["app.kubernetes.io/part-of"] = "coursegen"
        manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        apply(cluster, yaml.safe_dump(manifest))
    return cluster


def accepted(cluster: LiveCluster, manifests: list[dict]) -> None:
    """AssertionError if the API server would refuse a manifest, or warns."""
    text = yaml.safe_dump_all(manifests)
    done = cluster.kubectl("apply", "--server-side", "--dry-run=server", "--force-conflicts", "-f", "-", stdin=text)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_api_server_takes_every_overlay_without_a_warning(applied: LiveCluster, overlay: str) -> None:
    accepted(applied, kustomize(applied, str(ROOT / "deploy" / "overlays" / overlay)))


@pytest.mark.parametrize("name", GENERATED)
def test_the_api_server_takes_what_the_demo_applies_and_all_of_it_finds_what_it_names(
    applied: LiveCluster, tmp_path: Path, name: str
) -> None:
    manifests = kustomize(applied, str(tree(tmp_path) / "overlays" / name))
    accepted(applied, manifests)
    there = {(m["kind"], m["metadata"].get("namespace"), m["metadata"]["name"]) for m in manifests}
    workloads = {w for kind, _, w in there if kind in ("Deployment", "StatefulSet")}
    assert workloads == {f"coursegen-{part}" for part in ("operator", "gateway", "redis", "s3", "prometheus")}
    for tenant in overlay.TENANTS:
        assert {("Secret", tenant, s) for s in (overlay.STORE, "coursegen-redis")} <= there, (
            "workers find these by name"
        )
    for part in (m for m in manifests if m["kind"] in ("Deployment", "StatefulSet")):
        named = set(mounted(part["spec"]["template"]["spec"]))
        assert {(kind, part["metadata"]["namespace"], what) for kind, what in named} <= there, part["metadata"]["name"]
        assert {c["image"] for c in part["spec"]["template"]["spec"]["containers"]} == {
            f"coursegen.local/image@sha256:{'0' * 64}"
        }


def mounted(pod: dict) -> Iterator[tuple[str, str]]:
    """Give the Secrets and ConfigMaps that a Pod names."""
    for volume in pod["volumes"]:
        if "secret" in volume:
            yield "Secret", volume["secret"]["secretName"]
        if "configMap" in volume:
            yield "ConfigMap", volume["configMap"]["name"]
    for source in (s for c in pod["containers"] for s in c.get("envFrom", ())):
        for kind, field in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
            if field in source:
                yield kind, source[field]["name"]


def test_the_secret_of_a_store_elsewhere_comes_from_the_example_under_the_name_that_workers_know(
    applied: LiveCluster, tmp_path: Path
) -> None:
    component = tree(tmp_path) / "components" / "s3-secret"
    refused = applied.kubectl("kustomize", str(component))
    assert "store.env" in refused.stderr, "without the file nothing is rendered"
    shutil.copy(component / "store.env.example", component / "store.env")
    team = {"namespace": "courses", "components": ["../deploy/components/tenant", "../deploy/components/s3-secret"]}
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "kustomization.yaml").write_text(yaml.safe_dump(team))
    manifests = kustomize(applied, str(tmp_path / "team"))
    accepted(applied, manifests)
    [secret] = [m for m in manifests if m["kind"] == "Secret"]
    assert (secret["metadata"]["namespace"], secret["metadata"]["name"]) == ("courses", overlay.STORE)
    assert secret["metadata"]["labels"] == {"app.kubernetes.io/part-of": "coursegen"}
    asked = re.findall(r"^(\w+)=", (component / "store.env.example").read_text(), re.MULTILINE)
    assert set(secret["data"]) == set(asked) == {
        names.ENV_STORE_URL, "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
    }  # fmt: skip


def test_no_role_of_any_overlay_has_a_wildcard_or_reaches_a_secret(applied: LiveCluster, tmp_path: Path) -> None:
    """Rendered, since a patch or a component can put into a Role what no file has."""
    folder = tree(tmp_path) / "overlays"
    every = [
        str(f.parent.relative_to(folder)) for f in folder.rglob("kustomization.yaml") if f.parent.name != "generated"
    ]
    assert {*OVERLAYS, *GENERATED} <= set(every)
    roles = {
        (name, m["kind"], m["metadata"]["name"]): m["rules"]
        for name in every
        for m in kustomize(applied, str(folder / name))
        if m["kind"] in ("Role", "ClusterRole")
    }
    assert {("namespaced", "Role", "coursegen-operator-work"), ("shard", "Role", "coursegen-operator-b")} <= set(roles)
    for where, rules in roles.items():
        for rule in rules:
            asked = [a for part in ("apiGroups", "resources", "nonResourceURLs", "verbs") for a in rule.get(part, ())]
            assert not [a for a in asked if "*" in a], where
            assert not [r for r in rule.get("resources", ()) if r.partition("/")[0] == "secrets"], where


@pytest.mark.parametrize("place", PARTS)
def test_all_components_fit_onto_what_they_are_for(applied: LiveCluster, tmp_path: Path, place: str) -> None:
    up = "../" * (len(tmp_path.parts) - 1) + str(ROOT / "deploy").lstrip("/")
    resource, *parts = PARTS[place]
    lines = {"resources": [f"{up}/{resource}"], "components": [f"{up}/components/{part}" for part in parts]}
    (tmp_path / "kustomization.yaml").write_text(
        yaml.safe_dump(lines | ({"namespace": place} if place != SYSTEM else {}))
    )
    manifests = kustomize(applied, str(tmp_path))
    accepted(applied, manifests)
    assert {m["kind"] for m in manifests} >= {"NetworkPolicy"}
    queues = {m["metadata"]["name"]: m["spec"] for m in manifests if m["kind"] == "GenerationQueue"}
    pools = {n: q["workers"]["nodeSelector"]["coursegen.dev/pool"] for n, q in queues.items()}
    assert place != SYSTEM or set(pools) == set(names.QUEUE_PRIORITIES)
    assert set(pools.values()) <= {"chapter-generation", "course-generation", "general"}


@pytest.mark.parametrize("overlay", ["production", "namespaced"])
def test_pods_of_every_workload_meet_pod_security_restricted(applied: LiveCluster, overlay: str) -> None:
    manifests = kustomize(applied, str(ROOT / "deploy" / "overlays" / overlay))
    pods = []
    for part in (m for m in manifests if m["kind"] in ("Deployment", "StatefulSet")):
        template, meta = copy.deepcopy(part["spec"]["template"]), part["metadata"]
        account = {"apiVersion": "v1", "kind": "ServiceAccount"}
        account["metadata"] = {"name": template["spec"]["serviceAccountName"], "namespace": meta["namespace"]}
        apply(applied, yaml.safe_dump(account))
        template["spec"].pop("priorityClassName", None)  # applied by nobody here
        template["metadata"] |= {"name": meta["name"], "namespace": meta["namespace"]}
        pods.append({"apiVersion": "v1", "kind": "Pod"} | template)
    assert pods
    accepted(applied, pods)


def can(cluster: LiveCluster, who: str, verb: str, what: str, namespace: str = "courses") -> bool:
    part = ["--subresource=status"] if what.endswith("/status") else []
    asked = ["auth", "can-i", verb, what.removesuffix("/status"), *part, f"--as={who}", "-n", namespace]
    return cluster.kubectl(*asked).stdout.strip() == "yes"


def until_can(cluster: LiveCluster, *asked: str) -> None:
    """Wait until somebody may do something: bound, and aggregated by a controller, it takes a moment."""
    until(lambda: can(cluster, *asked), " ".join(asked))


def bind(cluster: LiveCluster, user: str, role: str) -> None:
    done = cluster.kubectl(
        "-n", "courses", "create", "rolebinding", f"{user}-{role}", f"--clusterrole={role}", f"--user={user}"
    )
    assert done.returncode == 0 or "already exists" in done.stderr, done.stderr


def test_people_get_what_their_role_says_and_providers_and_queues_are_roles_of_their_own(applied: LiveCluster) -> None:
    apply(applied, (ROOT / "deploy" / "base" / "roles.yaml").read_text())
    for user, role in (("viewer", "view"), ("editor", "edit"), ("keeper", "coursegen-provider-editor")):
        bind(applied, user, role)
    course, provider, queue = (
        f"{p}.coursegen.dev" for p in ("coursegenerations", "modelproviders", "generationqueues")
    )
    wanted = {
        ("viewer", "get", course): True,
        ("viewer", "create", course): False,
        ("viewer", "get", provider): True,
        ("editor", "create", course): True,
        ("editor", "deletecollection", course): True,
        ("editor", "create", provider): False,
        ("editor", "patch", provider): False,
        ("editor", "patch", queue): False,
        ("editor", "patch", f"{course}/status"): False,
        ("keeper", "create", provider): True,
        ("keeper", "create", course): False,
        ("system:serviceaccount:courses:coursegen-worker", "get", course): False,
        ("system:serviceaccount:courses:coursegen-worker", "get", "secrets"): False,
    }
    for asked in (("viewer", "get", course), ("editor", "create", course), ("keeper", "create", provider)):
        until_can(applied, *asked)
    assert {asked: can(applied, *asked) for asked in wanted} == wanted


JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "j", "namespace": "courses"},
    "spec": {
        "suspend": True,
        "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "w", "image": "i"}]}},
    },
}
OURS = {names.LABEL_MANAGED_BY: names.MANAGED_BY}
COURSE_OWNER = [
    {"apiVersion": names.API_VERSION, "kind": "ChapterGeneration", "name": "c", "uid": "u", "controller": True}
]


def attempt(cluster: LiveCluster, user: str, manifest: dict, verb: str = "create") -> str:
    """Do something as somebody, in a dry run; give the refusal's words, or nothing."""
    argv = [verb, "--dry-run=server", f"--as={user}", "-f", "-"]
    done = cluster.kubectl(*argv, stdin=yaml.safe_dump(manifest))
    return done.stderr if done.returncode else ""


@pytest.fixture(scope="module")
def policies(applied: LiveCluster) -> Iterator[LiveCluster]:
    """Give a cluster in which the policies are in force, and a tenant who may do anything with Jobs and Pods."""
    folder = ROOT / "deploy" / "components" / "admission-policy"
    apply(applied, (folder / "policies.yaml").read_text())
    bind(applied, "tenant", "admin")
    bind(applied, OPERATOR, "admin")
    for who in ("tenant", OPERATOR):
        until_can(applied, who, "create", "jobs.batch")
    yield applied
    applied.kubectl("delete", "-f", str(folder / "policies.yaml"))  # other tests make Jobs as they like


def with_meta(manifest: dict, **meta: object) -> dict:
    return {**manifest, "metadata": {**manifest["metadata"], **meta}}


def until_refused(cluster: LiveCluster, manifest: dict) -> str:
    """Give the words of a refusal; a new policy takes a moment to come into force."""
    return until(lambda: attempt(cluster, "tenant", manifest), "refused")


def test_only_the_operator_makes_or_changes_its_jobs(policies: LiveCluster) -> None:
    forged = with_meta(JOB, labels=OURS)
    words = until_refused(policies, forged)
    assert "only the operator makes or changes Jobs of coursegen, and tenant is not it" in words
    assert "only the operator" in attempt(policies, "tenant", with_meta(JOB, ownerReferences=COURSE_OWNER))
    assert attempt(policies, "tenant", JOB) == ""
    assert attempt(policies, OPERATOR, forged) == ""
    made = policies.kubectl("create", f"--as={OPERATOR}", "-f", "-", stdin=yaml.safe_dump(forged))
    assert made.returncode == 0, made.stderr
    changes = {
        "unsuspend": {"spec": {"suspend": False}},
        "disown": {"metadata": {"labels": {names.LABEL_MANAGED_BY: None}}},
    }
    for patch in changes.values():
        asked = (
            "-n",
            "courses",
            "patch",
            "job",
            "j",
            "--type=merge",
            f"-p={yaml.safe_dump(patch)}",
            "--dry-run=server",
        )
        assert "only the operator" in policies.kubectl(*asked, "--as=tenant").stderr
        assert policies.kubectl(*asked, f"--as={OPERATOR}").returncode == 0
    adopted = with_meta(with_meta(JOB, name="own"), labels={})
    assert policies.kubectl("create", "--as=tenant", "-f", "-", stdin=yaml.safe_dump(adopted)).returncode == 0
    patch = yaml.safe_dump({"metadata": {"labels": OURS}})
    asked = ("-n", "courses", "patch", "job", "own", "--type=merge", f"-p={patch}", "--as=tenant")
    assert "only the operator" in policies.kubectl(*asked).stderr


POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p", "namespace": "courses"},
    "spec": {
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "w",
                "image": "i",
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            }
        ],
    },
}


def test_only_the_job_controller_makes_what_looks_like_a_worker(policies: LiveCluster) -> None:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "courses"}}
    apply(policies, yaml.safe_dump(account))
    of_job = [{"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": "u", "controller": True}]
    labelled = with_meta(POD, labels={"batch.kubernetes.io/job-name": "j"})
    assert "only Kubernetes' Job controller" in until_refused(policies, labelled)
    assert "only Kubernetes' Job controller" in attempt(policies, "tenant", with_meta(POD, ownerReferences=of_job))
    assert attempt(policies, "tenant", POD) == ""
    made = policies.kubectl("create", "--as=tenant", "-f", "-", stdin=yaml.safe_dump(POD))
    assert made.returncode == 0, made.stderr
    label = ("-n", "courses", "label", "pod", "p", "--as=tenant")
    assert policies.kubectl(*label, "colour=red").returncode == 0
    assert "only Kubernetes' Job controller" in policies.kubectl(*label, "batch.kubernetes.io/job-name=j").stderr


@pytest.fixture
def pod_of_a_job(policies: LiveCluster) -> Iterator[dict]:
    """Give the Pod that the Job controller made for the Job `left` of a tenant's own."""
    until_refused(policies, with_meta(POD, labels={"batch.kubernetes.io/job-name": "j"}))
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "courses"}}
    apply(policies, yaml.safe_dump(account))
    job = with_meta(JOB, name="left")
    job["spec"] = {"template": {"spec": {**POD["spec"], "restartPolicy": "Never"}}}
    made = policies.kubectl("create", "--as=tenant", "-f", "-", stdin=yaml.safe_dump(job))
    assert made.returncode == 0, made.stderr
    yield pods_left(policies)[0]
    gone = ("delete", "job,pod", "-l", "batch.kubernetes.io/job-name=left", "--timeout=90s")
    policies.kubectl("-n", "courses", *gone)  # and wait: the next would take a Pod that goes for its own


def pods_left(cluster: LiveCluster) -> list[dict]:
    """Ask for the Pods of the Job `left` until there is one."""
    asked = ("-n", "courses", "get", "pods", "-l", "batch.kubernetes.io/job-name=left", "-o", "yaml")
    return until(
        lambda: list(yaml.safe_load(cluster.kubectl(*asked).stdout)["items"]), "the Job controller makes a Pod"
    )


def test_nobody_puts_an_image_of_their_own_into_a_workers_pod(policies: LiveCluster, pod_of_a_job: dict) -> None:
    """kubelet would run it, whatever the restart policy, and what it says would be the result of the Job."""
    name = pod_of_a_job["metadata"]["name"]
    asked = ("-n", "courses", "set", "image", f"pod/{name}", "w=evil", "--as=tenant", "--dry-run=server")
    assert "only Kubernetes' Job controller" in policies.kubectl(*asked).stderr
    nobodys = {"metadata": {"ownerReferences": None, "labels": {"batch.kubernetes.io/job-name": None}}}
    disown = ("-n", "courses", "patch", "pod", name, "--type=merge", f"-p={json.dumps(nobodys)}", "--as=tenant")
    assert "only Kubernetes' Job controller" in policies.kubectl(*disown).stderr
    label = policies.kubectl("-n", "courses", "label", "pod", name, "colour=red", "--as=tenant", "--dry-run=server")
    assert label.returncode == 0, label.stderr


def test_a_job_of_anybody_can_be_deleted_without_its_pods(policies: LiveCluster, pod_of_a_job: dict) -> None:
    """The garbage collector takes the Job's name off its Pods first, and never gives up: refused, the Job stays."""
    assert pod_of_a_job["metadata"]["ownerReferences"]
    argv = ("-n", "courses", "delete", "job", "left", "--as=tenant", "--cascade=orphan", "--timeout=90s")
    gone = policies.kubectl(*argv)
    assert gone.returncode == 0, gone.stderr
    assert "ownerReferences" not in pods_left(policies)[0]["metadata"]


def test_a_secret_that_a_provider_may_send_somewhere_is_of_the_type_that_says_so(policies: LiveCluster) -> None:
    meta = {"name": "s", "namespace": "courses"}
    both = {"key": "k", "allowedEndpoint": "https://models.example/v1"}
    plain = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": both}
    typed = plain | {"type": names.SECRET_TYPE_PROVIDER_KEY}
    assert "has to be of type coursegen.dev/provider-key" in until_refused(policies, plain)
    assert attempt(policies, "tenant", typed) == ""
    assert "has to have key and allowedEndpoint" in attempt(policies, "tenant", typed | {"stringData": {"key": "k"}})
    assert "has to have key and allowedEndpoint" in attempt(policies, "tenant", {**typed, "stringData": {}})
    other = yaml.safe_dump(plain | {"stringData": {"key": "of something else"}})
    made = policies.kubectl("create", "--as=tenant", "-f", "-", stdin=other)
    assert made.returncode == 0, made.stderr
    patch = yaml.safe_dump({"stringData": {"allowedEndpoint": "https://evil.example"}})
    asked = ("-n", "courses", "patch", "secret", "s", "--type=merge", f"-p={patch}", "--as=tenant")
    assert "has to be of type" in policies.kubectl(*asked).stderr


def test_fluxs_account_may_apply_and_prune_what_a_team_has_in_git_and_nothing_else(applied: LiveCluster) -> None:
    flux = ROOT / "deploy" / "gitops" / "flux"
    tenant = kustomize(applied, str(ROOT / "deploy" / "overlays" / "local" / "tenant"))
    apply(applied, yaml.safe_dump_all([m for m in tenant if m["kind"] == "Role"]))
    apply(applied, (flux / "deployer.yaml").read_text())
    [courses] = [m for m in yaml.safe_load_all((flux / "courses.yaml").read_text()) if m["kind"] == "Kustomization"]
    spec = courses["spec"]
    assert spec["prune"]
    who = f"system:serviceaccount:{spec['targetNamespace']}:{spec['serviceAccountName']}"
    plurals = {k.__name__: f"{k.meta.plural}.{names.GROUP}" for k in KINDS.values()}
    kinds = ["configmaps", *(plurals[e["kind"]] for e in spec["healthCheckExprs"])]
    assert len(kinds) == 6
    verbs = ("get", "list", "watch", "create", "patch", "delete")
    wanted = {(who, verb, kind): True for kind in kinds for verb in verbs}
    wanted |= {
        (who, verb, what): False
        for what in ("secrets", "modelproviders.coursegen.dev", "jobs.batch", "pods", "rolebindings", "resourcequotas")
        for verb in ("create", "delete")
    }
    for kind in ("configmaps", plurals["CourseGeneration"]):  # two bindings
        until_can(applied, who, "delete", kind)
    assert {asked: can(applied, *asked) for asked in wanted} == wanted


def test_no_two_kustomizations_of_flux_have_the_same_object(applied: LiveCluster, tmp_path: Path) -> None:
    """Each would put its label on it, and report a change, whenever it looks."""
    up = "../" * len(tmp_path.parts) + str(ROOT).lstrip("/")
    manifests = yaml.safe_load_all((ROOT / "deploy" / "gitops" / "flux" / "operator.yaml").read_text())
    found: list[tuple[str, str | None, str]] = []
    for spec in (m["spec"] for m in manifests if m["kind"] == "Kustomization"):
        built = {"resources": [f"{up}/{spec['path']}"], "patches": spec.get("patches", [])}
        folder = tmp_path / str(len(found))
        folder.mkdir()
        (folder / "kustomization.yaml").write_text(yaml.safe_dump(built))
        rendered = kustomize(applied, str(folder))
        found += [(m["kind"], m["metadata"].get("namespace"), m["metadata"]["name"]) for m in rendered]
    assert {"CustomResourceDefinition", "Deployment"} <= {kind for kind, _, _ in found}
    assert len(found) == len(set(found))


def test_an_author_does_not_change_what_the_operator_in_their_namespace_goes_by(applied: LiveCluster) -> None:
    """An author may patch ConfigMaps, since content of their own lies in some: the operator's stay as they are."""
    manifests = kustomize(applied, str(ROOT / "deploy" / "overlays" / "namespaced"))
    settings = [m for m in manifests if m["kind"] == "ConfigMap"]
    [role] = [m for m in manifests if (m["kind"], m["metadata"]["name"]) == ("Role", "coursegen-author")]
    apply(applied, yaml.safe_dump_all([*settings, role]))
    applied.kubectl("-n", "courses", "create", "rolebinding", "author", "--role=coursegen-author", "--user=author")
    until_can(applied, "author", "patch", "configmaps")
    assert {key for m in settings for key in m["data"]} >= {"COURSEGEN_WORKER_IMAGE", "queues.yaml"}
    for name in (m["metadata"]["name"] for m in settings):
        asked = ("-n", "courses", "patch", "configmap", name, "--as=author", "--type=merge", '-p={"data":{"a":"b"}}')
        assert "field is immutable" in applied.kubectl(*asked).stderr


def test_the_install_for_one_namespace_goes_into_one_of_another_name(applied: LiveCluster, tmp_path: Path) -> None:
    up = "../" * (len(tmp_path.parts) - 1) + str(ROOT / "deploy" / "overlays").lstrip("/")
    other = {"resources": [f"{up}/namespaced"], "namespace": "team"}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(other))
    assert "courses" not in {word for m in kustomize(applied, str(tmp_path)) for word in words(m)}


def test_the_quota_of_an_install_for_one_namespace_has_room_for_its_operator_beside_all_workers(
    applied: LiveCluster,
) -> None:
    """A full quota would keep an operator that is drained, or replaced by a newer one, from coming back."""
    manifests = kustomize(applied, str(ROOT / "deploy" / "overlays" / "namespaced"))
    [hard] = [m["spec"]["hard"] for m in manifests if m["kind"] == "ResourceQuota"]
    [operator] = [m["spec"] for m in manifests if m["kind"] == "Deployment"]
    settings = {k: v for m in manifests if m["kind"] == "ConfigMap" for k, v in m["data"].items()}
    workers, most = [], int(settings["COURSEGEN_MAX_JOBS"])
    for queue in yaml.safe_load_all(settings["queues.yaml"]):
        read = GenerationQueue.model_validate(queue).spec
        workers += [jobs.resources(read.workers)] * read.capacity
    [container] = operator["template"]["spec"]["containers"]
    operators = [container["resources"]] * (operator["replicas"] + 1)  # one more while it is replaced
    bounds = {k: v for k, v in hard.items() if k.startswith(("requests.", "limits."))}
    taken = {}
    for bound in bounds:
        how, _, what = bound.partition(".")
        one = sorted((parse_quantity(r[how][what]) for r in workers), reverse=True)
        taken[bound] = sum(one[:most]) + sum(parse_quantity(r[how][what]) for r in operators)
    assert int(hard["pods"]) >= most + len(operators)
    assert {b for b in bounds if parse_quantity(bounds[b]) < taken[b]} == set()


def test_who_administers_a_namespace_applies_the_install_for_it_again_once_an_admin_of_the_cluster_has(
    applied: LiveCluster, tmp_path: Path, namespace: str
) -> None:
    up = "../" * (len(tmp_path.parts) - 1) + str(ROOT / "deploy" / "overlays").lstrip("/")
    team = {"resources": [f"{up}/namespaced"], "namespace": namespace}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(team))
    applied.kubectl("-n", namespace, "create", "rolebinding", "admin", "--clusterrole=admin", "--user=team-admin")
    for first in (("-f", str(ROOT / "deploy/base/roles.yaml")), ("-k", str(tmp_path))):
        done = applied.kubectl("apply", *first)
        assert done.returncode == 0, done.stderr
    until_can(applied, "team-admin", "create", "artifactcleanups", namespace)
    newer = {"images": [{"name": "registry.example.com/coursegen/operator", "digest": f"sha256:{'1' * 64}"}]}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(team | newer))
    done = applied.kubectl("apply", "-k", str(tmp_path), "--as=team-admin")
    assert (done.returncode, done.stderr) == (0, "")
    assert "deployment.apps/coursegen-operator configured" in done.stdout


def words(value: object) -> Iterator[str]:
    """Give every text in a manifest that is no key."""
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from words(part)
    elif isinstance(value, str):
        yield value


def selects(selector: dict, labels: dict) -> bool:
    return (selector.get("matchLabels") or selector).items() <= labels.items()


def test_one_more_operator_shares_the_account_of_the_first_and_nothing_else(applied: LiveCluster) -> None:
    first, shard = (kustomize(applied, str(ROOT / "deploy" / "overlays" / o)) for o in ("production", "shard"))
    names_of = [{(m["kind"], m["metadata"]["name"]) for m in manifests} for manifests in (first, shard)]
    assert not names_of[0] & names_of[1]
    assert {k for k, _ in names_of[1]} == {
        "ConfigMap", "Deployment", "PodDisruptionBudget", "Role", "RoleBinding", "Service",
    }  # fmt: skip
    [operator] = [m for m in shard if m["kind"] == "Deployment"]
    [other] = [m for m in first if (m["kind"], m["metadata"]["name"]) == ("Deployment", "coursegen-operator")]
    assert operator["spec"]["template"]["spec"]["serviceAccountName"] == "coursegen-operator"
    for mine, theirs in ((operator, first), (other, shard)):
        labels = mine["spec"]["template"]["metadata"]["labels"]
        for part in (m for m in theirs if m["kind"] in ("Deployment", "PodDisruptionBudget", "Service")):
            of_all = part["metadata"]["name"] == "operators"  # the gateway's way to whoever leads
            assert selects(part["spec"]["selector"], labels) is of_all, part["metadata"]["name"]
    [role] = [m for m in shard if m["kind"] == "Role"]
    [settings] = [m["data"] for m in shard if m["kind"] == "ConfigMap"]
    lease = Settings.model_validate({"worker_image": "w", "shard": settings["COURSEGEN_SHARD"]}).lease()
    assert role["rules"][0]["resourceNames"] == [lease]
