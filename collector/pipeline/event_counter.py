"""
Counts published events, and OOM kills by what identified the container.
"""

from collector.correlate.attribution import Method
from collector.metrics import NO_CAUSE, Metrics
from sinks.event import Event, EventType, EvidenceSource


class EventCounter:
    """
    Feeds the metrics `events` and `attributions`.

    Args:
        metrics: the table of metrics.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        for method in Method:
            metrics.attributions.add(method.value, count=0)

    def count(self, event: Event) -> None:
        """
        Count one stored event.
        """
        cause = event.exit137.cause
        self._metrics.events.add(event.type.value, cause.value if cause else NO_CAUSE)
        if event.type is EventType.OOM_KILL:
            self._metrics.attributions.add(method_of(event).value)


def method_of(kill: Event) -> Method:
    """
    Return what identified the container of a kill: the cgroup path in the kernel's line, else its last evidence.
    """
    exit137 = kill.exit137
    if kill.container is None:
        return Method.NONE
    if exit137.oom is not None and exit137.oom.victim_cgroup is not None:
        return Method.CGROUP
    match exit137.evidence[-1].source if exit137.evidence else None:
        case EvidenceSource.DOCKER | EvidenceSource.INSPECT:
            return Method.DOCKER
        case EvidenceSource.JOURNALD:
            return Method.SYSTEMD
        case _:
            return Method.PID
