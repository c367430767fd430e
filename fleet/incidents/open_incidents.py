"""
The incidents that are open: what is reported when one begins, changes or ends.

An incident is reported at once when it opens and when it is over. In between, changes are held back so that it is
reported at most once per interval. The time of a report that was held back is the time at which it became due, so that
the reports do not depend on how often the detector is asked.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from fleet.incidents.incident import Incident
from sinks.event import Fleet, IncidentState


@dataclass(slots=True, kw_only=True)
class OpenIncident:
    """
    An incident that is open.

    Attributes:
        fleet: what is known of it.
        sequence: of its last report.
        reported_at_ns: the time of that report.
        has_changed: whether more is known since.
    """

    fleet: Fleet
    host_id: str | None
    hostname: str | None
    sequence: int
    reported_at_ns: int
    has_changed: bool = False

    def report(self, at_ns: int) -> Incident:
        """
        Return the incident as it is now.
        """
        return Incident(
            fleet=self.fleet, sequence=self.sequence, at_ns=at_ns, host_id=self.host_id, hostname=self.hostname
        )


class OpenIncidents:
    """
    The open incidents of one detector, by a key of its own.
    """

    def __init__(self, update_interval_ns: int, known: dict[str, OpenIncident] | None = None) -> None:
        """
        Begin with the incidents that were open before, if any.

        Args:
            update_interval_ns: the shortest time between two reports of one incident.
            known: incidents by their keys.
        """
        self.known = known if known is not None else {}
        self._update_interval_ns = update_interval_ns

    def __contains__(self, key: str) -> bool:
        return key in self.known

    @property
    def due_ns(self) -> int | None:
        """
        The time at which the next change has to be reported; None if there is none.
        """
        waiting = [incident.reported_at_ns for incident in self.known.values() if incident.has_changed]
        return min(waiting) + self._update_interval_ns if waiting else None

    def due_with(self, ends_ns: Iterable[int]) -> int | None:
        """
        Return the next time at which a change has to be reported or an incident may be over.

        Args:
            ends_ns: when the open incidents are over if nothing more happens.
        """
        return min((at_ns for at_ns in (self.due_ns, *ends_ns) if at_ns is not None), default=None)

    def report(
        self, key: str, fleet: Fleet, at_ns: int, *, host_id: str | None = None, hostname: str | None = None
    ) -> list[Incident]:
        """
        Open an incident, or note what more is known of it.

        Args:
            key: of the incident.
            fleet: what is known of it; state and time of opening are set here.
            at_ns: the time now.
            host_id: the host that it is about.
            hostname: the name of that host.
        """
        incident = self.known.get(key)
        if incident is None:
            opened = replace(fleet, state=IncidentState.OPEN, opened_at_ns=at_ns)
            incident = OpenIncident(fleet=opened, host_id=host_id, hostname=hostname, sequence=0, reported_at_ns=at_ns)
            self.known[key] = incident
            return [incident.report(at_ns)]
        incident.fleet = replace(fleet, state=IncidentState.UPDATED, opened_at_ns=incident.fleet.opened_at_ns)
        incident.has_changed = True
        return self.due(at_ns, key)

    def due(self, now_ns: int, only: str | None = None) -> list[Incident]:
        """
        Return the changes that were held back long enough.

        Args:
            now_ns: the time now.
            only: the key of the only incident to look at; None: all.
        """
        found = []
        for incident in self.known.values() if only is None else [self.known[only]]:
            if incident.has_changed and incident.reported_at_ns + self._update_interval_ns <= now_ns:
                incident.has_changed = False
                incident.sequence += 1
                incident.reported_at_ns = now_ns
                found.append(incident.report(now_ns))
        return found

    def resolve(self, key: str, at_ns: int) -> list[Incident]:
        """
        End an incident; nothing if it is not open.
        """
        incident = self.known.pop(key, None)
        if incident is None:
            return []
        incident.fleet = replace(incident.fleet, state=IncidentState.RESOLVED)
        incident.sequence += 1
        return [incident.report(at_ns)]
