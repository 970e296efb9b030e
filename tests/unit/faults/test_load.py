"""When a run's load is over, and what parts of it come to."""

from typing import Any

import pytest

from coursegen_api import names

from ...faults import load

Json = dict[str, Any]

ENDED: Json = {
    "metadata": {"name": "c", "generation": 1},
    "spec": {},
    "status": {"completionTime": "then", "observedGeneration": 1},
}


def changed(**status: Any) -> Json:
    return ENDED | {"status": ENDED["status"] | status}


def annotated(annotation: str, **status: Any) -> Json:
    return changed(**status) | {"metadata": ENDED["metadata"] | {"annotations": {annotation: "now"}}}


WISHED = {"spec": {"regeneration": {"requestId": "plainer", "feedback": "Too advanced."}}}


@pytest.mark.parametrize(
    ("obj", "over"),
    [
        (ENDED, True),
        (ENDED | {"status": {}}, False),
        (changed(completionTime=None), False),
        (ENDED | {"metadata": {"name": "c", "generation": 2}}, False),
        (annotated(names.ANNOTATION_RETRY), False),
        (annotated(names.ANNOTATION_RETRY, requests={"retry": "before"}), False),
        (annotated(names.ANNOTATION_RETRY, requests={"retry": "now"}), True),
        (annotated(names.ANNOTATION_CANCEL), False),
        (annotated(names.ANNOTATION_CANCEL, requests={"cancel": "now"}), True),
        (ENDED | WISHED, False),
        (changed(requests={"regeneration": "plainer"}) | WISHED, True),
    ],
)
def test_work_is_over_when_it_has_ended_with_all_that_was_asked_of_it(obj: Json, over: bool) -> None:
    assert load.is_over(obj) is over


def test_parts_of_the_load_come_to_what_they_do_in_all_of_it() -> None:
    of_a = {"coursegenerations/a": 1, "chaptergenerations/a-chapter-01": 2}
    normal = of_a | {"coursegenerations/b": 3, "artifactcleanups/tidy": 4}
    assert load.of_parts(normal, ["a"]) == of_a
    assert load.of_parts(normal, ["tidy"], "c000-") == {"artifactcleanups/c000-tidy": 4}
    assert load.of_parts(normal, load.ALL) == normal
