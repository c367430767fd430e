"""
Questions for stored events: pages of them, newest first, and the stream; the same on a host and in a hub.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from collector.store import EventFilter, PastEvents
from collector.web.api.parameters import Parameters

_PAGE: Final = 50
_LARGEST_PAGE: Final = 500
_FILTER: Final = ("type", "cause", "container", "service", "image", "text", "since", "until")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsQuery:
    """
    Which events a page has.

    Attributes:
        limit: how many at most.
        before_seq: the number of the event that the page before ended with.
        wanted: the filter.
    """

    limit: int
    before_seq: int | None
    wanted: EventFilter

    def answer(self, past: PastEvents) -> bytes:
        """
        Return the page as JSON, with the cursor of the next one.

        Raises:
            StoreError: the store cannot be read.
        """
        page = past.page(limit=self.limit, before_seq=self.before_seq, **self.wanted)
        cursor = str(page.next_before_seq) if page.next_before_seq is not None else None
        return orjson.dumps({"events": [orjson.Fragment(event.body) for event in page.events], "cursor": cursor})


def events_query_of(given: Mapping[str, str], now_ns: int, host_id: Callable[[str], str] | None = None) -> EventsQuery:
    """
    Read the parameters of `/v1/events`.

    Args:
        given: the parameters.
        now_ns: the time now.
        host_id: returns the id of a host by its id or name; None: all events are of one host.

    Raises:
        ParameterError: one is unknown or cannot be used.
    """
    asked = Parameters(given, (*_FILTER, "limit", "cursor", *(("host",) if host_id is not None else ())))
    host = asked.text("host")
    return EventsQuery(
        limit=asked.number("limit", _PAGE, _LARGEST_PAGE) or _PAGE,
        before_seq=asked.number("cursor", None),
        wanted={
            "types": asked.texts("type"),
            "causes": asked.texts("cause"),
            "container": asked.text("container"),
            "service": asked.text("service"),
            "image": asked.text("image"),
            "host": host_id(host) if host_id is not None and host is not None else None,
            "text": asked.text("text"),
            "since_ns": asked.time_ns("since", now_ns),
            "until_ns": asked.time_ns("until", now_ns),
        },
    )


def stream_query_of(given: Mapping[str, str], last_event_id: str | None) -> tuple[int | None, list[str] | None]:
    """
    Read the parameters of `/v1/stream`.

    Args:
        given: the parameters.
        last_event_id: the header in which a client says what it has; it counts before `after`.

    Returns:
        The number of the last event that the client has, and the types that it wants; None where it says nothing.

    Raises:
        ParameterError: one is unknown or cannot be used.
    """
    asked = Parameters(given, ("type", "after"))
    after_seq = asked.number("after", None)
    if last_event_id is not None:
        after_seq = Parameters({"Last-Event-ID": last_event_id}, ("Last-Event-ID",)).number("Last-Event-ID", None)
    return after_seq, asked.texts("type")
