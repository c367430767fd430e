"""
An incident of the fleet, as the detectors report it.
"""

from dataclasses import dataclass

from sinks.event import Fleet


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """
    The state of an incident at one time. `fleet_incident_id` of its id and sequence is the id of its event.

    Attributes:
        fleet: what is known of it.
        sequence: 0 for the report that opens it, one more with each report after that.
        at_ns: the time of this report, nanoseconds since 1970.
        host_id: the host that it is about; None if it is about a service.
        hostname: the name of that host.
    """

    fleet: Fleet
    sequence: int
    at_ns: int
    host_id: str | None = None
    hostname: str | None = None
