"""`why` names the constraint that binds now and what would free it, in one sentence."""

import pytest

from coursegen import why
from coursegen.kinds import Work
from coursegen.why import Around
from coursegen_operator.plan.position import Position

from .things import NOW, artifact, at, attempt, chapter, course, finished, queue, seen

QUEUES = {
    "chapter-generation": queue(active=4, pending=7, lastHour={"runP50Seconds": 12}, spec={"timeoutSeconds": 120})
}
IN_QUEUE = {"queueName": "chapter-generation"}
HELD = {"phase": "Held"} | IN_QUEUE
FULL = "Queue chapter-generation runs as many Jobs as its capacity of 4: waits for one of them to end."


@pytest.mark.parametrize(
    ("obj", "around", "words"),
    [
        (chapter(), Around(), "10m old and no operator has seen it yet"),
        (chapter(spec={"managedBy": "kueue.x-k8s.io/multikueue"}), Around(), "left to kueue.x-k8s.io/multikueue"),
        (chapter(**seen(**HELD)), Around(operator="nobody leads."), "waits for the operator: nobody leads."),
        (
            chapter(**seen(**HELD, holdReason="QueueFull", holdMessage=FULL)),
            Around(QUEUES),
            f"is held as QueueFull: {FULL[:-1]} (4 run, 7 wait, one takes 12s).",
        ),
        (chapter(**seen(**HELD, holdReason="QueueFull", holdMessage=FULL)), Around(), f"held as QueueFull: {FULL}"),
        (
            chapter(**seen(**HELD, holdReason="RetryBackoff", holdMessage="Retry 1 is due", nextRetryTime=at(40))),
            Around(),
            "is held as RetryBackoff: Retry 1 is due, in 40s.",
        ),
        (
            chapter(**seen(**HELD, holdReason="Suspended", holdMessage="Suspended: set spec.suspend to false.")),
            Around(),
            "is held as Suspended: set spec.suspend to false.",
        ),
        (
            chapter(**seen(**HELD, holdReason="QueueFull", holdMessage=FULL)),
            Around(position=Position("chapter-generation", 12, 250.0)),
            f"{FULL} 12 go before it, and its turn comes in about 4m.",
        ),
        (
            course(**seen(phase="Held", holdReason="CourseLimit", holdMessage="100 courses.")),
            Around(position=Position("", 1, None)),
            "is held as CourseLimit: 100 courses. 1 goes before it.",
        ),
        (
            chapter(**seen(**HELD, holdReason="QueueFull", holdMessage=FULL)),
            Around(position=Position("chapter-generation", 5000, 9.0)),
            f"{FULL} 5000 or more go before it.",
        ),
        (chapter(**seen()), Around(), "waits for its turn"),
        (
            chapter(**seen(attempts=[attempt()])),
            Around(pod="no node takes the Pod: 0/3 nodes are available"),
            "has had its slot for 30s, and no node takes the Pod: 0/3 nodes are available; after 300 s",
        ),
        (
            chapter(
                **seen(attempts=[attempt(startTime=at(-20))], progressPercentage=40, queueName="chapter-generation")
            ),
            Around(QUEUES),
            "runs, nothing binds it: attempt 1 has worked for 20s, is at 40 %, and ends as Timeout after 120 s.",
        ),
        (
            chapter(**seen(phase="Succeeded", artifact=artifact(), conditions=finished())),
            Around(),
            "nothing binds it: 10",
        ),
        (
            chapter(
                **seen(
                    phase="Failed",
                    retryCount=3,
                    errorDetails={"failureClass": "Timeout", "message": "Too slow.", "attempt": 4, "time": at(-9)},
                )
            ),
            Around(operator="nobody leads."),
            "has failed after 3 retries (Timeout: Too slow): mend that, then `kubectl coursegen retry chap",
        ),
        (chapter(**seen(phase="Cancelled")), Around(), "was cancelled (on request): `kubectl coursegen retry"),
        (
            course(**seen(stage="Outline", outline={"holdReason": "ProviderBusy", "holdMessage": "Busy."})),
            Around(),
            "coursegen/python's outline is held as ProviderBusy: Busy.",
        ),
        (
            course(**seen(stage="Chapters")),
            Around(
                children=[
                    chapter("a", **seen(phase="Succeeded")),
                    chapter("b", **seen()),
                    chapter("c", **seen(**HELD, holdReason="QueueFull", holdMessage=FULL)),
                    chapter("d", **seen(**HELD, holdReason="QueueFull", holdMessage=FULL)),
                    chapter("e", **seen(**HELD, holdReason="RetryBackoff", holdMessage="Later.")),
                ]
            ),
            f"in stage Chapters: 1 of 5 parts are there, 1 run, and 2 are held as QueueFull: {FULL}",
        ),
        (
            course(**seen(stage="Chapters")),
            Around(children=[chapter("a", **seen(phase="Succeeded")), chapter("b", **seen())]),
            "1 of 2 parts are there, 1 run or start, and nothing binds it.",
        ),
    ],
)
def test_the_sentence_names_what_binds(obj: Work, around: Around, words: str) -> None:
    said = why.why(obj, around, NOW)
    assert words in said
    assert "\n" not in said
    assert said.endswith(".")
