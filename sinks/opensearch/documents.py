"""
The body of a bulk request: one action and one document per event.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, Final

import orjson

from sinks.base import Outgoing
from sinks.event.reader import time_ns
from sinks.formats import Format, document_of, envelope_of

_TIMESTAMP: Final = "@timestamp"


def indexed_document(event: Outgoing, form: Format, now: datetime) -> dict[str, Any]:
    """
    Return an event as it is indexed: in the format, and with its time as `@timestamp`.

    A data stream refuses a document without that field. An event that has no time gets the time at which it is sent.
    """
    envelope = envelope_of(event)
    stamp = envelope["data"].get(_TIMESTAMP)
    if not isinstance(stamp, str) or time_ns(stamp) is None:
        stamp = now.isoformat().replace("+00:00", "Z")
    return {**document_of(event, envelope, form, now), _TIMESTAMP: stamp}


def actions(batch: Iterable[Outgoing], index: str, form: Format, now: Callable[[], datetime]) -> Iterator[bytes]:
    """
    Yield the two lines of each event: `create` with the event's id, so that a repeated event is no second document.

    Args:
        batch: the events.
        index: the name; a pattern of `strftime` if it has a `%`.
        form: the format of a document.
        now: the wall clock, in UTC.
    """
    for event in batch:
        document = indexed_document(event, form, now())
        name = index
        if "%" in index:
            name = datetime.fromisoformat(document[_TIMESTAMP]).strftime(index)
        action = {"create": {"_index": name, "_id": event.id}}
        yield b"%b\n%b\n" % (orjson.dumps(action), orjson.dumps(document))
