"""
Parses times that people write: an age such as `30m`, `2h` or `1d`, or a date with or without a time of day.
"""

import re
from datetime import datetime
from typing import Final

_NS_PER_S: Final = 1_000_000_000
_AGO: Final = re.compile(r"([0-9]{1,9})\s*([smhdw])", re.ASCII)
# Earlier, nothing can have been stored; later, a time is no longer a number of the store.
_TIMES_NS: Final = range(2**63)
_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


class TimeArgumentError(Exception):
    """
    Raised when a text is not a time.
    """

    def __init__(self, text: str) -> None:
        super().__init__(f"{text!r} is not a time: use 30m, 2h, 1d, or a date such as 2026-11-22 or 2026-11-22T03:17")


def parse_time(text: str, now_ns: int) -> int:
    """
    Return a time in nanoseconds since 1970. Without a time zone it is local time.

    Args:
        text: an age with the unit s, m, h, d or w, or a date in ISO 8601.
        now_ns: the wall clock; ages count from it.

    Raises:
        TimeArgumentError: the text is not a time, or it is before 1970 or after 2262.
    """
    ago = _AGO.fullmatch(text.strip())
    try:
        if ago is not None:
            time_ns = now_ns - int(ago[1]) * _UNITS_S[ago[2]] * _NS_PER_S
        else:
            time_ns = int(datetime.fromisoformat(text.strip()).timestamp() * _NS_PER_S)
    except (ValueError, OverflowError, OSError) as error:
        raise TimeArgumentError(text) from error
    if time_ns not in _TIMES_NS:
        raise TimeArgumentError(text)
    return time_ns
