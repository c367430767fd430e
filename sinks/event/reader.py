"""
Reads a published event back from JSON, as a typed view: the only code that parses our own events.

Lenient, because a stored event may have been written by another version of exit137: a field that is missing or has an
unexpected type takes its default, an unexpected list entry is left out, and unknown fields are ignored.
"""

import types
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Union, get_args, get_origin

import msgspec

from sinks.event.ecs_views import View
from sinks.event.views import EventView, SeriesView

_NS_PER_S: Final = 1_000_000_000
# What the store has a column for: the years 1678 to 2262.
_LONGEST_NS: Final = 2**63 - 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DECODER: Final = msgspec.json.Decoder(EventView)
# A curve as early agents wrote it: pairs of seconds and bytes.
_PAIRS: Final = tuple[tuple[float, int], ...]


class UnreadableEventError(ValueError):
    """
    Raised when a text is not an event at all, whatever the version.
    """


def read_event(body: bytes) -> EventView:
    """
    Parse a published event.

    Args:
        body: a structured CloudEvent as JSON.

    Raises:
        UnreadableEventError: the text is not a JSON object, or its `data` is not one.
    """
    try:
        return _DECODER.decode(body)
    except msgspec.ValidationError:
        return _lenient_event(body)
    except (ValueError, RecursionError) as error:
        raise UnreadableEventError("the event is not valid JSON") from error


def view_of(members: Mapping[str, Any]) -> EventView:
    """
    Return the view of a published event that has been parsed from JSON already.

    Args:
        members: a structured CloudEvent.

    Raises:
        UnreadableEventError: `data` is not an object.
    """
    try:
        return msgspec.convert(members, EventView)
    except msgspec.ValidationError:
        return _lenient_view(members)


def read_events(bodies: Iterable[bytes]) -> list[EventView]:
    """
    Parse published events, without those that are unreadable.
    """
    found = []
    for body in bodies:
        try:
            found.append(read_event(body))
        except UnreadableEventError:
            continue
    return found


def time_ns(stamp: str | None) -> int | None:
    """
    Parse an RFC 3339 time of an event to nanoseconds since 1970; None if it is unknown, not valid, or beyond 64 bits.
    """
    try:
        moment = datetime.fromisoformat(stamp or "")
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    since_epoch = moment - _EPOCH
    found_ns = (since_epoch.days * 86_400 + since_epoch.seconds) * _NS_PER_S + since_epoch.microseconds * 1000
    return found_ns if abs(found_ns) <= _LONGEST_NS else None


def _lenient_event(body: bytes) -> EventView:
    try:
        members = msgspec.json.decode(body)
    except (ValueError, RecursionError) as error:
        raise UnreadableEventError("the event is not valid JSON") from error
    return _lenient_view(members)


def _lenient_view(members: object) -> EventView:
    if not isinstance(members, dict) or not isinstance(members.get("data", {}), dict):
        raise UnreadableEventError("the text is not a CloudEvent with an object as its data")
    event = _value(EventView, members)
    return event if isinstance(event, EventView) else EventView()


def _value(kind: Any, value: object) -> Any:  # noqa: ANN401 (the value of any field of a view)
    """
    Convert a JSON value to the type of a field.

    Raises:
        msgspec.ValidationError: the value has another type.
    """
    if get_origin(kind) in (Union, types.UnionType):
        # Every union in a view is `… | None`.
        (kind,) = (choice for choice in get_args(kind) if choice is not types.NoneType)
        return None if value is None else _value(kind, value)
    if kind is SeriesView and isinstance(value, list):
        pairs = _value(_PAIRS, value)
        return SeriesView(seconds=tuple(at_s for at_s, _ in pairs), bytes=tuple(used for _, used in pairs))
    if isinstance(kind, type) and issubclass(kind, View) and isinstance(value, dict):
        return msgspec.convert(_members(kind, value), kind)
    if get_origin(kind) is tuple and get_args(kind)[-1] is Ellipsis and isinstance(value, list):
        return tuple(_items(get_args(kind)[0], value))
    return msgspec.convert(value, kind)


def _members(kind: type[View], members: Mapping[str, object]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        if field.encode_name in members:
            try:
                found[field.encode_name] = _value(field.type, members[field.encode_name])
            except msgspec.ValidationError:
                continue
    return found


def _items(kind: Any, items: Iterable[object]) -> Iterable[Any]:  # noqa: ANN401 (the type of a list's entries)
    for item in items:
        try:
            yield _value(kind, item)
        except msgspec.ValidationError:
            continue
