"""
The content of the first page: the containers that run, and what is wrong with the agent itself.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collector.memory.history import KILLS_WITHIN_NS, kills_by_container
from collector.sources.memory.cgroups import CgroupTree, NoCgroupsError
from collector.sources.memory.sampler import Pace
from collector.store import History, PastEvent, PastEvents, StoreError, last_alive_s
from collector.web.pages.curve import spark_points
from collector.web.pages.listing import Row, rows_of
from collector.web.pages.running import Container, RunningContainers
from sinks.event.reader import UnreadableEventError, read_event, read_events
from sinks.event.words import EventType

_PACE: Final = Pace(slow_s=10.0, usual_s=5.0, fast_s=2.0, samples_per_s=100.0)
# The agent shows every five seconds that it is alive; a busy host may delay it.
_ALIVE_S: Final = 30.0
_KILLS_AT_ONCE: Final = 200
_RECENT: Final = 10
_SHOWN: Final = 200
_NAMES: Final = 2000
_SHORT_ID: Final = 12
_NS_PER_S: Final = 1_000_000_000
_S_PER_DAY: Final = 86_400
SPARK: Final = (120, 24)


@dataclass(frozen=True, slots=True)
class AgentState:
    """
    Whether the agent runs.

    Attributes:
        silent_s: how long it has given no sign of life; None if it runs.
        notices: what it reported about itself in the last day, newest first.
    """

    silent_s: float | None
    notices: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Line:
    """
    One container in the table.

    Attributes:
        percent: of its limit; None without a limit.
        spark: the points of its sparkline; empty with fewer than two samples.
    """

    container: Container
    percent: int | None
    spark: str


@dataclass(frozen=True, slots=True)
class Now:
    """
    The page.

    Attributes:
        lines: None if the cgroups of this host cannot be read.
        hidden: how many containers are not shown.
        recent: the latest kills and deaths.
    """

    agent: AgentState
    lines: Sequence[Line] | None
    hidden: int
    recent: Sequence[Row]


class KillsOfLastDay:
    """
    Counts the OOM kills of the last 24 hours by container. Each event is read once, so that the page stays fast after a
    storm.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_seq = 0
        # The kills that are counted, as (time, container id), in the order in which they were stored.
        self._counted: deque[tuple[int, str]] = deque()
        self._kills: Counter[str] = Counter()

    def count(self, past: PastEvents, now_ns: int) -> Mapping[str, int]:
        """
        Return the number of kills by container id.

        Raises:
            StoreError: the store cannot be read.
        """
        since_ns = now_ns - KILLS_WITHIN_NS
        with self._lock:
            newest = past.last_seq()
            if newest < self._last_seq:
                self._last_seq = 0
                self._counted.clear()
                self._kills.clear()
            while self._last_seq < newest:
                events = past.events(
                    after_seq=self._last_seq, limit=_KILLS_AT_ONCE, types=(EventType.OOM_KILL.value,), since_ns=since_ns
                )
                self._add(events)
                self._last_seq = events[-1].seq if len(events) == _KILLS_AT_ONCE else newest
            self._forget_before(since_ns)
            self._kills = +self._kills
            return self._kills.copy()

    def _add(self, events: Sequence[PastEvent]) -> None:
        for event in events:
            for container_id, kills in kills_by_container(read_events([event.body])).items():
                self._counted.extend([(event.time_ns, container_id)] * kills)
                self._kills[container_id] += kills

    def _forget_before(self, since_ns: int) -> None:
        while self._counted and self._counted[0][0] < since_ns:
            _, container_id = self._counted.popleft()
            self._kills[container_id] -= 1


class HostNow:
    """
    Samples this host, and puts the page together.

    Args:
        store_path: the database.
        cgroups: where the cgroup file systems are mounted, as in `[sources.memory]`.
    """

    def __init__(self, store_path: Path, cgroups: str) -> None:
        self._store_path = store_path
        self._names: dict[str, str] = {}
        self._kills = KillsOfLastDay()
        self._running: RunningContainers | None
        try:
            self._running = RunningContainers(CgroupTree(cgroups), _PACE, self._name)
        except NoCgroupsError:
            self._running = None

    def sample(self) -> None:
        """
        Take the samples that are due.
        """
        if self._running is not None:
            self._running.sample()

    def page(self, past: PastEvents) -> Now:
        """
        Return the page.

        Raises:
            StoreError: the store cannot be read.
        """
        now_ns = time.time_ns()
        recent = past.page(limit=_RECENT, types=(EventType.OOM_KILL.value, EventType.CONTAINER_DEATH.value)).events
        kills = self._kills.count(past, now_ns)
        containers = self._running.containers(kills) if self._running is not None else None
        return Now(
            agent=AgentState(silent_s(self._store_path), self._notices(past, now_ns)),
            lines=[_line(one) for one in containers[:_SHOWN]] if containers is not None else None,
            hidden=max(0, len(containers) - _SHOWN) if containers is not None else 0,
            recent=rows_of(recent),
        )

    def _notices(self, past: PastEvents, now_ns: int) -> list[Row]:
        since_ns = now_ns - _S_PER_DAY * _NS_PER_S
        return rows_of(past.page(limit=_RECENT, types=(EventType.AGENT.value,), since_ns=since_ns).events)

    def _name(self, container_id: str) -> str:
        """
        Return the name of a container as its latest event has it; else its short id, as `docker ps` prints it.
        """
        if container_id not in self._names and len(self._names) < _NAMES:
            self._names[container_id] = _stored_name(self._store_path, container_id)
        return self._names.get(container_id) or container_id[:_SHORT_ID]


def silent_s(store_path: Path) -> float | None:
    """
    Return for how many seconds the agent has given no sign of life; None if it runs.
    """
    alive_s = last_alive_s(store_path)
    if alive_s is None:
        return float("inf")
    silent = time.time() - alive_s
    return silent if silent > _ALIVE_S else None


def _stored_name(store_path: Path, container_id: str) -> str:
    try:
        with History(store_path) as past:
            found = past.page(limit=1, container=container_id).events
        container = read_event(found[0].body).data.container if found else None
    except (StoreError, UnreadableEventError):
        return ""
    return (container.name or "") if container is not None else ""


def _line(one: Container) -> Line:
    sample = one.use.sample
    series = [(point.at_s, point.working_set_bytes) for point in one.points]
    percent = round(100 * sample.limit_share) if sample.limit_share is not None else None
    return Line(one, percent, spark_points(series, *SPARK, sample.limit_bytes))
