"""
`exit137 hub --demo`: fills a hub with a simulated fleet, so that one command shows it.

The store is a temporary one. The detector takes the story in the story's own time, moved so that it ends now. Nothing
is sent anywhere.
"""

import tempfile
import time
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import msgspec

from collector.config.hub import HubStoreConfig
from collector.config.sections import Config, StoreConfig
from collector.runtime.sd_notify import SdNotifier
from fleet.arrival import arrival
from fleet.hub import serve
from fleet.intake import FleetIntake
from fleet.simulation import Arrival, Scenario, simulate
from sinks.event import rfc3339
from sinks.event.reader import time_ns

# Chosen so that the story has incidents of all kinds, and ends in a regression.
_SCENARIO: Final = Scenario(
    seed=134,
    hosts=30,
    services=10,
    days=3.0,
    deploys=3.0,
    regressions=0.4,
    rarest_death_s=1e6,
    commonest_death_s=1e5,
    host_failures=7.0,
    storms=5.0,
    neighbours=3.0,
)
_NS_PER_S: Final = 1_000_000_000
_NS_PER_DAY: Final = 86_400 * _NS_PER_S
# So much of the story is stored in one transaction.
_STEP_NS: Final = 300 * _NS_PER_S


class DemoClock:
    """
    A clock that follows the story, and the wall clock after its end.
    """

    def __init__(self) -> None:
        self.at_ns: int | None = None

    def __call__(self) -> int:
        """
        Return the time, nanoseconds since 1970.
        """
        return self.at_ns if self.at_ns is not None else time.time_ns()


async def serve_demo(config: Config, notifier: SdNotifier) -> None:
    """
    Run a hub of a simulated fleet until SIGTERM or SIGINT.

    Raises:
        ConfigurationError: the address of the pages is not available.
    """
    clock = DemoClock()

    async def fill(intake: FleetIntake) -> None:
        await play(intake, clock, _SCENARIO, time.time_ns())

    with tempfile.TemporaryDirectory(prefix="exit137-demo-") as folder:
        hub = msgspec.structs.replace(config.hub, store=HubStoreConfig(), webhook=None, kafka=None)
        store = StoreConfig(path=str(Path(folder) / "hub.db"))
        shown = msgspec.structs.replace(config, hub=hub, store=store, sinks=())
        await serve(shown, notifier, fill=fill, wall_ns=clock)


async def play(intake: FleetIntake, clock: DemoClock, scenario: Scenario, end_ns: int) -> None:
    """
    Store the story of a fleet.

    Args:
        intake: takes the events; it runs.
        clock: its clock.
        scenario: the fleet.
        end_ns: when the story ends, nanoseconds since 1970.
    """
    story, _ = simulate(scenario)
    for at_ns, events in _steps(story, round(scenario.days * _NS_PER_DAY), end_ns):
        clock.at_ns = at_ns
        await intake.offer([arrival(event) for event in events])
    clock.at_ns = None


def _steps(story: Iterable[Arrival], length_ns: int, end_ns: int) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """
    Yield the events of each step with its end, moved in time so that the story ends when it should.
    """
    shift_ns: int | None = None
    for step, arrivals in groupby(story, key=lambda each: each.at_ns // _STEP_NS):
        shift_ns = end_ns - length_ns - step * _STEP_NS if shift_ns is None else shift_ns
        yield (step + 1) * _STEP_NS + shift_ns, [_moved(each.event, shift_ns) for each in arrivals]


def _moved(event: dict[str, Any], shift_ns: int) -> dict[str, Any]:
    stamp = rfc3339((time_ns(event["time"]) or 0) + shift_ns)
    return {**event, "time": stamp, "data": {**event["data"], "@timestamp": stamp}}
