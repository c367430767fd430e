"""
How many events per second the job of a fleet takes on a local Flink, on all cores of this machine.

    python bench/flink.py [EVENTS]

Kafka, Flink and its Python workers share the cores. The job reads a topic of few events and one of EVENTS (60,000) to
its end; the difference of the times leaves out the start. The CPU time is that of Flink and of its Python workers, so
that other work on the machine matters less.
"""

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

# Not the folder of this program: it has names of packages.
sys.path[0] = str(Path(__file__).parents[1])

from bench.shared.tree import TreeCpu  # noqa: E402 (the same)
from fleet.simulation import Scenario  # noqa: E402 (found by the line before)
from tests.flink.flink import job_arguments, problem, run_here  # noqa: E402 (the same)
from tests.flink.story import Sent, story, write  # noqa: E402 (the same)
from tests.kafka.broker import Broker, broker  # noqa: E402 (the same)

_EVENTS: Final = 60_000
_FEW: Final = 500
_RUN_S: Final = 1800.0
_FLEET: Final = Scenario(seed=137, hosts=100, services=30, days=14.0, status_interval_s=300.0)


def run(bus: Broker, folder: Path, events: list[Sent]) -> tuple[float, dict[str, float]]:
    """
    Return how long the job takes for events, with its start, and the CPU seconds of its programs.
    """
    topic = f"events-{len(events)}"
    write(bus, topic, events)
    bus.create(f"incidents-{len(events)}")
    arguments = job_arguments(bus.address(), topic, f"incidents-{len(events)}", folder / topic)
    began_s = time.monotonic()
    with TreeCpu() as cpu:
        run_here([*arguments, f"--group={topic}"], _RUN_S)
    return time.monotonic() - began_s, cpu.by_program


def main() -> None:
    """
    Measure once.
    """
    if (reason := problem()) is not None:
        sys.exit(reason)
    count = int(sys.argv[1]) if sys.argv[1:] else _EVENTS
    events = story(_FLEET, count)
    with tempfile.TemporaryDirectory() as folder, broker(Path(folder)) as bus:
        start_s, start_cpu = run(bus, Path(folder), events[:_FEW])
        whole_s, whole_cpu = run(bus, Path(folder), events)
    more = len(events) - _FEW
    spent_s = {name: whole_cpu[name] - start_cpu.get(name, 0.0) for name in whole_cpu}
    programs = ", ".join(f"{name} {1000 * one_s / more:.2f}" for name, one_s in spent_s.items() if one_s > 1)
    load = os.getloadavg()[0]
    print(
        f"{len(events):,} events in {whole_s:.0f} s, {_FEW} in {start_s:.0f} s: "
        f"{more / (whole_s - start_s):,.0f} events/s, "
        f"{1000 * sum(spent_s.values()) / more:.2f} ms of CPU for each ({programs}) "
        f"({os.cpu_count()} cores, load {load:.0f})"
    )


if __name__ == "__main__":
    main()
