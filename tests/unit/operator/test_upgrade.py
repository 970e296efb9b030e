"""Work that the released version has begun or finished, taken over by this one."""

import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from coursegen_api import names
from coursegen_api.base import Artifact
from coursegen_api.course import CourseGeneration, Export
from coursegen_api.task import ChapterRef, TaskResult
from coursegen_operator.plan import children
from coursegen_operator.plan.jobs import fingerprint
from coursegen_operator.plan.world import Defaults

from ... import released
from .simulation import Json, Simulation

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


EXPORTS: dict[str, Json] = {
    "python-101-pdf-f3071c5d": {"format": "pdf"},
    "python-101-scorm-245c932b": {"format": "scorm"},
    "python-101-json-8d96f830": {"format": "json"},
    "python-101-pdf-b3f0490e": {"format": "pdf", "includeAssessments": False},
}
VALIDATION = "python-101-quality-8027970f"


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_that_the_released_version_knew_keeps_its_name(name: str) -> None:
    assert export_name(**EXPORTS[name]) == name


def test_a_validation_that_the_released_version_knew_keeps_its_name() -> None:
    assert children.validation(course(), REFS, MISSING)[0] == VALIDATION


NAMES_OF_RELEASED = """
import json, sys
from coursegen_api.course import CourseGeneration, Export
from coursegen_api.task import ChapterRef
from coursegen_operator.plan import children
course, refs, missing, exports = json.load(sys.stdin)
course, refs = CourseGeneration.model_validate(course), [ChapterRef.model_validate(r) for r in refs]
names = [children.export(course, Export.model_validate(e), refs, missing)[0] for e in exports]
print(json.dumps([children.__file__, children.validation(course, refs, missing)[0], *names]))
"""


def test_these_are_the_names_that_the_released_code_gives(tmp_path: Path) -> None:
    tree = released.unpack(tmp_path)
    asked = json.dumps([COURSE, [r.wire() for r in REFS], MISSING, list(EXPORTS.values())])
    done = subprocess.run(
        [sys.executable, "-c", NAMES_OF_RELEASED], input=asked, env={"PYTHONPATH": released.sources(tree)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    file, *found = json.loads(done.stdout)
    assert Path(file).is_relative_to(tree)
    assert found == [VALIDATION, *EXPORTS]


def test_the_archive_of_the_released_version_is_what_git_has_under_its_commit() -> None:
    """A checkout without history has the archive alone, and nothing to hold it to."""
    with tarfile.open(released.ARCHIVE) as archive:
        kept = released.contents(archive)
    assert {"crds/coursegenerations.yaml", "operator/src/coursegen_operator/__main__.py"} <= set(kept)
    if history := released.of_history():
        with tarfile.open(fileobj=io.BytesIO(history)) as archive:
            assert released.contents(archive) == kept, "stale: python -m tests.released"


def test_what_is_new_makes_another_name() -> None:
    scorm = [
        export_name(format="scorm", **options)
        for options in ({}, {"scorm": {"version": "scorm-2004-4th"}}, {"scorm": {"packaging": "PerChapter"}})
    ]
    assert len(set(scorm)) == 3
    cmi5 = [export_name(format="cmi5", **options) for options in ({}, {"cmi5": {"packaging": "PerChapter"}})]
    assert len(set(cmi5)) == 2
    validations = [
        children.validation(course(**bar), REFS, MISSING)[0]
        for bar in ({}, {"allowedTerms": ["freshman"]}, {"glossaryTerms": "Exempt"})
    ]
    assert len(set(validations)) == 3


FORGED = Artifact(
    key=f"{NAMESPACE_UID}/chapter/{'f' * 64}.json", sha256="f" * 64, bytes=1, media_type="application/json"
)
CHAPTER: Json = {"courseContext": {"title": "T"}, "title": "T", "learningObjectives": ["x"]}


@pytest.fixture
def sim() -> Simulation:
    return Simulation()


def lose_the_answer(sim: Simulation) -> None:
    """The Job of the chapter's first attempt is created, and its creation is not answered."""
    lost = iter(["after"])
    sim.api.fault = lambda verb, path: next(lost, "") if path.endswith("/jobs") else ""
    sim.apply("ChapterGeneration", "c", CHAPTER)
    sim.watch()
    sim.watch_is_broken = True  # so that it does not hear of the Job either
    sim.settle()
    assert len(sim.jobs()) == 1
    assert sim.snapshot.jobs == {}


def test_a_job_of_the_version_before_whose_creation_was_not_answered_is_taken_over(sim: Simulation) -> None:
    lose_the_answer(sim)
    sim.defaults = Defaults(image="worker:next")
    sim.watch_is_broken = False
    sim.restart()
    sim.work()
    status = sim.status("ChapterGeneration", "c")
    assert (status["phase"], len(status["attempts"])) == ("Succeeded", 1)
    assert set(sim.api.jobs_created.values()) == {1}


def test_a_job_whose_creation_was_not_answered_and_whose_task_was_edited_meanwhile_makes_way(sim: Simulation) -> None:
    lose_the_answer(sim)
    sim.change_spec("GenerationQueue", "chapter-generation", namespace="", timeoutSeconds=300)
    sim.snapshot.apply("GenerationQueue", sim.api.objects["generationqueues", "", "chapter-generation"])
    sim.run(1)
    sim.watch_is_broken = False
    sim.resync()
    sim.work()
    status = sim.status("ChapterGeneration", "c")
    assert [a["outcome"] for a in status["attempts"]] == ["Withdrawn", "Succeeded"]
    assert (status["phase"], status["retryCount"]) == ("Succeeded", 0)
    assert set(sim.api.jobs_created.values()) == {1}


def test_a_job_that_is_made_up_to_be_ours_is_removed_and_not_read(sim: Simulation) -> None:
    sim.change_spec("GenerationQueue", "chapter-generation", namespace="", capacity=0)
    sim.apply("ChapterGeneration", "c", CHAPTER)
    sim.run(1)
    uid = sim.api.objects[sim.path("ChapterGeneration", "c")]["metadata"]["uid"]
    pod = {"containers": [{"name": "worker", "image": "evil"}]}
    forged = {
        "metadata": {
            "name": names.job_name("c", uid, 0, 1),
            "labels": {names.LABEL_MANAGED_BY: names.MANAGED_BY, names.LABEL_OBJECT_UID: uid},
            "annotations": {names.ANNOTATION_SPEC_HASH: fingerprint(pod)},
            "ownerReferences": [{"uid": uid, "controller": True, "kind": "ChapterGeneration", "name": "c"}],
        },
        "spec": {"template": {"spec": pod}},
    }
    name = sim.api.add("jobs", "courses", forged)["metadata"]["name"]
    sim.succeed(sim.api.objects["jobs", "courses", name], TaskResult(artifact=FORGED))
    sim.change_spec("GenerationQueue", "chapter-generation", namespace="", capacity=50)
    sim.work()
    status = sim.status("ChapterGeneration", "c")
    assert [a["outcome"] for a in status["attempts"]] == ["Withdrawn", "Succeeded"]
    assert status["artifact"]["key"] != FORGED.key
