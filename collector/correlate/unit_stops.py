"""
Remembers when systemd stopped which service, by unit and by user.
"""

from typing import Final

from collector.facts.lru import LruQueues
from parsers.engine import ROOT
from parsers.unit_stops import UnitStopping

_UNITS_KEPT: Final = 512
_STOPS_KEPT: Final = 4
# systemd waits so long for a service to stop unless its unit says otherwise (TimeoutStopSec=), and Podman 10 s before.
_STOPS_WITHIN_NS: Final = 120_000_000_000


class UnitStops:
    """
    The latest stops of services; what users' managers say cannot crowd out what the host's says.
    """

    def __init__(self) -> None:
        self._of_host: LruQueues[tuple[int, str], UnitStopping] = LruQueues(_UNITS_KEPT, of_each=_STOPS_KEPT)
        self._of_users: LruQueues[tuple[int, str], UnitStopping] = LruQueues(_UNITS_KEPT, of_each=_STOPS_KEPT)

    def add(self, stopping: UnitStopping) -> None:
        """
        Note a stop.
        """
        stops = self._of_host if stopping.uid == ROOT else self._of_users
        stops.add((stopping.uid, stopping.unit), stopping)

    def before(self, unit: str, uid: int, began_ns: int, ended_ns: int) -> UnitStopping | None:
        """
        Return the last stop of a service within one run of its container, not long before the end of the run.
        """
        from_ns = max(began_ns, ended_ns - _STOPS_WITHIN_NS)
        stops = (self._of_host if uid == ROOT else self._of_users).get((uid, unit), ())
        return next((stopping for stopping in reversed(stops) if from_ns <= stopping.at_ns <= ended_ns), None)
