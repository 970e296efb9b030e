"""Manifests that together set every field of every spec, and how to change one of them."""

import copy
import re
from collections.abc import Mapping
from typing import Any

from coursegen_api import names
from coursegen_api.crd import KINDS

from .schema import Json, crds

ABSENT = object()
"""As a value: the field is taken out."""

KEY = "6f2b0c1e-8a54-4c0e-9a57-2f1f3c9d7a10/chapter/3b1f0c.json"
REGENERATION = {
    "requestId": "simplify-1",
    "feedback": "Content too advanced for beginners:\n\tshorter sentences, please.",
    "focusArea": "simplification",
}
CHAPTER = {
    "id": "chapter-1",
    "title": "Loops",
    "learningObjectives": ["Write a for loop"],
    "estimatedDuration": "PT2H",
    "complexityLevel": "beginner",
}
WORK = {
    "queueName": "default",
    "suspend": True,
    "deadlineTime": "2027-03-01T08:00:00Z",
    "managedBy": "coursegen.dev/operator",
}
SCORM = {
    "format": "scorm",
    "includeAssessments": False,
    "scorm": {"version": "scorm-2004-3rd", "packaging": "PerChapter"},
}
CMI5 = {"format": "cmi5", "cmi5": {"packaging": "PerChapter"}}
COURSE = {
    "courseId": "Course_1.2-3",
    "title": "Python Programming",
    "language": "en-GB",
    "subjectDomain": "Computer Science",
    "targetAudience": {"proficiencyLevel": "advanced"},
    "learningObjectives": ["Learn Python basics", "Build applications"],
    "estimatedDuration": "PT20H",
    "difficultyScore": 2.0,
    "exports": [SCORM],
    "quality": {
        "enabled": False,
        "minReadabilityScore": 60.5,
        "minPedagogicalAlignment": 0.5,
        "checkBias": False,
        "allowedTerms": ["master's degree", "host"],
        "glossaryTerms": "Exempt",
        "maxRegenerations": 2,
        "belowBar": "Fail",
    },
    "failurePolicy": "ExportPartial",
    "providerName": "openai",
    "budget": {"tokens": 1000, "costMicroUSD": 5000000},
    "ttlSecondsAfterFinished": 604800,
    "regeneration": REGENERATION,
} | WORK
CHAPTER_ALONE = {
    "chapterId": "chapter-7",
    "index": 7,
    "title": "Loops",
    "learningObjectives": ["Write a for loop"],
    "estimatedDuration": "PT2H",
    "complexityLevel": "advanced",
    "providerName": "openai",
    "regeneration": REGENERATION,
    "courseContext": {
        "title": "Python Programming",
        "language": "pt-BR",
        "subjectDomain": "Computer Science",
        "proficiencyLevel": "intermediate",
        "difficultyScore": 9.5,
    },
} | WORK
SOURCES = ({"courseName": "course-123"}, {"chapterName": "loops"}, {"artifactKey": KEY}, {"configMapName": "text"})
BAR = {
    "minReadabilityScore": 60,
    "minPedagogicalAlignment": 0.5,
    "checkBias": False,
    "allowedTerms": ["host"],
    "glossaryTerms": "Exempt",
} | WORK

BUDGET = {"tokens": 1000, "costMicroUSD": 5000000}
BREAKER = {
    "enabled": False,
    "failureRatePercent": 40,
    "windowSeconds": 60,
    "minimumAttempts": 3,
    "openSeconds": 10,
    "maxOpenSeconds": 60,
}

SPECS: dict[str, tuple[Json, ...]] = {
    "CourseGeneration": (
        COURSE | {"chapterCount": 12},
        COURSE | {"chapters": [CHAPTER]},
        COURSE | {"exports": [CMI5]},
    ),
    "ChapterGeneration": (
        CHAPTER_ALONE,
        {"courseName": "course-123", "outlineKey": KEY.replace("chapter", "outline")},
    ),
    "QualityValidation": tuple(source | BAR for source in SOURCES),
    "CourseExport": (*(source | SCORM | WORK for source in SOURCES), SOURCES[0] | CMI5 | WORK),
    "ArtifactCleanup": (
        {"retentionDays": 7, "intervalHours": 6} | {name: WORK[name] for name in ("queueName", "suspend", "managedBy")},
    ),
    "GenerationQueue": (
        {
            "priority": 8,
            "capacity": 200,
            "maxRetries": 2,
            "backoffSeconds": [1, 2, 3],
            "timeoutSeconds": 300,
            "circuitBreaker": BREAKER,
            "ageingSeconds": 900,
            "namespaceCapacity": 50,
            "tenants": [{"namespace": "courses", "weight": 3, "capacity": 100}, {"namespace": "other"}],
            "stopPolicy": "Hold",
            "elasticity": {"minCapacity": 10, "maxCapacity": 200, "headroom": 2},
            "workers": {
                "nodeSelector": {"example.com/pool": "chapters"},
                "tolerations": [
                    {
                        "key": "example.com/pool",
                        "operator": "Equal",
                        "value": "chapters",
                        "effect": "NoExecute",
                        "tolerationSeconds": 60,
                    },
                    {"operator": "Exists"},
                ],
                "resources": {
                    "requests": {"cpu": "250m", "memory": "256Mi"},
                    "limits": {"cpu": "1.5", "memory": "1Gi"},
                },
                "priorityClassName": "coursegen-export",
                "runtimeClassName": "gvisor",
                "imagePullSecrets": [{"name": "registry-key"}],
            },
        },
    ),
    "ModelProvider": (
        {"writer": "openai", "secretName": "provider-key", "concurrency": 10, "circuitBreaker": BREAKER}
        | {"endpoint": "https://api.openai.com/v1", "model": "gpt-4o-mini", "taskTokenLimit": 200_000}
        | {"prices": {"promptMicroUSD": 150_000, "cachedPromptMicroUSD": 75_000, "completionMicroUSD": 600_000}}
        | {"parallelRequests": 6}
        | {"budget": BUDGET | {"period": "Day", "reserveTokens": 10, "reserveCostMicroUSD": 100}},
    ),
}
"""Several a kind where fields exclude each other; the first that has a field is the one that a row changes."""

MODELS = {kind.kind_name(): kind for kind in KINDS}


def collection(kind: str, namespace: str) -> str:
    """Give the URL path of all objects of a kind in a namespace."""
    spec = crds()[kind]["spec"]
    place = "" if spec["scope"] == "Cluster" else f"/namespaces/{namespace}"
    return f"/apis/{names.API_VERSION}{place}/{spec['names']['plural']}"


def manifest(kind: str, spec: Json, name: str = "example") -> Json:
    """Give an object of a kind."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": kind,
        "metadata": {"name": name},
        "spec": copy.deepcopy(spec),
    }


def base(kind: str, path: str) -> Json:
    """Give the first of the kind's manifests that sets the field at a path."""
    for spec in SPECS[kind]:
        if _has(found := manifest(kind, spec), path):
            return found
    raise LookupError(f"no manifest of {kind} sets {path}: add it to SPECS")


def changed(manifest: Json, changes: Mapping[str, Any]) -> Json:
    """Give a copy with the values at these paths changed; [] and {} stand for the first item or key."""
    out = copy.deepcopy(manifest)
    for path, value in changes.items():
        holder, last = _follow(out, path)
        if value is ABSENT:
            holder.pop(last, None)
        else:
            holder[last] = copy.deepcopy(value)
    return out


def shown(path: str, manifest: Json) -> str:
    """Give the path as the API server's messages have it: with the index or key in place of [] and {}."""
    return re.sub(
        r"\{\}", "." + next(iter(_get(manifest, path.split("{}")[0])), "") if "{}" in path else "", path
    ).replace("[]", "[0]")


def _steps(path: str) -> list[str]:
    return [s for s in re.split(r"\.|(\[\])|(\{\})", path) if s]


def _step(node: Any, step: str) -> Any:
    if step == "[]":
        return 0
    return next(iter(node)) if step == "{}" else step


def _follow(node: Any, path: str) -> tuple[Any, Any]:
    *way, last = _steps(path)
    for step in way:
        node = node[_step(node, step)]
    return node, _step(node, last)


def _get(node: Any, path: str) -> Any:
    holder, last = _follow(node, path)
    return holder[last]


def _has(node: Any, path: str) -> bool:
    try:
        _get(node, path)
    except (KeyError, IndexError, StopIteration):
        return False
    return True
