"""The source of a validation or an export: exactly one of four."""

from pydantic import Field

from .base import Model, ObjectName, Rule, StoreKey


class SourceFields(Model):
    """Where the content comes from."""

    chapter_name: ObjectName | None = Field(
        default=None, description="A ChapterGeneration in the same namespace; waited for until it has succeeded."
    )
    course_name: ObjectName | None = Field(
        default=None, description="A CourseGeneration in the same namespace; waited for until its chapters are ready."
    )
    artifact_key: StoreKey | None = Field(
        default=None, description="Key of a chapter or course document in this namespace's part of the object store."
    )
    config_map_name: ObjectName | None = Field(
        default=None,
        description=(
            "A ConfigMap, at most 900 KiB, with content that this system did not make: one *.json document or *.md text."
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
