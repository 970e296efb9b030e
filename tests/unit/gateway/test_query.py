"""The search of lists: what it finds, and how it refuses."""

import pytest

from coursegen_gateway.models import Task
from coursegen_gateway.query import QueryError, parse


def task(**changes: object) -> Task:
    values: dict[str, object] = {
        "task_id": "0b1c", "kind": "chapter", "name": "course-123-chapter-03", "namespace": "courses",
        "title": "Loops and lists", "course_id": "course-123", "phase": "Failed",
        "created_time": "2026-01-01T00:00:00Z",
        "queue_name": "chapter-generation", "retry_count": 2,
        "error_details": {"failure_class": "Timeout", "message": "120 s were over.", "attempt": 3, "time": ""},
    }  # fmt: skip
    return Task.model_validate(values | changes)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", True),
        ("loops", True),
        ("LOOPS course-123", True),
        ("loops dictionaries", False),
        ("loops OR dictionaries", True),
        ("dictionaries OR loops state:running", False),
        ("(dictionaries OR loops) AND state:failed", True),
        ('"loops and lists"', True),
        ('title:"loops and"', True),
        ('"lists and loops"', False),
        ("state:failed", True),
        ("-state:failed", False),
        ("NOT state:running", True),
        ("not (state:running or state:held)", True),
        ("--state:failed", True),
        ("-error:timeout", False),
        ("error:over", True),
        ("retries:2 -retries:3", True),
        ("queue:chapter kind:chapter namespace:courses id:0b1c", True),
        ('"state:failed"', False),
    ],
)
def test_a_query_finds(query: str, found: bool) -> None:
    assert parse(query)(task()) is found


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("colour:red", "no field 'colour'"),
        ("state:", "a value is missing"),
        ("(loops", "not closed"),
        ("loops)", "too many"),
        ('"loops', "quotation mark"),
        ("loops OR", "missing at the end"),
        ("OR loops", "missing before"),
        ("( )", "missing before"),
        ("x" * 501, "more than 500"),
        ("(" * 30 + "x" + ")" * 30, "nested"),
    ],
)
def test_a_query_that_cannot_be_understood_is_refused_in_words(query: str, word: str) -> None:
    with pytest.raises(QueryError, match=word):
        parse(query)
