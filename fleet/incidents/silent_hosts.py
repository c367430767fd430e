"""
Silent hosts: no status for three intervals while others report.

The time in which nobody reports does not count: then the hub was down, or its input. So silence is measured on a clock
of its own, which advances with the reports of the fleet: from each report to the next, but at most by one and a half
intervals.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from fleet.incidents.census import Census
from fleet.incidents.incident import Incident
from fleet.incidents.observations import Status
from fleet.incidents.open_incidents import OpenIncident, OpenIncidents
from fleet.incidents.settings import Settings
from sinks.event import Fleet, FleetKind, IncidentState
from sinks.event.ids import incident_id

_NS_PER_S: Final = 1_000_000_000
_ON_ITS_WAY_NS: Final = 10 * _NS_PER_S


@dataclass(slots=True, kw_only=True)
class _Reporter:
    """
    A host that reports.

    Attributes:
        status_id: the event id of its last status.
        interval_ns: how often it reports.
        arrived_ns: when its last status arrived, on the clock of the caller.
        silence_ns: the same on the clock of the reports.
        running: containers that ran.
    """

    hostname: str | None
    status_id: str
    interval_ns: int
    arrived_ns: int
    silence_ns: int
    running: int


@dataclass(slots=True, kw_only=True)
class _State:
    """
    Everything that is kept.

    Attributes:
        clock_ns: the clock of the reports.
        moved_until_ns: the time up to which it has been advanced.
        last_report_ns: the last report of any host.
        check_ns: no host becomes silent before this time.
    """

    hosts: dict[str, _Reporter] = field(default_factory=dict)
    clock_ns: int = 0
    moved_until_ns: int | None = None
    last_report_ns: int | None = None
    longest_interval_ns: int = 0
    check_ns: int | None = None
    open: dict[str, OpenIncident] = field(default_factory=dict)


class SilentHosts:
    """
    Notices hosts whose agents no longer report.
    """

    def __init__(self, settings: Settings, census: Census, state: Any = None) -> None:  # noqa: ANN401 (JSON)
        """
        Begin with the state that `save` returned, if any.
        """
        self._settings = settings
        self._census = census
        self._gone: list[str] = []
        self._state = msgspec.convert(state, _State) if state is not None else _State()
        self._open = OpenIncidents(round(settings.update_interval_s * _NS_PER_S), self._state.open)

    def save(self) -> bytes:
        """
        Return the state as JSON.
        """
        return msgspec.json.encode(self._state)

    @property
    def due_ns(self) -> int | None:
        """
        The next time at which `advance` has something to do.
        """
        return self._state.check_ns

    def observe(self, status: Status, now_ns: int) -> list[Incident]:
        """
        Note a status; a host that was silent is so no longer.
        """
        state = self._state
        self._move_clock(now_ns)
        if self._is_stalled(now_ns):
            state.check_ns = now_ns
        state.last_report_ns = state.moved_until_ns = now_ns
        state.longest_interval_ns = max(state.longest_interval_ns, status.interval_ns)
        state.hosts[status.origin.host] = _Reporter(
            hostname=status.origin.hostname,
            status_id=status.origin.event_id,
            interval_ns=status.interval_ns,
            arrived_ns=now_ns,
            silence_ns=state.clock_ns,
            running=sum(service.running for service in status.services),
        )
        earliest_ns = now_ns + self._allowed_ns(status.interval_ns)
        state.check_ns = earliest_ns if state.check_ns is None else min(state.check_ns, earliest_ns)
        return self._open.resolve(status.origin.host, now_ns)

    def advance(self, now_ns: int) -> list[Incident]:
        """
        Return the hosts that have become silent by now; forget those that are gone for long.
        """
        self._move_clock(now_ns)
        found: list[Incident] = []
        check_ns: int | None = None
        for host, reporter in list(self._state.hosts.items()):
            left_ns = self._left_ns(reporter, host)
            forget_ns = reporter.arrived_ns + round(self._settings.forget_host_s * _NS_PER_S)
            if forget_ns <= now_ns:
                del self._state.hosts[host]
                self._gone.append(host)
                found += self._open.resolve(host, now_ns)
                continue
            if left_ns is not None and left_ns <= 0:
                found += self._open.report(
                    host, self._fleet(host, reporter), now_ns, host_id=host, hostname=reporter.hostname
                )
                left_ns = None
            # While nobody reports the clock stands still: then the next report says when to look again.
            is_waiting = left_ns is None or self._is_stalled(now_ns)
            next_ns = forget_ns if is_waiting or left_ns is None else min(now_ns + left_ns, forget_ns)
            check_ns = next_ns if check_ns is None else min(check_ns, next_ns)
        self._state.check_ns = check_ns
        return found

    def take_gone(self) -> list[str]:
        """
        Return the hosts that were forgotten since the last call.
        """
        gone, self._gone = self._gone, []
        return gone

    def _left_ns(self, reporter: _Reporter, host: str) -> int | None:
        """
        Return how long a host may still say nothing; None if its silence is known, or if it ran nothing.
        """
        if host in self._open or reporter.running == 0:
            return None
        return reporter.silence_ns + self._allowed_ns(reporter.interval_ns) - self._state.clock_ns

    def _allowed_ns(self, interval_ns: int) -> int:
        """
        Return how long a host may say nothing: some intervals, and a little, for the last status may be on its way.
        """
        return self._settings.silent_intervals * interval_ns + min(_ON_ITS_WAY_NS, interval_ns // 4)

    def _move_clock(self, now_ns: int) -> None:
        """
        Advance the clock of the reports; it stops when no host has reported for one and a half intervals.
        """
        state = self._state
        if state.last_report_ns is None:
            return
        until_ns = min(now_ns, state.last_report_ns + state.longest_interval_ns * 3 // 2)
        moved_ns = state.moved_until_ns if state.moved_until_ns is not None else state.last_report_ns
        if until_ns > moved_ns:
            state.clock_ns += until_ns - moved_ns
        state.moved_until_ns = max(until_ns, moved_ns)

    def _is_stalled(self, now_ns: int) -> bool:
        last_ns = self._state.last_report_ns
        return last_ns is not None and now_ns >= last_ns + self._state.longest_interval_ns * 3 // 2

    def _fleet(self, host: str, reporter: _Reporter) -> Fleet:
        return Fleet(
            kind=FleetKind.SILENT_HOST,
            state=IncidentState.OPEN,
            incident_id=incident_id(FleetKind.SILENT_HOST, host, reporter.status_id),
            hosts=(host,),
            hosts_affected=1,
            hosts_total=self._census.hosts,
            examples=(reporter.status_id,),
        )
