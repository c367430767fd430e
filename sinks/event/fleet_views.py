"""
Typed views of the parts of a published event about many hosts; see sinks/event/views.py.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from sinks.event.ecs_views import View

_SHORT_ID: Final = 12


class ServiceStatusView(View, frozen=True, kw_only=True):
    """
    An entry of `exit137.status.services`.
    """

    name: str = ""
    version: str | None = None
    digest: str | None = None
    running: int = 0
    container_seconds: float = 0.0


class HostStatusView(View, frozen=True, kw_only=True):
    """
    `exit137.status`.
    """

    interval_s: float = 60.0
    version: str | None = None
    sources: Mapping[str, str] = msgspec.field(default_factory=dict)
    services: tuple[ServiceStatusView, ...] = ()


class CulpritView(View, frozen=True, kw_only=True):
    """
    `exit137.culprit`.
    """

    container_id: str | None = None
    name: str | None = None
    victim: bool | None = None
    confidence: str | None = None

    @property
    def label(self) -> str:
        """
        The name of the container, else its short id.
        """
        return self.name or (self.container_id or "?")[:_SHORT_ID]


class VersionFiguresView(View, frozen=True, kw_only=True):
    """
    `exit137.fleet.before` and `exit137.fleet.after`.
    """

    digest: str | None = None
    version: str | None = None
    deaths: int = 0
    container_hours: float = 0.0
    memory_trend: str | None = None
    memory_growth_bytes_per_min: float | None = None


class FleetView(View, frozen=True, kw_only=True):
    """
    `exit137.fleet`.
    """

    kind: str = "?"
    state: str = "?"
    incident_id: str | None = None
    opened_at: str | None = None
    service: str | None = None
    before: VersionFiguresView | None = None
    after: VersionFiguresView | None = None
    rate_ratio: float | None = None
    rate_ratio_low: float | None = None
    e_value: float | None = None
    hosts: tuple[str, ...] = ()
    hosts_affected: int = 0
    hosts_total: int | None = None
    services: tuple[str, ...] = ()
    deaths: int = 0
    cause: str | None = None
    examples: tuple[str, ...] = ()
