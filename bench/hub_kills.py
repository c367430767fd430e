"""
How long a kill takes to the pages of a hub, with three agents on one engine (needs root and a Docker Engine).

    python bench/hub_kills.py [KILLS]

Each of the agents has a host id and a store of its own, and reports every kill. The parts of the way: from the kernel's
time stamp to the transaction of the agent, from there to that of the hub, and from there to the page of the host, which
this program asks for all the time. The goal is 1 s for the last of the three hosts, 99 % of the kills.
"""

import os
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path
from signal import SIGTERM
from typing import Final

# Not the folder of this program: it has names of packages.
sys.path[0] = str(Path(__file__).parents[1])

from tests.lab.engine import find_engine  # noqa: E402 (found by the line before)
from tests.lab.fleet import Way, agent_of, ways_of_kill  # noqa: E402 (the same)
from tests.lab.image import build_image  # noqa: E402 (the same)
from tests.lab.lab import Lab  # noqa: E402 (the same)
from tests.lab.waiting import wait_until  # noqa: E402 (the same)
from tests.shared.hub_process import HubProcess  # noqa: E402 (the same)

_KILLS: Final = 50
_HOSTS: Final = (1, 2, 3)
_GOAL_S: Final = 1.0
_TIMEOUT_S: Final = 60.0
_PAUSE_S: Final = 1.0
_PARTS: Final = ("kill to agent", "agent to hub", "hub to page")


def measured(kills: int, folder: Path) -> list[list[Way]]:
    """
    Return the ways of each kill, one for each host.
    """
    with ExitStack() as stack:
        engine = stack.enter_context(closing(find_engine()))
        build_image(engine.client)
        lab = stack.enter_context(closing(Lab(engine.client)))
        (folder / "hub").mkdir()
        hub = HubProcess(folder / "hub")
        hub.start()
        stack.callback(hub.end, SIGTERM)
        homes = [folder / f"agent-{host}" for host in _HOSTS]
        for host, home in zip(_HOSTS, homes, strict=True):
            home.mkdir()
            agent = agent_of(home, engine.url, hub, host, status_s=60)
            agent.start()
            stack.callback(agent.stop)
        wait_until(lambda: len(hub.ask("v1/hosts")["hosts"]) == len(_HOSTS), _TIMEOUT_S, "every host has reported")
        found = []
        for _ in range(kills):
            time.sleep(_PAUSE_S)
            box = lab.run("/bin/hog", "sleep:500", "eat:64", limit_mib=12)
            found.append(ways_of_kill(hub, homes, box.id, _TIMEOUT_S))
        return found


def main() -> None:
    """
    Print the parts and the whole.
    """
    if os.geteuid() != 0:
        sys.exit("bench/hub_kills.py: needs root")
    kills = int(sys.argv[1]) if sys.argv[1:] else _KILLS
    with tempfile.TemporaryDirectory() as folder:
        found = measured(kills, Path(folder))
    parts = zip(*(way.parts_s for ways in found for way in ways), strict=True)
    for name, values in zip(_PARTS, parts, strict=True):
        _print(name, values)
    last = [max(way.whole_s for way in ways) for ways in found]
    _print("the last of the hosts", last)
    reached = sum(one < _GOAL_S for one in last)
    print(f"{reached} of {kills} kills were on all pages within {_GOAL_S:g} s (load {os.getloadavg()[0]:.0f})")


def _print(name: str, values: "tuple[float, ...] | list[float]") -> None:
    ordered = sorted(values)
    p99 = ordered[min(len(ordered) - 1, round(0.99 * len(ordered)))]
    print(f"{name:22} median {1000 * statistics.median(ordered):6.0f} ms  99 % {1000 * p99:6.0f} ms")


if __name__ == "__main__":
    main()
