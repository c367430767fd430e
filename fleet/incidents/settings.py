"""
How the detectors decide. docs/fleet/incidents.md gives the reason for each default.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """
    The settings of all detectors.

    Attributes:
        update_interval_s: the shortest time between two events of one incident, except for its end.
        silent_intervals: intervals without a status after which a host is silent.
        forget_host_s: after this time without any event a host is forgotten.
        host_window_s: deaths of different services on one host within this time are looked at together.
        host_services: the fewest services whose deaths on one host make a host cause.
        host_services_with_signal: the same where the host's own events name a cause.
        signal_s: how long an event about the host itself explains the deaths that follow.
        host_quiet_s: a host cause is over after this time without a further death.
    """

    update_interval_s: float = 600.0
    silent_intervals: int = 3
    forget_host_s: float = 86_400.0
    host_window_s: float = 300.0
    host_services: int = 3
    host_services_with_signal: int = 2
    signal_s: float = 900.0
    host_quiet_s: float = 900.0
