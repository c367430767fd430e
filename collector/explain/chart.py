"""
A memory curve in text: columns of eighths of blocks, the scale on the left, the time below.

     64 MiB ┤             ▂▄▆█
            │      ▁▃▅▇███████
          0 ┼▂▄▆██████████████
             -10 minutes     0
"""

from collections.abc import Sequence
from typing import Final

from sinks.text import BLOCKS, Series, columns, duration, scale_top, size

_EIGHTHS: Final = len(BLOCKS) - 1
# The widest label is that of a size, such as "1023.9 MiB".
_LABEL_COLUMNS: Final = 10
# Narrower curves are unreadable, so a very narrow terminal wraps the line.
_NARROWEST_COLUMNS: Final = 20


def chart(series: Series, limit_bytes: int | None, width: int, height: int = 8) -> list[str]:
    """
    Draw a curve; return its lines, or none if there are fewer than two samples.

    Args:
        series: (seconds before the event, bytes), oldest first.
        limit_bytes: the top of the scale, if the curve comes near it.
        width: of the terminal, in columns.
        height: of the curve, in lines.
    """
    if len(series) < 2:  # noqa: PLR2004 (a curve needs two samples)
        return []
    # An all-zero curve is drawn on a scale of one byte.
    top_bytes = scale_top(max(value for _, value in series), limit_bytes) or 1
    values = columns(series, max(_NARROWEST_COLUMNS, width - _LABEL_COLUMNS - 2))
    levels = [round(value / top_bytes * height * _EIGHTHS) for value in values]
    rows = [_row(levels, row, height, top_bytes) for row in reversed(range(height))]
    return [*rows, _axis(series, len(values))]


def _row(levels: Sequence[int], row: int, height: int, top_bytes: int) -> str:
    label = size(top_bytes) if row == height - 1 else "0" if row == 0 else ""
    mark = "┤" if row == height - 1 else "┼" if row == 0 else "│"
    blocks = "".join(BLOCKS[min(_EIGHTHS, max(0, level - row * _EIGHTHS))] for level in levels)
    return f"{label:>{_LABEL_COLUMNS}} {mark}{blocks}".rstrip()


def _axis(series: Series, width: int) -> str:
    begin, end = f"-{duration(-series[0][0])}", "0" if series[-1][0] == 0 else f"-{duration(-series[-1][0])}"
    return f"{'':{_LABEL_COLUMNS}}  {begin}{end:>{max(1, width - len(begin))}}"
