"""
What the pages show of the fleet's present: the latest of each host and of each incident, bounded.

Everything here can be read again from the store; it is kept so that a page need not read thousands of statuses.
"""

from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from sinks.event import Cause, EventType, IncidentState
from sinks.event.fleet_views import FleetView, HostStatusView
from sinks.event.reader import time_ns
from sinks.event.views import EventView

_MAX_HOSTS: Final = 10_000
_MAX_INCIDENTS: Final = 1000
_RECENT_EVENTS: Final = 30
# Of what a host says; longer than any real name, and than what a list shows.
_NAME_CHARACTERS: Final = 256
_MESSAGE_CHARACTERS: Final = 1024
_SILENT_INTERVALS: Final = 3
_NS_PER_S: Final = 1_000_000_000
# Ends that nobody needs to look at.
_QUIET: Final = frozenset({Cause.EXIT.value, Cause.DOCKER_STOP.value, Cause.DOCKER_RM.value})
_HOUR_NS: Final = 3600 * _NS_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """
    One event of a host, as a list shows it.
    """

    id: str
    type: str
    time: str | None
    cause: str | None
    message: str


@dataclass(slots=True, kw_only=True)
class HostPage:
    """
    What is known of a host.

    Attributes:
        status: the latest.
        status_ns: its time.
        seen_ns: the time of the latest event of any type.
        recent: the latest events other than statuses, oldest first.
        deaths_ns: the times of the latest deaths that count as bad.
    """

    id: str
    hostname: str | None = None
    status: HostStatusView | None = None
    status_ns: int = 0
    seen_ns: int = 0
    recent: deque[Brief] = field(default_factory=lambda: deque(maxlen=_RECENT_EVENTS))
    deaths_ns: deque[int] = field(default_factory=lambda: deque(maxlen=1000))

    @property
    def name(self) -> str:
        """
        Its name, else its id.
        """
        return self.hostname or self.id

    def is_silent(self, now_ns: int) -> bool:
        """
        Return whether it has sent no status for three intervals, although it sends some.
        """
        if self.status is None:
            return False
        return now_ns - self.status_ns > _SILENT_INTERVALS * self.status.interval_s * _NS_PER_S

    def deaths_in_hour(self, now_ns: int) -> int:
        """
        Return how many of its containers died in the last hour, stops aside.
        """
        return sum(1 for at_ns in self.deaths_ns if at_ns > now_ns - _HOUR_NS)

    def health(self, now_ns: int) -> str:
        """
        Return the class of its field in the grid: `silent`, `bad`, `warning` or `good`.
        """
        if self.is_silent(now_ns):
            return "silent"
        if self.deaths_in_hour(now_ns):
            return "bad"
        down = self.status is not None and "down" in self.status.sources.values()
        return "warning" if down else "good"


class HostBook:
    """
    The hosts of the fleet, by id.
    """

    def __init__(self) -> None:
        self._hosts: OrderedDict[str, HostPage] = OrderedDict()

    def __iter__(self) -> Iterator[HostPage]:
        return iter(sorted(self._hosts.values(), key=lambda host: (host.name, host.id)))

    def get(self, host_id: str) -> HostPage | None:
        """
        Return a host; None if it has sent nothing.
        """
        return self._hosts.get(host_id)

    def name_of(self, host_id: str) -> str:
        """
        Return the name of a host, else its id.
        """
        host = self._hosts.get(host_id)
        return host.name if host is not None else host_id

    def id_of(self, text: str) -> str:
        """
        Return the id of the host with this id or name; the text itself if no host has it.
        """
        if text in self._hosts:
            return text
        return next((host.id for host in self if host.hostname == text), text)

    def observe(self, host_id: str, event: EventView, now_ns: int) -> None:
        """
        Take one event of a host.
        """
        host = self._hosts.setdefault(host_id, HostPage(id=host_id))
        self._hosts.move_to_end(host_id)
        host.hostname = (event.data.host.hostname or "")[:_NAME_CHARACTERS] or host.hostname
        at_ns = min(time_ns(event.time) or now_ns, now_ns)
        host.seen_ns = max(host.seen_ns, at_ns)
        status = event.exit137.status
        if event.type == EventType.HOST_STATUS:
            if status is not None and at_ns >= host.status_ns:
                host.status, host.status_ns = status, at_ns
            return
        brief = Brief(
            id=event.id,
            type=event.type,
            time=event.time,
            cause=event.exit137.cause,
            message=event.data.message[:_MESSAGE_CHARACTERS],
        )
        host.recent.append(brief)
        if event.type == EventType.CONTAINER_DEATH and event.exit137.cause not in _QUIET:
            host.deaths_ns.append(at_ns)
        while len(self._hosts) > _MAX_HOSTS:
            self._hosts.popitem(last=False)


class IncidentBook:
    """
    The incidents of the fleet, each with its latest event.
    """

    def __init__(self) -> None:
        self._latest: OrderedDict[str, EventView] = OrderedDict()

    def observe(self, event: EventView) -> None:
        """
        Take the event of an incident, in the order in which they were stored.
        """
        fleet = event.exit137.fleet
        if fleet is None:
            return
        key = fleet.incident_id or event.id
        self._latest[key] = event
        self._latest.move_to_end(key)
        while len(self._latest) > _MAX_INCIDENTS:
            over = (key for key, each in self._latest.items() if not is_open(each.exit137.fleet))
            del self._latest[next(over, next(iter(self._latest)))]

    def open(self) -> list[EventView]:
        """
        Return the incidents that are not over, the last that changed first.
        """
        return [event for event in reversed(self._latest.values()) if is_open(event.exit137.fleet)]

    def over(self, limit: int) -> list[EventView]:
        """
        Return the last incidents that ended.
        """
        return [event for event in reversed(self._latest.values()) if not is_open(event.exit137.fleet)][:limit]


def is_open(fleet: FleetView | None) -> bool:
    """
    Return whether an incident is not over.
    """
    return fleet is not None and fleet.state != IncidentState.RESOLVED
