"""The search of lists: what it finds, and how it refuses."""

import re
from pathlib import Path

import pytest

from coursegen_gateway.fields import FIELDS, HELP, Subject
from coursegen_gateway.models import Task
from coursegen_gateway.query import QueryError, parse

ROOT = Path(__file__).parents[3]


SPEC = {
    "title": "Loops and lists", "index": 3, "courseName": "python", "includeAssessments": True,
    "learningObjectives": ["Write a for loop", "Choose between list and tuple"],
    "courseContext": {"title": "Python", "targetAudience": {"proficiencyLevel": "Beginner"}, "difficultyScore": 2.0},
}  # fmt: skip
STATUS = {
    "artifact": {"key": "6f2b/chapter/9c1d.json", "sha256": "9c1d2f", "mediaType": "application/json"},
    "attempts": [
        {"number": 1, "jobName": "course-123-chapter-03-r0-a1", "outcome": "Failed", "message": "It was too slow."},
        {"number": 2, "jobName": "course-123-chapter-03-r0-a2", "outcome": "Succeeded", "message": "Written in 9 s."},
    ],
    "quality": {"passed": False, "readability": 71.5, "scores": [{"index": 1, "alignment": 0.9}]},
}  # fmt: skip


def subject(**changes: object) -> Subject:
    values: dict[str, object] = {
        "task_id": "0b1c", "kind": "chapter", "name": "course-123-chapter-03", "namespace": "courses",
        "title": "Loops and lists", "course_id": "course-123", "phase": "Failed",
        "created_time": "2026-01-01T00:00:00Z",
        "queue_name": "chapter-generation", "retry_count": 2,
        "error_details": {"failure_class": "Timeout", "message": "120 s were over.", "attempt": 3, "time": ""},
    }  # fmt: skip
    workers = ("course-123-chapter-03-r0-a2-x7k2p", "node-b")
    return Subject(Task.model_validate(values | changes), SPEC, STATUS, workers)


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
        ("STATE:failed Title:loops -Kind:course", True),
        ('TITLE:"loops and"', True),
        ("worker:a2-x7k2p", True),
        ("worker:node-b", True),
        ("worker:node", True),
        ("worker:node-c", False),
        ("-worker:node-b", False),
        ("worker:course-123-chapter-03-r0-a1-gone5", True),  # the Pod of the first attempt is not there any more
        ("worker:course-123-chapter-03-r0-a3-gone5", False),
        ("args:tuple", True),
        ("args:BEGINNER", True),
        ("args:dictionary", False),
        ("-args:tuple", False),
        ("args:3", True),
        ("args:2", True),
        ("args:true", True),
        ("args:title", False),  # a field's name is no value
        ("kwargs:title=loops", True),
        ("kwargs:title=python", True),  # of the course that it belongs to
        ("kwargs:course_context.title=loops", False),
        ("kwargs:course_context.title=python", True),
        ("kwargs:course_context=beginner", True),
        ("kwargs:proficiency_level=beginner", True),
        ("KWARGS:proficiencyLevel=beginner", True),
        ("kwargs:learning_objectives=tuple", True),
        ("kwargs:index=3", True),
        ("kwargs:index=30", False),
        ("kwargs:index=three", False),
        ("kwargs:difficulty_score=2", True),
        ("kwargs:include_assessments=true -kwargs:include_assessments=false", True),
        ("kwargs:format=pdf", False),
        ("kwargs:itle=loops", False),  # a name is whole
        ('kwargs:title="loops and"', True),
        ('kwargs:"title=loops and"', True),
        ('-kwargs:title="lists and"', True),
        ("kwargs:title=loops kwargs:index=4", False),
        ("(kwargs:index=4 OR args:tuple) -result:error", True),
        ("result:6f2b/chapter/9c1d.json", True),
        ("result:9c1d2f", True),
        ("result:succeeded", True),
        ('result:"written in"', True),
        ('result:"too slow"', False),  # that was the attempt before
        ("result:passed=false", True),
        ("result:readability=71", True),
        ("result:scores.alignment=0.9", True),
        ("result:timeout", True),
        ("-result:passed=false", False),
        ("tuple OR beginner OR node-b", False),  # a word alone looks at names, ids and titles
    ],
)
def test_a_query_finds(query: str, found: bool) -> None:
    assert parse(query)(subject()) is found


@pytest.mark.parametrize("field", FIELDS)
def test_what_has_just_been_created_is_looked_at_by_every_field(field: str) -> None:
    new = Task(task_id="1", kind="course", name="c", namespace="n", title="t", phase="Pending", created_time="")
    assert parse(f"-{field}:nothing=here")(Subject(new)) is True


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("docs/http-api.md", r"Fields: ((?:`[a-z]+`(?:,\s)?)+)\."),
        ("operator/src/coursegen_gateway/page/views.js", r'title="Fields: ([a-z, ]+)"'),
    ],
)
def test_docs_and_page_name_the_fields_that_there_are(text: str, told: str) -> None:
    [named] = re.findall(told, (ROOT / text).read_text())
    assert re.sub(r",\s", ", ", named.replace("`", "")) == HELP


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("colour:red", "no field 'colour'"),
        ("state:", "a value is missing"),
        ("kwargs:loops", "takes a field of spec and its value"),
        ("kwargs:=loops", "takes a field of spec and its value"),
        ('kwargs:title=""', "takes a field of spec and its value"),
        ("Colour:red", "no field 'Colour'"),
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
