"""Chapters below the bar are made anew from the findings, and the better version is delivered."""

import pytest

from coursegen_api.base import FailureClass
from coursegen_api.course import Quality, QualityRound
from coursegen_api.names import ANNOTATION_RETRY, ANNOTATION_STOP
from coursegen_api.task import ChapterScore, QualitySummary
from coursegen_operator.plan import quality

from .simulation import Json, Simulation

SPEC = {
    "title": "T",
    "learningObjectives": ["x"],
    "chapters": [{"id": f"c{i}", "title": f"Chapter {i}", "learningObjectives": ["x"]} for i in (1, 2, 3)],
    "exports": [{"format": "json"}],
}
KEY = "11111111-1111-1111-1111-111111111111/report/r.json"


@pytest.fixture
def sim() -> Simulation:
    sim = Simulation()
    sim.apply("CourseGeneration", "c", SPEC)
    return sim


def course(sim: Simulation) -> Json:
    return sim.status("CourseGeneration", "c")


def write(sim: Simulation) -> list[str]:
    """Let the chapters that are being written succeed; name them."""
    sim.run(1)
    jobs = [j for j in sim.jobs() if sim.task(j).work.kind == "chapter"]
    names = [j["metadata"]["ownerReferences"][0]["name"] for j in jobs]
    sim.work(jobs)
    sim.run(1)
    return sorted(names)


def measure(sim: Simulation, **readability: float) -> list[str]:
    """Let the validation say how readable each chapter is (c1=70.0), 90 if nothing is said; give the keys measured."""
    [job] = [j for j in sim.jobs() if sim.task(j).work.kind == "validation"]
    refs = sim.task(job).work.source.chapters
    ease = {r.index: readability.get(f"c{r.index}", 90.0) for r in refs}
    scores = [ChapterScore(index=i, readability=e, passed=e >= 80) for i, e in ease.items()]
    below = [i for i, e in ease.items() if e < 80]
    summary = QualitySummary(passed=not below, below_bar=below, scores=scores, readability=min(ease.values()))
    sim.start(job)
    sim.succeed(job, sim.result(job).model_copy(update={"quality": summary}))
    sim.run(1)
    return [r.key for r in refs]


def exported(sim: Simulation) -> list[str]:
    """Let the exports be made; give the keys of the chapters in them."""
    [job] = [j for j in sim.jobs() if sim.task(j).work.kind == "export"]
    refs = sim.task(job).work.source.chapters
    sim.work()
    return [r.key for r in refs]


def feedback(sim: Simulation, name: str) -> Json:
    return sim.task(sim.job_of(name)).work.regeneration.wire()


def test_a_chapter_below_the_bar_is_made_anew_from_the_findings_and_the_better_version_is_exported(
    sim: Simulation,
) -> None:
    write(sim)
    before = measure(sim, c2=70)
    report = sim.status("QualityValidation", sim.names("QualityValidation")[0])["artifact"]["key"]
    said = feedback(sim, "c-chapter-02")
    assert (said["reportKey"], said["previousKey"], said["requestId"]) == (report, before[1], "quality-r0-1")
    assert write(sim) == ["c-chapter-02"]
    after = measure(sim, c2=85)
    assert (after[0], after[2]) == (before[0], before[2])
    assert after[1] != before[1]
    assert exported(sim) == after
    assert (course(sim)["phase"], course(sim)["validation"]["passed"]) == ("Succeeded", True)
    sim.run(60)
    assert len(sim.names("QualityValidation")) == 1
    assert course(sim).get("keptChapters", []) == []


def test_a_version_that_is_no_better_gives_way_to_the_one_before(sim: Simulation) -> None:
    write(sim)
    before = measure(sim, c1=70, c2=60)
    assert write(sim) == ["c-chapter-01", "c-chapter-02"]
    after = measure(sim, c1=75, c2=50)
    mixed = measure(sim, c1=75, c2=60)
    assert mixed == [after[0], before[1], before[2]]
    assert exported(sim) == mixed
    assert course(sim)["keptChapters"] == [2]
    assert (course(sim)["phase"], course(sim)["validation"]["belowBar"]) == ("Succeeded", [1, 2])


@pytest.mark.parametrize("rounds", [0, 1, 2])
def test_it_is_tried_as_often_as_the_course_says(sim: Simulation, rounds: int) -> None:
    sim.change_spec("CourseGeneration", "c", quality={"maxRegenerations": rounds})
    write(sim)
    for made in range(rounds):
        measure(sim, c3=50 + made)
        assert write(sim) == ["c-chapter-03"]
    measure(sim, c3=60)
    exported(sim)
    assert course(sim)["phase"] == "Succeeded"
    assert sim.status("ChapterGeneration", "c-chapter-03")["revision"] == rounds


def test_a_second_round_begins_from_the_better_version(sim: Simulation) -> None:
    sim.change_spec("CourseGeneration", "c", quality={"maxRegenerations": 2})
    write(sim)
    first = measure(sim, c1=60)
    write(sim)
    measure(sim, c1=40)  # worse: the first version is measured again, below the bar as before
    sim.run(1)
    said = feedback(sim, "c-chapter-01")
    assert (said["previousKey"], said["requestId"]) == (first[0], "quality-r0-2")
    write(sim)
    last = measure(sim, c1=85)
    assert exported(sim) == last
    assert course(sim).get("keptChapters", []) == []


def test_a_round_that_fails_leaves_the_version_before(sim: Simulation) -> None:
    write(sim)
    before = measure(sim, c2=70)
    sim.run(1)
    sim.fail(sim.job_of("c-chapter-02"), FailureClass.REJECTED)
    sim.run(1)
    assert exported(sim) == before
    assert (course(sim)["phase"], course(sim)["chapters"]["summary"]) == ("Succeeded", "3/3")


def test_a_restart_in_the_middle_of_a_round_changes_nothing(sim: Simulation) -> None:
    write(sim)
    measure(sim, c2=70)
    for _ in range(4):
        sim.restart()
        sim.run(2)
    assert write(sim) == ["c-chapter-02"]
    sim.restart()
    sim.run(1)
    measure(sim, c2=90)
    exported(sim)
    assert course(sim)["phase"] == "Succeeded"
    assert set(sim.api.jobs_created.values()) == {1}


def test_stopped_in_a_round_it_delivers_the_version_before(sim: Simulation) -> None:
    write(sim)
    before = measure(sim, c2=70)
    sim.run(1)
    sim.annotate("CourseGeneration", "c", ANNOTATION_STOP, "enough")
    sim.run(1)
    assert exported(sim) == before
    assert (course(sim)["phase"], course(sim).get("missingChapters", [])) == ("Succeeded", [])


def test_a_course_that_fails_below_the_bar_does_so_after_its_rounds(sim: Simulation) -> None:
    sim.change_spec("CourseGeneration", "c", quality={"belowBar": "Fail"})
    write(sim)
    measure(sim, c2=70)
    write(sim)
    measure(sim, c2=75)
    sim.run(1)
    assert (course(sim)["phase"], course(sim)["errorDetails"]["failureClass"]) == ("Failed", "QualityBelowBar")
    sim.change_spec("CourseGeneration", "c", quality={"belowBar": "Deliver"})
    sim.annotate("CourseGeneration", "c", ANNOTATION_RETRY, "deliver")
    sim.run(1)
    sim.work()
    assert course(sim)["phase"] == "Succeeded"


def test_a_persons_regeneration_begins_from_what_was_delivered_and_gets_rounds_of_its_own(sim: Simulation) -> None:
    write(sim)
    before = measure(sim, c2=70)
    write(sim)
    measure(sim, c2=50)
    exported(sim)
    sim.run(60)
    sim.change_spec("ChapterGeneration", "c-chapter-02", regeneration={"requestId": "r", "feedback": "shorter"})
    sim.run(1)
    said = feedback(sim, "c-chapter-02")
    assert (said["previousKey"], said["requestId"], said.get("reportKey")) == (before[1], "r", None)
    write(sim)
    measure(sim, c2=60)
    sim.run(1)
    assert feedback(sim, "c-chapter-02")["requestId"] == "r.quality-r1-1"
    write(sim)
    measure(sim, c2=81)
    exported(sim)
    assert course(sim)["phase"] == "Succeeded"


def test_an_export_that_is_added_begins_no_round_and_delivers_the_same(sim: Simulation) -> None:
    write(sim)
    before = measure(sim, c2=70, c3=70)
    sim.run(1)
    sim.fail(sim.job_of("c-chapter-02"), FailureClass.REJECTED)
    assert write(sim) == ["c-chapter-03"]
    after = measure(sim, c2=70, c3=75)
    assert after[1] == before[1]
    assert exported(sim) == after
    sim.run(60)
    sim.change_spec("CourseGeneration", "c", exports=[{"format": "json"}, {"format": "pdf"}])
    sim.run(1)
    assert exported(sim) == after
    assert (course(sim)["phase"], course(sim)["chapters"]["summary"]) == ("Succeeded", "3/3")
    assert course(sim)["qualityRound"] | {"number": 1, "revision": 0, "judged": True} == course(sim)["qualityRound"]


def test_a_round_of_a_version_before_stays_the_same_round(sim: Simulation) -> None:
    write(sim)
    measure(sim, c2=70)
    write(sim)
    after = measure(sim, c2=75)
    exported(sim)
    sim.run(60)
    stored = sim.api.objects[sim.path("CourseGeneration", "c")]
    del stored["status"]["qualityRound"]["revision"]
    sim.api.touch("coursegenerations", stored)
    sim.run(1)
    assert sim.jobs() == []
    sim.change_spec("CourseGeneration", "c", exports=[{"format": "json"}, {"format": "pdf"}])
    sim.run(1)
    assert exported(sim) == after
    assert course(sim)["phase"] == "Succeeded"


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        ({"readability": 70}, {"readability": 75}, []),
        ({"readability": 70}, {"readability": 70}, [1]),
        ({"readability": 70}, {"readability": 60}, [1]),
        ({"readability": 90, "alignment": 0.5}, {"readability": 85, "alignment": 0.6}, []),
        ({"readability": 90, "alignment": 0.5}, {"readability": 50, "alignment": 0.6}, [1]),
        ({"readability": 90, "bias": 1}, {"readability": 90, "bias": 3}, [1]),
        (None, {"readability": 10}, []),
        ({"readability": 70}, None, []),
    ],
)
def test_the_better_version_is_the_one_nearer_to_the_bar(before: Json, after: Json, kept: list[int]) -> None:
    def scores(of: Json) -> list[ChapterScore]:
        return [ChapterScore(index=1, passed=False, **of)] if of else []

    made = QualityRound(number=1, report_key=KEY, chapters=[1], scores=scores(before))
    assert quality.no_better(made, QualitySummary(passed=False, below_bar=[1], scores=scores(after)), Quality()) == kept
    passed = QualitySummary(passed=True, scores=[])
    assert quality.no_better(made, passed, Quality()) == []
