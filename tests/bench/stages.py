"""What fake nodes do with our worker Pods: end them as a worker of each kind would, with its last word.

The messages are made from the contract's own model, so a change of the contract changes them too. kwok fills in what
depends on the task, which it reads where a worker reads it: in the Pod's environment.
"""

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from coursegen_api import names
from coursegen_api.base import Artifact, Usage
from coursegen_api.task import ChapterScore, CleanupSummary, OutlineSummary, QualitySummary, TaskKind, TaskResult

PODS = Path(__file__).parents[2] / "deploy" / "local" / "stages" / "pods"

_NAMESPACE = "00000000-0000-0000-0000-000000000000"
_DIGEST = hashlib.sha256(b"").hexdigest()

TASK = "{{ $task.namespaceUid }}"
"""What kwok replaces by the namespace's UID."""

DIGEST = "{{ $digest }}"
"""What kwok replaces by a digest of the task: no two tasks have the same."""

Range = tuple[float, float]

CHAPTERS = 12
"""Of an outline."""

_OF_KIND: dict[TaskKind, dict[str, Any]] = {
    TaskKind.OUTLINE: {"outline": OutlineSummary(chapter_count=CHAPTERS, titles=["A part"] * CHAPTERS)},
    TaskKind.CHAPTER: {"title": "A chapter that no worker wrote"},
    TaskKind.VALIDATION: {
        "quality": QualitySummary(
            passed=True,
            readability=85.0,
            readability_method="none",
            alignment=0.9,
            alignment_method="none",
            scores=[
                ChapterScore(index=n, readability=85.0, alignment=0.9, passed=True) for n in range(1, CHAPTERS + 1)
            ],
        )
    },
    TaskKind.EXPORT: {},
    TaskKind.CLEANUP: {"cleanup": CleanupSummary(removed=0, removed_bytes=0, kept=0)},
}


def result(kind: TaskKind, namespace_uid: str = _NAMESPACE, digest: str = _DIGEST) -> TaskResult:
    """Give what a worker of a kind would say at its end."""
    artifact = Artifact(
        key=f"{namespace_uid}/{kind.value}/{digest}.json", sha256=digest, bytes=48_000, media_type="application/json"
    )
    said = f"No worker ran: a fake node ended this {kind.value}."
    return TaskResult(message=said, artifact=artifact, usage=Usage(), **_OF_KIND[kind])


def message_template(kind: TaskKind) -> str:
    """Give the termination message as kwok's template has it."""
    return result(kind).to_json().replace(_NAMESPACE, TASK).replace(_DIGEST, DIGEST)


def _stage(kind: TaskKind, seconds: Range | None) -> dict[str, Any]:
    """Give the stage that ends a running Pod of a kind, at once or after a random time."""
    template = f"""\
{{{{ $now := Now | Quote }}}}
{{{{ $started := .status.startTime | Quote }}}}
{{{{ $text := "" }}}}
{{{{ range (index .spec.containers 0).env }}}}{{{{ if eq .name "{names.ENV_TASK}" }}}}{{{{ $text = .value }}}}{{{{ end }}}}{{{{ end }}}}
{{{{ $task := fromJson $text }}}}
{{{{ $digest := sha256sum $text }}}}
phase: Succeeded
conditions:
{{{{ range $type := list "ContainersReady" "Ready" }}}}
  - {{type: {{{{ $type }}}}, status: "False", reason: PodCompleted, lastTransitionTime: {{{{ $now }}}}}}
{{{{ end }}}}
containerStatuses:
{{{{ range .spec.containers }}}}
  - name: {{{{ .name | Quote }}}}
    image: {{{{ .image | Quote }}}}
    imageID: ""
    ready: false
    started: false
    restartCount: 0
    state:
      terminated:
        exitCode: 0
        reason: Completed
        startedAt: {{{{ $started }}}}
        finishedAt: {{{{ $now }}}}
        message: {_quoted(message_template(kind))}
{{{{ end }}}}
"""  # noqa: E501 - a line of the template is a line of the output
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": f"pod-{kind.value}-succeeded"},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": "Pod"},
            "selector": {
                "matchLabels": {names.LABEL_MANAGED_BY: names.MANAGED_BY, names.LABEL_COMPONENT: kind.value},
                "matchExpressions": [
                    {"key": ".metadata.deletionTimestamp", "operator": "DoesNotExist"},
                    {"key": ".status.phase", "operator": "In", "values": ["Running"]},
                ],
            },
            "next": {"statusTemplate": template},
            **({"delay": _delay(*seconds)} if seconds else {}),
        },
    }


def _delay(least: float, most: float) -> dict[str, int]:
    return {"durationMilliseconds": round(1000 * least), "jitterDurationMilliseconds": round(1000 * most)}


def _quoted(message: str) -> str:
    """Give a message as a YAML string in single quotes, on one line."""
    return "'" + message.replace("'", "''") + "'"


def write(folder: Path, seconds: Mapping[TaskKind, Range] | None = None) -> Path:
    """Write every stage into a folder, and give it: Pods start and are deleted as the local cluster has it.

    Arguments:
        seconds: how long work of a kind takes, least and most; without it none takes any time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("running.yaml", "deleted.yaml"):
        shutil.copy(PODS / name, folder / name)
    for kind in TaskKind:
        (folder / f"{kind.value}.yaml").write_text(
            yaml.safe_dump(_stage(kind, (seconds or {}).get(kind)), sort_keys=False, width=10_000)
        )
    return folder
