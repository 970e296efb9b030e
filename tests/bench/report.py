"""The figures as a table for people."""

import statistics
from collections.abc import Iterator, Sequence
from typing import Any

from . import worker_start

Json = dict[str, Any]

AIMS = {"20/30": ("raw", 1.15), "100/200": ("raw", 1.15), "200/400": ("raw", 1.15), "2000/4000": ("path", 1.2)}
"""By limits: which ceiling the operator is held against, and how many times that it may take."""

MAX_REQUESTS = 6
MAX_MEGABYTES = 130
MAX_CPU_SECONDS = 8
"""Of the operator, for 1,000 tasks."""
MAX_STEP_SECONDS = 1.0
"""From apply to the first Job, and from a Job's end to its status, of 99 in 100, where courses come steadily."""


STEPS = {"apply → first Job": "applied_to_first_job", "Job ended → status": "ended_to_status"}


def text(found: Json) -> str:
    """Lay the figures out."""
    parts = [f"{found['machine']} · {found['commit']} · load {found['load_before'][0]:.1f} before"]
    if "python" in found:
        parts += [f"the operator on {found['python']}"]
    if "worker_start" in found:
        parts += ["", worker_start.text(found["worker_start"])]
    for session in found.get("sessions", ()):
        parts += ["", *_session(session, found["size"])]
    return "\n".join(parts)


def _session(session: Json, size: Json) -> Iterator[str]:
    raw, path, operator = session["raw"], session["path"], session["operator"]
    shape = ", outline, validation and exports" if size["whole"] else ""
    yield f"{size['courses']} courses × {size['chapters']} chapters{shape}, controller manager at {session['limits']}"
    for name, seconds in (("raw", raw), ("path", path), ("operator", [f["makespan"] for f in operator])):
        yield _row(f"makespan {name}, s", ", ".join(f"{s:.1f}" for s in seconds) or "-")
    for name, seconds in (("raw", raw), ("path", path)):
        if not (seconds and operator):
            continue
        ratio = _mean([f["makespan"] for f in operator]) / _mean(seconds)
        ceiling, most = AIMS[session["limits"]]
        yield _row(f"operator × {name}", _aim(ratio, most) if name == ceiling else f"{ratio:.2f}")
    if operator:
        yield from _operator(operator)
    for steady in session["steady"]:
        yield from _steady(steady)
    for again in session["restart"]:
        load = again["load"]
        yield _row("makespan operator before a restart, s", f"{load['makespan']:.1f}")
        yield _row("CPU seconds / 1,000 tasks, Jobs not removed", f"{load['cpu_seconds']:.1f}")
        yield _row("peak memory, MB", f"{load['peak_megabytes']:.0f}")
        yield _row(f"restart over {again['objects']} objects and {again['jobs']} Jobs, s", f"{again['seconds']:.1f}")
        needless = ", ".join(f"{what} {number}" for what, number in again["writes"].items())
        yield _row("  needless writes", needless or "none")
    for name, uses in session["cpu"].items():
        said = (f"{u['ours']:.0f} (others had {u['others']:.0%} of the machine)" for u in uses)
        yield _row(f"CPU seconds of all, {name}", ", ".join(said))


def _operator(figures: Sequence[Json]) -> Iterator[str]:
    requests: dict[str, list[float]] = {}
    for one in figures:
        for what, number in one["requests"].items():
            requests.setdefault(what, []).append(number)
    totals = [sum(f["requests"].values()) for f in figures]
    yield _row("requests a task", _aim(_mean(totals), MAX_REQUESTS))
    for what, numbers in sorted(requests.items(), key=lambda r: -sum(r[1])):
        yield _row(f"  {what}", f"{sum(numbers) / len(figures):.2f}")
    yield _row("  (kopf's own, in all)", ", ".join(str(f["kopf_requests"]) for f in figures))
    refused = [f"{code}: {number}" for f in figures for code, number in f["refused"].items()]
    yield _row("  (answered by an error)", ", ".join(refused) or "none")
    for kind in figures[0]["visits"]:
        yield _row(f"visits of a {kind}, a task", ", ".join(f"{f['visits'].get(kind, 0):.1f}" for f in figures))
    for name, of in STEPS.items():
        said = (_spread(f["latencies"][of]) for f in figures)
        yield _row(f"{name}, s, median / p99 / worst", ", ".join(said))
    yield _row("CPU seconds / 1,000 tasks", _aim(_mean([f["cpu_seconds"] for f in figures]), MAX_CPU_SECONDS))
    yield _row("peak memory, MB", _aim(max(f["peak_megabytes"] for f in figures), MAX_MEGABYTES))


def _steady(steady: Json) -> Iterator[str]:
    yield f"  Steadily, a course every {steady['every']:.2f} s"
    for name, of in STEPS.items():
        spread = steady["latencies"][of]
        yield _row(f"{name}, s, median / p99 / worst", _spread(spread))
        yield _row("  p99", _aim(spread["p99"], MAX_STEP_SECONDS))
    yield _row("CPU seconds / 1,000 tasks", f"{steady['cpu_seconds']:.1f}")


def _spread(spread: Json) -> str:
    return f"{spread['median']:.2f} / {spread['p99']:.2f} / {spread['worst']:.2f}"


def _row(name: str, value: str) -> str:
    return f"  {name:<44}{value}"


def _aim(value: float, most: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") + f"   (aim: at most {most:g}{'' if value <= most else ', missed'})"


def _mean(values: Sequence[float]) -> float:
    return statistics.fmean(values)
