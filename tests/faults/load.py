"""The load of a run: two courses that go through everything, and what they come to, which is the same each time."""

import re
from typing import Any

from coursegen_api import names

from .ground import Ground

Json = dict[str, Any]

KINDS = ("coursegenerations", "chaptergenerations", "qualityvalidations", "courseexports")
_HASH = re.compile(r"[0-9a-f]{8,}")


def courses() -> dict[str, Json]:
    """Give the specs: `a` has outline, validation and export; `b` has given chapters, one of which fails once."""
    given = [{"id": f"part-{i}", "title": f"Part {i}", "learningObjectives": ["Write a for loop"]} for i in (1, 2, 3)]
    said = {"subjectDomain": "Computer Science", "learningObjectives": ["Learn Python basics"]}
    return {
        "a": said | {"title": "Outlined", "exports": [{"format": "json"}]},
        "b": said | {"title": "Given", "chapters": given, "quality": {"enabled": False}},
    }


def path(namespace: str, plural: str, name: str = "") -> str:
    """Give the URL path of our kinds in a namespace."""
    return f"/apis/{names.API_VERSION}/namespaces/{namespace}/{plural}" + (f"/{name}" if name else "")


async def create(ground: Ground, namespace: str, prefix: str = "") -> None:
    """Create the courses as a user does."""
    for name, spec in courses().items():
        manifest = {
            "apiVersion": names.API_VERSION,
            "kind": "CourseGeneration",
            "metadata": {"name": prefix + name},
            "spec": spec,
        }
        await ground.ask("POST", path(namespace, "coursegenerations"), manifest)


async def end_state(ground: Ground, namespace: str) -> dict[str, Any]:
    """Give what every object came to, without what differs from run to run: times, UIDs, hashes."""
    out = {}
    for plural in KINDS:
        for obj in (await ground.ask("GET", path(namespace, plural)))["items"]:
            out[f"{plural}/{_HASH.sub('*', obj['metadata']['name'])}"] = _came_to(obj.get("status", {}))
    return out


def _came_to(status: Json) -> Json:
    outline = status.get("outline")
    return {
        "phase": status.get("phase"),
        "progress": status.get("progressPercentage"),
        "retries": status.get("retryCount"),
        "attempts": [(a["number"], a.get("outcome"), a.get("failureClass")) for a in status.get("attempts") or ()],
        "conditions": sorted((c["type"], c["status"], c["reason"]) for c in status.get("conditions") or ()),
        "chapters": (status.get("chapters") or {}).get("summary"),
        "exports": len(status.get("exports") or ()),
        "outline": _came_to(outline) if outline else None,
    }
