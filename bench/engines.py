"""
Measures what the source `podman` costs the deaths of Docker's containers, with stand-ins for both engines.

    python bench/engines.py [ROUNDS [DEATHS_PER_S [SECONDS]]]

Rounds with and without the source take turns, so that other work on the machine slows both. With it, a second engine is
followed at which nothing happens, and sockets of users are looked for. CPU time, user and system, is counted: the time
on the clock says little on a shared machine.
"""

import multiprocessing
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from bench.deaths import CONFIG, QUIET_S, Arrivals, cpu_s
from bench.shared.agent import agent
from bench.shared.engine import engine
from tests.shared.settings import switched_off_but

# `start` and `die` of each container.
EVENTS_OF_A_DEATH: Final = 2
WITH_PODMAN: Final = '[sources.podman]\nenabled = true\nurls = ["unix://{home}/podman.sock"]\n'


def main(rounds: int = 5, deaths_per_s: int = 200, seconds: int = 20) -> None:
    """
    Measure all rounds, and print the CPU time of an event in each, and the medians.
    """
    found: dict[bool, list[float]] = {False: [], True: []}
    for number in range(rounds):
        for with_podman in (False, True) if number % 2 == 0 else (True, False):
            found[with_podman].append(us_per_event(deaths_per_s, seconds, with_podman=with_podman))
    for with_podman, figures in found.items():
        each = " ".join(f"{figure:.0f}" for figure in figures)
        print(f"{'with' if with_podman else 'without'} podman: {statistics.median(figures):.0f} us an event ({each})")


def us_per_event(deaths_per_s: int, seconds: int, *, with_podman: bool) -> float:
    """
    Return the agent's CPU time per event of Docker in one run, in microseconds, without its start.
    """
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="exit137-bench-")))
        _engine(stack, home, "docker", deaths_per_s, seconds)
        if with_podman:
            _engine(stack, home, "podman", 0, 0)
        kept = ("docker", "podman") if with_podman else ("docker",)
        settings = switched_off_but(*kept) + (WITH_PODMAN.format(home=home) if with_podman else "")
        arrivals, total = Arrivals(home / "events.jsonl"), deaths_per_s * seconds
        with agent(home, CONFIG + settings) as process:
            while not arrivals.seen:
                time.sleep(0.2)
                arrivals.read()
            first, began_s = len(arrivals.seen), cpu_s(process.pid)
            while len(arrivals.seen) < total and time.monotonic() - arrivals.last_s < QUIET_S:
                time.sleep(0.2)
                arrivals.read()
            used_s = cpu_s(process.pid) - began_s
    if len(arrivals.seen) < total:
        sys.exit(f"bench: {len(arrivals.seen)} of {total} deaths were published")
    return used_s * 1e6 / ((total - first) * EVENTS_OF_A_DEATH)


def _engine(stack: ExitStack, home: Path, name: str, deaths_per_s: int, seconds: int) -> None:
    arguments = (deaths_per_s, seconds, f"{home}/{name}.sock", f"{home}/{name}-counts")
    stand_in = multiprocessing.Process(target=engine, args=arguments)
    stand_in.start()
    stack.callback(stand_in.join)
    stack.callback(stand_in.terminate)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
