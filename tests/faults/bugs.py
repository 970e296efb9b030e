"""Planted bugs: each makes the operator wrong in a way in which operators are wrong. They are here to be caught.

They patch a running product from outside, in the process of a test, and exist nowhere else.
"""

import asyncio
import copy
import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from coursegen_api import names
from coursegen_api.base import Outcome
from coursegen_operator import effects, election, handlers, kube, resync, workqueue
from coursegen_operator.act import Actor
from coursegen_operator.effects import Doer
from coursegen_operator.kube import path_of
from coursegen_operator.plan import clock as plan_clock
from coursegen_operator.plan import ending, outage, requests, running, settling, slots
from coursegen_operator.plan import objects as plan_objects
from coursegen_operator.plan.budget import NOTHING
from coursegen_operator.plan.ledger import Ledger
from coursegen_operator.plan.world import CreateJob, key_of
from coursegen_operator.resync import Resync
from coursegen_operator.scheduler import Scheduler
from coursegen_operator.snapshot import Snapshot

_LISTING_SECONDS = 3.0
_NEWEST = 10**15


def random_job_names() -> None:
    """A Job's name is random, so that creating it again creates another."""
    create = Doer._create_job

    async def with_suffix(self: Doer, effect: CreateJob, key: Any, obj: Any) -> None:
        manifest = copy.deepcopy(effect.manifest)
        manifest["metadata"]["name"] += f"-{secrets.token_hex(2)}"
        await create(self, replace(effect, manifest=manifest), key, obj)

    def any_of_the_attempt(self: Snapshot, raw: Any, deleted: bool = False, object_uid: str = "") -> Any:
        raw = copy.deepcopy(raw)
        raw["metadata"]["name"] = raw["metadata"]["name"].rpartition("-")[0]  # it finds them by label, and is content
        return take(self, raw, deleted, object_uid)

    take = Snapshot.apply_job
    Doer._create_job = with_suffix  # type: ignore[method-assign]
    Snapshot.apply_job = any_of_the_attempt  # type: ignore[method-assign]


def job_before_intent() -> None:
    """The Job is created first, and the attempt written into status afterwards."""
    carry_out = Actor._carry_out

    async def job_first(self: Actor, key: Any, obj: Any, plan: Any) -> None:
        await self.doer.do(key, obj, [e for e in plan.effects if isinstance(e, CreateJob)])
        await carry_out(self, key, obj, plan)

    Actor._carry_out = job_first  # type: ignore[method-assign]


def counters_in_memory() -> None:
    """Slots in use are counted as this process grants them, not from what exists."""
    mine: set[Any] = set()
    granted, ask, of_object = Scheduler.granted, Scheduler.ask, slots.of_object

    def remember(self: Scheduler, key: Any) -> Any:
        found = granted(self, key)
        mine.update([key] if found else [])
        return found

    def remember_ask(self: Scheduler, key: Any, want: Any) -> Any:
        declined = ask(self, key, want)
        mine.update([] if declined else [key])
        return declined

    def counted(obj: Any, *arguments: Any) -> Any:
        return of_object(obj, *arguments) if key_of(obj) in mine else None

    Scheduler.granted, Scheduler.ask = remember, remember_ask  # type: ignore[method-assign]
    slots.of_object = counted


def trusting_an_empty_cache() -> None:
    """It begins before anything was listed, and takes what it has not seen for what does not exist."""

    async def pretend(self: Resync, whole: bool = True) -> set[Any]:
        self.health.last_list = time.monotonic()
        effects.enqueue(self.queue, list(self.snapshot.objects), None, time.time())
        return set()

    Resync.once = pretend  # type: ignore[method-assign]


def edge_triggered() -> None:
    """It acts on changes alone: what was there when it started is not visited, nor is what failed."""
    begun = time.monotonic()
    enqueue = effects.enqueue

    def changes_only(*arguments: Any) -> None:
        if time.monotonic() - begun > _LISTING_SECONDS:
            enqueue(*arguments)

    handlers.enqueue = changes_only  # type: ignore[attr-defined]
    resync.enqueue = lambda *_: None  # type: ignore[attr-defined]
    workqueue.WorkQueue._failed = lambda self, key, error: None  # type: ignore[method-assign]


def name_reused_on_retry() -> None:
    """A Job's name does not say which attempt it is."""
    name = names.job_name
    names.job_name = lambda obj, uid, revision, attempt: name(obj, uid, revision, 1)  # type: ignore[assignment]


def job_removed_before_its_outcome() -> None:
    """An ended Job is removed first, and its outcome written afterwards."""
    write = Actor._write

    async def remove_first(self: Actor, key: Any, obj: Any, patch: Any, status: Any) -> bool:
        ended = [a["jobName"] for a in patch.get("attempts") or () if a.get("completionTime")]
        for job in ended:
            await self.doer._gone(self.kube.delete(path_of("jobs", key.namespace, job)))
        return await write(self, key, obj, patch, status)

    Actor._write = remove_first  # type: ignore[method-assign]


def no_lease_check() -> None:
    """It believes for ever that it leads, once it does."""
    election.Election.may_write = lambda self: self.leads  # type: ignore[method-assign]
    step = election.Election.step

    async def never_mind(self: election.Election) -> float:
        try:
            return await step(self)
        except election.LeaseLostError:
            await asyncio.sleep(1)
            return 1.0

    election.Election.step = never_mind  # type: ignore[method-assign]


def believing_an_old_list() -> None:
    """What a list does not have is gone, however old the list."""
    end_list = Snapshot.end_list

    def undo(self: Snapshot, kind: str, seen: Any, version: int) -> Any:
        touched = end_list(self, kind, seen, _NEWEST)
        self.listed[kind] = 0
        return touched

    Snapshot.end_list = undo  # type: ignore[method-assign]
    Snapshot._is_over = lambda self, *_, **__: False  # type: ignore[method-assign]


def no_fence() -> None:
    """What it wrote is known once a watch brings it, and written over whatever is there."""

    async def unheeded(self: Actor, key: Any, obj: Any, patch: Any, status: Any) -> bool:
        await self.kube.patch_status(effects.path_of_key(key), {"status": patch})
        return True

    async def unheeded_job(self: Doer, effect: CreateJob, key: Any, obj: Any) -> None:
        collection = path_of("jobs", effect.manifest["metadata"]["namespace"])
        await self._create(collection, effect.manifest, key, obj.metadata.uid)

    Actor._write = unheeded  # type: ignore[method-assign]
    Doer._create_job = unheeded_job  # type: ignore[method-assign]


def orphaning_delete() -> None:
    """A Job is removed as batch/v1 does by itself: its Pod stays."""

    async def delete(self: kube.Kube, path: str, uid: str = "", query: str = "", version: str = "") -> Any:
        given = {"uid": uid} if uid else {}
        body = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": given}
        return await self._request("DELETE", path + query, body)

    kube.Kube.delete = delete  # type: ignore[method-assign]


def retries_without_end() -> None:
    """What fails is tried again, however often it did."""
    ending.retry_after = lambda step, attempt, verdict: 0.1  # type: ignore[assignment]


def no_job_no_success() -> None:
    """What was done is known by its Job, and forgotten with it."""
    plan = plan_objects.plan

    def forgetful(view: Any, *arguments: Any) -> Any:
        if requests.ended(view.obj) is Outcome.SUCCEEDED and not view.around.jobs:
            status = view.obj.status.model_copy(update={"conditions": [], "completion_time": None})
            view = replace(view, obj=view.obj.model_copy(update={"status": status}))
        return plan(view, *arguments)

    plan_objects.plan = forgetful


def requests_in_memory() -> None:
    """Which requests were accepted this process knows, and no other."""
    accept = requests.accept
    accepted_here: set[str] = set()

    def accept_again(obj: Any, course: Any) -> Any:
        if obj.metadata.uid not in accepted_here:
            obj = obj.model_copy(update={"status": obj.status.model_copy(update={"requests": None})})
        accepted = accept(obj, course)
        if accepted.restart:
            accepted_here.add(obj.metadata.uid)
        return accepted

    requests.accept = accept_again


def progress_as_it_comes() -> None:
    """A percentage is written as it is reported, also if it is less than before."""

    def report(step: Any) -> None:
        said = step.around.progress
        step.changes |= {"progress_percentage": said.percentage, "progress_time": plan_clock.stamp(said.time)}

    running._report = report


def busy_for_nothing() -> None:
    """Each visit writes, whether or not there is something new, and every full list has all visited."""
    resync._WHOLE = 1
    carry_out = Actor._carry_out

    async def always(self: Actor, key: Any, obj: Any, plan: Any) -> None:
        await self._write(key, obj, {}, obj.status.wire())
        await carry_out(self, key, obj, plan)

    Actor._carry_out = always  # type: ignore[method-assign]


def impatient() -> None:
    """What a busy API server says about how long to wait is not heard."""
    error = kube._error
    kube._error = lambda status, text, retry_after: error(status, text, None)  # type: ignore[assignment]


def circuits_ignored() -> None:
    """A provider that fails is asked as if it did not."""
    outage.shut = lambda circuits: {}


def nothing_reserved() -> None:
    """What runs is not set aside of a budget: it counts when it has ended."""
    Ledger.reserved = lambda self, holder, default=NOTHING: NOTHING  # type: ignore[method-assign]


def charged_twice() -> None:
    """What a provider's status has taken in is taken in again."""
    Ledger.settle = lambda self, provider, until: None  # type: ignore[method-assign]
    settling.begin = lambda provider, now: 0.0  # type: ignore[assignment]


def grant_forgotten() -> None:
    """A slot is free again when the write that takes it was not answered."""
    Scheduler.doubt = lambda self, key, version: None  # type: ignore[method-assign]


def lease_never_released() -> None:
    """A leader that is told to stop goes without a word."""

    async def nothing(self: election.Election) -> None:
        return

    election.Election.release = nothing  # type: ignore[method-assign]


ALL: dict[str, Callable[[], None]] = {
    f.__name__: f
    for f in (
        random_job_names,
        job_before_intent,
        counters_in_memory,
        trusting_an_empty_cache,
        edge_triggered,
        name_reused_on_retry,
        job_removed_before_its_outcome,
        no_lease_check,
        believing_an_old_list,
        no_fence,
        grant_forgotten,
        orphaning_delete,
        retries_without_end,
        no_job_no_success,
        requests_in_memory,
        progress_as_it_comes,
        busy_for_nothing,
        impatient,
        circuits_ignored,
        nothing_reserved,
        charged_twice,
        lease_never_released,
    )
}
