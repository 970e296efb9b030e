"""Wires the operator together and runs it: `python -m coursegen_operator`."""

import asyncio
import gc
import json
import logging
import signal
import sys
import time
from collections.abc import Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path

import kopf
from aiohttp import web

from coursegen_api.queue import GenerationQueue
from coursegen_api.task import Progress

from . import access, environ, handlers, health, kube, settings
from .act import Actor
from .effects import Doer, gather_seconds
from .election import Election, LeaseLostError
from .metrics import Metrics
from .plan.world import Key
from .pods import PodReader
from .positions import Positions
from .progress import ProgressReader, not_ahead
from .queuefile import KubeWithQueues, QueueFile
from .readings import Readings
from .resync import Resync
from .scheduler import Scheduler
from .shares import Shares
from .snapshot import Snapshot
from .standing import Standing
from .statemetrics import StateCollector
from .streams import Take
from .territory import Territory
from .turns import Turns
from .workqueue import WorkQueue

log = logging.getLogger("coursegen_operator")


class _JsonFormatter(logging.Formatter):
    """One line of JSON a record, so that no content can forge a second one."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line)  # ASCII: other line ends, terminals and half characters read nothing into it


def log_to_stderr(level: str) -> None:
    """Log lines of JSON from a level on."""
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)


def tell(config: environ.Settings, to: logging.Logger) -> None:
    """Print the settings at the start, without what can hold a password, and what is to be said against them."""
    to.info("settings: %s", json.dumps(config.public(), default=str))
    for warning in config.warnings():
        to.warning("%s", warning)


class _ToldToStopError(Exception):
    """SIGTERM or SIGINT came."""


class Operator:
    """The parts of a running operator, and how they reach each other."""

    def __init__(self, config: settings.Settings, way: access.Access) -> None:
        self.config, self.access = config, way
        self.told = asyncio.Event()
        """Set when the process is told to stop."""
        self.metrics = Metrics()
        shares = Shares("" if config.queues_file else config.shard)  # a file's queues are shared with nobody
        territory = Territory(config.shard, config.namespaces, float(config.lease_margin_seconds))
        self.snapshot = Snapshot(territory=territory, shares=shares)
        self.queue = WorkQueue()
        self.health = health.Health(config.resync_seconds)
        queues = QueueFile(Path(config.queues_file)) if config.queues_file else None
        self.kube = KubeWithQueues(
            way, observe=self._observe, timeout=config.request_timeout_seconds, queues=queues, shares=shares
        )
        self.election = self._candidate() if config.leader_election else None
        defaults = config.defaults()
        readings = Readings(self.snapshot, self.queue, defaults)
        self.pods = PodReader(self.kube, self.snapshot.jobs, readings.take)
        self.scheduler = Scheduler(self.snapshot, self.queue, defaults)
        self.queue.turn_of = Turns(self.snapshot, self.scheduler)
        self.queue.gather_seconds = lambda: gather_seconds(self.snapshot.load.courses)
        doer = Doer(self.kube, self.snapshot, self.queue, self.metrics, self.pods, time.time)
        self.history, self.events = doer.history, doer.events
        self.standing = Standing(self.kube, self.snapshot, self.scheduler, self.history, time.time)
        self.actor = Actor(self.kube, self.snapshot, self.queue, self.scheduler, defaults, self.metrics, doer)
        self.state = StateCollector(self.snapshot, self.scheduler, defaults, self.metrics.provider)
        self.metrics.registry.register(self.state)
        self.positions = Positions(self.snapshot, self.scheduler, self.history, lambda: self.state.leads)
        target = config.success_rate_target_percent / 100
        self.metrics.describe(config.environment, target, time.time(), config.memory_limit_bytes or 0)
        self.queue.failed = self._visit_failed
        self.resync = Resync(self.kube, self.snapshot, self.queue, self.health, self.metrics)

    def _candidate(self) -> Election:
        """Give the election, and tie the client's writes to it."""
        config, terms = self.config, self.config.terms()
        own = kube.Kube(self.access, agent=f"{kube.USER_AGENT}/{terms.identity}", timeout=terms.margin)
        election = Election(own, config.lease_place(), config.lease(), terms)
        self.kube.agent, self.kube.may_write = own.agent, election.may_write
        self.kube.write_seconds = int(terms.margin)
        self.health.lease = election.trouble
        return election

    async def run(self) -> None:
        """Run until cancelled, or until a part of it fails: then the process ends and is started again."""
        registry = kopf.OperatorRegistry()
        takers = handlers.takers(self.snapshot, self.queue, self.pods, self.metrics)
        if self.config.queues_file:
            del takers[GenerationQueue.meta.plural]
        handlers.register(registry, takers, self.access)
        async with self.kube, self._lease_client(), asyncio.TaskGroup() as group:
            group.create_task(self._obey())
            asked = [web.get("/position/{uid}", self.positions.answer)]
            group.create_task(health.serve(self.health, self.metrics, self.config.http_port, asked))
            group.create_task(health.measure_lag(self.health, self.metrics, self.queue))
            await self.resync.once()
            log.info("first list complete: %d objects, %d jobs", len(self.snapshot.objects), len(self.snapshot.jobs))
            group.create_task(self.resync.run())
            group.create_task(self.resync.take_over())
            group.create_task(self._watch(registry, takers))
            if self.election:
                await self._stand_by(self.election, group)
            self._lead(group)

    def _lease_client(self) -> AbstractAsyncContextManager[object]:
        return self.election.kube if self.election else nullcontext()

    async def _stand_by(self, election: Election, group: asyncio.TaskGroup) -> None:
        """Wait until this replica leads; then read everything, since the last leader wrote until a moment ago."""
        group.create_task(election.campaign())
        await election.elected.wait()
        await self.resync.once()

    def _lead(self, group: asyncio.TaskGroup) -> None:
        """Begin to visit and to write."""
        self.metrics.leader.set(1)
        self.state.leads = True
        self.history.refill(self.snapshot.objects.values())
        group.create_task(self.events.recall(self.snapshot.objects.values()))
        group.create_task(self.pods.run())
        if redis := self.config.redis():
            reader = ProgressReader(redis, self._namespaces, self.metrics.progress.labels("unreadable").inc)
            self.state.reader = reader
            group.create_task(reader.run(self._progress))
        group.create_task(self.queue.run(self.actor.visit, self.config.visits))
        group.create_task(self.standing.run())

    async def _watch(self, registry: kopf.OperatorRegistry, takers: Mapping[str, Take]) -> None:
        """Run kopf's tasks, and end when the first of them does.

        Not by kopf.run_tasks: it takes every task that is younger than its own for one that hangs, and would end the
        election and the visits before it tells that a watch is broken. And the signals stay ours: kopf takes seconds
        to stop, while the next leader waits.
        """
        tasks = await kopf.spawn_tasks(
            registry=registry,
            settings=handlers.settings(self.config.request_timeout_seconds, takers),
            namespaces=self.config.namespaces,
            clusterwide=not self.config.namespaces,
        )
        self.take_signals()
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        for task in ended:
            task.result()
        raise RuntimeError("kopf's watches have ended")

    def take_signals(self) -> None:
        """Have SIGTERM and SIGINT stop this operator."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.told.set)

    async def _obey(self) -> None:
        """Stop when told: write no more, wait for what was written, hand over."""
        await self.told.wait()
        log.info("told to stop")
        if self.election:
            self.election.stopped = True
            await self.kube.all_answered()
            await self.election.release()
        raise _ToldToStopError

    def _namespaces(self) -> dict[str, str]:
        return self.snapshot.namespace_uids

    def _observe(self, verb: str, code: int) -> None:
        self.metrics.requests.labels(verb, str(code)).inc()

    def _visit_failed(self, key: Key) -> None:
        self.metrics.visit_failures.labels(key.kind).inc()

    def _progress(self, message: Progress, namespace: str) -> None:
        """Keep a message about what runs now in its own namespace, and drop what is not: late or foreign words."""
        key = self.snapshot.by_uid.get(message.uid)
        if key is None or key.namespace != namespace:
            self.metrics.progress.labels("late").inc()
            return
        last = self.snapshot.progress.get(message.uid)
        number = (message.revision, message.attempt)
        if last and ((last.revision, last.attempt) > number or (last.time >= message.time)):
            self.metrics.progress.labels("late").inc()
            return
        self.snapshot.progress[message.uid] = not_ahead(message)
        self.metrics.progress.labels("taken").inc()
        self.metrics.progress_age.observe(max(0.0, time.time() - message.time))
        self.queue.add(key)


async def _amain() -> None:
    config = settings.load()
    log_to_stderr(config.log_level)
    tell(config, log)
    operator = Operator(config, access.in_cluster() or access.from_kubeconfig())
    operator.take_signals()
    try:
        await operator.run()
    except* _ToldToStopError:
        log.info("stopped")


def _run(work: Coroutine[None, None, None]) -> None:
    """Run `work` to its end, and wait for nothing else: asyncio.run waits for ever for a watch that will not end."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(work)
    finally:
        loop.set_exception_handler(lambda loop, context: None)


def _collect_seldom() -> None:
    """Look for cycles a tenth as often as Python does, and never among what was imported.

    What is stored are a million small objects without cycles; to look through them takes a twentieth of the time.
    """
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def main() -> int:
    """Run; exit code 2 for settings or a cluster that cannot be used, 1 for a failure or a lost lease, 0 when told."""
    _collect_seldom()
    try:
        _run(_amain())
    except (settings.SettingsError, access.AccessError) as error:
        print(f"coursegen-operator: {error}", file=sys.stderr)
        return 2
    except BaseExceptionGroup as group:
        if lost := group.subgroup(LeaseLostError):
            log.error("no longer the leader: %s", "; ".join(str(e) for e in lost.exceptions))  # noqa: TRY400 - no trace
        else:
            log.exception("a part failed: %s", "; ".join(repr(e) for e in group.exceptions))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
