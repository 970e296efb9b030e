"""`-o wide`: the columns that it adds, and what it leaves as it is."""

from coursegen import why
from coursegen.cli import one, overview
from coursegen.fleet import Fleet

from .test_screens import plain
from .things import NOW, at, attempt, chapter, course, provider, queue, seen


def test_get_task_wide_has_the_times_of_attempts_and_more_of_the_parts() -> None:
    last = attempt(admissionTime=at(-40), startTime=at(-30), completionTime=at(-10), outcome="Succeeded")
    obj = chapter(**seen(attempts=[last]))
    head, line = plain(one.task_lines(obj, why.Around(), [], NOW, wide=True)).split("\n\n")[1].splitlines()
    assert head.split() == [
        "ATTEMPT",
        "OUTCOME",
        "WAITED",
        "TOOK",
        "COUNTED",
        "ADMITTED",
        "STARTED",
        "ENDED",
        "JOB",
        "MESSAGE",
    ]
    assert line.split()[5:8] == [at(-40), at(-30), at(-10)]
    part = chapter(spec={"title": "Loops"}, **seen(queueName="chapter-generation"))
    wide = plain(one.task_lines(course(**seen()), why.Around(children=[part]), [], NOW, wide=True))
    assert "PART              PHASE    PROGRESS  WAITING  RETRIES  ERROR  QUEUE               TITLE" in wide
    assert "0  -      chapter-generation  Loops" in wide
    narrow = plain(one.task_lines(obj, why.Around(children=[part]), [], NOW))
    assert not any(column in narrow for column in ("ADMITTED", "QUEUE", "TITLE"))


def test_status_wide_has_ends_and_medians_and_every_provider_and_active_wide_has_titles() -> None:
    hour = {
        "succeeded": 9,
        "failed": 1,
        "retried": 4,
        "waitP50Seconds": 3,
        "waitP95Seconds": 130,
        "runP50Seconds": 7,
        "runP95Seconds": 14,
    }
    stood = Fleet("", [queue(lastHour=hour)], [provider("down", circuitBreaker={"state": "Open"}), provider("up")], [])
    wide, narrow = (plain(overview.status_lines(stood, [], NOW, wide=w)) for w in (True, False))
    head, line = next(block for block in wide.split("\n\n") if "QUEUE" in block).splitlines()
    assert head.split()[-7:] == ["SUCCEEDED", "FAILED", "RETRIED", "WAIT-P50", "WAIT-P95", "RUN-P50", "RUN-P95"]
    assert line.split()[-7:] == ["9", "1", "4", "3s", "2m10s", "7s", "14s"]
    assert ("\nup " in wide, "\nup " in narrow, "P50" in narrow) == (True, False, False)
    titles = overview.active_lines([chapter(spec={"title": "Loops"}, **seen())], NOW, wide=True)
    assert [line.plain.split()[-1] for line in titles] == ["TITLE", "Loops"]
