"""
What a hub costs by the number of its hosts: the sizing table of docs/fleet/sizing.md.

    python bench/hub.py [HOSTS …]

For each number of hosts a simulated fleet sends a status a minute and its deaths, for an hour, or for 20,000 events
where that is shorter. They go through arrival, store and detector, as the inputs of the hub hand them over, each turn
with what two seconds bring, and then once more in full transactions. CPU time is that of the process, less what the
simulation takes. Each number runs in a process of its own.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import groupby, islice
from pathlib import Path
from typing import Final

# Not the folder of this program: it has the name of a package.
sys.path[0] = str(Path(__file__).parents[1])

import orjson  # noqa: E402 (found by the line before)

from collector.store import Store  # noqa: E402 (the same)
from fleet.arrival import arrivals  # noqa: E402 (the same)
from fleet.incidents.detector import Detector  # noqa: E402 (the same)
from fleet.intake import FleetIntake  # noqa: E402 (the same)
from fleet.simulation import Scenario, simulate  # noqa: E402 (the same)

_HOSTS: Final = (3, 30, 300, 1000, 5000)
_MOST_EVENTS: Final = 20_000
_FEWEST_SERVICES: Final = 5
_MOST_SERVICES: Final = 60
_HOURS: Final = 1.0
_STATUS_S: Final = 60.0
_TURN_NS: Final = 2_000_000_000
_NS_PER_S: Final = 1_000_000_000
_MIB: Final = 1_048_576
_FULL: Final = 512
_ONE: Final = "--one"

Turn = tuple[int, list[bytes]]


def turns_of(hosts: int) -> list[Turn]:
    """
    Return the events of a fleet, by the turns of the hub in which they arrive.
    """
    services = max(_FEWEST_SERVICES, min(_MOST_SERVICES, hosts))
    scenario = Scenario(seed=137, hosts=hosts, services=services, days=_HOURS / 24, status_interval_s=_STATUS_S)
    story = list(islice(simulate(scenario)[0], _MOST_EVENTS))
    # What is late comes after the hour.
    end_ns = story[0].at_ns + round(_HOURS * 3600 * _NS_PER_S)
    return [
        ((turn + 1) * _TURN_NS, [orjson.dumps(item.event) for item in items])
        for turn, items in groupby(story, key=lambda item: item.at_ns // _TURN_NS)
        if turn * _TURN_NS < end_ns
    ]


def full(turns: Sequence[Turn]) -> list[Turn]:
    """
    Return the same events in turns that fill a transaction.
    """
    timed = [(at_ns, body) for at_ns, bodies in turns for body in bodies]
    parts = [timed[start : start + _FULL] for start in range(0, len(timed), _FULL)]
    return [(part[-1][0], [body for _, body in part]) for part in parts]


async def take(turns: Sequence[Turn], folder: Path) -> tuple[float, int]:
    """
    Have a hub take the events; return the CPU seconds, and the size of the detector's state.
    """
    now_ns = turns[0][0]
    store, detector = await Store.open(folder / "hub.db", max_bytes=2**40), Detector()
    intake = FleetIntake(store, detector, [], wall_ns=lambda: now_ns)
    began_s = time.process_time()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(intake.run(), name="intake")
        for at_ns, bodies in turns:
            now_ns = at_ns
            await intake.offer([event for body in bodies for event in arrivals(body)])
        running.cancel()
    spent_s = time.process_time() - began_s
    await store.aclose()
    return spent_s, len(detector.save())


def measure(hosts: int) -> None:
    """
    Print the line of one number of hosts.
    """
    turns = turns_of(hosts)
    events = sum(len(bodies) for _, bodies in turns)
    body_bytes = sum(len(body) for _, bodies in turns for body in bodies)
    lasted_s = (turns[-1][0] - turns[0][0]) / _NS_PER_S
    with tempfile.TemporaryDirectory() as folder:
        spent_s, state_bytes = asyncio.run(take(turns, Path(folder)))
        stored_bytes = sum(path.stat().st_size for path in Path(folder).iterdir())
    with tempfile.TemporaryDirectory() as folder:
        full_s, _ = asyncio.run(take(full(turns), Path(folder)))
    print(
        f"{hosts:5} hosts: {events / lasted_s:6.2f} events/s of {body_bytes / events:,.0f} bytes arrive and take "
        f"{spent_s / lasted_s:7.2%} of a core ({events / spent_s:,.0f} per CPU second, "
        f"{events / full_s:,.0f} in full transactions); {state_bytes / _MIB:.1f} MiB of state, "
        f"{stored_bytes / events:,.0f} bytes of store per event",
        flush=True,
    )


def main() -> None:
    """
    Measure each number of hosts.
    """
    if sys.argv[1:2] == [_ONE]:
        measure(int(sys.argv[2]))
        return
    for hosts in sys.argv[1:] or map(str, _HOSTS):
        subprocess.run([sys.executable, __file__, _ONE, hosts], check=True)


if __name__ == "__main__":
    main()
