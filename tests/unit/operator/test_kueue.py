"""Work that Kueue admits, and work that another controller does."""

from typing import Any

import pytest

from coursegen_api import names
from coursegen_operator.plan import clock

from .simulation import Json, Simulation

LABELS = {names.LABEL_KUEUE_QUEUE: "team-a", names.LABEL_KUEUE_PRIORITY: "urgent"}
COURSE = {"title": "T", "learningObjectives": ["x"], "chapterCount": 2, "exports": [{"format": "pdf"}]}


def admit(sim: Simulation, job: Json) -> None:
    """Let a Job go on, as Kueue and the Job controller do."""
    job["spec"]["suspend"] = False
    job["status"]["startTime"] = clock.stamp(sim.time)
    sim.api.touch("jobs", job)


def test_kueues_labels_pass_to_children_and_jobs_and_no_others_do() -> None:
    sim = Simulation()
    sim.apply("CourseGeneration", "c", COURSE, labels=LABELS | {"argocd.argoproj.io/instance": "app"})
    sim.run(1)
    while jobs := sim.jobs():
        for job in jobs:
            assert job["spec"]["suspend"] is True
            assert LABELS.items() <= job["metadata"]["labels"].items()
            assert "argocd.argoproj.io/instance" not in job["metadata"]["labels"]
            assert not LABELS.keys() & job["spec"]["template"]["metadata"]["labels"].keys()
            admit(sim, job)
        sim.work(jobs)
    assert sim.status("CourseGeneration", "c")["phase"] == "Succeeded"
    for kind in ("ChapterGeneration", "QualityValidation", "CourseExport"):
        for name in sim.names(kind):
            found = sim.api.objects[sim.path(kind, name)]["metadata"]["labels"]
            assert {k for k in found if not k.startswith(("app.kubernetes.io/", "coursegen.dev/"))} == set(LABELS)


def test_a_job_that_kueue_has_not_admitted_is_a_hold_and_no_clock_runs_for_it() -> None:
    sim = Simulation()
    spec = {"courseContext": {"title": "T"}, "title": "T", "learningObjectives": ["x"]}
    sim.apply("ChapterGeneration", "c", spec, labels=LABELS)
    sim.run(24 * 3600)
    status = sim.status("ChapterGeneration", "c")
    assert (status["phase"], status["holdReason"], len(status["attempts"])) == ("Held", "QueueFull", 1)
    assert "LocalQueue team-a" in status["holdMessage"]
    [job] = sim.jobs()
    job["spec"]["suspend"] = False
    sim.api.touch("jobs", job)
    sim.run(1)  # the Job controller has not noticed yet
    assert len(sim.status("ChapterGeneration", "c")["attempts"]) == 1
    admit(sim, job)
    sim.start(job)
    sim.run(1)
    assert sim.status("ChapterGeneration", "c")["phase"] == "Running"
    sim.succeed(job)
    sim.run(1)
    status = sim.status("ChapterGeneration", "c")
    assert (status["phase"], status["retryCount"], len(status["attempts"])) == ("Succeeded", 0, 1)


@pytest.mark.parametrize("kind", ["CourseGeneration", "ChapterGeneration"])
def test_what_another_controller_manages_is_left_alone(kind: str) -> None:
    sim = Simulation()
    spec: dict[str, Any] = {"title": "T", "learningObjectives": ["x"], "managedBy": "kueue.x-k8s.io/multikueue"}
    sim.apply(kind, "c", spec | ({"courseContext": {"title": "T"}} if kind == "ChapterGeneration" else {}))
    sim.run(600)
    assert (sim.status(kind, "c"), sim.jobs(), sim.api.writes.total()) == ({}, [], 0)
    attempt = {"number": 1, "jobName": "elsewhere", "admissionTime": clock.stamp(sim.time)}
    body = sim.api.objects[sim.path(kind, "c")]
    running = {"outline": {"attempts": [attempt]}} if kind == "CourseGeneration" else {"attempts": [attempt]}
    body["status"] = running | {"startTime": clock.stamp(sim.time)}
    sim.api.touch(sim.path(kind, "c")[0], body)
    sim.run(1)
    assert (sim.snapshot.load.jobs, sim.snapshot.load.courses) == (0, 0)


def test_to_name_this_operator_is_to_name_nobody() -> None:
    sim = Simulation()
    sim.apply("CourseGeneration", "c", COURSE | {"managedBy": names.CONTROLLER})
    sim.work()
    assert sim.status("CourseGeneration", "c")["phase"] == "Succeeded"


def test_a_job_that_a_person_suspends_is_a_hold_that_says_so() -> None:
    sim = Simulation()
    sim.apply("CourseGeneration", "c", COURSE)
    sim.run(1)
    [job] = sim.jobs()
    job["spec"]["suspend"] = True
    sim.api.touch("jobs", job)
    sim.run(3600)
    status = sim.status("CourseGeneration", "c")
    assert (status["phase"], status["holdReason"]) == ("Suspended", "Suspended")
    assert f"Somebody has suspended Job {job['metadata']['name']}" in status["holdMessage"]
    job["spec"]["suspend"] = False
    job["status"]["startTime"] = clock.stamp(sim.time)
    sim.api.touch("jobs", job)
    sim.work()
    assert sim.status("CourseGeneration", "c")["phase"] == "Succeeded"
