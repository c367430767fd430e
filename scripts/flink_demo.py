"""
Show incidents of a fleet on Apache Flink: a broker, a simulated fleet in its topic, and the job on a local Flink.
"""

import tempfile
import textwrap
import time
from pathlib import Path
from typing import Final

import orjson

from fleet.simulation import Scenario
from tests.flink.flink import job_arguments, run_here
from tests.flink.story import incidents_of_the_hub, story, write
from tests.kafka.broker import broker
from tests.kafka.reader import read

EVENTS: Final = 10_000
RUN_S: Final = 900.0
FLEET: Final = Scenario(seed=137, hosts=30, services=10, days=5.0, host_failures=7.0, storms=5.0, neighbours=5.0)


def main() -> None:
    """
    Run it once, and print what the job found.
    """
    events = story(FLEET, EVENTS)
    expected = incidents_of_the_hub(events)
    with tempfile.TemporaryDirectory() as folder, broker(Path(folder)) as bus:
        write(bus, "events", events)
        bus.create("incidents", **{"retention.ms": "-1"})
        say(f"{len(events)} events of {FLEET.hosts} hosts are in a topic. Flink starts.")
        began_s = time.monotonic()
        run_here(job_arguments(bus.address(), "events", "incidents", Path(folder) / "checkpoints"), RUN_S)
        took_s = time.monotonic() - began_s
        arrived = [orjson.loads(found.value) for found in read(bus.address(), "incidents", len(expected))]
    for incident in sorted(arrived, key=lambda incident: (incident["time"], incident["id"])):
        say(f"{incident['time'][:16]}  {incident['data']['message']}")
    agree = "the same" if {incident["id"]: incident for incident in arrived} == expected else "NOT the same"
    say(f"{len(arrived)} reports after {took_s:.0f} s with Flink's start; {agree} as those of the hub's code.")


def say(text: str) -> None:
    """
    Print a paragraph.
    """
    print(textwrap.fill(text, 110, subsequent_indent="    "), flush=True)  # noqa: T201 (a program)


if __name__ == "__main__":
    main()
