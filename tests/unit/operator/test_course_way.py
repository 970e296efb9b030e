"""A course from its creation to its end, in simulated time."""

import pytest

from coursegen_api.base import FailureClass, Usage
from coursegen_api.names import ANNOTATION_CANCEL, ANNOTATION_RETRY, LABEL_MANAGED_BY, LABEL_OBJECT_UID, MANAGED_BY
from coursegen_operator.snapshot import KINDS

from .simulation import NAMESPACE_UIDS, Simulation

COURSE = {"title": "Python Programming", "learningObjectives": ["Learn Python basics"], "chapterCount": 3}
GIVEN = {
    "title": "Python Programming",
    "learningObjectives": ["Learn Python basics"],
    "chapters": [{"id": f"c{i}", "title": f"Chapter {i}", "learningObjectives": ["Write a loop"]} for i in (1, 2, 3)],
    "quality": {"enabled": False},
}


@pytest.fixture
def sim() -> Simulation:
    return Simulation()


def condition(status: dict, kind: str) -> tuple[str, str]:
    found = next(c for c in status["conditions"] if c["type"] == kind)
    return found["status"], found["reason"]


def test_a_course_goes_from_outline_to_exports(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", COURSE | {"exports": [{"format": "pdf"}, {"format": "json"}]})
    stages = []
    sim.run(1)
    while jobs := sim.jobs():
        stages.append((sim.status("CourseGeneration", "c")["stage"], len(jobs)))
        sim.work(jobs)
    status = sim.status("CourseGeneration", "c")
    assert stages == [("Outline", 1), ("Chapters", 3), ("Validation", 1), ("Exports", 2)]
    assert status["phase"] == "Succeeded"
    assert status["progressPercentage"] == 100
    assert status["chapters"]["summary"] == "3/3"
    assert condition(status, "Finished") == ("True", "Succeeded")
    assert condition(status, "QualityPassed")[0] == "True"
    assert [e["format"] for e in status["exports"]] == ["pdf", "json"]
    assert all(e["artifact"]["key"] for e in status["exports"])


def test_a_finished_course_removes_its_jobs_after_a_while_and_then_writes_nothing(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.work()
    assert len(sim.names("Job")) == 3
    sim.run(sim.defaults.keep_jobs_seconds + 1)
    assert sim.names("Job") == []
    before = sim.api.writes.copy()
    sim.resync()
    sim.run(600)
    assert sim.api.writes == before


def test_a_chapter_costs_at_most_six_requests(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    for job in sim.jobs():
        sim.start(job)
    sim.run(2)
    for job in sim.jobs():
        sim.report(job, 50)
    sim.run(10)
    sim.work(sim.jobs())
    per_chapter = sim.api.writes["PATCH"] + sim.api.writes["POST"]
    assert sim.status("CourseGeneration", "c")["phase"] == "Succeeded"
    assert per_chapter / 3 <= 9  # three chapters share their course's writes


def test_retries_come_after_60_120_and_240_seconds_with_up_to_a_fifth_more(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    waits = []
    for _ in range(3):
        sim.run(1)
        sim.fail(sim.job_of("c-chapter-01"), FailureClass.INTERNAL)
        failed_at = sim.time
        sim.settle()
        status = sim.status("ChapterGeneration", "c-chapter-01")
        assert status["holdReason"] == "RetryBackoff"
        while not [j for j in sim.jobs() if j["metadata"]["ownerReferences"][0]["name"] == "c-chapter-01"]:
            sim.run(1)
        waits.append(sim.time - failed_at)
    for wait, base in zip(waits, (60, 120, 240), strict=True):
        assert base <= wait <= base * 1.2 + 1
    sim.fail(sim.job_of("c-chapter-01"), FailureClass.INTERNAL)
    sim.run(1)
    status = sim.status("ChapterGeneration", "c-chapter-01")
    assert (status["phase"], status["retryCount"]) == ("Failed", 3)
    assert condition(status, "Stalled") == ("True", "Internal")
    assert sim.status("CourseGeneration", "c")["phase"] == "Failed"


@pytest.mark.parametrize(
    ("failure", "phase", "counted"),
    [
        (FailureClass.INVALID_INPUT, "Failed", True),
        (FailureClass.REJECTED, "Failed", True),
        (FailureClass.PROVIDER_UNAVAILABLE, "Held", True),
        (FailureClass.TIMEOUT, "Held", True),
        (FailureClass.BAD_OUTPUT, "Held", True),
        (FailureClass.STORAGE_UNAVAILABLE, "Held", True),
        (FailureClass.STOPPED, "Held", True),
        (FailureClass.RATE_LIMITED, "Held", False),
    ],
)
def test_what_follows_each_failure_class(sim: Simulation, failure: FailureClass, phase: str, counted: bool) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    sim.fail(sim.job_of("c-chapter-02"), failure, "what happened")
    sim.settle()
    status = sim.status("ChapterGeneration", "c-chapter-02")
    assert status["phase"] == phase
    assert status["attempts"][0]["failureClass"] == failure.value
    assert status["attempts"][0]["counted"] is counted
    assert status["errorDetails"]["message"] == "what happened"


def test_rate_limited_waits_as_told_and_costs_no_retry(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    sim.fail(sim.job_of("c-chapter-01"), FailureClass.RATE_LIMITED, retry_after_seconds=500)
    sim.run(499)
    assert sim.status("ChapterGeneration", "c-chapter-01")["retryCount"] == 0
    assert len(sim.jobs()) == 2
    sim.run(110)
    assert len(sim.jobs()) == 3


@pytest.mark.parametrize(
    ("end", "failure"),
    [
        ({"exit_code": 137, "reason": "OOMKilled"}, "OutOfMemory"),
        ({"exit_code": 137, "status": {"reason": "DeadlineExceeded"}}, "Timeout"),
        ({"exit_code": 30, "status": {"reason": "DeadlineExceeded"}}, "Timeout"),
        ({"exit_code": 139}, "Internal"),
        ({"exit_code": 2}, "Internal"),
        (
            {"exit_code": 30, "status": {"conditions": [{"type": "DisruptionTarget", "status": "True"}]}},
            "Disrupted",
        ),
        ({"exit_code": 137, "status": {"reason": "Evicted", "message": "over its limit"}}, "Internal"),
    ],
)
def test_what_kubernetes_did_to_the_pod_comes_before_the_exit_code(sim: Simulation, end: dict, failure: str) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    sim.end_pod(sim.job_of("c-chapter-01"), end["exit_code"], end.get("reason", "Error"), **end.get("status", {}))
    sim.settle()
    assert sim.status("ChapterGeneration", "c-chapter-01")["attempts"][0]["failureClass"] == failure


def test_a_lost_result_is_run_again_free_at_most_three_times(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    for _ in range(4):
        sim.run(1)
        sim.lose_pod(sim.job_of("c-chapter-01"))
    sim.run(1)
    status = sim.status("ChapterGeneration", "c-chapter-01")
    assert (status["phase"], status["retryCount"]) == ("Failed", 0)
    assert status["errorDetails"]["failureClass"] == "ResultLost"


def test_a_job_deleted_by_hand_is_run_again_under_another_name(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    job = sim.job_of("c-chapter-01")
    sim.start(job)
    sim.settle()
    sim.api.remove("jobs", "courses", job["metadata"]["name"])
    sim.run(1)
    assert sim.job_of("c-chapter-01")["metadata"]["name"] != job["metadata"]["name"]
    assert sim.status("ChapterGeneration", "c-chapter-01")["retryCount"] == 0


@pytest.mark.parametrize("labelled", [False, True])
def test_a_foreign_job_of_the_same_name_is_not_adopted(sim: Simulation, labelled: bool) -> None:
    sim.change_spec("GenerationQueue", "chapter-generation", namespace="", capacity=0)
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    uid = sim.api.objects[("chaptergenerations", "courses", "c-chapter-01")]["metadata"]["uid"]
    from coursegen_api.names import job_name

    labels = {LABEL_MANAGED_BY: MANAGED_BY, LABEL_OBJECT_UID: uid} if labelled else {}
    forged = {
        "metadata": {"name": job_name("c-chapter-01", uid, 0, 1), "labels": labels},
        "spec": {"template": {"spec": {"containers": [{"name": "worker", "image": "evil"}]}}},
    }
    sim.api.add("jobs", "courses", forged)
    sim.change_spec("GenerationQueue", "chapter-generation", namespace="", capacity=50)
    sim.run(1)
    status = sim.status("ChapterGeneration", "c-chapter-01")
    assert (status["phase"], status["holdReason"]) == ("Held", "Misconfigured")
    assert "not adopted" in status["holdMessage"]
    assert condition(status, "Stalled")[0] == "True"
    sim.api.remove("jobs", "courses", forged["metadata"]["name"])
    sim.run(31)
    sim.work()
    assert sim.status("CourseGeneration", "c")["phase"] == "Succeeded"


def test_a_foreign_child_of_the_same_name_is_not_adopted(sim: Simulation) -> None:
    sim.apply(
        "ChapterGeneration",
        "c-chapter-02",
        {"courseContext": {"title": "Mine"}, "title": "Mine", "learningObjectives": ["Own it"]},
    )
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    status = sim.status("CourseGeneration", "c")
    assert (status["holdReason"], condition(status, "Stalled")[0]) == ("Misconfigured", "True")
    assert "c-chapter-02" in status["holdMessage"]


def test_a_course_has_no_child_and_no_bill_in_another_namespace(sim: Simulation) -> None:
    sim.apply("ModelProvider", "m", {"writer": "template"})
    more = {"providerName": "m", "exports": [{"format": "pdf"}], "budget": {"tokens": 50_000}, "suspend": True}
    sim.apply("CourseGeneration", "c", GIVEN | more)
    course = sim.api.objects[("coursegenerations", "courses", "c")]
    owner = {"kind": "CourseGeneration", "name": "c", "uid": course["metadata"]["uid"], "controller": True}
    mine = {"courseContext": {"title": "Mine"}, "title": "Mine", "learningObjectives": ["Own it"]}
    sim.apply("ChapterGeneration", "c-chapter-01", mine, namespace="other")
    sim.run(1)
    [foreign] = [j for j in sim.jobs() if j["metadata"]["namespace"] == "other"]
    sim.succeed(foreign, sim.result(foreign).model_copy(update={"usage": Usage(prompt_tokens=100_000)}))
    sim.run(1)

    def claim(body: dict) -> None:  # with a finalizer of their own it stays, though the garbage collector removes it
        body["metadata"] |= {"ownerReferences": [owner], "finalizers": ["example.com/stay"]}

    sim.api.edit("chaptergenerations", "other", "c-chapter-01", claim)
    sim.change_spec("CourseGeneration", "c", suspend=False)
    sim.work()
    status = sim.status("CourseGeneration", "c")
    [export] = [sim.task(j).work for j in sim.jobs(active=False) if "pdf" in j["metadata"]["name"]]
    assert (status["phase"], status.get("usage")) == ("Succeeded", None)
    assert [c.index for c in export.source.chapters] == [1, 2, 3]


def test_work_of_a_namespace_that_was_made_anew_has_nothing_of_the_one_before(
    sim: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Named namespaces are not watched: the next team of that name would find what this one wrote."""
    sim.apply("CourseGeneration", "c", COURSE)
    sim.work()
    for kind in ("CourseGeneration", "ChapterGeneration", "QualityValidation"):
        for name in sim.names(kind):
            sim.api.remove(KINDS[kind].meta.plural, "courses", name)
    sim.run(1)
    monkeypatch.setitem(NAMESPACE_UIDS, "courses", "3" * 8 + "-3333" * 3 + "-" + "3" * 12)
    sim.apply("CourseGeneration", "c", COURSE)
    sim.run(1)
    assert {sim.task(j).namespace_uid for j in sim.jobs()} == {NAMESPACE_UIDS["courses"]}


@pytest.mark.parametrize(
    ("spec", "kind", "missing"),
    [
        ({"providerName": "none"}, "ModelProvider", {"writer": "template"}),
        ({"queueName": "none"}, "GenerationQueue", {"priority": 5}),
    ],
)
def test_a_name_that_does_not_exist_stalls_and_recovers(sim: Simulation, spec: dict, kind: str, missing: dict) -> None:
    sim.apply("CourseGeneration", "c", COURSE | spec)
    sim.run(1)
    status = sim.status("CourseGeneration", "c")
    assert condition(status, "Stalled") == ("True", "Misconfigured")
    assert "none" in status["holdMessage"]
    sim.apply(kind, "none", missing)
    sim.work()
    assert sim.status("CourseGeneration", "c")["phase"] == "Succeeded"


def test_a_hundred_courses_at_once_and_the_next_waits(sim: Simulation) -> None:
    one = GIVEN | {"chapters": GIVEN["chapters"][:1]}
    for i in range(102):
        sim.apply("CourseGeneration", f"c{i:03d}", one)
    sim.run(1)
    held = [
        n for n in sim.names("CourseGeneration") if sim.status("CourseGeneration", n).get("holdReason") == "CourseLimit"
    ]
    assert held == ["c100", "c101"]
    assert len(sim.jobs()) == 50  # the queue's capacity
    sim.work()
    assert all(sim.status("CourseGeneration", n)["phase"] == "Succeeded" for n in sim.names("CourseGeneration"))


def test_suspend_starts_nothing_new_and_resume_goes_on(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", COURSE)
    sim.run(1)
    sim.change_spec("CourseGeneration", "c", suspend=True)
    sim.work()
    assert sim.jobs() == []
    assert sim.status("CourseGeneration", "c")["phase"] == "Suspended"
    sim.change_spec("CourseGeneration", "c", suspend=False)
    sim.work()
    assert sim.status("CourseGeneration", "c")["phase"] == "Succeeded"


def test_cancel_stops_what_runs_and_is_acknowledged(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    assert len(sim.jobs()) == 3
    sim.annotate("CourseGeneration", "c", ANNOTATION_CANCEL, "now")
    sim.run(1)
    assert sim.jobs() == []
    status = sim.status("CourseGeneration", "c")
    assert (status["phase"], status["requests"]["cancel"]) == ("Cancelled", "now")
    assert {sim.status("ChapterGeneration", n)["phase"] for n in sim.names("ChapterGeneration")} == {"Cancelled"}


def test_retry_runs_failed_work_only(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    for name in ("c-chapter-02", "c-chapter-03"):
        sim.start(sim.job_of(name))
        sim.succeed(sim.job_of(name))
    sim.fail(sim.job_of("c-chapter-01"), FailureClass.REJECTED)
    sim.run(1)
    assert sim.status("CourseGeneration", "c")["phase"] == "Failed"
    sim.annotate("CourseGeneration", "c", ANNOTATION_RETRY, "again")
    sim.run(1)
    assert [j["metadata"]["ownerReferences"][0]["name"] for j in sim.jobs()] == ["c-chapter-01"]
    sim.work()
    status = sim.status("CourseGeneration", "c")
    assert (status["phase"], status["revision"]) == ("Succeeded", 1)


def test_a_failed_course_stops_the_rest_and_retrying_one_chapter_goes_on_with_all(sim: Simulation) -> None:
    sim.change_spec("GenerationQueue", "chapter-generation", namespace="", capacity=1)
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    sim.fail(sim.job_of("c-chapter-01"), FailureClass.REJECTED)
    sim.run(1)
    phases = [sim.status("ChapterGeneration", n)["phase"] for n in sim.names("ChapterGeneration")]
    assert phases[0] == "Failed"
    assert "Cancelled" in phases
    sim.annotate("ChapterGeneration", "c-chapter-01", ANNOTATION_RETRY, "again")
    sim.work()
    assert sim.status("CourseGeneration", "c")["phase"] == "Succeeded"


def counts(sim: Simulation) -> dict:
    return sim.status("CourseGeneration", "c")["chapters"]


def test_the_counts_of_a_failed_course_follow_the_chapters_that_still_ran(sim: Simulation) -> None:
    sim.apply(
        "CourseGeneration", "c", GIVEN | {"chapters": [{**GIVEN["chapters"][0], "id": f"c{i}"} for i in range(9)]}
    )
    sim.change_spec("GenerationQueue", "chapter-generation", namespace="", capacity=6)
    sim.run(1)
    for job in sim.jobs():
        sim.start(job)
    sim.run(10)
    sim.fail(sim.job_of("c-chapter-01"), FailureClass.REJECTED)
    sim.run(10)
    assert sim.status("CourseGeneration", "c")["phase"] == "Failed"
    left = sim.jobs()
    assert (counts(sim)["running"], counts(sim)["failed"]) == (len(left), 1)
    before = sim.api.writes["PATCH"]
    for job in left[1:]:
        sim.succeed(job)
        sim.run(0.5)
    sim.fail(left[0], FailureClass.INTERNAL)  # not tried again: the course is over
    sim.run(6)
    done = len(left) - 1
    expected = {"total": 9, "succeeded": done, "running": 0, "failed": 2, "held": 7 - done, "summary": f"{done}/9"}
    assert counts(sim) == expected
    assert sim.status("CourseGeneration", "c")["phase"] == "Failed"
    assert sim.api.writes["PATCH"] - before <= len(left) + 2  # each chapter's end, and two writes of the course
    rest = sim.api.writes.copy()
    sim.resync()
    sim.run(100)
    assert sim.api.writes["PATCH"] == rest["PATCH"]


def test_the_counts_of_a_cancelled_course_end_true(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    sim.work(sim.jobs()[:1])
    sim.start(sim.jobs()[0])
    sim.annotate("CourseGeneration", "c", ANNOTATION_CANCEL, "now")
    sim.run(10)
    assert sim.status("CourseGeneration", "c")["phase"] == "Cancelled"
    assert {k: v for k, v in counts(sim).items() if k != "summary"} == {
        "total": 3,
        "succeeded": 1,
        "running": 0,
        "failed": 2,
        "held": 0,
    }


def test_export_partial_delivers_the_rest_and_says_what_is_missing(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN | {"failurePolicy": "ExportPartial", "exports": [{"format": "json"}]})
    sim.run(1)
    sim.fail(sim.job_of("c-chapter-02"), FailureClass.REJECTED)
    sim.work()
    status = sim.status("CourseGeneration", "c")
    assert (status["phase"], status["missingChapters"]) == ("Succeeded", [2])


def test_regenerating_a_chapter_makes_the_exports_anew(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN | {"exports": [{"format": "json"}]})
    sim.work()
    first = sim.names("CourseExport")
    wish = {"requestId": "simple-1", "feedback": "Content too advanced for beginners", "focusArea": "simplification"}
    sim.change_spec("ChapterGeneration", "c-chapter-02", regeneration=wish)
    sim.run(1)
    [job] = sim.jobs()
    work = sim.task(job).work
    assert (work.regeneration.request_id, work.regeneration.focus_area) == ("simple-1", "simplification")
    assert work.regeneration.previous_key
    sim.work()
    sim.run(60)
    assert sim.status("CourseGeneration", "c")["phase"] == "Succeeded"
    assert len(sim.names("CourseExport")) == 1
    assert sim.names("CourseExport") != first
    assert sim.status("ChapterGeneration", "c-chapter-02")["revision"] == 1


def test_regenerating_a_course_makes_every_chapter_anew(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.work()
    sim.change_spec("CourseGeneration", "c", regeneration={"requestId": "r1", "feedback": "More examples"})
    sim.run(1)
    assert len(sim.jobs()) == 3
    sim.work()
    assert sim.status("CourseGeneration", "c")["phase"] == "Succeeded"


def test_an_export_added_to_a_finished_course_is_made(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.work()
    sim.change_spec("CourseGeneration", "c", exports=[{"format": "scorm"}])
    sim.work()
    status = sim.status("CourseGeneration", "c")
    assert status["phase"] == "Succeeded"
    assert [e["format"] for e in status["exports"]] == ["scorm"]


def test_the_json_export_alone_is_told_what_the_chapters_have_cost(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN | {"exports": [{"format": "pdf"}, {"format": "json"}]})
    sim.run(1)
    paid = Usage(prompt_tokens=1000, completion_tokens=500, cost_micro_usd=75)
    for job in sim.jobs():
        sim.start(job)
        sim.succeed(job, sim.result(job).model_copy(update={"usage": paid}))
    sim.run(1)
    tasks = [sim.task(job).work for job in sim.jobs()]
    assert {work.format: [usage.wire() for usage in work.usage] for work in tasks} == {
        "pdf": [],
        "json": [paid.wire()] * 3,
    }


def test_deleting_a_course_leaves_nothing(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    sim.api.remove("coursegenerations", "courses", "c")
    sim.run(60)
    assert [n for k in ("Job", "ChapterGeneration") for n in sim.names(k)] == []
    assert sim.snapshot.load.jobs == 0


def test_a_restart_in_the_middle_creates_no_second_job(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", COURSE | {"exports": [{"format": "pdf"}]})
    for _ in range(30):
        sim.run(0.2)
        sim.restart()
        for job in sim.jobs():
            if job["status"].get("ready"):
                sim.succeed(job)
            else:
                sim.start(job)
    assert sim.status("CourseGeneration", "c")["phase"] == "Succeeded"
    assert set(sim.api.jobs_created.values()) == {1}


def test_progress_is_written_at_most_every_five_seconds_and_never_falls(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN | {"chapters": GIVEN["chapters"][:1]})
    sim.run(1)
    job = sim.job_of("c-chapter-01")
    sim.start(job)
    sim.run(1)
    seen = []
    before = sim.api.writes["PATCH"]
    for percentage in (10, 20, 15, 30, 40, 50, 60, 70, 80, 90):
        sim.report(job, percentage)
        sim.run(1)
        seen.append(sim.status("ChapterGeneration", "c-chapter-01")["progressPercentage"])
    assert seen == sorted(seen)
    assert seen[-1] >= 50
    assert sim.api.writes["PATCH"] - before <= 6  # chapter and course, ten seconds


def test_a_pod_whose_image_cannot_be_pulled_is_named_and_ends(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    job = sim.job_of("c-chapter-01")
    waiting = {"reason": "ImagePullBackOff", "message": "no such image"}
    sim.pod(job, containerStatuses=[{"state": {"waiting": waiting}}])
    sim.run(30)
    status = sim.status("ChapterGeneration", "c-chapter-01")
    assert status["phase"] == "Pending"
    assert status["errorDetails"]["failureClass"] == "PodNotStarted"
    assert "no such image" in status["errorDetails"]["message"]
    sim.run(300)
    assert sim.status("ChapterGeneration", "c-chapter-01")["retryCount"] == 1


@pytest.mark.parametrize("told", ["terminated", "waiting"])
def test_a_pod_that_never_started_by_its_deadline_is_no_timeout(sim: Simulation, told: str) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    job = sim.job_of("c-chapter-01")
    sim.pod(job, containerStatuses=[{"state": {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}}])
    sim.run(30)
    sim.end_pod(job, 137, "ContainerStatusUnknown", reason="DeadlineExceeded")
    if told == "waiting":  # the kubelet's first word about such a Pod's end
        state = {"waiting": {"reason": "ErrImagePull"}}
        sim.pod(job, phase="Failed", reason="DeadlineExceeded", containerStatuses=[{"state": state}])
    sim.run(0)
    [attempt] = sim.status("ChapterGeneration", "c-chapter-01")["attempts"]
    assert attempt["failureClass"] == "PodNotStarted"
    assert "no such image" in attempt["message"]


def test_an_image_that_is_never_there_ends_at_once(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    job = sim.job_of("c-chapter-01")
    sim.pod(job, containerStatuses=[{"state": {"waiting": {"reason": "ErrImageNeverPull", "message": "m"}}}])
    sim.run(15)
    assert sim.status("ChapterGeneration", "c-chapter-01")["attempts"][0]["failureClass"] == "PodNotStarted"


def test_a_missing_secret_stalls_and_recovers(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    job = sim.job_of("c-chapter-01")
    waiting = {"reason": "CreateContainerConfigError", "message": 'secret "coursegen-store" not found'}
    sim.pod(job, containerStatuses=[{"state": {"waiting": waiting}}])
    sim.run(20)
    status = sim.status("ChapterGeneration", "c-chapter-01")
    assert condition(status, "Stalled") == ("True", "Misconfigured")
    assert "coursegen-store" in status["holdMessage"]
    sim.start(job)
    sim.run(1)
    assert sim.status("ChapterGeneration", "c-chapter-01")["phase"] == "Running"


@pytest.mark.parametrize("spec", [COURSE, GIVEN])
def test_a_course_none_of_whose_pods_can_start_is_not_running_and_says_why(sim: Simulation, spec: dict) -> None:
    sim.apply("CourseGeneration", "c", spec)
    sim.run(1)
    for job in sim.jobs():
        waiting = {"reason": "ImagePullBackOff", "message": "no such image"}
        sim.pod(job, containerStatuses=[{"state": {"waiting": waiting}}])
    sim.run(30)
    status = sim.status("CourseGeneration", "c")
    assert (status["phase"], status["errorDetails"]["failureClass"]) == ("Pending", "PodNotStarted")
    assert status.get("chapters", {}).get("running", 0) == 0
    for job in sim.jobs():
        sim.start(job)
    sim.run(10)
    status = sim.status("CourseGeneration", "c")
    assert (status["phase"], status.get("errorDetails")) == ("Running", None)


def test_a_course_all_of_whose_chapters_miss_a_secret_is_held_with_them(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    for job in sim.jobs():
        waiting = {"reason": "CreateContainerConfigError", "message": 'secret "absent" not found'}
        sim.pod(job, containerStatuses=[{"state": {"waiting": waiting}}])
    sim.run(30)
    status = sim.status("CourseGeneration", "c")
    assert (status["phase"], condition(status, "Stalled")) == ("Held", ("True", "Misconfigured"))
    assert 'secret "absent" not found' in status["holdMessage"]


@pytest.mark.parametrize(
    "absent",
    ['serviceaccount "coursegen-worker" not found', "no PriorityClass with name coursegen-mine was found"],
)
def test_a_pod_that_is_not_made_for_what_is_absent_stalls_in_kubernetes_words_and_recovers(
    sim: Simulation, absent: str
) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    job = sim.job_of("c-chapter-01")
    sim.api.warnings[job["metadata"]["name"]] = f'FailedCreate: Error creating: pods "c-" is forbidden: {absent}'
    sim.run(20)
    status = sim.status("ChapterGeneration", "c-chapter-01")
    assert condition(status, "Stalled") == ("True", "Misconfigured")
    assert absent in status["holdMessage"]
    sim.start(job)
    sim.run(1)
    assert sim.status("ChapterGeneration", "c-chapter-01")["phase"] == "Running"


def test_a_quota_that_refuses_the_pod_is_a_hold_in_its_words(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    job = sim.job_of("c-chapter-01")
    sim.api.warnings[job["metadata"]["name"]] = 'FailedCreate: pods "x" is forbidden: exceeded quota: small'
    sim.run(10)
    status = sim.status("ChapterGeneration", "c-chapter-01")
    assert (status["holdReason"], status["retryCount"]) == ("QuotaExceeded", 0)
    assert "exceeded quota: small" in status["holdMessage"]


def test_a_pod_that_hangs_is_ended_as_a_timeout(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    sim.start(sim.job_of("c-chapter-01"))
    sim.run(400)
    assert sim.status("ChapterGeneration", "c-chapter-01")["attempts"][0]["failureClass"] == "Timeout"


def test_a_pod_of_a_node_that_is_gone_and_never_back_is_run_again_free(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    job = sim.job_of("c-chapter-01")
    sim.start(job)
    sim.run(60)
    taken = {"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager", "message": "node lost"}
    sim.pod(job, phase="Running", conditions=[taken], containerStatuses=[{"state": {"running": {}}}])
    job["status"]["ready"] = 0
    sim.api.touch("jobs", job)
    sim.run(400)
    status = sim.status("ChapterGeneration", "c-chapter-01")
    assert (status["attempts"][0]["failureClass"], status["retryCount"]) == ("Disrupted", 0)
    assert "node lost" in status["attempts"][0]["message"]
    assert status["attempts"][1]["number"] == 2


def test_priorities_chapters_before_validation_before_outlines_before_exports(sim: Simulation) -> None:
    sim.defaults = type(sim.defaults)(image="worker:test", max_jobs=1)
    sim.restart()
    chapter = {"courseContext": {"title": "T"}, "title": "T", "learningObjectives": ["x"]}
    sim.apply("ChapterGeneration", "first", chapter)
    sim.run(1)
    sim.api.add("chaptergenerations", "courses", {"metadata": {"name": "z-chapter"}, "spec": chapter})
    key = f"{'11111111-1111-1111-1111-111111111111'}/chapter/x"
    sim.apply("CourseExport", "a-export", {"artifactKey": key, "format": "pdf"})
    sim.apply("CourseGeneration", "b-course", COURSE)
    sim.apply("QualityValidation", "c-validation", {"artifactKey": key})
    sim.run(1)
    order = []
    while jobs := sim.jobs():
        order.append(jobs[0]["metadata"]["ownerReferences"][0]["name"])
        sim.work(jobs)
    assert order[:4] == ["first", "z-chapter", "c-validation", "b-course"]
    assert order[-1] == "a-export" or "a-export" in order


def test_an_event_whose_post_was_lost_in_a_crash_is_posted_after_the_start(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    for job in sim.jobs():
        sim.start(job)
        sim.succeed(job)
    sim.api.fault = lambda verb, path: "before" if path.endswith("/events") else ""
    sim.settle()
    assert sim.api.posted == []
    sim.api.fault = lambda verb, path: ""
    sim.restart()
    sim.run(2)
    assert sorted(e["reason"] for e in sim.api.posted) == ["ChapterSucceeded"] * 3 + ["CourseSucceeded"]


def test_a_start_writes_nothing_about_what_ended_and_was_told_before_it(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.work()
    before = sim.api.writes.copy()
    asked = []
    sim.api.fault = lambda verb, path: asked.append(path) or ""
    sim.restart()
    sim.run(10)
    assert (sim.api.writes, asked) == (before, [])


def test_an_event_is_posted_where_those_of_before_cannot_be_listed(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.work()
    told = len(sim.api.posted)
    sim.api.unlisted = {"events"}
    sim.restart()
    sim.run(10)
    assert len(sim.api.posted) == told, "asked for again, and refused by name"


def test_one_event_a_terminal_state(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.work()
    sim.run(600)
    assert sorted(e["reason"] for e in sim.api.posted) == ["ChapterSucceeded"] * 3 + ["CourseSucceeded"]


def test_of_what_was_deleted_nothing_stays_in_memory(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.apply("CourseExport", "e", {"courseName": "c", "format": "pdf"})
    sim.work()
    for kind, name in (("CourseGeneration", "c"), ("CourseExport", "e")):
        sim.api.remove(*sim.path(kind, name))
    sim.run(400)
    kept = sim.snapshot
    by_object = (kept.objects, kept.by_uid, kept.users, kept.children, kept.slots, kept.open_courses, kept.progress)
    by_job = (kept.jobs, kept.jobs_of, kept.course_jobs, kept.readings, kept.gone)
    assert not any(by_object + by_job)


def test_a_clock_that_is_set_back_stops_no_figures(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    sim.work(sim.jobs()[:1])
    job = sim.job_of("c-chapter-02")
    sim.start(job)
    sim.report(job, 10)
    sim.run(10)
    sim.time -= 3600
    sim.report(job, 60)
    sim.run(10)
    assert sim.status("ChapterGeneration", "c-chapter-02")["progressPercentage"] == 60
    sim.succeed(job)
    sim.run(10)
    assert sim.status("CourseGeneration", "c")["chapters"]["summary"] == "2/3"


@pytest.mark.parametrize(
    ("plural", "kind", "name"),
    [("jobs", "ChapterGeneration", "c-chapter-01"), ("chaptergenerations", "CourseGeneration", "c")],
)
@pytest.mark.parametrize(
    ("code", "said", "reason"),
    [
        (403, '"x" is forbidden: exceeded quota: small, requested: count/x=1', "QuotaExceeded"),
        (403, "no role allows it", "Misconfigured"),
        (422, "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: x", "Misconfigured"),
        (400, 'admission webhook "validate.kyverno.svc-fail" denied the request: x', "Misconfigured"),
    ],
)
def test_what_kubernetes_refuses_to_create_is_said_in_its_words_and_tried_again(
    sim: Simulation, plural: str, kind: str, name: str, code: int, said: str, reason: str
) -> None:
    sim.api.refusals[plural], sim.api.refusal_code = said, code
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    status = sim.status(kind, name)
    assert (status["phase"], status["holdReason"]) == ("Held", reason)
    assert said in status["holdMessage"]
    del sim.api.refusals[plural]
    sim.run(20)
    sim.work()
    assert sim.status("CourseGeneration", "c")["phase"] == "Succeeded"


def test_chapters_of_a_course_start_in_their_order(sim: Simulation) -> None:
    sim.change_spec("GenerationQueue", "chapter-generation", namespace="", capacity=1)
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    order = []
    while jobs := sim.jobs():
        order.append(jobs[0]["metadata"]["ownerReferences"][0]["name"])
        sim.work(jobs)
    assert order == ["c-chapter-01", "c-chapter-02", "c-chapter-03"]


def test_the_outline_step_says_how_it_stands(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", COURSE)
    sim.run(1)
    assert sim.status("CourseGeneration", "c")["outline"]["phase"] == "Pending"
    sim.work()
    assert sim.status("CourseGeneration", "c")["outline"]["phase"] == "Succeeded"


@pytest.mark.parametrize(("mutation", "phase"), [({"suspend": True}, "Suspended"), ({"queueName": "none"}, "Held")])
def test_what_an_admission_policy_makes_of_a_child_is_what_counts(sim: Simulation, mutation: dict, phase: str) -> None:
    sim.api.mutations["chaptergenerations"] = mutation
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(60)
    assert {sim.status("ChapterGeneration", n)["phase"] for n in sim.names("ChapterGeneration")} == {phase}
    assert sim.names("Job") == []


def test_a_job_that_an_admission_policy_has_changed_is_not_ours(sim: Simulation) -> None:
    sim.api.mutations["jobs"] = {"template": {"spec": {"containers": [{"name": "worker", "image": "another"}]}}}
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.run(1)
    for job in sim.names("Job"):
        sim.api.touch("jobs", sim.api.objects[("jobs", "courses", job)])  # as the Job controller does when it begins it
    sim.run(1)
    found = [sim.status("ChapterGeneration", n) for n in sim.names("ChapterGeneration")]
    assert {(s["phase"], s["holdReason"]) for s in found} == {("Held", "Misconfigured")}
