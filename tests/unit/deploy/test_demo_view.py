"""What the demo shows follows from the resources alone."""

import io

import pytest

from demo import screen, view
from demo.live import Word

NOW = 1_800_000_000.0
CREATED = "2027-01-15T07:59:00Z"  # a minute before NOW


def course(**status):
    return {
        "metadata": {"name": "course-123", "uid": "c", "creationTimestamp": CREATED},
        "spec": {"title": "Python Programming"},
        "status": status,
    }


def chapter(index=1, **status):
    return {"metadata": {"uid": f"u{index}"}, "spec": {"index": index, "title": f"Title {index}"}, "status": status}


def row(status, words=None):
    resources = view.Resources(course(phase="Running"), [chapter(1, **status)], words=words or {})
    return view.build(resources, NOW).rows[-1]


@pytest.mark.parametrize(
    ("status", "mark", "note"),
    [
        ({}, "·", "waits for its turn"),
        ({"phase": "Pending", "attempts": [{"number": 1}]}, "·", "its Pod is starting"),
        ({"phase": "Running", "stage": "writing"}, "▸", "writing"),
        (
            {"phase": "Held", "holdReason": "QueueFull", "holdMessage": "8 of 8 slots are taken."},
            "·",
            "waits, QueueFull: 8 of 8 slots are taken.",
        ),
        (
            {
                "phase": "Held",
                "holdReason": "RetryBackoff",
                "nextRetryTime": "2027-01-15T08:00:42Z",
                "errorDetails": {"failureClass": "Timeout", "message": "too slow"},
            },
            "·",
            "waits 42 s to try again: Timeout: too slow",
        ),
        (
            {"phase": "Failed", "errorDetails": {"failureClass": "Internal", "message": "broken"}},
            "✗",
            "Internal: broken",
        ),
        (
            {
                "phase": "Succeeded",
                "attempts": [{"admissionTime": "2027-01-15T07:59:00Z", "completionTime": "2027-01-15T07:59:04Z"}],
            },
            "✓",
            "in 4 s",
        ),
        ({"phase": "Succeeded", "usage": {"cached": True}}, "✓", "was in the store already"),
    ],
)
def test_a_row_says_what_the_work_does_or_what_it_waits_for(status, mark, note):
    shown = row(status)
    assert (shown.mark, shown.note) == (mark, note)


RUNNING = {"phase": "Pending", "progressPercentage": 10, "attempts": [{"number": 2}]}


@pytest.mark.parametrize(
    ("status", "word", "percentage"),
    [
        (RUNNING, Word(0, 2, 60, "writing"), 60),
        (RUNNING, Word(0, 2, 5, "starting"), 10),
        (RUNNING, Word(0, 1, 90, "storing"), 10),
        (RUNNING, Word(1, 2, 90, "storing"), 10),
        ({**RUNNING, "attempts": [{"number": 2, "outcome": "Failed"}]}, Word(0, 2, 90, "storing"), 10),
        ({**RUNNING, "phase": "Succeeded"}, Word(0, 2, 60, "writing"), 100),
    ],
)
def test_a_workers_word_counts_while_its_attempt_runs_and_never_lowers_the_percentage(status, word, percentage):
    assert row(status, {"u1": word}).percentage == percentage


def test_chapters_that_are_not_created_yet_are_shown_by_their_planned_titles():
    seen = view.Resources(course(chapters={"total": 3}, outlineTitles=["One", "Two"]), [chapter(1)])
    assert [r.title for r in view.build(seen, NOW).rows] == ["Outline", "Title 1", "Two", "Chapter 3"]


def test_a_course_that_has_ended_keeps_the_time_it_took():
    seen = view.Resources(course(phase="Succeeded", completionTime="2027-01-15T07:59:30Z"))
    assert view.build(seen, NOW).seconds == 30


def test_a_screen_that_is_too_small_leaves_out_finished_rows_and_fits():
    chapters = [chapter(i, phase="Succeeded" if i < 20 else "Running") for i in range(1, 24)]
    shown = view.build(view.Resources(course(), chapters), NOW)
    drawn = screen.lines(shown, 60, 12)
    assert len(drawn) <= 12
    assert max(map(len, drawn)) <= 60
    assert "Title 23" in drawn[-1]


def test_without_a_terminal_nothing_is_printed_that_did_not_change():
    stream = io.StringIO()
    plain = screen.choose(stream)
    for percentage in (10, 11, 12, 60):
        status = {"phase": "Running", "progressPercentage": percentage, "stage": "writing"}
        plain.show(view.build(view.Resources(course(), [chapter(1, **status)]), NOW))
    assert stream.getvalue().count("Title 1") == 2
    assert "\033" not in stream.getvalue()
