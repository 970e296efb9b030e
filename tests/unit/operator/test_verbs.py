"""What people ask for: each verb is acted on once, acknowledged in status, and has a defined end."""

import copy

import pytest

from coursegen_api.base import FailureClass
from coursegen_api.names import ANNOTATION_CANCEL, ANNOTATION_RETRY, ANNOTATION_STOP
from coursegen_api.task import OutlineSummary

from .simulation import Json, Simulation

GIVEN = {
    "title": "Python Programming",
    "learningObjectives": ["Learn Python basics"],
    "chapters": [{"id": f"c{i}", "title": f"Chapter {i}", "learningObjectives": ["x"]} for i in (1, 2, 3)],
    "exports": [{"format": "json"}],
    "quality": {"enabled": False},
}
OUTLINED = {"title": "T", "learningObjectives": ["x"], "quality": {"enabled": False}}
CHAPTER = {"courseContext": {"title": "T"}, "title": "T", "learningObjectives": ["x"]}


@pytest.fixture
def sim() -> Simulation:
    return Simulation()


def course(sim: Simulation) -> Json:
    return sim.status("CourseGeneration", "c")


def succeeded(status: Json) -> tuple[str, str]:
    found = next(c for c in status["conditions"] if c["type"] == "Succeeded")
    return found["status"], found["reason"]


def write(sim: Simulation, name: str) -> None:
    job = sim.job_of(name)
    sim.start(job)
    sim.succeed(job)
    sim.run(1)


def deliver_the_first(sim: Simulation) -> None:
    """Stop a course once its first chapter of three has succeeded."""
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    write(sim, "c-chapter-01")
    sim.annotate("CourseGeneration", "c", ANNOTATION_STOP, "enough")
    sim.work()


# ---- stop, and deliver what is there ------------------------------------------------------------------


def test_a_stopped_course_delivers_what_has_succeeded(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    write(sim, "c-chapter-01")
    write(sim, "c-chapter-03")
    sim.annotate("CourseGeneration", "c", ANNOTATION_STOP, "enough")
    sim.run(1)
    assert [sim.task(j).work.kind for j in sim.jobs()] == ["export"]
    sim.work()
    assert (course(sim)["phase"], course(sim)["missingChapters"]) == ("Succeeded", [2])
    assert succeeded(course(sim)) == ("True", "Stopped")
    assert course(sim)["requests"]["stop"] == "enough"
    assert course(sim)["exports"][0]["artifact"]["key"]
    assert sim.status("ChapterGeneration", "c-chapter-02")["phase"] == "Cancelled"


@pytest.mark.parametrize("exports", [GIVEN["exports"], []], ids=["with an export", "without"])
def test_a_stop_ends_a_regeneration_of_the_course_before_it_has_come_to_every_chapter(
    sim: Simulation, exports: list[Json]
) -> None:
    sim.apply("CourseGeneration", "c", GIVEN | {"exports": exports})
    sim.work()
    sim.change_spec("CourseGeneration", "c", **WISH, suspend=True)
    sim.run(1)
    sim.annotate("CourseGeneration", "c", ANNOTATION_STOP, "enough")
    sim.change_spec("CourseGeneration", "c", suspend=False)
    for _ in range(2):
        sim.work()
        assert (course(sim)["phase"], course(sim)["revision"]) == ("Succeeded", 1)
        assert (course(sim)["stopped"], course(sim)["chapters"]["summary"]) == (True, "3/3")
        sim.restart()
    assert {sim.status("ChapterGeneration", n)["revision"] for n in sim.names("ChapterGeneration")} == {0}
    sim.change_spec("CourseGeneration", "c", exports=[*exports, {"format": "epub"}])
    sim.work()
    assert {sim.status("ChapterGeneration", n)["revision"] for n in sim.names("ChapterGeneration")} == {0}


def test_a_stopped_course_ends_though_several_chapters_had_not_begun(sim: Simulation) -> None:
    sim.change_spec("GenerationQueue", "chapter-generation", namespace="", capacity=1)
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    write(sim, sim.jobs()[0]["metadata"]["ownerReferences"][0]["name"])
    sim.change_spec("GenerationQueue", "chapter-generation", namespace="", stopPolicy="HoldAndDrain")
    sim.run(1)
    sim.annotate("CourseGeneration", "c", ANNOTATION_STOP, "enough")
    sim.work()
    assert (course(sim)["phase"], course(sim)["missingChapters"]) == ("Succeeded", [2, 3])


@pytest.mark.parametrize("end", ["cancelled", "failed"])
def test_a_course_that_is_over_can_still_deliver_what_has_succeeded(sim: Simulation, end: str) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    write(sim, "c-chapter-01")
    if end == "cancelled":
        sim.annotate("CourseGeneration", "c", ANNOTATION_CANCEL, "no")
    else:
        sim.fail(sim.job_of("c-chapter-02"), FailureClass.REJECTED)
    sim.run(1)
    for job in sim.jobs():
        sim.fail(job, FailureClass.REJECTED)
    sim.run(1)
    sim.annotate("CourseGeneration", "c", ANNOTATION_STOP, "deliver")
    sim.work()
    assert (course(sim)["phase"], course(sim)["missingChapters"]) == ("Succeeded", [2, 3])
    assert sum(n for n in sim.api.jobs_created.values()) == 4  # three chapters and the export


PDF = {"exports": [{"format": "json"}, {"format": "pdf"}]}
WISH = {"regeneration": {"requestId": "r", "feedback": "simpler"}}


@pytest.mark.parametrize("end", ["stopped", "failed and stopped"])
@pytest.mark.parametrize(
    "asked", ["a format more", "a format more of the rest", "a regeneration", "a chapter more", "a chapter that fails"]
)
def test_what_is_asked_of_a_delivered_part_leaves_out_what_was_left_out(sim: Simulation, end: str, asked: str) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    write(sim, "c-chapter-01")
    if end == "failed and stopped":
        sim.fail(sim.job_of("c-chapter-02"), FailureClass.REJECTED)
        sim.run(1)
    sim.annotate("CourseGeneration", "c", ANNOTATION_STOP, "enough")
    sim.work()
    if asked == "a format more of the rest":
        sim.api.remove("chaptergenerations", "courses", "c-chapter-03")
        sim.run(1)
    if asked.startswith("a format more"):
        sim.change_spec("CourseGeneration", "c", **PDF)
    elif asked == "a regeneration":
        sim.change_spec("ChapterGeneration", "c-chapter-01", **WISH)
    else:
        sim.annotate("ChapterGeneration", "c-chapter-02", ANNOTATION_RETRY, "this one too")
        sim.run(1)
        if asked == "a chapter that fails":
            sim.fail(sim.job_of("c-chapter-02"), FailureClass.REJECTED)
    sim.work()
    missing = [3] if asked == "a chapter more" else [2, 3]
    assert (course(sim)["phase"], course(sim)["missingChapters"]) == ("Succeeded", missing)
    assert course(sim)["revision"] == (2 if end == "failed and stopped" else 1)
    assert all(e["artifact"]["key"] for e in course(sim)["exports"])
    assert sim.status("ChapterGeneration", "c-chapter-01")["revision"] == (asked == "a regeneration")


def test_a_chapter_that_a_retry_of_the_whole_asks_for_again_can_fail_it(sim: Simulation) -> None:
    deliver_the_first(sim)
    sim.annotate("CourseGeneration", "c", ANNOTATION_RETRY, "more")
    sim.run(1)
    sim.fail(sim.job_of("c-chapter-02"), FailureClass.REJECTED)
    sim.work()
    assert (course(sim)["phase"], course(sim).get("missingChapters", [])) == ("Failed", [])


@pytest.mark.parametrize("by", ["the course, stopped", "itself"])
def test_a_regeneration_that_is_cancelled_leaves_the_version_before(sim: Simulation, by: str) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    write(sim, "c-chapter-01")
    before = sim.status("ChapterGeneration", "c-chapter-01")["artifact"]
    sim.change_spec("ChapterGeneration", "c-chapter-01", **WISH)
    sim.run(1)
    if by == "itself":
        sim.annotate("ChapterGeneration", "c-chapter-01", ANNOTATION_CANCEL, "no")
    else:
        sim.annotate("CourseGeneration", "c", ANNOTATION_STOP, "enough")
    sim.work()
    chapter = sim.status("ChapterGeneration", "c-chapter-01")
    assert (chapter["phase"], chapter["artifact"]) == ("Cancelled", before)
    assert (course(sim)["phase"], course(sim).get("missingChapters", [])) == (
        "Succeeded",
        [] if by == "itself" else [2, 3],
    )
    sim.change_spec("CourseGeneration", "c", **PDF)
    sim.work()
    assert (course(sim)["phase"], len(course(sim)["exports"])) == ("Succeeded", 2)


def test_a_regeneration_that_fails_leaves_the_version_before_where_parts_may_be_exported(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN | {"failurePolicy": "ExportPartial"})
    sim.work()
    before = sim.status("ChapterGeneration", "c-chapter-01")["artifact"]
    sim.change_spec("ChapterGeneration", "c-chapter-01", **WISH)
    sim.run(1)
    sim.fail(sim.job_of("c-chapter-01"), FailureClass.REJECTED)
    sim.work()
    chapter = sim.status("ChapterGeneration", "c-chapter-01")
    assert (chapter["phase"], chapter["artifact"]) == ("Failed", before)
    assert (course(sim)["phase"], course(sim).get("missingChapters", [])) == ("Succeeded", [])
    sim.annotate("ChapterGeneration", "c-chapter-01", ANNOTATION_RETRY, "once more")
    sim.run(1)
    assert sim.task(sim.job_of("c-chapter-01")).work.regeneration.request_id == "r"
    sim.work()
    assert sim.status("ChapterGeneration", "c-chapter-01")["phase"] == course(sim)["phase"] == "Succeeded"


@pytest.mark.parametrize("spec", [GIVEN, OUTLINED])
def test_a_course_stopped_before_anything_succeeded_is_cancelled(sim: Simulation, spec: Json) -> None:
    sim.apply("CourseGeneration", "c", spec)
    sim.run(1)
    sim.annotate("CourseGeneration", "c", ANNOTATION_STOP, "now")
    sim.run(5)
    assert sim.jobs() == []
    assert (course(sim)["phase"], succeeded(course(sim))) == ("Cancelled", ("False", "Stopped"))


def test_retry_goes_on_with_what_was_left_out(sim: Simulation) -> None:
    deliver_the_first(sim)
    sim.annotate("CourseGeneration", "c", ANNOTATION_RETRY, "more")
    sim.work()
    assert (course(sim)["phase"], course(sim)["chapters"]["summary"]) == ("Succeeded", "3/3")
    assert course(sim).get("missingChapters", []) == []
    assert succeeded(course(sim)) == ("True", "Succeeded")


def test_a_partial_course_is_completed_by_a_retry(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN | {"failurePolicy": "ExportPartial"})
    sim.run(1)
    sim.fail(sim.job_of("c-chapter-02"), FailureClass.REJECTED)
    sim.work()
    assert course(sim)["missingChapters"] == [2]
    sim.annotate("CourseGeneration", "c", ANNOTATION_RETRY, "again")
    sim.run(1)
    assert [j["metadata"]["ownerReferences"][0]["name"] for j in sim.jobs()] == ["c-chapter-02"]
    sim.work()
    assert (course(sim)["phase"], course(sim)["chapters"]["summary"]) == ("Succeeded", "3/3")


# ---- once each ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("annotation", "field"), [(ANNOTATION_RETRY, "retry"), (ANNOTATION_CANCEL, "cancel"), (ANNOTATION_STOP, "stop")]
)
@pytest.mark.parametrize("when", ["open", "over"])
def test_a_request_is_acknowledged_once_and_does_nothing_more(
    sim: Simulation, annotation: str, field: str, when: str
) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    if when == "over":
        sim.work()
    sim.annotate("CourseGeneration", "c", annotation, "once")
    sim.work()
    sim.run(sim.defaults.keep_jobs_seconds + 100)
    assert course(sim)["requests"][field] == "once"
    before, revision = sim.api.writes.copy(), course(sim)["revision"]
    for _ in range(2):
        sim.restart()
        sim.annotate("CourseGeneration", "c", annotation, "once")
        sim.run(100)
    assert (sim.api.writes, course(sim)["revision"]) == (before, revision)


def test_a_regeneration_is_done_once_for_each_request(sim: Simulation) -> None:
    sim.apply("ChapterGeneration", "ch", CHAPTER)
    sim.work()
    wish = {"requestId": "simple-1", "feedback": "Content too advanced", "focusArea": "simplification"}
    for expected in (1, 1):
        sim.change_spec("ChapterGeneration", "ch", regeneration=wish)
        sim.run(1)
        sim.work()
        status = sim.status("ChapterGeneration", "ch")
        assert (status["revision"], status["requests"]["regeneration"]) == (expected, "simple-1")
    sim.change_spec("ChapterGeneration", "ch", regeneration=wish | {"requestId": "simple-2"})
    sim.run(1)
    [job] = sim.jobs()
    asked = sim.task(job).work.regeneration
    assert (asked.request_id, asked.feedback, asked.focus_area) == (
        "simple-2",
        "Content too advanced",
        "simplification",
    )


@pytest.mark.parametrize(("kind", "name"), [("ChapterGeneration", "c-chapter-02"), ("CourseGeneration", "c")])
def test_a_regeneration_asked_for_in_the_middle_begins_right_after_the_end(
    sim: Simulation, kind: str, name: str
) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    sim.change_spec(kind, name, regeneration={"requestId": "r", "feedback": "simpler"})
    sim.run(1)
    sim.work()
    assert course(sim)["phase"] == "Succeeded"
    assert sim.status(kind, name)["requests"]["regeneration"] == "r"
    assert sim.status("ChapterGeneration", "c-chapter-02")["revision"] == 1


@pytest.mark.parametrize("wished", ["before it was there", "while it ran"])
@pytest.mark.parametrize(
    ("kind", "name", "spec"), [("ChapterGeneration", "ch", CHAPTER), ("CourseGeneration", "c", GIVEN)]
)
def test_what_is_cancelled_stays_so_though_a_regeneration_was_to_follow(
    sim: Simulation, kind: str, name: str, spec: Json, wished: str
) -> None:
    wish = {"requestId": "r", "feedback": "simpler"}
    if wished == "before it was there":
        sim.apply(kind, name, spec | {"regeneration": wish}, annotations={ANNOTATION_CANCEL: "no"})
    else:
        sim.apply(kind, name, spec)
        sim.run(1)
        sim.change_spec(kind, name, regeneration=wish)
        sim.run(1)
        sim.annotate(kind, name, ANNOTATION_CANCEL, "no")
    sim.work()
    assert (sim.status(kind, name)["phase"], sim.status(kind, name)["revision"]) == ("Cancelled", 0)
    assert sim.status(kind, name).get("chapters", {}).get("held", 0) == 0
    sim.annotate(kind, name, ANNOTATION_RETRY, "yes")
    sim.work()
    assert (sim.status(kind, name)["phase"], sim.status(kind, name)["revision"]) == ("Succeeded", 1)


def artifacts(sim: Simulation) -> dict[str, str]:
    found = {f"c-chapter-0{n}": sim.status("ChapterGeneration", f"c-chapter-0{n}") for n in (1, 2, 3)}
    found["ch"] = sim.status("ChapterGeneration", "ch")
    return {name: status["artifact"]["key"] for name, status in found.items()}


def test_what_was_regenerated_and_is_created_anew_asks_for_the_same_content() -> None:
    """As from a backup: wishes for a course and a chapter alone stand in spec from the start, a child's comes later."""
    wish = {"requestId": "r", "feedback": "simpler"}
    specs = {"CourseGeneration": ("c", GIVEN), "ChapterGeneration": ("ch", CHAPTER)}
    there, anew = Simulation(), Simulation()
    for kind, (name, spec) in specs.items():
        there.apply(kind, name, spec)
        anew.apply(kind, name, spec | {"regeneration": wish})
    there.work()
    before = artifacts(there)
    for kind, (name, _) in specs.items():
        there.change_spec(kind, name, regeneration=wish)
    for sim in (there, anew):
        sim.run(1)
        sim.work()
        sim.change_spec("ChapterGeneration", "c-chapter-02", regeneration=wish | {"requestId": "child"})
        sim.run(1)
        sim.work()
        assert (course(sim)["phase"], course(sim)["requests"]["regeneration"]) == ("Succeeded", "r")
    assert artifacts(anew) == artifacts(there)
    assert not set(artifacts(there).values()) & set(before.values())


def test_a_retry_that_fails_keeps_the_feedback_of_its_regeneration(sim: Simulation) -> None:
    sim.apply("ChapterGeneration", "ch", CHAPTER)
    sim.work()
    first = sim.status("ChapterGeneration", "ch")["artifact"]["key"]
    sim.change_spec("ChapterGeneration", "ch", regeneration={"requestId": "r", "feedback": "simpler"})
    sim.run(1)
    sim.fail(sim.job_of("ch"), FailureClass.REJECTED)
    sim.run(1)
    sim.annotate("ChapterGeneration", "ch", ANNOTATION_RETRY, "again")
    sim.run(1)
    asked = sim.task(sim.job_of("ch")).work.regeneration
    assert (asked.request_id, asked.previous_key) == ("r", first)


def test_suspended_while_a_retry_waits_it_goes_on_when_resumed(sim: Simulation) -> None:
    sim.apply("ChapterGeneration", "ch", CHAPTER)
    sim.run(1)
    sim.fail(sim.job_of("ch"), FailureClass.INTERNAL)
    sim.settle()
    sim.change_spec("ChapterGeneration", "ch", suspend=True)
    sim.run(500)
    status = sim.status("ChapterGeneration", "ch")
    assert (status["phase"], sim.jobs()) == ("Suspended", [])
    sim.change_spec("ChapterGeneration", "ch", suspend=False)
    sim.run(1)
    assert len(sim.jobs()) == 1
    assert sim.status("ChapterGeneration", "ch")["retryCount"] == 1


# ---- what is taken away in the middle -------------------------------------------------------------------


def test_a_chapter_deleted_in_the_middle_is_made_again(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    write(sim, "c-chapter-01")
    for name in ("c-chapter-01", "c-chapter-02"):
        sim.api.remove("chaptergenerations", "courses", name)
    sim.run(1)
    assert len(sim.jobs()) == 3
    sim.work()
    assert (course(sim)["phase"], course(sim)["chapters"]["summary"]) == ("Succeeded", "3/3")


@pytest.mark.parametrize(
    ("kind", "name", "spec"), [("ChapterGeneration", "ch", CHAPTER), ("CourseGeneration", "c", OUTLINED)]
)
def test_work_whose_status_a_backup_brings_along_runs_one_job_of_its_own(
    sim: Simulation, kind: str, name: str, spec: Json
) -> None:
    """The status announces an attempt of the former object, of another UID, whose Job was never seen running."""
    sim.apply(kind, name, spec)
    sim.run(1)
    saved = copy.deepcopy(sim.status(kind, name))
    sim.api.remove(*sim.path(kind, name))
    sim.run(1)
    sim.apply(kind, name, spec)
    sim.api.objects[sim.path(kind, name)]["status"] = saved
    sim.restart()
    sim.work()
    assert sim.status(kind, name)["phase"] == "Succeeded"
    assert set(sim.api.jobs_created.values()) == {1}


def test_an_export_that_is_retried_waits_for_a_chapter_that_was_deleted_meanwhile(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    sim.work(sim.jobs())
    [job] = sim.jobs()
    sim.fail(job, FailureClass.INVALID_INPUT)
    sim.run(1)
    sim.api.remove("chaptergenerations", "courses", "c-chapter-02")
    sim.run(1)
    sim.annotate("CourseGeneration", "c", ANNOTATION_RETRY, "1")
    sim.run(1)
    assert [sim.task(j).work.kind for j in sim.jobs()] == ["chapter"]
    [name] = sim.names("CourseExport")
    status = sim.status("CourseExport", name)
    assert status["holdReason"] == "DependencyPending"
    assert status["holdMessage"].startswith("2 of 3 chapters of course c are ready")
    sim.work(sim.jobs())
    [job] = sim.jobs()
    assert [r.index for r in sim.task(job).work.source.chapters] == [1, 2, 3]
    sim.work()
    assert (course(sim)["phase"], course(sim)["chapters"]["summary"]) == ("Succeeded", "3/3")


def test_a_course_that_takes_the_name_of_another_waits_no_longer_than_for_its_chapters_to_go(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    old = sim.api.objects.pop(("coursegenerations", "courses", "c"))  # its chapters are collected later
    sim.snapshot.apply("CourseGeneration", old, deleted=True)
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    assert course(sim)["holdReason"] == "Misconfigured"
    for name in sim.names("ChapterGeneration"):
        sim.api.remove("chaptergenerations", "courses", name)
    sim.run(1)
    assert (course(sim).get("holdReason"), len(sim.jobs())) == (None, 3)


@pytest.mark.parametrize("failing", [False, True])
def test_a_queue_deleted_in_the_middle_holds_what_is_left_until_it_is_back(sim: Simulation, failing: bool) -> None:
    sim.change_spec("GenerationQueue", "chapter-generation", namespace="", capacity=1)
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    sim.api.remove("generationqueues", "", "chapter-generation")
    sim.run(1)
    [job] = sim.jobs()
    if failing:
        sim.fail(job, FailureClass.INTERNAL)
    else:
        sim.start(job)
        sim.succeed(job)
    sim.run(100)
    assert sim.jobs() == []
    assert (course(sim)["phase"], course(sim)["holdReason"]) == ("Held", "Misconfigured")
    assert "GenerationQueue chapter-generation does not exist" in course(sim)["holdMessage"]
    sim.apply("GenerationQueue", "chapter-generation", {"priority": 8})
    sim.run(1)
    sim.work()
    sim.run(100)
    sim.work()
    assert course(sim)["phase"] == "Succeeded"


def test_a_provider_deleted_in_the_middle_holds_what_is_left_until_it_is_back(sim: Simulation) -> None:
    sim.apply("ModelProvider", "p", {"writer": "template"})
    sim.change_spec("GenerationQueue", "chapter-generation", namespace="", capacity=1)
    sim.apply("CourseGeneration", "c", GIVEN | {"providerName": "p"})
    sim.run(1)
    sim.api.remove("modelproviders", "courses", "p")
    sim.run(1)
    write(sim, "c-chapter-01")
    sim.run(60)
    assert sim.jobs() == []
    assert (course(sim)["holdReason"], succeeded(course(sim))[0]) == ("Misconfigured", "Unknown")
    sim.apply("ModelProvider", "p", {"writer": "template"})
    sim.run(60)
    sim.work()
    assert course(sim)["phase"] == "Succeeded"


@pytest.mark.parametrize("count", [0, 101, 1000])
def test_an_outline_without_chapters_or_with_too_many_fails_the_course(sim: Simulation, count: int) -> None:
    sim.apply("CourseGeneration", "c", OUTLINED)
    sim.run(1)
    [job] = sim.jobs()
    sim.succeed(job, sim.result(job).model_copy(update={"outline": OutlineSummary(chapter_count=count)}))
    sim.run(1)
    assert (course(sim)["phase"], succeeded(course(sim))) == ("Failed", ("False", "OutlineFailed"))
    assert f"The outline has {count} chapters; a course has 1 to 100." in course(sim)["errorDetails"]["message"]
    assert sim.names("ChapterGeneration") == []
    sim.annotate("CourseGeneration", "c", ANNOTATION_RETRY, "again")
    sim.run(1)
    [job] = sim.jobs()
    assert sim.task(job).work.kind == "outline"
    sim.work()
    assert course(sim)["phase"] == "Succeeded"


def test_an_outline_of_a_hundred_chapters_is_taken(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", OUTLINED)
    sim.run(1)
    [job] = sim.jobs()
    sim.succeed(job, sim.result(job).model_copy(update={"outline": OutlineSummary(chapter_count=100)}))
    sim.run(1)
    assert len(sim.names("ChapterGeneration")) == 100
