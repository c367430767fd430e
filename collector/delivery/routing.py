"""
Which sinks an event is for.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from sinks.base import SinkConfig
from sinks.event import Event


def route(event: Event, sinks: Sequence[SinkConfig]) -> tuple[str, ...]:
    """
    The names of the sinks that shall get an event.
    """
    return tuple(sink.name for sink in sinks if wants(sink, event))


def wants(sink: SinkConfig, event: Event) -> bool:
    """
    Whether an event passes all filters of a sink.

    A filter concerns the events that have what it looks at: word of lost evidence has no cause and no container, and
    must not be filtered away by accident.
    """
    cause = event.exit137.cause
    if sink.events is not None and event.type not in sink.events:
        return False
    if sink.causes is not None and cause is not None and cause not in sink.causes:
        return False
    container = event.container
    if container is None:
        return True
    image = container.image.name if container.image is not None else None
    if sink.images is not None and image is not None and not any(fnmatchcase(image, glob) for glob in sink.images):
        return False
    labels = container.labels or {}
    return all(fnmatchcase(labels.get(name, ""), glob) for name, glob in sink.labels.items())
