"""
Agents with host ids and stores of their own on one engine, which send to one hub; and when a kill was where.
"""

import itertools
import urllib.request
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import connect
from time import time_ns
from typing import Final

from sinks.event.reader import read_event
from sinks.event.reader import time_ns as event_ns
from tests.lab.agent import Agent
from tests.lab.waiting import wait_until
from tests.shared.hub_events import host_id, secret_file
from tests.shared.hub_process import HubProcess

_CONFIGURATION: Final = """
[host]
id = "{id}"
hostname = "node-{host}"
[status]
interval_s = {status_s}
[[sinks]]
name = "hub"
type = "webhook"
url = "http://127.0.0.1:{port}/v1/events"
signing_secrets_files = ["{secret}"]
events = ["exit137.host_status", "exit137.container_death", "exit137.oom_kill"]
"""
_KILL: Final = "exit137.oom_kill"
_NS_PER_S: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """
    When a kill of one host was where, nanoseconds since 1970.

    Attributes:
        killed_ns: the kernel killed.
        agent_ns: the agent's transaction had it.
        hub_ns: the hub's transaction had it.
        page_ns: it was on the hub's page of the host.
    """

    killed_ns: int
    agent_ns: int
    hub_ns: int
    page_ns: int

    @property
    def parts_s(self) -> tuple[float, float, float]:
        """
        How long each part took: up to the agent's store, from there to the hub's, and from there to the page.
        """
        times = (self.killed_ns, self.agent_ns, self.hub_ns, self.page_ns)
        first, second, third = ((after - before) / _NS_PER_S for before, after in itertools.pairwise(times))
        return first, second, third

    @property
    def whole_s(self) -> float:
        """
        How long all of it took.
        """
        return sum(self.parts_s)


def agent_of(home: Path, engine_url: str, hub: HubProcess, host: int, status_s: int = 2) -> Agent:
    """
    An agent that is not started, with the id of a host.
    """
    secret = secret_file(hub.folder, host)
    more = _CONFIGURATION.format(id=host_id(host), host=host, port=hub.webhook, secret=secret, status_s=status_s)
    return Agent(home, engine_url, without=["trace"], more=more)


def ways_of_kill(hub: HubProcess, homes: Sequence[Path], container: str, timeout_s: float) -> list[Way]:
    """
    Wait until a kill that happens now is on the pages of all hosts.

    Args:
        hub: the hub.
        homes: of the agents, from host 1.
        container: the id of the container that is killed.
        timeout_s: for all of them together.

    Raises:
        TimeoutError: a host does not show it in time.
    """
    shown_ns: dict[int, int] = {}

    def is_everywhere() -> bool:
        for host in set(range(1, len(homes) + 1)) - shown_ns.keys():
            found = _kill_in(hub.folder / "hub.db", container, host_id(host))
            if found is not None and f"/incident/{found[0]}" in _page(hub, host):
                shown_ns[host] = time_ns()
        return len(shown_ns) == len(homes)

    wait_until(is_everywhere, timeout_s, "every host shows the kill")
    # An event is sent while its agent stores it.
    kept = [(home / "exit137.db", host_id(host)) for host, home in enumerate(homes, 1)]
    wait_until(lambda: all(_kill_in(path, container, host) for path, host in kept), timeout_s, "every agent kept it")
    return [_way(hub, home, container, (host, shown_ns[host])) for host, home in enumerate(homes, 1)]


def _way(hub: HubProcess, home: Path, container: str, shown: tuple[int, int]) -> Way:
    host, page_ns = shown
    of_agent = _kill_in(home / "exit137.db", container, host_id(host))
    of_hub = _kill_in(hub.folder / "hub.db", container, host_id(host))
    assert of_agent is not None
    assert of_hub is not None
    return Way(killed_ns=of_hub[1], agent_ns=of_agent[2], hub_ns=of_hub[2], page_ns=page_ns)


def _kill_in(path: Path, container: str, host: str) -> tuple[str, int, int] | None:
    """
    The id of a host's kill in a store, when it happened, and when it was stored.
    """
    with closing(connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        rows: Iterable[tuple[str, bytes, int]] = connection.execute(
            "SELECT id, body, stored_ns FROM events WHERE type = ? AND instr(body, ?) ORDER BY seq DESC",
            (_KILL, container.encode()),
        ).fetchall()
    for id_, body, stored_ns in rows:
        event = read_event(body)
        if event.data.host.id == host:
            return id_, event_ns(event.time) or 0, stored_ns
    return None


def _page(hub: HubProcess, host: int) -> str:
    address = f"http://127.0.0.1:{hub.pages}/host?id={host_id(host)}"
    with urllib.request.urlopen(address, timeout=10) as answer:
        text: str = answer.read().decode()
    return text
