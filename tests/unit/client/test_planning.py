"""`plan` works out Jobs, cached parts, time and cost from the planner's own functions and what was measured."""

from typing import Any

import pytest

from coursegen import planning
from coursegen.kinds import Work
from coursegen.planning import Estimate, Known
from coursegen_api.queue import GenerationQueue

from .things import artifact, chapter, course, export, queue, seen

CHAPTERS = [{"id": f"part-{i}", "title": f"Part {i}", "learningObjectives": ["Write a loop"]} for i in (1, 2, 3)]
EXPORTS = [{"format": "pdf"}, {"format": "json"}]


def queues(**seconds: int) -> dict[str, GenerationQueue]:
    """Give queues of four slots whose work usually takes so long."""
    names = {"course": "course-generation", "chapter": "chapter-generation", "check": "quality-validation"}
    return {
        names.get(k, k): queue(names.get(k, k), spec={"capacity": 2}, lastHour={"runP50Seconds": s})
        for k, s in seconds.items()
    }


MEASURED = queues(course=10, chapter=60, check=5, export=7)


def made(name: str, number: int, **more: Any) -> Any:
    """Give a chapter of CHAPTERS that a course of the same input has made before."""
    given = CHAPTERS[number - 1]
    spec = {"chapterId": given["id"], "title": given["title"], "index": number, "courseName": "before"}
    return chapter(
        name,
        spec=spec | {"courseContext": None} | more,
        **seen(phase="Succeeded", artifact=artifact(), usage={"costMicroUSD": 3000}),
    )


BEFORE = course("before", spec={"courseId": "python", "chapters": CHAPTERS})
PAID = course("before", spec={"courseId": "python", "chapters": CHAPTERS, "providerName": "p"})


@pytest.mark.parametrize(
    ("obj", "known", "expected"),
    [
        (course(), Known(MEASURED), Estimate(None, None, 0, None, None, rounds=1)),
        (course(spec={"chapterCount": 5}), Known(MEASURED), Estimate(7, 5, 0, 10 + 3 * 60 + 5, 0, rounds=1)),
        (
            course(spec={"chapters": CHAPTERS, "exports": EXPORTS, "quality": {"enabled": False}}),
            Known(MEASURED),
            Estimate(5, 3, 0, 2 * 60 + 7, 0),
        ),
        (course(spec={"chapters": CHAPTERS}), Known({}), Estimate(4, 3, 0, None, 0, rounds=1)),
        (
            course(spec={"courseId": "python", "chapters": CHAPTERS}),
            Known(MEASURED, [BEFORE], [made("one", 1), made("two", 2)]),
            Estimate(4, 3, 2, 60 + 5, 0, rounds=1),
        ),
        (
            course(spec={"courseId": "python", "chapters": CHAPTERS, "providerName": "p"}),
            Known(MEASURED, [PAID], [made("one", 1)]),
            Estimate(4, 3, 1, 60 + 5, 6000, rounds=1),
        ),
        (
            course(spec={"chapters": CHAPTERS, "providerName": "never-used"}),
            Known(MEASURED),
            Estimate(4, 3, 0, 2 * 60 + 5, None, rounds=1),
        ),
        (chapter(), Known(MEASURED), Estimate(1, 1, 0, 60.0, 0)),
        (export(), Known(MEASURED), Estimate(1, None, 0, 7.0, 0)),
    ],
)
def test_what_would_come_of_a_spec(obj: Work, known: Known, expected: Estimate) -> None:
    assert planning.estimate(obj, known) == expected
