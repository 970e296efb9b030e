"""`python -m tests.sim.day`: a day of a cluster, its operators and their tenants, by simulation; no cluster needed.

Who is next, fair shares, retries, circuits and the moving of namespaces are the planner's own code. How long things
take and what they cost are figures (`--figures`), most of them measured. API server, Job controller, scheduler and
model providers are queues that serve so much a second: how else they behave when they are full, it cannot say.

A million chapters take some minutes of CPU; `--hours 10-11` is the busy hour alone, which begins with nothing there.
"""

import argparse
import gc
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

from coursegen_api.circuit import CircuitBreaker

from . import report
from .run import Day
from .setting import HOUR, Cluster, Operators, Setting, Trouble, needed

LOADS = (10_000, 30_000, 100_000, 300_000, 1_000_000, 2_000_000)
SHARDS = (1, 2, 4, 8)

_AS = {
    "needed": "what the load needs by arithmetic, and a quarter more",
    "shipped": "operator, queues and Kubernetes as delivered",
}


def main(argv: list[str] | None = None) -> None:
    """Simulate what is asked for, and print it."""
    asked = _asked(argv)
    gc.disable()  # nothing goes in circles here
    if asked.figures:
        print("\n".join(report.given()))
        return
    days: list[report.Json] = []
    for setting in settings(asked):
        if asked.table and asked.output == "text" and not days:
            print(report.HEAD)
        shows = asked.output == "text" and sys.stderr.isatty()
        told = _told(setting, _teller(setting, shows))
        days.append(told)
        if shows:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
        if asked.output == "text":
            print(report.row(told) if asked.table else "\n".join(report.text(told)), flush=True)
    if asked.output == "json":
        print(json.dumps(days if asked.table else days[0], indent=2))


def settings(asked: argparse.Namespace) -> Iterator[Setting]:
    """Give the days that are asked for."""
    loads = asked.chapters or (LOADS if asked.table else [1_000_000])
    for chapters in loads:
        for shards in asked.shards or (SHARDS if asked.table else [4]):
            yield setting_of(asked, chapters, shards)


def setting_of(asked: argparse.Namespace, chapters: int, shards: int) -> Setting:
    """Give one day."""
    trouble = Trouble(failing=asked.failing)
    if asked.outage is not None:
        trouble = replace(trouble, outage_from=asked.outage * HOUR, outage_seconds=HOUR)
    if asked.lose is not None:
        trouble = replace(trouble, lost_from=asked.lose * HOUR, lost_seconds=600.0, moved_after=asked.moved_after)
    if asked.sized == "shipped":
        operators, cluster = Operators(), Cluster()
    else:
        operators, cluster = needed(asked.sized_for or chapters, shards)
    if asked.breaker:
        attempts, seconds = asked.breaker
        cluster = replace(cluster, breaker=CircuitBreaker(minimum_attempts=attempts, window_seconds=seconds))
    return Setting(
        chapters,
        shards,
        seed=asked.seed,
        hours=asked.hours,
        patience=asked.patience * HOUR,
        operators=operators,
        cluster=cluster,
        trouble=trouble,
    )


def _told(setting: Setting, tell: Callable[[float], None]) -> report.Json:
    """Run a day, and where something goes wrong at a time the same day without."""
    usual = None
    if setting.trouble.over:
        usual = Day(replace(setting, trouble=Trouble(failing=setting.trouble.failing)), tell=tell).run()
    return report.of_day(setting, Day(setting, tell=tell).run(), usual)


def _teller(setting: Setting, shows: bool) -> Callable[[float], None]:
    """Give what says how far a run is, where somebody looks on."""

    def tell(hour: float) -> None:
        if shows:
            name = f"{setting.chapters:,} chapters a day, {setting.shards} operators"
            print(f"\r{name}: hour {hour:.0f}\033[K", end="\r", file=sys.stderr, flush=True)

    return tell


def _asked(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.sim.day", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--chapters", type=_number, nargs="*", help="a day; default 1000000, of a table several")
    parser.add_argument("--shards", type=_number, nargs="*", help="operators; default 4, of a table 1, 2, 4 and 8")
    parser.add_argument("--table", action="store_true", help="a line for each load and number of operators")
    parser.add_argument(
        "--sized", choices=tuple(_AS), default="needed", help="; ".join(f"{k}: {v}" for k, v in _AS.items())
    )
    parser.add_argument("--sized-for", type=int, metavar="CHAPTERS", help="needed: what another load needs")
    parser.add_argument("--hours", type=_hours, default=(0.0, 24.0), metavar="FROM-TO", help="what comes then alone")
    parser.add_argument("--patience", type=float, default=24.0, metavar="HOURS", help="how long it runs on after that")
    parser.add_argument("--failing", type=float, default=0.02, help="share of attempts that fail (0.02)")
    parser.add_argument(
        "--outage", type=float, metavar="HOUR", help="half of the provider accounts are down for an hour"
    )
    parser.add_argument("--lose", type=float, metavar="HOUR", help="the first operator is gone for ten minutes")
    parser.add_argument("--moved-after", type=float, metavar="SECONDS", help="its namespaces are given to others then")
    parser.add_argument(
        "--breaker", type=int, nargs=2, metavar=("ATTEMPTS", "SECONDS"), help="of every ModelProvider; default 3 300"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--figures", action="store_true", help="print what is taken as given, and from where")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="json: nothing but JSON")
    asked = parser.parse_args(argv)
    if asked.moved_after is not None and (asked.lose is None or asked.shards == [1]):
        parser.error("--moved-after takes --lose HOUR, and more than one operator")
    return asked


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no whole number from 1 on")
    return int(text)


def _hours(text: str) -> tuple[float, float]:
    parts = [float(part) if part.replace(".", "", 1).isdecimal() else -1.0 for part in text.split("-")]
    if len(parts) != 2 or not 0 <= parts[0] < parts[1] <= 24:
        raise argparse.ArgumentTypeError(f"{text} is no part of a day, as 10-11.5 is")
    return parts[0], parts[1]


if __name__ == "__main__":
    main()
