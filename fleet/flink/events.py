"""
The events in the records of a topic, as they travel through the job.
"""

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from fleet.arrival import RefusedEventError
from fleet.inputs.records import event_of_record

# The host that sent an event, the event's id, and the event as a structured CloudEvent: Flink ships tuples fastest.
HostEvent: TypeAlias = tuple[str, str, bytes]


def host_events(value: bytes | None, headers: Mapping[str, bytes] | None) -> Iterator[HostEvent]:
    """
    Yield the event in a record; nothing if it is not an event of an agent.

    Args:
        value: of the record.
        headers: of the record.
    """
    try:
        found = event_of_record(value, (headers or {}).items())
    except RefusedEventError:
        return
    yield found.host_id, found.id, found.stored.body
