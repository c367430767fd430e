"""
How fast stored events are found, and what finding them costs a commit.

    python bench/history.py [EVENTS]

Fills a store with events of 3 kB (100,000 unless EVENTS says otherwise), then reads it as other processes do: each
query opens the store, reads and closes it. Queries are measured by the CPU that they take: they wait for nothing else.
"""

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from collector.store import History, Store, StoredEvent

COUNT: Final = 100_000
AT_ONCE: Final = 400
ALONE: Final = 500
ROUNDS: Final = 200
NAMES: Final = 500
TYPES: Final = ("exit137.oom_kill", "exit137.container_death", "exit137.memory_pressure")
CAUSES: Final = ("exit", "app_error", "oom_kill")
PADDING: Final = "x" * 2500
MINUTE_NS: Final = 60_000_000_000


async def fill(path: Path, count: int) -> None:
    """
    Store the events, first many at once, then one by one.
    """
    store = await Store.open(path, max_bytes=2**40)
    chosen = random.Random(1)  # noqa: S311 (no secret)
    events = [event(number, chosen) for number in range(count + ALONE)]
    began = time.perf_counter()
    for start in range(0, count, AT_ONCE):
        await store.commit(events[start : min(start + AT_ONCE, count)], {})
    print(f"commits of {AT_ONCE}: {count / (time.perf_counter() - began):,.0f} events/s")
    spent: list[float] = []
    for one in events[count:]:
        began = time.perf_counter()
        await store.commit([one], {})
        spent.append(time.perf_counter() - began)
    report("a commit of one event", spent)
    await store.aclose()


def event(number: int, chosen: random.Random) -> StoredEvent:
    """
    Return an event of one of the containers.
    """
    owner, type_ = chosen.randrange(NAMES), chosen.choice(TYPES)
    cause = {"cause": chosen.choice(CAUSES)} if type_ == TYPES[1] else {}
    data = {
        "message": f'The kernel\'s OOM killer killed the main process "java" (pid {number}) of "shop-{owner}".',
        "container": {"id": f"{owner:064x}", "name": f"shop-{owner}", "image": {"name": f"shop/{owner % 40}"}},
        "service": {"name": f"service-{owner % 40}"},
        "exit137": {**cause, "logs": [PADDING]},
    }
    return StoredEvent(
        id=f"00000000-0000-5000-8000-{number:012}",
        type=type_,
        subject=f"container/{owner:064x}",
        key=f"{owner:064x}",
        time_ns=time.time_ns() - (COUNT - number) * MINUTE_NS,
        container_id=f"{owner:064x}",
        body=orjson.dumps({"type": type_, "data": data}),
        sinks=("audit",),
    )


def report(what: str, spent: Sequence[float]) -> None:
    """
    Print the median and the 99th percentile of some durations.
    """
    ordered = sorted(spent)
    print(
        f"{what}: p50 {ordered[len(ordered) // 2] * 1e3:.1f} ms, p99 {ordered[len(ordered) * 99 // 100] * 1e3:.1f} ms"
    )


def measure(path: Path) -> None:
    """
    Ask each kind of question many times.
    """
    middle = COUNT // 2
    asked: dict[str, Callable[[History], Any]] = {
        "the newest 50": lambda past: past.page(),
        "50 from the middle": lambda past: past.page(before_seq=middle),
        "of a container, by name": lambda past: past.page(container="shop-77"),
        "of a container, by id": lambda past: past.page(container=f"{77:064x}"),
        "deaths of a service and a cause": lambda past: past.page(
            types=TYPES[1:2], service="service-7", causes=["app_error"]
        ),
        "of a cause that is unknown": lambda past: past.page(causes=["crash"]),
        "a text that is nowhere": lambda past: past.page(text="nowhere"),
        "the last day, a text that is nowhere": lambda past: past.page(
            text="nowhere", since_ns=time.time_ns() - 1440 * MINUTE_NS
        ),
        "one event by its id": lambda past: past.event(f"00000000-0000-5000-8000-{middle:012}"),
        "counts by day and cause": lambda past: past.count_by("day", "cause"),
        "counts by service": lambda past: past.count_by("service"),
    }
    for what, ask in asked.items():
        spent = []
        for _ in range(ROUNDS):
            began = time.thread_time()
            with History(path) as past:
                ask(past)
            spent.append(time.thread_time() - began)
        report(f"{what}, CPU", spent)


def main() -> None:
    """
    Fill a store, and measure.
    """
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "exit137.db"
        asyncio.run(fill(path, count))
        print(f"{path.stat().st_size / count:,.0f} bytes per event")
        measure(path)


if __name__ == "__main__":
    main()
