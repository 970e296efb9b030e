"""The source of a validation or an export: exactly one of four."""

from pydantic import Field

from .base import ForeignName, Model, ObjectName, Rule, StoreKey


class SourceFields(Model):
    """Where the content comes from."""

    chapter_name: ObjectName | None = Field(
        default=None,
        description=(
            "The ChapterGeneration, in the same namespace, to take; the work waits until it has succeeded. "
            "Example: python-loops."
        ),
    )
    course_name: ObjectName | None = Field(
        default=None,
        description=(
            "The CourseGeneration, in the same namespace, to take; the work waits until its chapters are ready. "
            "Example: course-123."
        ),
    )
    artifact_key: StoreKey | None = Field(
        default=None,
        description=(
            "Key of a chapter or course document in this namespace's part of the object store, made here or sent to "
            "the gateway (at most 10 MiB); it begins with the namespace's UID. "
            "Example: 6f2b0c1e-8a54-4c0e-9a57-2f1f3c9d7a10/chapter/3b1f.json."
        ),
    )
    config_map_name: ForeignName | None = Field(
        default=None,
        description=(
            "A ConfigMap, at most 900 KiB, with content that this system did not make: one *.json document, or "
            "*.md texts. Example: my-chapter."
        ),
    )


def one_source() -> Rule:
    """Ask for exactly one source."""
    fields = ("chapterName", "courseName", "artifactKey", "configMapName")
    given = ", ".join(f"has(self.{f})" for f in fields)
    return Rule(
        rule=f"[{given}].filter(x, x).size() == 1",
        message="set exactly one of chapterName, courseName, artifactKey and configMapName",
        field_path=".courseName",
    )
