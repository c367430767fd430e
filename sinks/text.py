"""
Text for people: sizes, durations, times, printable names, and curves drawn with block characters.

The only module that formats these. What a particular chat escapes or cuts is in sinks/chat/escaping.py.
"""

import itertools
import re
from collections.abc import Sequence
from typing import Final, TypeAlias, overload

# (seconds before the event, bytes), oldest first.
Series: TypeAlias = Sequence[tuple[float, int]]

BLOCKS: Final = " ▁▂▃▄▅▆▇█"
_KIB: Final = 1024
_S_PER_MIN: Final = 60
_S_PER_H: Final = 3600
_SPARKLINE_COLUMNS: Final = 24
# A scale that reaches a limit further above the curve than this would flatten the curve.
_LIMIT_TO_PEAK: Final = 4
# Colours and cursor movements in the output of programs (ECMA-48 5.4).
_CONTROL_SEQUENCE: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


@overload
def size(size_bytes: int) -> str: ...


@overload
def size(size_bytes: None) -> None: ...


def size(size_bytes: int | None) -> str | None:
    """
    Format a size with a binary unit: `512 MiB`, `1.5 GiB`; None stays None.
    """
    if size_bytes is None:
        return None
    value, unit = float(size_bytes), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if value < _KIB:
            break
        value, unit = value / _KIB, larger
    return f"{value:.1f}".removesuffix(".0") + f" {unit}"


def duration(seconds: float) -> str:
    """
    Format a duration: `40 s`, `12 minutes`, `3.5 hours`.
    """
    if seconds < 2 * _S_PER_MIN:
        return f"{seconds:.0f} s"
    if seconds < 2 * _S_PER_H:
        return f"{seconds / _S_PER_MIN:.0f} minutes"
    return f"{seconds / _S_PER_H:.1f} hours"


def clock(stamp: str | None) -> str:
    """
    Return the time of day of an RFC 3339 time, as in `03:17:04`; `?` if the time is unknown.
    """
    return stamp[11:19] if stamp is not None else "?"


def date_and_time(stamp: str) -> str:
    """
    Format an RFC 3339 time in UTC for a sentence: `2026-11-22 03:17:04.118203 UTC`.
    """
    return f"{stamp.replace('T', ' ').removesuffix('Z')} UTC"


def ordinal(number: int) -> str:
    """
    Return the ordinal of a number: `1st`, `2nd`, `3rd`, `4th`, `11th`.
    """
    teens = range(10, 20)
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in teens else ending}"


def printable(text: str | None) -> str:
    """
    Return a text from outside on one line, with every unprintable character escaped; `?` if the text is unknown.

    Processes, containers and images can be named anything, terminal control sequences included.
    """
    if text is None:
        return "?"
    return text if text.isprintable() else "".join(map(_escaped, text))


def printable_output(line: str) -> str:
    """
    Return a line that a program printed: without colours, tabs as spaces, the rest escaped as by `printable`.
    """
    return printable(_CONTROL_SEQUENCE.sub("", line).replace("\t", " "))


def scale_top(peak_bytes: int, limit_bytes: int | None) -> int:
    """
    Return the value at the top of a curve's scale: the memory limit, or the peak if the limit is unknown or far away.
    """
    if limit_bytes is not None and peak_bytes <= limit_bytes <= _LIMIT_TO_PEAK * peak_bytes:
        return limit_bytes
    return peak_bytes


def columns(series: Series, count: int) -> list[int]:
    """
    Resample a curve to `count` columns of equal duration.

    A column holds the highest value of its time; a column without a sample repeats the column before.

    Args:
        series: two samples or more.
        count: 1 or more.
    """
    start_s, end_s = series[0][0], series[-1][0]
    # A curve whose samples all have the same time has one column of any width.
    width_s = (end_s - start_s) / count or 1.0
    highest: dict[int, int] = {}
    for at_s, value in series:
        column = max(0, min(count - 1, int((at_s - start_s) / width_s)))
        highest[column] = max(value, highest.get(column, 0))
    first = series[0][1]
    return list(itertools.accumulate(range(count), lambda last, column: highest.get(column, last), initial=first))[1:]


def sparkline(series: Series, top_bytes: int) -> str:
    """
    Draw a curve in one line of block characters, from 0 to `top_bytes`.

    Args:
        series: two samples or more.
        top_bytes: the value of a full block.
    """
    steps = BLOCKS[1:]
    levels = (round(value / max(top_bytes, 1) * (len(steps) - 1)) for value in columns(series, _SPARKLINE_COLUMNS))
    return "".join(steps[max(0, min(level, len(steps) - 1))] for level in levels)


def _escaped(char: str) -> str:
    if char.isprintable():
        return char
    # Bytes that are not UTF-8 are kept as surrogates inside the program.
    is_byte = "\ud800" <= char <= "\udfff"
    return "\N{REPLACEMENT CHARACTER}" if is_byte else char.encode("unicode_escape").decode("ascii")
