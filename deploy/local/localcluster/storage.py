"""Volumes: a few folders of the node, offered as PersistentVolumes of the default StorageClass.

There is no provisioner. A claim takes one of the volumes that are there, so manifests need no volume of their own and
work unchanged on clusters with a real provisioner. kubelet sets the owner of a `local` volume by `fsGroup`.
"""

from __future__ import annotations

import shutil

from localcluster.api import Api
from localcluster.paths import Instance
from localcluster.sandbox import VOLUMES
from localcluster.settings import NODE_NAME

STORAGE_CLASS = "local"
COUNT = 8
_CAPACITY = "10Gi"  # not enforced: a folder has no quota


def prepare(instance: Instance, api: Api) -> None:
    """Offers the volumes; one whose claim is gone is emptied and offered again."""
    api.apply(f"/apis/storage.k8s.io/v1/storageclasses/{STORAGE_CLASS}", _storage_class())
    for number in range(COUNT):
        name = f"{NODE_NAME}-volume-{number}"
        folder = instance.data / "volumes" / name
        path = f"/api/v1/persistentvolumes/{name}"
        known = api.get(path)
        if known is not None and known["status"].get("phase") in ("Released", "Failed"):
            shutil.rmtree(folder, ignore_errors=True)
            api.request("PATCH", path, {"spec": {"claimRef": None}}, kind="application/merge-patch+json")
        folder.mkdir(parents=True, exist_ok=True)
        api.apply(path, _volume(name))


def _storage_class() -> dict[str, object]:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": STORAGE_CLASS,
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def _volume(name: str) -> dict[str, object]:
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [NODE_NAME]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": _CAPACITY},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": STORAGE_CLASS,
            "local": {"path": f"{VOLUMES}/{name}"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
        },
    }
