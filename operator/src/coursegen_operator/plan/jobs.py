"""Builds the Job of one attempt, and tells whether a Job is the one that was built."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from coursegen_api import names
from coursegen_api.queue import GenerationQueue, Workers
from coursegen_api.task import EXIT_CODES, TaskInput

from .world import Defaults, JobView

_SPARE_SECONDS = 60
"""Beyond the Pod's own deadline: its grace period, and a lost node's toleration."""

_NODE_LOST_SECONDS = 30
_DEFAULT_RESOURCES = {
    "requests": {"cpu": "100m", "memory": "128Mi", "ephemeral-storage": "64Mi"},
    "limits": {"cpu": "1", "memory": "512Mi", "ephemeral-storage": "512Mi"},
}


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose attempt a Job is."""

    api_kind: str
    name: str
    namespace: str
    uid: str
    course_name: str = ""
    course_uid: str = ""
    kueue: Mapping[str, str] = field(default_factory=dict)
    """Kueue's labels: with a LocalQueue among them, Kueue says when a Job may start."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be run."""

    task: TaskInput
    queue: GenerationQueue
    secret_name: str | None = None
    """Secret with the provider's key, and the endpoint that it may be sent to."""
    config_map_name: str | None = None
    """ConfigMap with content, mounted at names.CONTENT_PATH."""


def pod_deadline(queue: GenerationQueue, defaults: Defaults) -> int:
    """Give activeDeadlineSeconds of the Pod: the worker ends itself before, this is for one that hangs."""
    return queue.spec.timeout_seconds + defaults.pull_grace_seconds


def give_up_after(queue: GenerationQueue, defaults: Defaults) -> int:
    """Give the seconds after which an attempt is ended from outside, as on a node that is gone."""
    return pod_deadline(queue, defaults) + _SPARE_SECONDS


def build(owner: Identity, order: Order, defaults: Defaults) -> dict[str, Any]:
    """Give the manifest of an attempt's Job; the same arguments give the same manifest."""
    task = order.task
    queue_name = order.queue.metadata.name
    labels = {
        names.LABEL_MANAGED_BY: names.MANAGED_BY,
        names.LABEL_COMPONENT: task.work.kind.value,
        names.LABEL_OBJECT_UID: owner.uid,
        names.LABEL_REVISION: str(task.revision),
        names.LABEL_ATTEMPT: str(task.attempt),
        names.LABEL_QUEUE: queue_name,
    }
    if owner.course_uid:
        labels |= {names.LABEL_COURSE: owner.course_name, names.LABEL_COURSE_UID: owner.course_uid}
    pod = _pod(order, defaults)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": names.job_name(owner.name, owner.uid, task.revision, task.attempt),
            "namespace": owner.namespace,
            "labels": labels | dict(owner.kueue),
            "annotations": {names.ANNOTATION_SPEC_HASH: fingerprint(pod)},
            "ownerReferences": [
                {
                    "apiVersion": names.API_VERSION,
                    "kind": owner.api_kind,
                    "name": owner.name,
                    "uid": owner.uid,
                    "controller": True,
                    "blockOwnerDeletion": False,
                }
            ],
        },
        "spec": {
            **({"suspend": True} if names.LABEL_KUEUE_QUEUE in owner.kueue else {}),
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "podFailurePolicy": {
                "rules": [
                    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                    {
                        "action": "FailJob",
                        "onExitCodes": {
                            "containerName": names.CONTAINER,
                            "operator": "In",
                            "values": sorted(EXIT_CODES),
                        },
                    },
                ]
            },
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def _pod(order: Order, defaults: Defaults) -> dict[str, Any]:
    workers = order.queue.spec.workers
    volumes: list[dict[str, Any]] = [{"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}}]
    mounts: list[dict[str, Any]] = [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108 - inside the container
    if order.config_map_name:
        volumes.append({"name": "content", "configMap": {"name": order.config_map_name, "defaultMode": 0o444}})
        mounts.append({"name": "content", "mountPath": names.CONTENT_PATH, "readOnly": True})
    pod: dict[str, Any] = {
        "restartPolicy": "Never",
        "serviceAccountName": names.WORKER_SERVICE_ACCOUNT,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "activeDeadlineSeconds": pod_deadline(order.queue, defaults),
        "terminationGracePeriodSeconds": 30,
        "priorityClassName": workers.priority_class_name or names.priority_class(order.queue.metadata.name),
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "fsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "tolerations": _tolerations(workers),
        "volumes": volumes,
        "containers": [
            {
                "name": names.CONTAINER,
                "image": defaults.image_for(order.task.work.kind),
                "imagePullPolicy": defaults.image_pull_policy,
                "env": _env(order),
                "envFrom": [{"secretRef": {"name": names.SECRET_STORE}}],
                "resources": resources(workers),
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "terminationMessagePolicy": "File",
                "volumeMounts": mounts,
            }
        ],
    }
    if workers.node_selector:
        pod["nodeSelector"] = dict(workers.node_selector)
    if workers.runtime_class_name:
        pod["runtimeClassName"] = workers.runtime_class_name
    if workers.image_pull_secrets:
        pod["imagePullSecrets"] = [s.wire() for s in workers.image_pull_secrets]
    return pod


def _env(order: Order) -> list[dict[str, Any]]:
    env: list[dict[str, Any]] = [
        {"name": names.ENV_TASK, "value": order.task.to_json()},
        {
            "name": names.ENV_POD_UID,
            "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.uid"}},
        },
        _from_redis_secret(names.ENV_REDIS_URL, "url"),
        _from_redis_secret(names.ENV_REDIS_CA, "ca.crt"),
    ]
    if order.secret_name:
        for name, key in (
            (names.ENV_PROVIDER_KEY, names.SECRET_KEY),
            (names.ENV_PROVIDER_ENDPOINT, names.SECRET_ENDPOINT),
        ):
            reference = {"name": order.secret_name, "key": key}
            env.append({"name": name, "valueFrom": {"secretKeyRef": reference}})
    return env


def _from_redis_secret(variable: str, key: str) -> dict[str, Any]:
    reference = {"name": names.SECRET_REDIS, "key": key, "optional": True}
    return {"name": variable, "valueFrom": {"secretKeyRef": reference}}


def _tolerations(workers: Workers) -> list[dict[str, Any]]:
    lost = [
        {
            "key": f"node.kubernetes.io/{taint}",
            "operator": "Exists",
            "effect": "NoExecute",
            "tolerationSeconds": _NODE_LOST_SECONDS,
        }
        for taint in ("not-ready", "unreachable")
    ]
    return lost + [t.wire() for t in workers.tolerations or ()]


def resources(workers: Workers) -> dict[str, dict[str, str]]:
    """Lay the queue's amounts over the defaults; an amount given once is request and limit, so that both fit."""
    asked = workers.resources.wire() if workers.resources else {}
    requests, limits = asked.get("requests", {}), asked.get("limits", {})
    return {
        "requests": _DEFAULT_RESOURCES["requests"] | limits | requests,
        "limits": _DEFAULT_RESOURCES["limits"] | requests | limits,
    }


def fingerprint(pod: Mapping[str, Any]) -> str:
    """Hash what a Pod spec runs, with what, and as whom: all that could forge a result.

    The same for a manifest and for what the API server made of it, since the manifest spells out
    every default among these fields.
    """
    seen = {
        "containers": [_container(c) for c in pod.get("containers", ())],
        "initContainers": [_container(c) for c in pod.get("initContainers", ())],
        "volumes": pod.get("volumes", ()),
        "serviceAccountName": pod.get("serviceAccountName"),
        "hostNetwork": pod.get("hostNetwork", False),
        "hostPID": pod.get("hostPID", False),
    }
    text = json.dumps(seen, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _container(container: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("name", "image", "command", "args", "env", "envFrom", "volumeMounts", "lifecycle")
    return {k: container[k] for k in kept if container.get(k)}


def ours(job: JobView, owner_uid: str, spec_hash: str) -> bool:
    """Tell whether a Job is the attempt that status announced; a tenant must not be able to forge one."""
    return job.owner_uid == owner_uid and job.spec_hash == job.fingerprint == spec_hash
