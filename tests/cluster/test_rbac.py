"""What the operator's service account may do, as the API server sees it once the manifests are rendered and applied."""

import yaml

from coursegen_operator.settings import LEASE_NAME

from .conftest import ROOT, LiveCluster, until

NAMESPACE = "coursegen-system"
LEASE = f"leases.coordination.k8s.io/{LEASE_NAME}"


def _may(cluster: LiveCluster, verb: str, what: str, namespace: str = NAMESPACE) -> bool:
    account = f"--as=system:serviceaccount:{NAMESPACE}:coursegen-operator"
    part = ["--subresource=status"] if what.endswith("/status") else []
    asked = cluster.kubectl("auth", "can-i", verb, what.removesuffix("/status"), *part, account, "-n", namespace)
    return asked.stdout.strip() == "yes"


def test_the_operator_may_lead_and_may_not_read_secrets(cluster: LiveCluster, namespace: str) -> None:
    rendered = cluster.kubectl("kustomize", str(ROOT / "deploy" / "base"))
    assert rendered.returncode == 0, rendered.stderr
    kinds = ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding", "ServiceAccount")
    rules = [d for d in yaml.safe_load_all(rendered.stdout) if d and d["kind"] in kinds]
    cluster.kubectl("create", "namespace", NAMESPACE)  # another test may have done so
    applied = cluster.kubectl("apply", "--server-side", "-f", "-", stdin=yaml.safe_dump_all(rules))
    assert applied.returncode == 0, applied.stderr
    wanted = {
        ("get", LEASE, NAMESPACE): True,
        ("update", LEASE, NAMESPACE): True,
        ("create", "leases.coordination.k8s.io", NAMESPACE): True,
        ("get", "leases.coordination.k8s.io/another", NAMESPACE): False,
        ("get", LEASE, namespace): False,
        ("create", "jobs.batch", namespace): True,
        ("list", "pods", namespace): True,
        ("patch", "chaptergenerations.coursegen.dev/status", namespace): True,
        ("patch", "chaptergenerations.coursegen.dev", namespace): False,
        ("get", "secrets", namespace): False,
        ("get", "secrets", NAMESPACE): False,
    }
    for asked in (a for a, may in wanted.items() if may):
        until(lambda asked=asked: _may(cluster, *asked), f"the operator may {asked}")
    found = {asked: _may(cluster, *asked) for asked in wanted}
    assert found == wanted
