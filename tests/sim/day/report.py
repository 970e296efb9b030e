"""What a simulated day comes to, for people and as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from coursegen_api.names import QUEUE_PRIORITIES

from . import figures
from .load import GREEDY, SMALL, STEADY
from .seen import Seen, drained, quantile
from .setting import HOUR, Setting

Json = dict[str, Any]

KINDS = (SMALL, STEADY, GREEDY)
SHARES = (0.5, 0.95, 0.99)
_NAMED = 4
"""Resources that a line of a table names, of those that were full."""


def three(values: Sequence[float]) -> list[float]:
    """Give median, 95th and 99th percentile of sorted values."""
    return [round(quantile(values, share), 1) for share in SHARES]


def of_day(setting: Setting, seen: Seen, usual: Seen | None = None) -> Json:
    """Give everything that is told of a day.

    Arguments:
        usual: the same day without what goes wrong at a time.
    """
    bands = sorted(QUEUE_PRIORITIES.values(), reverse=True)
    came = seen.courses["came"]
    return {
        "chaptersADay": setting.chapters,
        "shards": setting.shards,
        "hours": list(setting.hours),
        "seed": setting.seed,
        "given": _given(setting),
        "drainedSeconds": drained(seen, usual, setting.trouble.over) if usual else None,
        "courses": {
            "came": came,
            "succeeded": seen.courses["succeeded"],
            "failed": seen.courses["failed"],
            "failedByTenant": {kind: seen.courses[f"failed {kind}"] for kind in KINDS},
            "open": came - seen.courses["succeeded"] - seen.courses["failed"],
        },
        "chapters": {"succeeded": seen.chapters, "aSecond": round(_a_second(setting, seen), 2)},
        "attempts": {name: seen.tasks[name] for name in ("attempts", "failures", "refunds")},
        "lastEndHour": round(seen.last_end / HOUR, 2),
        "waitSeconds": {f"band {b}": {kind: three(seen.of_band(b, kind)) for kind in KINDS} for b in bands},
        "courseSeconds": {kind: three(sorted(seen.lives[kind])) for kind in KINDS},
        "slotToWorkerSeconds": three(sorted(seen.starts)),
        "jobEndToStatusSeconds": three(sorted(seen.heard)),
        "full": {name: round(share, 4) for name, share in seen.ranked()},
        "busiestFiveMinutes": {
            "operatorCores": round(seen.busiest("operator"), 2),
            "apiCores": round(seen.busiest("api"), 2),
            "tokensASecond": round(seen.busiest("tokens")),
            "workers": round(seen.busiest("running")),
            "waiting": round(seen.busiest("waiting")),
            "keptObjects": round(seen.busiest("kept")),
            "etcdMiB": round(seen.busiest("kept") * setting.figures.etcd_task_bytes / 2**20),
            "operatorMiB": round(seen.busiest("memory") / 2**20),
        },
        "everyTenMinutes": [
            {"hour": round(s.time / HOUR, 2), "openCourses": s.open, "waiting": s.waiting, "workers": s.running}
            for s in seen.samples
            if s.time % 600 == 0
        ],
        "tokens": round(seen.tokens),
    }


def _given(setting: Setting) -> Json:
    operators, cluster = setting.operators, setting.cluster
    return {
        "slotsOfEachOperator": dict(operators.capacity),
        "jobsOfEachOperator": operators.max_jobs,
        "coursesOfEachOperator": operators.max_courses,
        "ttlSeconds": operators.ttl_seconds,
        "apiCores": cluster.api_cores,
        "controllerRequestsASecond": round(cluster.controller_rate),
        "schedulerRequestsASecond": round(cluster.scheduler_rate),
        "accounts": cluster.accounts,
        "tokensAMinute": _or_none(cluster.tokens_a_minute * cluster.accounts),
        "requestsAMinute": _or_none(cluster.requests_a_minute * cluster.accounts),
    }


def _or_none(value: float) -> int | None:
    return None if value == float("inf") else round(value)


def _a_second(setting: Setting, seen: Seen) -> float:
    begin, end = setting.hours
    return seen.in_time / ((end - begin) * HOUR)


def text(told: Json) -> Iterator[str]:
    """Lay a day out for people."""
    courses, chapters, busiest = told["courses"], told["chapters"], told["busiestFiveMinutes"]
    begin, end = told["hours"]
    yield (
        f"{told['chaptersADay']:,} chapters a day, {_shards(told['shards'])}, "
        f"what comes from hour {begin:g} to {end:g}, seed {told['seed']}"
    )
    yield ""
    yield "given"
    yield from _of_given(told["given"])
    yield ""
    yield (
        f"{'courses':<28}{courses['came']:>12,}, {courses['succeeded']:,} succeeded, {courses['failed']:,} failed, "
        f"{courses['open']:,} not ended"
    )
    yield f"{'chapters':<28}{chapters['succeeded']:>12,}, {chapters['aSecond']} a second while work came"
    attempts = told["attempts"]
    yield (
        f"{'attempts':<28}{attempts['attempts']:>12,}, {attempts['failures']:,} failed, "
        f"{attempts['refunds']:,} retries given back"
    )
    yield f"{'the last ended at hour':<28}{told['lastEndHour']:>12}"
    if told["drainedSeconds"] is not None:
        yield f"{'after what went wrong':<28}{told['drainedSeconds']:>12,.0f} s until no more was open than without it"
    yield ""
    yield f"{'seconds: p50 / p95 / p99':<28}" + "".join(f"{kind:>20}" for kind in KINDS)
    for band, waits in told["waitSeconds"].items():
        yield f"{'  wait, ' + band:<28}" + _cells(waits)
    yield f"{'  course':<28}" + _cells(told["courseSeconds"])
    yield f"{'  slot to worker':<28}{_slash(told['slotToWorkerSeconds']):>20}"
    yield f"{'  Job ended to status':<28}{_slash(told['jobEndToStatusSeconds']):>20}"
    yield ""
    yield "share of the time in which work waited for it"
    for name, share in told["full"].items():
        yield f"  {name:<34}{share:>8.1%}"
    if not told["full"]:
        yield "  nothing"
    yield ""
    yield "in the busiest five minutes"
    for name, unit in _UNITS.items():
        yield f"  {unit:<34}{busiest[name]:>8,}"


def _of_given(given: Json) -> Iterator[str]:
    slots = ", ".join(f"{name} {number:,}" for name, number in given["slotsOfEachOperator"].items())
    ttl = given["ttlSeconds"]
    yield f"  each operator: {given['coursesOfEachOperator']:,} courses, {given['jobsOfEachOperator']:,} Jobs; {slots}"
    yield f"  what has ended stays {'for ever' if ttl is None else f'{ttl:,.0f} s'}"
    yield (
        f"  API server: {given['apiCores']:g} cores; requests a second: Job controller "
        f"{given['controllerRequestsASecond']:,}, scheduler {given['schedulerRequestsASecond']:,}"
    )
    tokens = "any number of" if given["tokensAMinute"] is None else f"{given['tokensAMinute']:,}"
    yield f"  model providers: {given['accounts']} accounts, {tokens} tokens a minute together"


_UNITS = {
    "operatorCores": "cores of the busiest operator",
    "apiCores": "cores of the API server",
    "tokensASecond": "tokens a second",
    "workers": "workers that ask a model",
    "waiting": "tasks and courses that wait",
    "keptObjects": "objects that have ended and stay",
    "etcdMiB": "MiB of them in etcd",
    "operatorMiB": "MiB of the largest operator",
}


def _shards(number: int) -> str:
    return "one operator" if number == 1 else f"{number} operators"


def _cells(by_kind: Mapping[str, Sequence[float]]) -> str:
    return "".join(f"{_slash(by_kind[kind]):>20}" for kind in KINDS)


def _slash(values: Sequence[float]) -> str:
    return " / ".join(f"{value:.0f}" for value in values)


HEAD = (
    f"{'chapters a day':>14}{'operators':>11}{'chapters/s':>12}{'course p50':>12}{'p95':>8}"
    f"{'operator':>10}{'MiB':>8}{'API':>6}  work waited for"
)


def row(told: Json) -> str:
    """Give a day as a line of a table."""
    busiest, lives = told["busiestFiveMinutes"], told["courseSeconds"][STEADY]
    full = ", ".join(f"{name} {share:.0%}" for name, share in list(told["full"].items())[:_NAMED] if share >= 0.01)
    return (
        f"{told['chaptersADay']:>14,}{told['shards']:>11}{told['chapters']['aSecond']:>12.1f}{lives[0]:>12.0f}"
        f"{lives[1]:>8.0f}{busiest['operatorCores']:>10.2f}{busiest['operatorMiB']:>8,}{busiest['apiCores']:>6.1f}"
        f"  {full or 'nothing'}"
    )


def given() -> Iterator[str]:
    """Lay out every figure that the simulation takes as given."""
    for name, value, unit, what, source in figures.rows():
        yield f"{name:<24}{value:>12,} {unit:<3} {what}  [{source}]"
