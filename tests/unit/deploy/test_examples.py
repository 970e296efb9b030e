"""Every example is one that the contract accepts."""

from pathlib import Path

import pytest
import yaml

from coursegen_api.crd import KINDS

EXAMPLES = Path(__file__).parents[3] / "examples"
MODELS = {kind.kind_name(): kind for kind in KINDS}
DOCUMENTS = [
    pytest.param(d, id=f"{p.stem}-{d['kind']}")
    for p in sorted(EXAMPLES.glob("*.yaml"))
    for d in yaml.safe_load_all(p.read_text())
    if d["kind"] in MODELS
]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_an_example_is_accepted(document):
    MODELS[document["kind"]].model_validate(document)


def test_the_demos_course_is_the_owners():
    spec = yaml.safe_load((EXAMPLES / "python-programming.yaml").read_text())["spec"]
    assert spec == {
        "courseId": "course-123",
        "title": "Python Programming",
        "subjectDomain": "Computer Science",
        "targetAudience": {"proficiencyLevel": "beginner"},
        "learningObjectives": ["Learn Python basics", "Build applications"],
        "estimatedDuration": "PT20H",
        "difficultyScore": 2.0,
        "exports": [{"format": f, "includeAssessments": True} for f in ("pdf", "scorm", "json")],
    }
