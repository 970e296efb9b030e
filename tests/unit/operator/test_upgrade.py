"""Work that the released version (eeb2242) has begun or finished, taken over by this one."""

import pytest

from coursegen_api.course import CourseGeneration, Export
from coursegen_api.task import ChapterRef
from coursegen_operator.plan import children

from .simulation import Json

NAMESPACE_UID = "11111111-1111-1111-1111-111111111111"
REFS = [ChapterRef(index=i, key=f"{NAMESPACE_UID}/chapter/{str(i) * 64}.json", sha256=str(i) * 64) for i in (1, 2)]
MISSING = [3]
COURSE: Json = {
    "metadata": {"name": "python-101", "namespace": "courses", "uid": "u"},
    "spec": {"title": "T", "learningObjectives": ["x"], "quality": {"minReadabilityScore": 50}},
}


def course(**quality: object) -> CourseGeneration:
    spec = COURSE["spec"] | {"quality": COURSE["spec"]["quality"] | quality}
    return CourseGeneration.model_validate(COURSE | {"spec": spec})


def export_name(**wanted: object) -> str:
    return children.export(course(), Export.model_validate(wanted), REFS, MISSING)[0]


# The names were computed by the released code.
@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ({"format": "pdf"}, "python-101-pdf-f3071c5d"),
        ({"format": "scorm"}, "python-101-scorm-245c932b"),
        ({"format": "json"}, "python-101-json-8d96f830"),
        ({"format": "pdf", "includeAssessments": False}, "python-101-pdf-b3f0490e"),
    ],
)
def test_an_export_that_the_released_version_knew_keeps_its_name(wanted: Json, name: str) -> None:
    assert export_name(**wanted) == name


def test_a_validation_that_the_released_version_knew_keeps_its_name() -> None:
    assert children.validation(course(), REFS, MISSING)[0] == "python-101-quality-8027970f"


def test_what_is_new_makes_another_name() -> None:
    scorm = [
        export_name(format="scorm", **options)
        for options in ({}, {"scorm": {"version": "scorm-2004-4th"}}, {"scorm": {"packaging": "PerChapter"}})
    ]
    assert len(set(scorm)) == 3
    validations = [
        children.validation(course(**bar), REFS, MISSING)[0]
        for bar in ({}, {"allowedTerms": ["freshman"]}, {"glossaryTerms": "Exempt"})
    ]
    assert len(set(validations)) == 3
