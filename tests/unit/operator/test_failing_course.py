"""A course of which a chapter fails for good: nothing of it begins any more, and what was asked again still may."""

from collections.abc import Callable

import pytest

from coursegen_api.base import FailureClass
from coursegen_api.names import ANNOTATION_CANCEL, ANNOTATION_RETRY

from .simulation import Json, Simulation

COURSE = {
    "title": "T",
    "learningObjectives": ["x"],
    "chapters": [{"id": f"c{i}", "title": "T", "learningObjectives": ["x"]} for i in range(1, 7)],
    "exports": [{"format": "json"}],
    "quality": {"enabled": False},
}


@pytest.fixture
def sim() -> Simulation:
    sim = Simulation()
    set_capacity(sim, 2)
    return sim


def set_capacity(sim: Simulation, capacity: int) -> None:
    sim.change_spec("GenerationQueue", "chapter-generation", namespace="", capacity=capacity)


def course(sim: Simulation) -> Json:
    return sim.status("CourseGeneration", "c")


def owners(sim: Simulation) -> list[str]:
    return [j["metadata"]["ownerReferences"][0]["name"] for j in sim.jobs()]


def jobs_made(sim: Simulation) -> int:
    return sum(sim.api.jobs_created.values())


def begin(sim: Simulation, **spec: object) -> None:
    sim.apply("CourseGeneration", "c", COURSE | spec)
    sim.run(1)
    assert owners(sim) == ["c-chapter-01", "c-chapter-02"]


def fail(sim: Simulation, name: str = "c-chapter-01") -> None:
    sim.fail(sim.job_of(name), FailureClass.REJECTED)
    sim.run(1)


def test_a_chapter_that_is_cancelled_though_it_was_to_be_made_anew_opens_no_failed_course(sim: Simulation) -> None:
    begin(sim)
    fail(sim)
    sim.change_spec("ChapterGeneration", "c-chapter-02", regeneration={"requestId": "r", "feedback": "simpler"})
    sim.run(1)
    sim.annotate("ChapterGeneration", "c-chapter-02", ANNOTATION_CANCEL, "no")
    sim.run(60)
    chapter = sim.status("ChapterGeneration", "c-chapter-02")
    assert (chapter["phase"], chapter["revision"], course(sim)["phase"]) == ("Cancelled", 0, "Failed")


def test_no_chapter_begins_between_the_failure_and_the_courses_end(sim: Simulation) -> None:
    begin(sim)
    fail(sim)
    assert (course(sim)["phase"], owners(sim)) == ("Failed", ["c-chapter-02"])
    sim.run(600)
    assert jobs_made(sim) == 2
    assert {sim.status("ChapterGeneration", f"c-chapter-0{i}")["phase"] for i in range(3, 7)} == {"Cancelled"}


def test_the_slot_goes_to_other_work_at_once(sim: Simulation) -> None:
    begin(sim)
    alone = {"courseContext": {"title": "T"}, "title": "T", "learningObjectives": ["x"]}
    sim.apply("ChapterGeneration", "alone", alone)
    sim.run(1)
    sim.fail(sim.job_of("c-chapter-01"), FailureClass.REJECTED)
    sim.run(0)
    assert owners(sim) == ["c-chapter-02", "alone"]


def test_what_waits_is_written_once_and_only_when_the_course_has_ended(sim: Simulation) -> None:
    begin(sim)
    before = sim.api.writes["PATCH"]
    fail(sim)
    assert sim.api.writes["PATCH"] - before == 1 + 1 + 4, "the chapter that failed, the course, and what will not begin"


@pytest.mark.parametrize("dies", [False, True])
def test_also_if_the_operator_dies_in_between(sim: Simulation, dies: bool) -> None:
    begin(sim)
    lost = "before" if dies else ""
    sim.api.fault = lambda verb, path: lost if "coursegenerations" in path else ""
    fail(sim)
    sim.api.fault = lambda verb, path: ""
    sim.restart()
    sim.run(60)
    assert (course(sim)["phase"], jobs_made(sim)) == ("Failed", 2)


def test_under_export_partial_the_others_go_on(sim: Simulation) -> None:
    begin(sim, failurePolicy="ExportPartial")
    fail(sim)
    assert owners(sim) == ["c-chapter-02", "c-chapter-03"]
    sim.work()
    assert (course(sim)["phase"], course(sim)["missingChapters"]) == ("Succeeded", [1])


def test_the_policy_can_be_changed_as_long_as_the_course_is_open(sim: Simulation) -> None:
    begin(sim)
    sim.change_spec("CourseGeneration", "c", failurePolicy="ExportPartial")
    fail(sim)
    sim.work()
    assert (course(sim)["phase"], course(sim)["missingChapters"]) == ("Succeeded", [1])


def test_changed_after_the_end_it_holds_for_the_next_revision(sim: Simulation) -> None:
    begin(sim)
    fail(sim)
    sim.change_spec("CourseGeneration", "c", failurePolicy="ExportPartial")
    sim.run(60)
    assert course(sim)["phase"] == "Failed"
    set_capacity(sim, 6)
    sim.annotate("CourseGeneration", "c", ANNOTATION_RETRY, "1")
    sim.run(1)
    fail(sim)
    sim.work()
    assert (course(sim)["phase"], course(sim)["missingChapters"]) == ("Succeeded", [1])


def test_a_chapter_that_a_person_cancels_fails_the_course_as_any_other(sim: Simulation) -> None:
    begin(sim)
    sim.annotate("ChapterGeneration", "c-chapter-04", ANNOTATION_CANCEL, "1")
    sim.run(1)
    assert (course(sim)["phase"], jobs_made(sim)) == ("Failed", 2)


def test_asked_again_the_others_go_on_with_it(sim: Simulation) -> None:
    begin(sim)
    fail(sim)
    sim.annotate("ChapterGeneration", "c-chapter-01", ANNOTATION_RETRY, "1")
    sim.work()
    assert (course(sim)["phase"], course(sim)["chapters"]["summary"]) == ("Succeeded", "6/6")


# ---- a retry makes nothing that is there already ------------------------------------------------------


def _bad_chapter(sim: Simulation) -> None:
    fail(sim)
    sim.work()


def _bad_validation(sim: Simulation) -> None:
    while not any(sim.task(j).work.kind == "validation" for j in sim.jobs()):
        sim.work(sim.jobs())
    [job] = sim.jobs()
    sim.fail(job, FailureClass.REJECTED)
    sim.run(1)


def _bad_export(sim: Simulation) -> None:
    while not any(sim.task(j).work.kind == "export" for j in sim.jobs()):
        sim.work(sim.jobs())
    [job] = sim.jobs()
    sim.fail(job, FailureClass.REJECTED)
    sim.run(1)


@pytest.mark.parametrize(
    ("breaks", "again"),
    [
        (_bad_chapter, ["chapter"] * 5 + ["validation", "export"]),
        (_bad_validation, ["validation", "export"]),
        (_bad_export, ["export"]),
    ],
    ids=["chapter", "validation", "export"],
)
def test_a_retry_of_the_course_runs_what_failed_and_what_never_ran(
    sim: Simulation, breaks: Callable[[Simulation], None], again: list[str]
) -> None:
    begin(sim, quality={})
    breaks(sim)
    assert course(sim)["phase"] == "Failed"
    before = jobs_made(sim)
    sim.annotate("CourseGeneration", "c", ANNOTATION_RETRY, "1")
    sim.run(1)
    made: list[str] = []
    while jobs := sim.jobs():
        made += [sim.task(j).work.kind.value for j in jobs]
        sim.work(jobs)
    assert (course(sim)["phase"], made, jobs_made(sim) - before) == ("Succeeded", again, len(again))


# ---- what is deleted -----------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["validation", "export"])
def test_a_validation_or_export_deleted_in_the_middle_is_made_again(sim: Simulation, stage: str) -> None:
    begin(sim, quality={})
    while not any(sim.task(j).work.kind == stage for j in sim.jobs()):
        sim.work(sim.jobs())
    kind = "QualityValidation" if stage == "validation" else "CourseExport"
    [name] = sim.names(kind)
    sim.api.remove(sim.path(kind, name)[0], "courses", name)
    sim.run(1)
    assert (len(sim.jobs()), sim.names(kind)) == (1, [name])
    sim.work()
    assert course(sim)["phase"] == "Succeeded"


def test_purged_of_its_failed_chapters_a_course_stays_as_it_was_delivered(sim: Simulation) -> None:
    begin(sim, failurePolicy="ExportPartial")
    fail(sim)
    sim.work()
    sim.run(600)
    status, exports = course(sim), sim.names("CourseExport")
    sim.api.remove("chaptergenerations", "courses", "c-chapter-01")
    sim.run(600)
    assert (course(sim), sim.names("CourseExport"), sim.jobs()) == (status, exports, [])
    assert "c-chapter-01" not in sim.names("ChapterGeneration")


@pytest.mark.parametrize("kind", ["ChapterGeneration", "QualityValidation", "CourseExport"])
def test_what_is_deleted_after_the_end_changes_nothing_else(sim: Simulation, kind: str) -> None:
    begin(sim, quality={})
    sim.work()
    sim.run(600)
    before = {k: sim.names(k) for k in ("ChapterGeneration", "QualityValidation", "CourseExport")}
    status = course(sim)
    gone = before[kind][0]
    sim.api.remove(sim.path(kind, gone)[0], "courses", gone)
    sim.run(600)
    sim.restart()
    sim.run(600)
    assert {k: sim.names(k) for k in before} == before | {kind: before[kind][1:]}
    assert (course(sim), sim.jobs()) == (status, [])
