"""The suite's own cluster: what the other tests in this folder rely on."""

import pytest

from coursegen_operator.kube import ApiError, Kube, path_of

from .conftest import LiveCluster


async def test_the_operators_own_client_creates_and_lists(kube: Kube, namespace: str) -> None:
    path = path_of("coursegenerations", namespace)
    spec = {"title": "Python Programming", "learningObjectives": ["Learn Python basics"]}
    manifest = {"apiVersion": "coursegen.dev/v1alpha1", "kind": "CourseGeneration", "metadata": {"name": "c"}}
    await kube.create(path, manifest | {"spec": spec})
    assert [c["metadata"]["name"] for c in await kube.list(path)] == ["c"]
    with pytest.raises(ApiError, match=r'unknown field "spec\.titel"'):
        await kube.create(path, manifest | {"spec": spec | {"titel": "x"}})


def test_a_namespace_is_fresh(cluster: LiveCluster, namespace: str) -> None:
    listed = cluster.kubectl("get", "generations", "-n", namespace, "-o", "name")
    assert (listed.returncode, [x for x in listed.stdout.split() if "generationqueue" not in x]) == (0, [])
