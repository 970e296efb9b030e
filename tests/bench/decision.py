"""`python -m tests.bench.decision`: what a decision costs with many waiting, and what they take of memory.

Pure: the book of the waiting and `admission.choose`, without a cluster. Each figure is of one call, after one slot has
become free, with everything else full: what the operator does each time a Job ends. Times are of the CPU.
"""

import argparse
import gc
import random
import resource
import statistics
import time
from collections.abc import Sequence

from coursegen_api.names import QUEUE_PRIORITIES
from coursegen_operator.plan.admission import choose, latest_start
from coursegen_operator.plan.book import WaitingBook
from coursegen_operator.plan.limits import Limits, Load, QueueLimits
from coursegen_operator.plan.world import Key, Want

_NOW = 1_800_000_000.0
_CAPACITY = 100


def fill(book: WaitingBook, waiting: int, namespaces: int, chance: random.Random) -> None:
    """Enter wishes of random ages and deadlines."""
    for n in range(waiting):
        queue, namespace = chance.choice(list(QUEUE_PRIORITIES)), f"n{n % namespaces}"
        since = _NOW - chance.uniform(0, 4000)
        deadline = _NOW + chance.uniform(0, 90_000) if n % 2 else None
        place = (latest_start(deadline, since, 60.0), since, since, float(n % 12))
        book.put(Key("ChapterGeneration", namespace, f"chapter-{n}"), Want(queue, "", since, place, f"{n:036d}"))


def full(namespaces: int) -> Load:
    """Give a load that uses every slot, evenly."""
    load = Load(0, _CAPACITY * len(QUEUE_PRIORITIES), dict.fromkeys(QUEUE_PRIORITIES, _CAPACITY))
    for queue in QUEUE_PRIORITIES:
        for n in range(_CAPACITY):
            tenant = (queue, f"n{n % namespaces}")
            load.by_tenant[tenant] = load.by_tenant.get(tenant, 0) + 1
    return load


def measure(waiting: int, namespaces: int, rounds: int) -> tuple[float, list[float], float]:
    """Give MiB that the waiting take, milliseconds of each decision, and microseconds to enter one wish."""
    chance, book = random.Random(1), WaitingBook()
    gc.collect()
    before = _resident()
    begun = time.thread_time()
    fill(book, waiting, namespaces, chance)
    entering = (time.thread_time() - begun) / waiting * 1e6
    taken = _resident() - before
    queues = {name: QueueLimits(priority, _CAPACITY) for name, priority in QUEUE_PRIORITIES.items()}
    limits, spent = Limits(0, _CAPACITY * len(queues), queues, {}), []
    for _ in range(rounds):
        load, queue = full(namespaces), chance.choice(list(queues))
        load.jobs -= 1
        load.by_queue[queue] -= 1
        load.by_tenant[queue, "n0"] -= 1
        begun = time.thread_time()
        granted = choose(book, load, limits, _NOW)
        spent.append((time.thread_time() - begun) * 1e3)
        if len(granted) != 1:
            raise RuntimeError(f"{len(granted)} grants for one slot")
    return taken, spent, entering


def _resident() -> float:
    with open("/proc/self/statm") as statm:  # noqa: PTH123
        return int(statm.read().split()[1]) * resource.getpagesize() / 2**20


def _row(waiting: int, namespaces: int, figures: tuple[float, Sequence[float], float]) -> str:
    taken, spent, entering = figures
    worst, median = max(spent), statistics.median(spent)
    each = taken / waiting * 1000 * 1024
    return f"{waiting:>9,}{namespaces:>12,}{median:>11.3f}{worst:>10.3f}{entering:>12.1f}{each:>18.0f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.decision", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    arguments = parser.parse_args()
    print(f"{'waiting':>9}{'namespaces':>12}{'median ms':>11}{'worst ms':>10}{'enter µs':>12}{'KiB a thousand':>18}")
    for waiting, namespaces in ((1_000, 10), (100_000, 1), (100_000, 10), (100_000, 200), (100_000, 1_000)):
        print(_row(waiting, namespaces, measure(waiting, namespaces, arguments.rounds)))


if __name__ == "__main__":
    main()
