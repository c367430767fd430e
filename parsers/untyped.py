"""
Read values of decoded JSON, which may be of any type: each reader returns the wanted type or None, and never raises.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from sys import intern
from typing import Any, Final

from parsers.errors import ParseError

_NS_PER_S: Final = 1_000_000_000
_NANOSECOND_DIGITS: Final = 9
_INT: Final = re.compile(r"-?[0-9]{1,19}")
# 2026-11-22T08:53:19.20130204Z, or with an offset: RFC 3339 as Go prints it.
_TIME: Final = re.compile(
    r"(?P<second>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9}))?"
    r"(?:Z|(?P<sign>[+-])(?P<hours>[0-9]{2}):(?P<minutes>[0-9]{2}))"
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NO_FIELDS: Final[Mapping[str, Any]] = {}


def decoded(data: bytes | str, expected: str) -> Any:  # noqa: ANN401 - JSON may be anything
    """
    Decode JSON.

    Args:
        data: the text.
        expected: the expected format, in words, for the error.

    Raises:
        ParseError: the text is not JSON.
    """
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ParseError(expected, data) from error


def fields_of(value: object) -> Mapping[str, Any]:
    """
    Return the members of an object; no members if the value is not an object.
    """
    return value if isinstance(value, Mapping) else _NO_FIELDS


def text_of(value: object) -> str | None:
    """
    Return a string that is not empty.
    """
    return value if isinstance(value, str) and value else None


def texts_of(value: object) -> tuple[str, ...]:
    """
    Return the strings of an array.
    """
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def text_map_of(value: object) -> dict[str, str]:
    """
    Return the members of an object that are strings.

    They are interned: containers of one service have the same labels, which the engine sends again with every event.
    """
    members = ((key, item) for key, item in fields_of(value).items() if isinstance(key, str) and isinstance(item, str))
    return {intern(key): intern(item) for key, item in members}


def flag_of(value: object) -> bool | None:
    """
    Return a boolean.
    """
    return value if isinstance(value, bool) else None


def int_of(value: object) -> int | None:
    """
    Return an integer of at most 64 bits, also if it is written as a string.
    """
    if value is None:
        return None
    if isinstance(value, str) and _INT.fullmatch(value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63:
        return value
    return None


def time_ns_of(value: object) -> int | None:
    """
    Return an RFC 3339 time in nanoseconds since 1970; None for Go's zero time and what 64 bits cannot hold.
    """
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    try:
        second = datetime.fromisoformat(match["second"]).replace(tzinfo=UTC)
    except ValueError:
        return None
    since_epoch = second - _EPOCH
    if match["sign"] is not None:
        offset = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"]))
        since_epoch += offset if match["sign"] == "-" else -offset
    fraction_ns = int((match["fraction"] or "").ljust(_NANOSECOND_DIGITS, "0"))
    time_ns = (since_epoch.days * 86_400 + since_epoch.seconds) * _NS_PER_S + fraction_ns
    return int_of(time_ns) if time_ns > 0 else None
