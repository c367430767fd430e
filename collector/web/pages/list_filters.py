"""
The filters in the URL of a list of incidents. Any URL gives a page: a filter that is not valid is ignored, and the page
says so.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

from collector.store import EventFilter
from sinks.event.words import Cause, EventType

_NS_PER_S: Final = 1_000_000_000
_TEXT_CHARACTERS: Final = 256
_LARGEST_SEQ: Final = 2**63 - 1
_SEQ_DIGITS: Final = 19
# The choices of the form; the value is in seconds.
SPANS: Final[Mapping[str, int]] = {"1h": 3600, "24h": 86_400, "7d": 604_800, "30d": 2_592_000}
KINDS: Final[Mapping[str, str]] = {
    "oom_kill": EventType.OOM_KILL,
    "container_death": EventType.CONTAINER_DEATH,
    "memory_pressure": EventType.MEMORY_PRESSURE,
    "container_stuck": EventType.CONTAINER_STUCK,
    "kernel_event": EventType.KERNEL_EVENT,
    "agent": EventType.AGENT,
}
# What people look for first.
_INCIDENTS: Final = (EventType.OOM_KILL.value, EventType.CONTAINER_DEATH.value)
_TEXTS: Final = ("text", "service", "image", "container")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListFilters:
    """
    The filters of a list of incidents.

    Attributes:
        text, service, image, container: as in `EventFilter`; empty: no filter.
        host: the id or the name of a host, in a hub; empty: no filter.
        host_id: the id of that host.
        kind: a key of KINDS; empty: kills and deaths.
        span: a key of SPANS; empty: all times.
        day: the day that a bar of the chart links to, in days since 1970; None: no filter.
        before_seq: where an older page continues.
        refused: the parts of the URL that are not valid, in sentences.
    """

    text: str = ""
    cause: str = ""
    service: str = ""
    image: str = ""
    container: str = ""
    host: str = ""
    host_id: str = ""
    kind: str = ""
    span: str = ""
    day: int | None = None
    before_seq: int | None = None
    refused: Sequence[str] = field(default=(), compare=False)

    def event_filter(self, now_ns: int) -> EventFilter:
        """
        Return the filters as the store takes them.
        """
        day_ns = 86_400 * _NS_PER_S
        since_ns = now_ns - SPANS[self.span] * _NS_PER_S if self.span else None
        return EventFilter(
            types=(KINDS[self.kind],) if self.kind else _INCIDENTS,
            causes=(self.cause,) if self.cause else None,
            service=self.service or None,
            image=self.image or None,
            container=self.container or None,
            host=self.host_id or None,
            text=self.text or None,
            since_ns=self.day * day_ns if self.day is not None else since_ns,
            until_ns=(self.day + 1) * day_ns if self.day is not None else None,
        )

    def url(self, **changes: object) -> str:
        """
        Return the address of the list with these filters, some of them changed.
        """
        values = {
            **{name: getattr(self, name) for name in (*_TEXTS, "host", "cause", "kind", "span", "day")},
            "before": None,
            **changes,
        }
        chosen = {name: value for name, value in values.items() if value not in ("", None)}
        return f"/incidents?{urlencode(chosen)}" if chosen else "/incidents"


def list_filters_of(query: Mapping[str, str], host_id: Callable[[str], str] | None = None) -> ListFilters:
    """
    Read the query of a URL.

    Args:
        query: its parameters.
        host_id: returns the id of a host by its id or name; None: all events are of one host.
    """
    refused: list[str] = []
    texts = {name: query.get(name, "").strip()[:_TEXT_CHARACTERS] for name in _TEXTS}
    host = query.get("host", "").strip()[:_TEXT_CHARACTERS] if host_id is not None else ""
    return ListFilters(
        **texts,
        host=host,
        host_id=host_id(host) if host_id is not None and host else "",
        cause=_choice(query, "cause", set(Cause), refused),
        kind=_choice(query, "kind", KINDS, refused),
        span=_choice(query, "span", SPANS, refused),
        day=_number(query, "day", refused, most=100_000),
        before_seq=_number(query, "before", refused, most=_LARGEST_SEQ),
        refused=refused,
    )


def _choice(query: Mapping[str, str], name: str, choices: Mapping[str, object] | set[Cause], refused: list[str]) -> str:
    value = query.get(name, "")
    if value and value not in choices:
        refused.append(f"{value[:_TEXT_CHARACTERS]} is not a value of the filter {name}.")
        return ""
    return value


def _number(query: Mapping[str, str], name: str, refused: list[str], *, most: int) -> int | None:
    value = query.get(name, "")
    if not value:
        return None
    if value.isascii() and value.isdigit() and len(value) <= _SEQ_DIGITS and int(value) <= most:
        return int(value)
    refused.append(f"The value of {name} is not a valid number.")
    return None
