"""When work has ended, for who waits: an end that came before what was asked last is none."""

from typing import Any

import pytest

from coursegen import calls, kinds
from coursegen.errors import CoursegenError, NotFoundError, RefusedError, UnreachableError
from coursegen_api import names
from coursegen_api.chapter import ChapterGeneration

from .things import chapter, course, finished, meta, seen


def ended(how: str = "Failed", **status: Any) -> dict[str, Any]:
    return seen(phase=how, conditions=finished(how), **status)


def asked(**annotations: str) -> dict[str, Any]:
    return {"annotations": {getattr(names, f"ANNOTATION_{k.upper()}"): v for k, v in annotations.items()}}


def wish(request_id: str) -> dict[str, Any]:
    return {"regeneration": {"requestId": request_id, "feedback": "Simpler"}}


@pytest.mark.parametrize(
    ("annotations", "spec", "status", "is_over"),
    [
        ({}, {}, ended(), True),
        ({}, {}, seen(), False),
        ({}, {}, ended() | {"observedGeneration": 0}, False),
        (asked(retry="a"), {}, ended(), False),
        (asked(retry="b"), {}, ended(requests={"retry": "a"}), False),
        (asked(retry="a"), {}, ended(requests={"retry": "a"}), True),
        (asked(retry="a"), {}, ended("Cancelled"), False),
        (asked(retry="a"), {}, ended("Succeeded"), True),
        (asked(cancel="a"), {}, ended(), True),
        ({}, wish("r1"), ended("Succeeded"), False),
        ({}, wish("r1"), ended("Succeeded", requests={"regeneration": "r1"}), True),
        ({}, {}, ended(requests={"retry": "a", "courseRetry": "b"}), True),
    ],
    ids=[
        "ended", "at work", "not seen", "asked again", "once more", "ended after it", "cancelled", "nothing to retry",
        "nothing to cancel", "made anew", "was made anew", "asked of its course",
    ],
)  # fmt: skip
def test_a_chapter_has_ended_once_what_was_asked_of_it_has(
    annotations: dict[str, Any], spec: dict[str, Any], status: dict[str, Any], is_over: bool
) -> None:
    found = chapter(spec=spec, **status).model_copy(update={"metadata": meta_of(annotations)})
    assert kinds.is_finished(found) is is_over


@pytest.mark.parametrize(
    ("annotations", "status", "is_over"),
    [
        (asked(retry="a"), ended(), False),
        (asked(retry="a"), ended(requests={"retry": "a"}), True),
        (asked(retry="a"), ended("Succeeded"), True),
        (asked(retry="a"), ended("Succeeded", missingChapters=[2]), False),
        (asked(stop="a"), ended(), False),
        (asked(stop="a"), ended("Succeeded"), True),
    ],
)
def test_a_course_has_ended_once_what_was_asked_of_it_has(
    annotations: dict[str, Any], status: dict[str, Any], is_over: bool
) -> None:
    found = course(**status).model_copy(update={"metadata": meta_of(annotations)})
    assert kinds.is_finished(found) is is_over


def meta_of(more: dict[str, Any], name: str = "loops") -> Any:
    return type(chapter().metadata).model_validate(meta(name, **more))


RETRIED = meta_of(asked(retry="b"), "python")


def part(**annotations: str) -> ChapterGeneration:
    """Give a failed chapter of the course python."""
    owner = {"kind": "CourseGeneration", "name": "python", "uid": "u", "controller": True}
    return chapter(**ended()).model_copy(
        update={"metadata": meta_of(asked(**annotations) | {"ownerReferences": [owner]})}
    )


@pytest.mark.parametrize(
    ("annotations", "answer", "is_over"),
    [
        ({}, None, True),
        ({"retry": "a"}, course(**seen()), False),
        ({"retry": "a"}, course(**ended("Failed")), False),
        ({"retry": "a"}, course(**ended("Cancelled")), True),
        ({"retry": "a"}, course(**ended("Cancelled")).model_copy(update={"metadata": RETRIED}), False),
        ({"retry": "a"}, NotFoundError("gone"), False),
        ({"retry": "a"}, RefusedError(403, "not yours"), False),
    ],
    ids=["not asked", "goes on", "is opened again", "cancelled", "cancelled, retried", "gone", "not to be read"],
)  # fmt: skip
def test_what_is_asked_of_a_part_of_a_cancelled_course_is_not_waited_for(
    annotations: dict[str, str], answer: Any, is_over: bool
) -> None:
    call = calls.finished(part(**annotations))
    assert _driven(call, answer) is is_over


def _driven(call: calls.Call[bool], answer: Any) -> bool:
    """Answer the question about the course python, if it is asked."""
    try:
        request = next(call)
        assert isinstance(request, calls.Request)
        assert request.path.endswith("/courses/coursegenerations/python")
        if isinstance(answer, CoursegenError):
            call.throw(answer)
        else:
            call.send(answer.model_dump(by_alias=True, mode="json"))
    except StopIteration as end:
        return bool(end.value)
    raise AssertionError("it asks more than once")


def test_an_api_server_that_does_not_answer_is_no_answer() -> None:
    call = calls.finished(part(retry="a"))
    next(call)
    with pytest.raises(UnreachableError):
        call.throw(UnreachableError("nobody answers"))
