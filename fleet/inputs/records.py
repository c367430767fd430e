"""
Events in the records of Kafka.
"""

from collections.abc import Iterable

import orjson

from fleet.arrival import Arrival, RefusedEventError, arrival


def event_of_record(value: bytes | None, headers: Iterable[tuple[str, bytes]]) -> Arrival:
    """
    Return the event in a record (CloudEvents Kafka binding 1.0): `ce_` headers and data, or the whole in the value.

    Raises:
        RefusedEventError: it is not an event of an agent.
    """
    try:
        content = orjson.loads(value or b"")
        attributes = {name.removeprefix("ce_"): text.decode() for name, text in headers if name.startswith("ce_")}
    except ValueError as error:
        raise RefusedEventError("the record is not JSON") from error
    if attributes:
        return arrival({**attributes, "datacontenttype": "application/json", "data": content})
    return arrival(content, value)
