"""Wires the operator together and runs it: `python -m coursegen_operator`."""

import asyncio
import json
import logging
import signal
import sys
import time

import kopf

from coursegen_api.task import Progress

from . import handlers, health, kube, resync, settings
from .act import Actor
from .effects import Doer
from .metrics import CapacityCollector, Metrics
from .plan.world import Key, Reading
from .pods import PodReader
from .progress import ProgressReader
from .scheduler import Scheduler
from .snapshot import Snapshot
from .standing import Standing
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
        return json.dumps(line, ensure_ascii=False)


def _log_to_stderr(level: str) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)


class _ToldToStopError(Exception):
    """SIGTERM or SIGINT came."""


class Operator:
    """The parts of a running operator, and how they reach each other."""

    def __init__(self, config: settings.Settings, access: kube.Access) -> None:
        self.config, self.access = config, access
        self.metrics = Metrics()
        self.snapshot = Snapshot()
        self.queue = WorkQueue()
        self.health = health.Health(config.resync_seconds)
        self.kube = kube.Kube(access, observe=self._observe)
        self.pods = PodReader(self.kube, self.snapshot.jobs, self._deliver)
        defaults = config.defaults()
        self.scheduler = Scheduler(self.snapshot, self.queue, defaults)
        doer = Doer(self.kube, self.snapshot, self.queue, self.metrics, self.pods, time.time)
        self.history = doer.history
        self.standing = Standing(self.kube, self.snapshot, self.scheduler, self.history, time.time)
        self.actor = Actor(self.kube, self.snapshot, self.queue, self.scheduler, defaults, self.metrics, doer)
        self.metrics.registry.register(CapacityCollector(self.snapshot, self.scheduler.book, defaults))

    async def run(self) -> None:
        """Run until cancelled, or until a part of it fails: then the process ends and is started again."""
        registry = kopf.OperatorRegistry()
        handlers.register(registry, self.snapshot, self.queue, self.access)
        listed = asyncio.Event()
        async with self.kube, asyncio.TaskGroup() as group:
            group.create_task(health.serve(self.health, self.metrics, self.config.http_port))
            group.create_task(health.measure_lag(self.health, self.metrics, self.queue))
            group.create_task(
                resync.run(
                    self.kube, self.snapshot, self.queue, self.health, self.metrics, self.config.namespaces, listed
                )
            )
            await listed.wait()
            log.info("first list complete: %d objects, %d jobs", len(self.snapshot.objects), len(self.snapshot.jobs))
            self.history.refill(self.snapshot.objects.values())
            group.create_task(self.pods.run())
            if self.config.redis_url:
                reader = ProgressReader(self.config.redis_url, self.config.redis_max_connections, self._namespaces)
                group.create_task(reader.run(self._progress))
            group.create_task(self.queue.run(self.actor.visit, self.config.visits))
            group.create_task(self.standing.run())
            group.create_task(self._kopf(registry))

    async def _kopf(self, registry: kopf.OperatorRegistry) -> None:
        await kopf.operator(
            registry=registry,
            settings=handlers.settings(),
            namespaces=self.config.namespaces,
            clusterwide=not self.config.namespaces,
        )
        raise _ToldToStopError  # kopf took the signal; what goes wrong in a watch is raised by itself

    def _namespaces(self) -> dict[str, str]:
        return self.snapshot.namespace_uids

    def _observe(self, verb: str, code: int) -> None:
        self.metrics.requests.labels(verb, str(code)).inc()

    def _deliver(self, key: Key, job_uid: str, reading: Reading | None) -> None:
        if reading is None:
            self.queue.add_at(key, time.time() + 2.0)
            return
        obj = self.snapshot.objects.get(key)
        jobs = self.snapshot.jobs_of.get(obj.metadata.uid, {}) if obj else {}
        if any(j.uid == job_uid for j in jobs.values()):
            self.snapshot.readings[job_uid] = reading
            self.queue.add(key)

    def _progress(self, message: Progress) -> None:
        """Keep a message about what runs now, and drop what is not live: late words of earlier attempts."""
        key = self.snapshot.by_uid.get(message.uid)
        if key is None:
            return
        last = self.snapshot.progress.get(message.uid)
        number = (message.revision, message.attempt)
        if last and ((last.revision, last.attempt) > number or (last.time >= message.time)):
            return
        self.snapshot.progress[message.uid] = _not_ahead(message)
        self.queue.add(key)


def _not_ahead(message: Progress) -> Progress:
    """Take a worker's clock that runs ahead for the present: a time to come would stop later writes."""
    return message.model_copy(update={"time": min(message.time, time.time())})


async def _amain() -> None:
    config = settings.load()
    _log_to_stderr(config.log_level)
    log.info("settings: %s", json.dumps(config.public(), default=str))
    access = kube.in_cluster() or await kube.from_kubeconfig()
    task = asyncio.create_task(Operator(config, access).run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):  # until kopf has started and takes them itself
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except* (asyncio.CancelledError, _ToldToStopError):
        log.info("told to stop")


def main() -> int:
    """Run; exit code 2 for settings that cannot be used, 1 for a failure, 0 when told to stop."""
    try:
        asyncio.run(_amain())
    except settings.SettingsError as error:
        print(f"coursegen-operator: {error}", file=sys.stderr)
        return 2
    except BaseExceptionGroup as group:
        log.exception("a part failed: %s", "; ".join(repr(e) for e in group.exceptions))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
