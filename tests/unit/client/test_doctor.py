"""What `doctor` says of each part in each bad state, and how to mend it; against an API server of a few paths."""

import copy
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from coursegen import crds, kinds
from coursegen.access import Access
from coursegen.cli import checkup
from coursegen.cli.check import Check, joined
from coursegen.client import Client
from coursegen.errors import UnreachableError
from coursegen_api import crd, names
from coursegen_api.chapter import ChapterGeneration

from . import apiserver
from .apiserver import Answer, Json, listed, secret
from .things import NOW, UID, at, provider, queue

OPENAPI = f"/openapi/v3/apis/{names.API_VERSION}"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
SYSTEM = "/apis/apps/v1/namespaces/coursegen-system/deployments/coursegen-operator"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/coursegen-system/leases/coursegen-operator-leader"
NAMESPACE = "/api/v1/namespaces/courses"
ENDPOINT, KEY = "https://api.example.com/v1", "sk-very-secret"
CONTAINER: Json = {"spec": {"containers": [{}]}}


def schemas() -> dict[str, Json]:
    return copy.deepcopy({k.__name__: crd.schema(k) for k in kinds.ALL})


def published(known: dict[str, Json]) -> Json:
    def of(kind: str) -> Json:
        return {"x-kubernetes-group-version-kind": [{"group": names.GROUP, "kind": kind, "version": names.VERSION}]}

    return {"components": {"schemas": {f"dev.coursegen.{k}": s | of(k) for k, s in known.items()}}}


SCHEMAS = published(schemas())


def well(folder: Path) -> dict[str, Answer]:
    """Give a system in which nothing is wrong but that it has no Redis."""
    return {
        "/version": {"major": "1", "minor": "37", "gitVersion": "v1.37.2"},
        kinds.API: {"resources": [{"name": k.meta.plural} for k in kinds.ALL]},
        OPENAPI: SCHEMAS,
        REVIEWS: {"status": {"allowed": True}},
        SYSTEM: {"spec": {"replicas": 2, "template": CONTAINER}, "status": {"readyReplicas": 2}},
        LEASE: {"spec": {"holderIdentity": "pod-1", "renewTime": at(-2)}},
        NAMESPACE: {"metadata": {"uid": UID}},
        "/api/v1/namespaces": listed(),
        kinds.path(kinds.GenerationQueue): listed(*(queue(n) for n in names.QUEUE_PRIORITIES)),
        kinds.path(kinds.ModelProvider, "courses"): listed(),
        kinds.path(kinds.CourseGeneration, "courses"): listed(),
        f"{NAMESPACE}/serviceaccounts/coursegen-worker": {"metadata": {}},
        f"{NAMESPACE}/secrets/coursegen-store": secret(COURSEGEN_STORE_URL=f"file://{folder}"),
    }


def examined(paths: dict[str, Answer], **given: Any) -> dict[str, Check]:
    with apiserver.served(paths) as client:
        return {c.name: c for c in checkup.checks(apiserver.scope_of(client, **given), lambda: NOW)}


def test_of_a_system_that_is_well_every_part_is_ok(tmp_path: Path) -> None:
    found = examined(well(tmp_path))
    assert {c.state for c in found.values() if c.name != "redis"} == {"ok"}, found
    assert list(found) == [
        "API server", "CRDs", "permissions", "operator", "queues", "providers", "worker account", "store", "redis",
    ]  # fmt: skip


PROVIDERS, QUEUES = kinds.path(kinds.ModelProvider, "courses"), kinds.path(kinds.GenerationQueue)
QUEUE_NAMES = list(names.QUEUE_PRIORITIES)
STORE, PROVIDER_KEY = f"{NAMESPACE}/secrets/coursegen-store", f"{NAMESPACE}/secrets/k"
WITH_KEY = {"writer": "openai", "endpoint": ENDPOINT, "model": "m", "secretName": "k"}


def keyed() -> Answer:
    """Give the list of one provider that names a Secret."""
    own = provider("p").stored() | {"spec": WITH_KEY}
    return listed(own)


def queues(**changed: Json) -> Answer:
    """Give the five queues, some of them changed."""
    return listed(*(queue(n, **changed.get(n.replace("-", "_"), {})) for n in QUEUE_NAMES))


BAD: list[tuple[str, dict[str, Answer], str, str, str]] = [
    (
        "API server",
        {"/version": {"major": "1", "minor": "34+", "gitVersion": "v1.34.1"}},
        "failed",
        "v1.34.1",
        "Kubernetes 1.35 or later",
    ),
    (
        "CRDs",
        {kinds.API: 404},
        "failed",
        "coursegen.dev/v1alpha1 is not served",
        "kubectl apply -k crds && kubectl wait",
    ),
    (
        "CRDs",
        {kinds.API: {"resources": [{"name": k.meta.plural} for k in kinds.ALL[1:]]}},
        "failed",
        "not served: coursegenerations.coursegen.dev",
        "kubectl apply -k crds",
    ),
    ("CRDs", {OPENAPI: 403}, "unknown", f"you may not look: {OPENAPI}: 403", ""),
    (
        "permissions",
        {REVIEWS: lambda asked: {"status": {"allowed": asked["spec"]["resourceAttributes"]["verb"] == "get"}}},
        "warning",
        "in courses you may not create coursegenerations, patch coursegenerations",
        "kubectl -n courses create rolebinding authors --role=coursegen-author --user=<you>",
    ),
    (
        "operator",
        {LEASE: {"spec": {"holderIdentity": "pod-1", "renewTime": at(-90)}}},
        "failed",
        "2 of 2 replicas ready; pod-1 leads, heard of 90s ago",
        "kubectl -n coursegen-system logs deployment/coursegen-operator --all-pods; or deploy it",
    ),
    (
        "operator",
        {SYSTEM: {"spec": {"replicas": 2, "template": CONTAINER}, "status": {}}},
        "warning",
        "0 of 2 replicas ready",
        "kubectl -n coursegen-system logs deployment/coursegen-operator",
    ),
    ("operator", {SYSTEM: 404, LEASE: 404}, "unknown", "neither Deployment nor Lease is there", "deploy it: kubectl"),
    ("operator", {SYSTEM: 403}, "unknown", "may not be read", "kubectl -n coursegen-system logs"),
    ("queues", {QUEUES: listed()}, "failed", f"missing: {', '.join(sorted(QUEUE_NAMES))}", "deploy/base/queues.yaml"),
    ("queues", {QUEUES: 403}, "unknown", "you may not look", ""),
    ("queues", {QUEUES: 500}, "unknown", "the API server does not say", ""),
    (
        "queues",
        {QUEUES: queues(export={"spec": {"capacity": 0}}, default={"spec": {"stopPolicy": "Hold"}})},
        "warning",
        "stopped: default, export",
        "kubectl patch genqueue NAME --type=merge",
    ),
    (
        "queues",
        {QUEUES: queues(export={"circuitBreaker": {"state": "Open"}})},
        "warning",
        "circuit open: export",
        "look at its tasks' errors",
    ),
    (
        "queues",  # all that is wrong is said, the worst first
        {QUEUES: listed(queue("export", spec={"capacity": 0}))},
        "failed",
        "quality-validation; stopped: export",
        "kubectl apply -f deploy/base/queues.yaml; and: kubectl patch genqueue NAME",
    ),
    (
        "providers",
        {PROVIDERS: listed(provider("p", circuitBreaker={"state": "Open"}))},
        "warning",
        "circuit open: p",
        "kubectl describe modelprov NAME",
    ),
    (
        "providers",
        {PROVIDERS: keyed()},
        "failed",
        "p: there is no Secret k",
        f"kubectl -n courses create secret generic k --type=coursegen.dev/provider-key --from-literal=key=… "
        f"--from-literal=allowedEndpoint={ENDPOINT}",
    ),
    ("providers", {PROVIDERS: keyed(), PROVIDER_KEY: 403}, "unknown", "p: Secret k may not be read", ""),
    (
        "providers",
        {PROVIDERS: keyed(), PROVIDER_KEY: secret("coursegen.dev/provider-key", key=KEY)},
        "failed",
        "p: Secret k has no `allowedEndpoint`: no worker starts",
        f'kubectl -n courses patch secret k -p \'{{"stringData": {{"allowedEndpoint": "{ENDPOINT}"}}}}\'',
    ),
    (
        "providers",
        {
            PROVIDERS: keyed(),
            PROVIDER_KEY: secret("coursegen.dev/provider-key", key=KEY, allowedEndpoint=f"{ENDPOINT}/"),
        },
        "failed",
        f"p: Secret k has another `allowedEndpoint` than {ENDPOINT}: the key is not sent",
        "kubectl -n courses patch secret k",
    ),
    (
        "providers",
        {PROVIDERS: keyed(), PROVIDER_KEY: secret("coursegen.dev/provider-key", allowedEndpoint=ENDPOINT, key="\n")},
        "failed",
        "p: Secret k has no `key`: no worker starts",
        'patch secret k -p \'{"stringData": {"key": "…"}}\'',
    ),
    (
        "providers",
        {PROVIDERS: keyed(), PROVIDER_KEY: secret(key=KEY, allowedEndpoint=ENDPOINT)},
        "warning",
        "p: Secret k is of type Opaque, not coursegen.dev/provider-key",
        "kubectl -n courses delete secret k && kubectl -n courses create secret generic k",
    ),
    (
        "providers",
        {PROVIDERS: keyed(), PROVIDER_KEY: secret("coursegen.dev/provider-key", key=KEY, allowedEndpoint=ENDPOINT)},
        "ok",
        "1 in courses",
        "",
    ),
    (
        "providers",  # written by a later version of the contract
        {PROVIDERS: listed(provider("p").stored() | {"spec": {"writer": "telepathy"}})},
        "failed",
        "ModelProvider p has a value in spec.writer that this client does not know",
        "The cluster's CRDs are newer than this client: update it.",
    ),
    (
        "worker account",
        {f"{NAMESPACE}/serviceaccounts/coursegen-worker": 404, "/api/v1/serviceaccounts": 403},
        "failed",
        "courses has no coursegen-worker: no Pod starts",
        "Add the component deploy/components/tenant to the namespace's kustomization.",
    ),
    (
        "worker account",
        {
            f"{NAMESPACE}/serviceaccounts/coursegen-worker": 404,
            "/api/v1/serviceaccounts": listed({"metadata": {"namespace": "physics"}}),
        },
        "failed",
        "courses has no coursegen-worker",
        "Name a namespace of courses with -n (physics)",
    ),
    ("store", {STORE: 404}, "failed", "courses has no Secret coursegen-store: no Pod starts", "Create the Secret"),
    ("store", {STORE: 403}, "unknown", "you may not look", "--store-url"),
    (
        "store",
        {STORE: secret(COURSEGEN_STORE_URL="gs://c")},
        "failed",
        "it has to begin with s3://",
        "Correct the Secret coursegen-store",
    ),
    ("store", {STORE: {"data": {"COURSEGEN_STORE_URL": "/w=="}}}, "failed", "what is no text", "Correct the Secret"),
    (
        "store",
        {
            STORE: secret(
                COURSEGEN_STORE_URL="s3://c",
                AWS_ENDPOINT_URL="http://127.0.0.1:9",
                AWS_ACCESS_KEY_ID="a",
                AWS_SECRET_ACCESS_KEY=KEY,
                AWS_REGION="us-east-1",
            )
        },
        "failed",
        "does not answer: ",
        "Look at the Secret coursegen-store (URL, AWS_*) and at whether the store runs.",
    ),
    (
        "redis",
        {f"{NAMESPACE}/secrets/coursegen-redis": secret(url=f"redis://me:{KEY}@127.0.0.1:9/0")},
        "warning",
        "does not answer (ConnectionError): percentages are older",
        "Nothing is lost. Look at the Pod of Redis",
    ),
    ("redis", {}, "unknown", "no Secret coursegen-redis: percentages move with the Jobs alone", ""),
]


@pytest.mark.parametrize(
    ("part", "changes", "state", "says", "mend"), BAD, ids=[f"{b[0]}: {b[3]}"[:60].replace("/", "_") for b in BAD]
)
def test_what_is_wrong_is_said_with_how_to_mend_it_and_the_rest_is_looked_at(
    tmp_path: Path, part: str, changes: dict[str, Answer], state: str, says: str, mend: str
) -> None:
    found = examined(well(tmp_path) | changes)
    assert (found[part].state, says in found[part].says) == (state, True), found[part]
    assert mend in found[part].mend, found[part]
    assert len(found) == 9, "one part that is wrong keeps no other from being looked at"
    assert KEY not in repr(found)


def test_a_redis_that_is_named_is_asked_in_place_of_the_workers(tmp_path: Path) -> None:
    assert examined(well(tmp_path), redis_url="redis://127.0.0.1:9/0")["redis"].state == "warning"


def test_without_an_api_server_there_is_nothing_to_look_at() -> None:
    with Client(access=Access("http://127.0.0.1:9", "courses", False, dict)) as client:
        found = checkup.checks(apiserver.scope_of(client), lambda: NOW)
        with pytest.raises(UnreachableError, match="does not answer"):
            next(found)


@pytest.mark.parametrize(("ahead", "says"), [(600.0, "10m behind"), (-600.0, "10m ahead of"), (5.0, "")])
def test_a_clock_that_is_wrong_here_makes_no_operator_look_dead(tmp_path: Path, ahead: float, says: str) -> None:
    paths, now = well(tmp_path), datetime.now(UTC) + timedelta(seconds=ahead)
    paths[LEASE] = {"spec": {"holderIdentity": "pod-1", "renewTime": (now - timedelta(seconds=8)).isoformat()}}
    with apiserver.served(paths, ahead=ahead) as client:
        scope = apiserver.scope_of(client)
        found = {c.name: c for c in checkup.checks(scope, scope.now)}
    assert found["operator"].state == "ok", found["operator"]
    assert (found["clock"].state, says in found["clock"].says) == ("warning", True) if says else "clock" not in found


def test_without_crds_what_needs_them_is_not_guessed(tmp_path: Path) -> None:
    found = examined(well(tmp_path) | {kinds.API: 404})
    unknown = {c.name for c in found.values() if c.says == "not looked at: the CRDs are missing"}
    assert unknown == {"operator", "queues", "providers"}
    assert (found["worker account"].state, found["store"].state) == ("ok", "ok")


def _lacking(path: str) -> Callable[[Json], None]:
    *parents, last = path.split(".")

    def change(schema: Json) -> None:
        for name in parents:
            schema = schema["properties"][name]
        del schema["properties"][last]

    return change


def _beyond(schema: Json) -> None:
    schema["properties"]["spec"]["properties"]["colour"] = {"type": "string"}


def _another_value(schema: Json) -> None:
    schema["properties"]["status"]["properties"]["phase"]["enum"].append("Dreaming")


def _fewer_values(schema: Json) -> None:
    schema["properties"]["status"]["properties"]["phase"]["enum"].remove("Held")


OLDER = "chaptergenerations.coursegen.dev is older than this plugin: it lacks "
NEWER = "chaptergenerations.coursegen.dev is newer than this plugin, which does not know "


@pytest.mark.parametrize(
    ("changes", "state", "says", "mend"),
    [
        ([], "ok", "7 kinds of coursegen.dev/v1alpha1, as this plugin knows them", ""),
        ([_lacking("spec.regeneration")], "failed", f"{OLDER}spec.regeneration", "kubectl apply -k crds"),
        ([_lacking("spec.courseContext.title")], "failed", f"{OLDER}spec.courseContext.title", "kubectl apply -k"),
        ([_fewer_values], "failed", f"{OLDER}status.phase=Held", "in a checkout of this plugin's version"),
        ([_beyond], "warning", f"{NEWER}spec.colour", "pip install ./crds './operator[cli]'"),
        ([_another_value], "warning", f"{NEWER}status.phase=Dreaming", "in a checkout of the cluster's version"),
        (
            [_lacking("spec.regeneration"), _beyond],
            "failed",
            f"{OLDER}spec.regeneration; {NEWER}spec.colour",
            "app.kubernetes.io/part-of=coursegen; and: in a checkout of the cluster's version",
        ),
        (
            [_lacking(f"spec.{name}") for name in ("title", "index", "providerName", "regeneration", "queueName")],
            "failed",
            f"{OLDER}spec.index, spec.providerName, spec.queueName and 2 more",
            "kubectl apply -k crds",
        ),
    ],
)
def test_crds_of_another_version_are_told_by_their_fields(
    tmp_path: Path, changes: list[Callable[[Json], None]], state: str, says: str, mend: str
) -> None:
    known = schemas()
    for change in changes:
        change(known[ChapterGeneration.__name__])
    found = examined(well(tmp_path) | {OPENAPI: published(known)})["CRDs"]
    assert (found.state, found.says, mend in found.mend) == (state, says, True), found


def test_schemas_of_other_groups_are_passed_over() -> None:
    assert crds.differences({"Pod": {}}) == []


def test_the_worst_of_several_troubles_decides_and_a_mend_is_said_once() -> None:
    troubles = [Check("", "unknown", "a"), Check("", "failed", "b", "mend"), Check("", "warning", "c", "mend")]
    assert joined("x", "well", troubles) == Check("x", "failed", "b; c; a", "mend")
    assert joined("x", "well", []) == Check("x", "ok", "well")
