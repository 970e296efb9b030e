"""The load of a run: work of every kind, what people do to it meanwhile, and what it comes to, the same each time."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection
from typing import Any

import aiohttp

from coursegen_api import names

from ..bench.client import RefusedError
from .ground import Ground
from .kubelet import ENDLESS, STUBBORN

Json = dict[str, Any]

KINDS = ("coursegenerations", "chaptergenerations", "qualityvalidations", "courseexports", "artifactcleanups")
_HASH = re.compile(r"[0-9a-f]{8,}")

_LOOK_SECONDS = 0.1

_SAID = {"subjectDomain": "Computer Science", "learningObjectives": ["Learn Python basics"]}
_GIVEN = [{"id": f"part-{i}", "title": f"Part {i}", "learningObjectives": ["Write a for loop"]} for i in (1, 2, 3)]
_ALONE = {"title": "Loops", "learningObjectives": ["Write a for loop"], "courseContext": {"title": "Python"}}

LOAD: dict[str, tuple[str, Json]] = {
    "a": ("CourseGeneration", _SAID | {"title": "Outlined", "exports": [{"format": "json"}]}),
    "b": ("CourseGeneration", _SAID | {"title": "Given", "chapters": _GIVEN, "quality": {"enabled": False}}),
    STUBBORN: ("ChapterGeneration", _ALONE),
    ENDLESS: ("ChapterGeneration", _ALONE),
    "tidy": ("ArtifactCleanup", {}),
}
"""By name, kind and spec. `a` has outline, validation and export; `b` has given chapters, one of which fails once, and
is edited twice; the stubborn chapter fails until its retries are used up, is asked for once more, and then anew with
feedback; the endless one is cancelled; and a clean-up removes what nobody needs."""

ALL = tuple(LOAD)
COURSES = ("a", "b")

MOMENT = "PATCH chaptergenerations/status a-chapter-01 #1"
"""The write with which the outlined course's chapters begin: the time for what is tried once."""


def path(namespace: str, plural: str, name: str = "") -> str:
    """Give the URL path of our kinds in a namespace."""
    return f"/apis/{names.API_VERSION}/namespaces/{namespace}/{plural}" + (f"/{name}" if name else "")


def _plural(name: str) -> str:
    return LOAD[name][0].lower() + "s"


async def create(ground: Ground, namespace: str, parts: Collection[str] = ALL, prefix: str = "") -> None:
    """Create the load, or parts of it, as a user does."""
    for name in parts:
        kind, spec = LOAD[name]
        meta = {"name": prefix + name}
        manifest = {"apiVersion": names.API_VERSION, "kind": kind, "metadata": meta, "spec": spec}
        await ground.ask("POST", path(namespace, _plural(name)), manifest)


# ---- people -----------------------------------------------------------------------------------------------


async def use(ground: Ground, namespace: str, parts: Collection[str] = ALL, prefix: str = "") -> None:
    """Do what people do to the load, each thing when its time has come; an API server that is away is waited for."""
    async with asyncio.TaskGroup() as group:
        for name, does in _PEOPLE.items():
            if name in parts:
                group.create_task(does(_Thing(ground, path(namespace, _plural(name), prefix + name))))


class _Thing:
    """An object that somebody looks at and changes."""

    def __init__(self, ground: Ground, path: str) -> None:
        self._ground, self._path = ground, path

    async def until(self, holds: Callable[[Json], bool]) -> None:
        """Wait until the status is so."""
        while True:
            found = await self._insist(lambda: self._ground.ask("GET", self._path))
            if holds(found.get("status", {})):
                return
            await asyncio.sleep(_LOOK_SECONDS)

    async def change(self, change: Json) -> None:
        """Merge something in; asking twice is asking once, since it is the same."""
        await self._insist(lambda: self._ground.client.patch(self._path, change))

    async def annotate(self, annotation: str) -> None:
        await self.change({"metadata": {"annotations": {annotation: "now"}}})

    @staticmethod
    async def _insist(ask: Callable[[], Awaitable[Json]]) -> Json:
        while True:
            try:
                return await ask()
            except (RefusedError, OSError, aiohttp.ClientError, TimeoutError):
                await asyncio.sleep(_LOOK_SECONDS)


async def _edit(course: _Thing) -> None:
    for generation in (1, 2):
        await course.until(lambda s, g=generation: s.get("observedGeneration") == g)  # type: ignore[misc]
        await course.change({"spec": {"deadlineTime": f"209{generation}-01-01T00:00:00Z"}})


async def _ask_again(chapter: _Thing) -> None:
    await chapter.until(lambda s: s.get("phase") == "Failed")
    await chapter.annotate(names.ANNOTATION_RETRY)
    await chapter.until(lambda s: s.get("phase") == "Succeeded")
    await chapter.change({"spec": {"regeneration": {"requestId": "plainer", "feedback": "Too advanced."}}})


async def _cancel(chapter: _Thing) -> None:
    await chapter.until(lambda s: bool(s.get("attempts")))
    await chapter.annotate(names.ANNOTATION_CANCEL)


_PEOPLE: dict[str, Callable[[_Thing], Awaitable[None]]] = {"b": _edit, STUBBORN: _ask_again, ENDLESS: _cancel}


# ---- what it comes to ---------------------------------------------------------------------------------------


def is_over(obj: Json) -> bool:
    """Tell whether an object has ended, and has been seen as it is now, with all that was asked of it."""
    meta, status = obj["metadata"], obj.get("status", {})
    notes, known = meta.get("annotations", {}), status.get("requests") or {}
    asked = {
        "retry": notes.get(names.ANNOTATION_RETRY),
        "cancel": notes.get(names.ANNOTATION_CANCEL),
        "regeneration": obj["spec"].get("regeneration", {}).get("requestId"),
    }
    acknowledged = all(known.get(verb) == word for verb, word in asked.items())
    return bool(status.get("completionTime")) and acknowledged and status["observedGeneration"] == meta["generation"]


async def end_state(ground: Ground, namespace: str) -> Json:
    """Give what every object came to, without what differs from run to run: times, UIDs, hashes."""
    out = {}
    for plural in KINDS:
        for obj in (await ground.ask("GET", path(namespace, plural)))["items"]:
            out[f"{plural}/{_HASH.sub('*', obj['metadata']['name'])}"] = _came_to(plural, obj.get("status", {}))
    return out


def of_parts(normal: Json, parts: Collection[str], prefix: str = "") -> Json:
    """Give what some parts of the load come to, from what all of it does."""
    out = {}
    for key, end in normal.items():
        plural, name = key.split("/")
        if any(name == part or name.startswith(f"{part}-") for part in parts):
            out[f"{plural}/{prefix}{name}"] = end
    return out


def _came_to(plural: str, status: Json) -> Json:
    outline = status.get("outline")
    attempts = [a for a in status.get("attempts") or () if a.get("outcome") != "Withdrawn"]
    return {
        "phase": status.get("phase"),
        "revision": status.get("revision"),
        "observed": status.get("observedGeneration"),
        "progress": status.get("progressPercentage") if status.get("phase") == "Succeeded" else None,
        "retries": status.get("retryCount"),
        # A clean-up's task is another at each moment, so an attempt whose Job was not answered may be taken back.
        "numbers": [a["number"] for a in attempts] if plural != "artifactcleanups" else len(attempts),
        "attempts": [(a.get("outcome"), a.get("failureClass")) for a in attempts],
        "conditions": sorted((c["type"], c["status"], c["reason"]) for c in status.get("conditions") or ()),
        "chapters": (status.get("chapters") or {}).get("summary"),
        "exports": len(status.get("exports") or ()),
        "outline": _came_to("", outline) if outline else None,
    }
