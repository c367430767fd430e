"""
Decides which sinks receive an event, and in which form it is stored for them.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from collector.delivery.notification_groups import group_of
from collector.store import StoredEvent
from sinks.base import SinkConfig
from sinks.event import Event, EventType, encoded
from sinks.masking import mask_text


def addressed(event: Event, sinks: Sequence[SinkConfig]) -> StoredEvent:
    """
    Return an event as it is stored: encoded, with its notification group and the names of the sinks that want it.
    """
    outgoing = encoded(event)
    return StoredEvent(
        id=event.id,
        type=event.type.value,
        subject=outgoing.subject,
        key=outgoing.key,
        time_ns=event.time_ns,
        container_id=outgoing.container_id,
        body=outgoing.body,
        sinks=route(event, sinks),
        group=mask_text(group_of(event)),
    )


def route(event: Event, sinks: Sequence[SinkConfig]) -> tuple[str, ...]:
    """
    Return the names of the sinks that receive an event.
    """
    return tuple(sink.name for sink in sinks if wants(sink, event))


def wants(sink: SinkConfig, event: Event) -> bool:
    """
    Return whether an event passes all filters of a sink.

    A filter applies only to events that have the field: an event about lost evidence has no cause and no container, and
    must not be filtered out by accident. A status of the host is of use only to who asks for it by its type.
    """
    cause = event.exit137.cause
    if event.type is EventType.HOST_STATUS and (sink.events is None or sink.for_people):
        return False
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
