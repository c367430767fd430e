"""
Which alert an event makes: its labels, its annotations, and whether it passes by itself.

An alert is one problem of one container or service on one host: its labels do not name what changes with each death,
so that Alertmanager sees repetitions as one alert. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from sinks.alertmanager.config import AlertSeverity
from sinks.chat.titles import host_of, is_recovery, owner_of, title_of
from sinks.event.reader import time_ns
from sinks.event.views import EventView
from sinks.event.words import EventType, GapKind
from sinks.text import printable, printable_output

_NS_PER_S: Final = 1_000_000_000
_VALUE_LENGTH: Final = 200
_TEXT_LENGTH: Final = 2000
_SHORT_ID: Final = 12
_JOB: Final = "exit137"
# With and without a container.
_NAMES: Final[Mapping[str, tuple[str, str]]] = {
    EventType.OOM_KILL: ("ContainerOomKill", "HostOomKill"),
    EventType.CONTAINER_DEATH: ("ContainerDied", "ContainerDied"),
    EventType.MEMORY_PRESSURE: ("ContainerMemoryPressure", "HostMemoryPressure"),
    EventType.CONTAINER_STUCK: ("ContainerStuck", "ContainerStuck"),
    EventType.KERNEL_EVENT: ("ContainerKernelEvent", "HostKernelEvent"),
    EventType.AGENT: ("Exit137EvidenceLost", "Exit137EvidenceLost"),
    EventType.FLEET_INCIDENT: ("FleetIncident", "FleetIncident"),
}
_OTHER: Final = ("ContainerEvent", "HostEvent")
_SOURCE_DOWN: Final = "Exit137SourceDown"
# The alert of `exit137 check --send-test`, whatever the least severity is.
TEST: Final = "Exit137Test"


class Lasting(Enum):
    """
    How long an alert lasts: for a time, because nothing says that it is over; until an event says so; or it is over.
    """

    FOR_A_TIME = "for a time"
    UNTIL_RESOLVED = "until resolved"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """
    One alert: a problem as Alertmanager gets it.

    Attributes:
        labels: all labels but `severity`: they say which problem it is.
        severity: the label `severity`.
        annotations: texts for people.
        starts_s: when it happened, seconds since 1970; None if unknown.
        lasting: how long it lasts.
    """

    labels: Mapping[str, str]
    severity: AlertSeverity
    annotations: Mapping[str, str]
    starts_s: float | None
    lasting: Lasting

    @property
    def problem(self) -> tuple[tuple[str, str], ...]:
        """
        The problem as a key.
        """
        return tuple(sorted(self.labels.items()))


def alert_of(event: EventView, add_labels: Mapping[str, str]) -> Alert:
    """
    Return the alert of an event.

    Args:
        event: the event.
        add_labels: labels that every alert gets; they do not replace others.
    """
    labels = {
        "alertname": _name(event),
        "job": _JOB,
        "instance": host_of(event),
        "cause": _cause(event),
        **_owner(event),
    }
    return Alert(
        labels=dict(add_labels) | {name: _cut(value, _VALUE_LENGTH) for name, value in labels.items() if value},
        severity=AlertSeverity.of(event.data.event.severity),
        annotations=_annotations(event),
        starts_s=at_ns / _NS_PER_S if (at_ns := time_ns(event.time)) is not None else None,
        lasting=_lasting(event),
    )


def _name(event: EventView) -> str:
    gap = event.exit137.gap
    if gap is not None and gap.what in (GapKind.SOURCE_DOWN, GapKind.SOURCE_UP):
        return _SOURCE_DOWN
    if gap is not None and gap.what == GapKind.TEST:
        return TEST
    return _NAMES.get(event.type, _OTHER)[event.data.container is None]


def _cause(event: EventView) -> str:
    exit137 = event.exit137
    if exit137.pressure is not None:
        return exit137.pressure.kind
    if exit137.stuck is not None:
        return exit137.stuck.state
    if exit137.fleet is not None:
        return exit137.fleet.kind
    if exit137.gap is not None:
        return "" if exit137.gap.what in (GapKind.SOURCE_DOWN, GapKind.SOURCE_UP) else exit137.gap.what
    return exit137.cause or ""


def _owner(event: EventView) -> Mapping[str, str]:
    """
    Return the labels that say whose problem it is; a replica of a service is not named, because the next has another.
    """
    if event.exit137.gap is not None:
        return {"source": event.exit137.gap.source}
    if event.exit137.fleet is not None:
        return {"service": event.exit137.fleet.service or ""}
    if event.data.container is None:
        return {}
    if event.data.orchestrator.resource.name is not None:
        return {"service": owner_of(event), "namespace": event.data.orchestrator.namespace or ""}
    return {"container": owner_of(event)}


def _annotations(event: EventView) -> Mapping[str, str]:
    container = event.data.container
    texts = {
        "summary": title_of(event),
        "description": printable_output(event.data.message),
        "advice": " ".join(advice.text for advice in event.exit137.advice),
        "container_id": (container.id or "")[:_SHORT_ID] if container is not None else "",
        "container_name": (container.name or "") if container is not None else "",
        "image": (container.image.name or "") if container is not None else "",
        "event_id": event.id,
    }
    return {name: _cut(value, _TEXT_LENGTH) for name, value in texts.items() if value}


def _lasting(event: EventView) -> Lasting:
    exit137 = event.exit137
    if is_recovery(event):
        return Lasting.RESOLVED
    down = exit137.gap is not None and exit137.gap.what == GapKind.SOURCE_DOWN
    if down or exit137.pressure is not None or exit137.stuck is not None or exit137.fleet is not None:
        return Lasting.UNTIL_RESOLVED
    return Lasting.FOR_A_TIME


def _cut(text: str, length: int) -> str:
    text = printable(text).strip() if length == _VALUE_LENGTH else text.strip()
    return text if len(text) <= length else f"{text[: length - 1]}…"
