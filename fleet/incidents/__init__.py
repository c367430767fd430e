"""
What is wrong with a fleet: regressions, failing hosts, neighbours, storms, silent hosts. Pure: events and time in,
incidents out; no clock, no I/O. docs/fleet/incidents.md says what opens and what resolves each kind.
"""

from fleet.incidents.detector import Detector
from fleet.incidents.event import event_of, publish
from fleet.incidents.incident import Incident
from fleet.incidents.settings import Settings

__all__ = ["Detector", "Incident", "Settings", "event_of", "publish"]
