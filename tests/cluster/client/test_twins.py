"""The blocking and the awaited client on a real API server: each call writes the same, and what it is for."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from coursegen import AsyncClient, Client
from coursegen.calls import wish_id
from coursegen_api import names
from coursegen_api.task import QualityBar

from ...e2e.scene import chapter, course
from ...e2e.system import System, path_of

Json = dict[str, Any]

KINDS = ("CourseGeneration", "ChapterGeneration", "QualityValidation", "CourseExport", "ConfigMap")
BLOCKING, AWAITED = "twins-blocking", "twins-awaited"
SPEC = {"courseId": "begun", "title": "Python", "learningObjectives": ["Write a program"], "suspend": True}
WAITING_COURSE, WAITING_CHAPTER = course(1, suspend=True), chapter(suspend=True)
WORDS, FOCUS = "Content too advanced for beginners", "simplification"


@dataclass(frozen=True)
class Said:
    """A call, what is there before it, and what it leaves in an object of that name."""

    call: str
    arguments: tuple[Any, ...]
    kind: str
    """Of the object that it creates, changes or reads."""
    leaves: Json
    """Fields that the object has then."""
    options: Mapping[str, Any] = field(default_factory=dict)
    before: Json | None = None
    """Spec of the object, where it is there already."""


def _asked(call: str, annotation: str, kind: str, before: Json) -> Said:
    return Said(call, (call,), kind, {"annotations": {annotation: "<time>"}}, before=before)


_WISH = {"requestId": wish_id(0, WORDS, FOCUS), "feedback": WORDS, "focusArea": FOCUS}
CALLS = (
    Said("start_course_generation", (SPEC,), "CourseGeneration", {"spec.title": "Python"}, {"name": "begun"}),
    Said(
        "get_task_status", ("chaptergen/looked-at",), "ChapterGeneration", {"annotations": {}},
        before=WAITING_CHAPTER,
    ),
    Said(
        "start_chapter_generation", (WAITING_CHAPTER,), "ChapterGeneration", {"spec.title": "Loops"}, {"name": "alone"}
    ),
    Said(
        "start_quality_validation", ("measured",), "QualityValidation", {"spec.checkBias": False},
        {"content": "# Loops\n\nA loop runs again.", "bar": QualityBar(check_bias=False)},
    ),
    Said(
        "start_course_export", ("exported", "pdf"), "CourseExport",
        {"spec.courseName": "begun", "spec.format": "pdf", "spec.includeAssessments": False},
        {"course_name": "begun", "include_assessments": False},
    ),
    Said(
        "start_chapter_regeneration", ("improved", WORDS), "ChapterGeneration", {"spec.regeneration": _WISH},
        {"focus_area": FOCUS}, before=WAITING_CHAPTER,
    ),
    Said(
        "regenerate", ("regenerated", WORDS), "CourseGeneration", {"spec.regeneration": _WISH},
        {"focus_area": FOCUS}, before=WAITING_COURSE,
    ),
    Said("suspend", ("suspend",), "CourseGeneration", {"spec.suspend": True}, before=course(1, suspend=False)),
    Said("resume", ("resume",), "ChapterGeneration", {"spec.suspend": False}, before=WAITING_CHAPTER),
    _asked("retry", names.ANNOTATION_RETRY, "ChapterGeneration", WAITING_CHAPTER),
    _asked("cancel", names.ANNOTATION_CANCEL, "ChapterGeneration", WAITING_CHAPTER),
    _asked("stop", names.ANNOTATION_STOP, "CourseGeneration", WAITING_COURSE),
)  # fmt: skip


def name_of(said: Said) -> str:
    """Give the name of the object that a call is about."""
    first = said.arguments[0]
    return str(said.options.get("name") or str(first).rpartition("/")[2])


@pytest.fixture(scope="module")
def twins(system: System) -> Iterator[System]:
    """Give a namespace to each of the two."""
    for namespace in (BLOCKING, AWAITED):
        system.create_tenant(namespace, {})
    yield system
    for namespace in (BLOCKING, AWAITED):
        system.api.request("DELETE", f"/api/v1/namespaces/{namespace}")


@pytest.mark.parametrize("said", CALLS, ids=lambda said: said.call)
def test_both_clients_write_the_same_and_what_the_call_is_for(twins: System, said: Said) -> None:
    name = name_of(said)
    if said.before:
        for namespace in (BLOCKING, AWAITED):
            manifest = {"apiVersion": names.API_VERSION, "kind": said.kind, "metadata": {"name": name}}
            twins.request("POST", path_of(manifest, namespace), manifest | {"spec": said.before})
    answers = [blocking(twins, said), asyncio.run(awaited(twins, said))]
    written = [found(twins, namespace, name) for namespace in (BLOCKING, AWAITED)]
    assert written[0] == written[1]
    assert answers[0].spec == answers[1].spec
    assert [(type(a).__name__, a.metadata.name, a.metadata.namespace) for a in answers] == [
        (said.kind, name, BLOCKING),
        (said.kind, name, AWAITED),
    ]
    [mine] = [o for o in written[0] if o["kind"] == said.kind]
    assert {path: at(mine, path) for path in said.leaves} == said.leaves


def blocking(system: System, said: Said) -> Any:
    with Client(kubeconfig=str(system.kubectl.kubeconfig), namespace=BLOCKING) as client:
        return getattr(client, said.call)(*said.arguments, **said.options)


async def awaited(system: System, said: Said) -> Any:
    async with AsyncClient(kubeconfig=str(system.kubectl.kubeconfig), namespace=AWAITED) as client:
        return await getattr(client, said.call)(*said.arguments, **said.options)


def found(system: System, namespace: str, name: str) -> list[Json]:
    """Give what people have written of all objects that are called so, or whose name begins so."""
    out = []
    for kind in KINDS:
        version = "v1" if kind == "ConfigMap" else names.API_VERSION
        listed = system.api.get(path_of({"apiVersion": version, "kind": kind}, namespace))["items"]
        for item in (i for i in listed if f"{i['metadata']['name']}-".startswith(f"{name}-")):
            meta = item["metadata"]
            if meta.get("labels", {}).get(names.LABEL_MANAGED_BY) == names.MANAGED_BY:
                continue  # the operator's, as soon as it comes to it
            said = {"annotations": meta.get("annotations", {}), "labels": meta.get("labels", {})}
            said |= {k: item[k] for k in ("spec", "data", "immutable") if k in item}
            owners = [(o["kind"], o["name"]) for o in meta.get("ownerReferences", ())]
            out.append({"kind": kind, "name": meta["name"], "owners": owners} | plain(said, ()))
    return out


def plain(value: Any, path: tuple[str, ...]) -> Any:
    """Leave out what differs from one time to the next."""
    if isinstance(value, dict):
        return {k: plain(v, (*path, k)) for k, v in value.items()}
    if path[:1] == ("annotations",) and path[-1].endswith("RequestedAt"):
        assert datetime.fromisoformat(value).tzinfo
        return "<time>"
    return value


def at(value: Json, path: str) -> Any:
    for key in path.split("."):
        value = value[key]
    return value
