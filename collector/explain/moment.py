"""
A moment as people write it: `30m`, `2h`, `1d` ago, or a date with or without a time.
"""

import re
from datetime import datetime
from typing import Final

_NS_PER_S: Final = 1_000_000_000
_AGO: Final = re.compile(r"([0-9]{1,9})\s*([smhdw])", re.ASCII)
_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


class MomentError(Exception):
    """
    Raised when a text names no moment.
    """

    def __init__(self, text: str) -> None:
        super().__init__(f"{text!r} is no moment: write 30m, 2h or 1d, or a date like 2026-11-22 or 2026-11-22T03:17")


def moment_ns(text: str, now_ns: int) -> int:
    """
    Nanoseconds since 1970 of a moment; what has no time zone is local time.

    Args:
        text: as people write it.
        now_ns: the wall clock, for what is told as an age.

    Raises:
        MomentError: it names no moment.
    """
    ago = _AGO.fullmatch(text.strip())
    if ago is not None:
        return now_ns - int(ago[1]) * _UNITS_S[ago[2]] * _NS_PER_S
    try:
        return int(datetime.fromisoformat(text.strip()).timestamp() * _NS_PER_S)
    except (ValueError, OverflowError, OSError) as error:
        raise MomentError(text) from error
