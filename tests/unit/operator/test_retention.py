"""Finished courses are deleted if that was asked for, and never under the feet of a GitOps tool."""

import pytest

from coursegen_api.names import ANNOTATION_CANCEL, ANNOTATION_RETRY

from .simulation import Json, Simulation

GIVEN = {
    "title": "T",
    "learningObjectives": ["x"],
    "chapters": [{"id": "c1", "title": "Chapter", "learningObjectives": ["x"]}],
    "quality": {"enabled": False},
}
YEAR = 365 * 24 * 3600


@pytest.fixture
def sim() -> Simulation:
    return Simulation()


def everything(sim: Simulation) -> list[str]:
    return [n for k in ("CourseGeneration", "ChapterGeneration", "Job") for n in sim.names(k)]


def test_a_finished_course_stays_unless_asked_otherwise(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN)
    sim.work()
    sim.run(YEAR)
    assert sim.names("CourseGeneration") == ["c"]


@pytest.mark.parametrize("end", ["Succeeded", "Cancelled"])
def test_a_course_goes_with_all_that_it_owns_when_its_time_is_over(sim: Simulation, end: str) -> None:
    sim.apply("CourseGeneration", "c", GIVEN | {"ttlSecondsAfterFinished": 3600})
    sim.run(1)
    if end == "Cancelled":
        sim.annotate("CourseGeneration", "c", ANNOTATION_CANCEL, "now")
    sim.work()
    sim.run(3500)
    assert sim.status("CourseGeneration", "c")["phase"] == end
    sim.restart()
    sim.run(200)
    assert everything(sim) == []


def test_an_open_course_is_never_too_old(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN | {"ttlSecondsAfterFinished": 0, "suspend": True})
    sim.run(YEAR)
    assert sim.names("CourseGeneration") == ["c"]
    sim.change_spec("CourseGeneration", "c", suspend=False)
    sim.work()
    sim.run(5)
    assert everything(sim) == []
    assert [e["reason"] for e in sim.api.posted if e["reason"].startswith("Course")] == ["CourseSucceeded"]


@pytest.mark.parametrize(
    ("mark", "tool"),
    [
        (
            {"annotations": {"argocd.argoproj.io/tracking-id": "app:group/kind:courses/c"}},
            "Argo CD",
        ),
        ({"labels": {"argocd.argoproj.io/instance": "app"}}, "Argo CD"),
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "courses"}}, "Flux"),
        ({"labels": {"helm.toolkit.fluxcd.io/name": "courses"}}, "Flux"),
        ({"labels": {"app.kubernetes.io/instance": "app"}}, "Argo CD"),
        ({"annotations": {"meta.helm.sh/release-name": "courses"}}, "Helm"),
        ({"labels": {"applyset.kubernetes.io/part-of": "applyset-x-v1"}}, "kubectl apply --prune"),
        ({"labels": {"kapp.k14s.io/app": "1"}}, "kapp"),
        ({"annotations": {"configsync.gke.io/resource-id": "x"}}, "Config Sync"),
        ({"annotations": {"config.k8s.io/owning-inventory": "x"}}, "Config Sync"),
        ({"annotations": {"objectset.rio.cattle.io/id": "x"}}, "Fleet"),
    ],
)
def test_what_a_gitops_tool_tracks_is_kept_and_told(sim: Simulation, mark: Json, tool: str) -> None:
    sim.apply("CourseGeneration", "c", GIVEN | {"ttlSecondsAfterFinished": 60}, **mark)
    sim.work()
    sim.run(600)
    assert sim.names("CourseGeneration") == ["c"]
    [event] = [e for e in sim.api.posted if e["reason"] == "CourseKept"]
    [key] = [key for marks in mark.values() for key in marks]
    assert f"{tool} tracks it ({key})" in event["message"]


@pytest.mark.parametrize(
    "mark", ["app.kubernetes.io/name", "app.kubernetes.io/part-of", "kubectl.kubernetes.io/last-applied-configuration"]
)
def test_what_only_looks_like_a_track_keeps_nothing(sim: Simulation, mark: str) -> None:
    sim.apply("CourseGeneration", "c", GIVEN | {"ttlSecondsAfterFinished": 60}, annotations={mark: "x"})
    sim.work()
    sim.run(600)
    assert everything(sim) == []


def test_asked_to_go_on_in_the_last_moment_it_stays(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN | {"ttlSecondsAfterFinished": 600})
    sim.run(1)
    sim.annotate("CourseGeneration", "c", ANNOTATION_CANCEL, "now")
    sim.run(590)
    sim.watch_is_broken = True
    sim.annotate("CourseGeneration", "c", ANNOTATION_RETRY, "again")
    sim.run(60)
    assert sim.names("CourseGeneration") == ["c"]
    sim.watch_is_broken = False
    sim.resync()
    sim.run(10)
    sim.work()
    assert sim.status("CourseGeneration", "c")["phase"] == "Succeeded"
