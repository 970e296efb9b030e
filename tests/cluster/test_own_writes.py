"""What the operator makes of its own writes, of which the API server tells it the metadata alone."""

from typing import Any

import yaml

from coursegen_operator import effects
from coursegen_operator.access import Access
from coursegen_operator.act import Actor
from coursegen_operator.kube import Json, Kube, path_of
from coursegen_operator.metrics import Metrics
from coursegen_operator.plan.world import Defaults, JobView, Key
from coursegen_operator.scheduler import Scheduler
from coursegen_operator.snapshot import KINDS, Snapshot
from coursegen_operator.views import job_view
from coursegen_operator.workqueue import WorkQueue

from .conftest import ROOT

_NOW = 1_800_000_000.0
_COURSE: Json = {
    "apiVersion": "coursegen.dev/v1alpha1",
    "kind": "CourseGeneration",
    "metadata": {"name": "c", "labels": {"team": "a"}, "annotations": {"note": "x"}},
    "spec": {
        "title": "Python Programming",
        "learningObjectives": ["Learn Python basics"],
        "chapters": [{"id": f"c-{n}", "title": f"Chapter {n}", "learningObjectives": ["Do it"]} for n in (1, 2)],
    },
}


class _AsTheOperator(Access):
    """By the operator's name: other tests bring the policies that let nobody else make its Jobs."""

    def headers(self) -> dict[str, str]:
        who = {"Impersonate-User": "system:serviceaccount:coursegen-system:coursegen-operator"}
        return super().headers() | who | {"Impersonate-Group": "system:masters"}


class _Pods:
    """Nobody reads Pods here: no Job runs."""

    def want(self, key: Key, job: Any) -> None:
        pass


async def test_it_knows_all_that_it_has_written_as_the_api_server_has_it(kube: Kube, namespace: str) -> None:
    kube.access = _AsTheOperator(kube.access.connection, kube.access.token_file)
    snapshot, queue, metrics, pods = Snapshot(), WorkQueue(lambda: _NOW), Metrics(), _Pods()
    defaults = Defaults(image="w:1")
    scheduler = Scheduler(snapshot, queue, defaults, lambda: _NOW)
    doer = effects.Doer(kube, snapshot, queue, metrics, pods, lambda: _NOW)  # type: ignore[arg-type]
    actor = Actor(kube, snapshot, queue, scheduler, defaults, metrics, doer, lambda: _NOW)
    for shipped in yaml.safe_load_all((ROOT / "deploy" / "base" / "queues.yaml").read_text()):
        meta = shipped["metadata"] | {"uid": shipped["metadata"]["name"], "resourceVersion": "1"}
        snapshot.apply("GenerationQueue", shipped | {"metadata": meta})
    for name in ("c", "d"):
        made = await kube.create(
            path_of("coursegenerations", namespace), _COURSE | {"metadata": _COURSE["metadata"] | {"name": name}}
        )
        effects.enqueue(queue, snapshot.apply("CourseGeneration", made), None, _NOW)
    while key := queue.pop():
        await actor.visit(key)

    for key, known in snapshot.objects.items():
        raw = await kube.get(path_of(KINDS[key.kind].meta.plural, key.namespace, key.name))
        there = KINDS[key.kind].model_validate(raw, extra="ignore")
        assert (known, known.stored()) == (there, there.stored()), key
    jobs = {place: job_view(await kube.get(path_of("jobs", *place))) for place in snapshot.jobs}
    assert {p: _identity(j) for p, j in snapshot.jobs.items()} == {p: _identity(j) for p, j in jobs.items()}
    assert (len(snapshot.objects), len(jobs)) == (6, 4)


def _identity(job: JobView) -> list[Any]:
    """Give all of a Job but what its controller may have moved by now."""
    fields = (
        "uid",
        "owner_uid",
        "object_uid",
        "course_uid",
        "queue",
        "spec_hash",
        "fingerprint",
        "created",
        "suspended",
    )
    return [getattr(job, name) for name in fields]
