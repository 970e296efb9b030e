"""An Event is posted once, by whichever process of the operator: the API server says what was posted before."""

import time

from coursegen_api.course import CourseGeneration
from coursegen_operator.events import EventPoster
from coursegen_operator.kube import Kube, path_of
from coursegen_operator.plan import clock
from coursegen_operator.plan.world import Key, PostEvent

TOLD = PostEvent("Normal", "CourseSucceeded", "It is in the store.")


def ended(namespace: str, name: str, seconds_ago: float) -> CourseGeneration:
    return CourseGeneration.model_validate(
        {
            "metadata": {"name": name, "namespace": namespace, "uid": f"uid-of-{name}", "resourceVersion": "1"},
            "spec": {"title": "T", "learningObjectives": ["o"]},
            "status": {"completionTime": clock.stamp(time.time() - seconds_ago)},
        }
    )


async def test_the_next_process_knows_which_events_were_posted(kube: Kube, namespace: str) -> None:
    fresh = ended(namespace, "a.course", seconds_ago=1)
    first, second = EventPoster(kube, time.time), EventPoster(kube, time.time)
    for course in (fresh, ended(namespace, "b", seconds_ago=1)):
        await first.post(Key("CourseGeneration", namespace, course.metadata.name), course.metadata, TOLD, "0")
    foreign = {"metadata": {"generateName": "foreign."}, "involvedObject": {"namespace": namespace}, "reason": "Other"}
    await kube.create(path_of("events", namespace), foreign)
    await second.recall([fresh])
    assert second.posted == first.posted
    assert len(first.posted) == 2


async def test_where_all_has_ended_long_ago_no_event_is_read(kube: Kube, namespace: str) -> None:
    old = ended(namespace, "c", seconds_ago=3600)
    first, second = EventPoster(kube, time.time), EventPoster(kube, time.time)
    await first.post(Key("CourseGeneration", namespace, "c"), old.metadata, TOLD, "0")
    await second.recall([old])
    assert second.posted == {}
