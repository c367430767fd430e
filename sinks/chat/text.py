"""
Text for people: made visible, escaped and cut; sizes, times, and a curve in one line.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

_KIB: Final = 1024
_MINUTE_S: Final = 60
_LONGEST_MINUTES: Final = 120
_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_COLUMNS: Final = 24
_CUT: Final = "…"
# Colours and such in the output of programs (ECMA-48 5.4).
_CONTROL_SEQUENCE: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_TOKENS: Final = re.compile(r"://|[wW]{3}\.|.", re.DOTALL)
# A word that ends within this part of the text is a good place to cut.
_NEAR: Final = 0.8


def fitted(text: str, room: int, escapes: Mapping[str, str]) -> str:
    """
    Text on one line, escaped, and cut visibly where it would be longer than its room; never within an escape.

    Args:
        text: from anywhere.
        room: the most UTF-16 units that it may have; chats count these, or fewer.
        escapes: per character, `://` or `www.`, what stands for it.
    """
    pieces = [escapes.get(token, token) for token in _TOKENS.findall(visible(text))]
    if sum(map(_units, pieces)) <= room:
        return "".join(pieces)
    taken: list[str] = []
    left = room - len(_CUT)
    for piece in pieces:
        left -= _units(piece)
        if left < 0:
            break
        taken.append(piece)
    words = [index for index, piece in enumerate(taken) if piece == " " and index >= _NEAR * len(taken)]
    return "".join(taken[: words[-1]] if words else taken) + _CUT


def visible(text: str) -> str:
    """
    Text without colours, in which what cannot be printed is shown by its number; tabs are spaces.
    """
    text = _CONTROL_SEQUENCE.sub("", text).replace("\t", " ").strip()
    return text if text.isprintable() else "".join(map(_visible, text))


def size(size_bytes: int) -> str:
    """
    A size: `512 MiB`, `1.5 GiB`.
    """
    value, unit = float(size_bytes), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if value < _KIB:
            break
        value, unit = value / _KIB, larger
    return f"{value:.1f}".removesuffix(".0") + f" {unit}"


def duration(seconds: float) -> str:
    """
    A time that passes: `41 s`, `10 min`, `3.5 h`.
    """
    if seconds < 2 * _MINUTE_S:
        return f"{seconds:.0f} s"
    minutes = seconds / _MINUTE_S
    return f"{minutes:.0f} min" if minutes < _LONGEST_MINUTES else f"{minutes / _MINUTE_S:.1f} h"


def clock(stamp: str | None) -> str:
    """
    The time of day of a stamp of RFC 3339, as in `03:17:04`.
    """
    return stamp[11:19] if stamp is not None else "?"


def ordinal(number: int) -> str:
    """
    `1st`, `2nd`, `3rd`, `4th`, `11th`.
    """
    teens = range(10, 20)
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in teens else ending}"


def sparkline(series: Sequence[tuple[float, int]], top: int) -> str:
    """
    A curve in one line, from 0 to `top`: each column the highest value of its time, or of the one before.

    Args:
        series: (seconds, value), oldest first; two at least.
        top: the value of a full block.
    """
    start_s, end_s = series[0][0], series[-1][0]
    width_s = (end_s - start_s) / _COLUMNS or 1.0
    highest: dict[int, int] = {}
    for at_s, value in series:
        column = max(0, min(_COLUMNS - 1, int((at_s - start_s) / width_s)))
        highest[column] = max(value, highest.get(column, 0))
    line, last = "", series[0][1]
    for column in range(_COLUMNS):
        last = highest.get(column, last)
        level = round(last / max(top, 1) * (len(_BLOCKS) - 1))
        line += _BLOCKS[max(0, min(level, len(_BLOCKS) - 1))]
    return line


def _units(text: str) -> int:
    return len(text) + sum(char > "\uffff" for char in text)


def _visible(char: str) -> str:
    if char.isprintable():
        return char
    is_byte = "\ud800" <= char <= "\udfff"  # a byte that is no UTF-8
    return "\N{REPLACEMENT CHARACTER}" if is_byte else char.encode("unicode_escape").decode("ascii")
