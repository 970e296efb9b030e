"""What programs of the node may read, where Kubernetes has no role for them by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from localcluster.api import Api

_GROUP = "rbac.authorization.k8s.io"


def let_watch(api: Api, user: str, kinds: Mapping[str, Sequence[str]]) -> None:
    """Lets a user get, list and watch the kinds of some API groups in the whole cluster."""
    verbs = ["get", "list", "watch"]
    rules = [{"apiGroups": [group], "resources": list(found), "verbs": verbs} for group, found in kinds.items()]
    role = {"kind": "ClusterRole", "rules": rules}
    binding = {
        "kind": "ClusterRoleBinding",
        "roleRef": {"apiGroup": _GROUP, "kind": "ClusterRole", "name": user},
        "subjects": [{"apiGroup": _GROUP, "kind": "User", "name": user}],
    }
    for plural, manifest in (("clusterroles", role), ("clusterrolebindings", binding)):
        head = {"apiVersion": f"{_GROUP}/v1", "metadata": {"name": user}}
        api.apply(f"/apis/{_GROUP}/v1/{plural}/{user}", {**head, **manifest})
