"""
A memory curve in text: columns of eighths of blocks, the scale at the left, the time below.

     64 MiB ┤             ▂▄▆█
            │      ▁▃▅▇███████
          0 ┼▂▄▆██████████████
             -10 minutes     0
"""

import itertools
from collections.abc import Sequence
from typing import Final

from collector.correlate.wording import size
from collector.memory.sentences import duration

_BLOCKS: Final = " ▁▂▃▄▅▆▇█"
_EIGHTHS: Final = len(_BLOCKS) - 1
_LABEL: Final = 10
_NARROWEST: Final = 20
# A limit that is further above the curve than this would press it flat.
_SHOWN_LIMIT: Final = 4

Series = Sequence[tuple[float, int]]


def chart(series: Series, limit_bytes: int | None, width: int, height: int = 8) -> list[str]:
    """
    The lines of a chart; none where there are fewer than two samples.

    Args:
        series: (seconds before the event, bytes), oldest first.
        limit_bytes: the top of the scale, where the curve comes near it.
        width: of the terminal, in columns.
        height: of the curve, in lines.
    """
    if len(series) < 2:  # noqa: PLR2004 (one sample is no curve)
        return []
    peak = max(value for _, value in series)
    near = limit_bytes is not None and peak <= limit_bytes <= _SHOWN_LIMIT * peak
    top = (limit_bytes if near else peak) or 1
    columns = _columns(series, max(_NARROWEST, width - _LABEL - 2))
    levels = [round(value / top * height * _EIGHTHS) for value in columns]
    rows = [_row(levels, row, height, top) for row in reversed(range(height))]
    return [*rows, _axis(series, len(columns))]


def _columns(series: Series, count: int) -> list[int]:
    """
    The highest value of each column's time; one without a sample has that of the column before.
    """
    start_s, end_s = series[0][0], series[-1][0]
    width_s = (end_s - start_s) / count or 1.0
    highest: dict[int, int] = {}
    for at_s, value in series:
        column = min(count - 1, int((at_s - start_s) / width_s))
        highest[column] = max(value, highest.get(column, 0))
    return list(itertools.accumulate(range(count), lambda last, column: highest.get(column, last), initial=0))[1:]


def _row(levels: Sequence[int], row: int, height: int, top: int) -> str:
    label = (size(top) or "") if row == height - 1 else "0" if row == 0 else ""
    mark = "┤" if row == height - 1 else "┼" if row == 0 else "│"
    blocks = "".join(_BLOCKS[min(_EIGHTHS, max(0, level - row * _EIGHTHS))] for level in levels)
    return f"{label:>{_LABEL}} {mark}{blocks}".rstrip()


def _axis(series: Series, columns: int) -> str:
    begin, end = f"-{duration(-series[0][0])}", "0" if series[-1][0] == 0 else f"-{duration(-series[-1][0])}"
    return f"{'':{_LABEL}}  {begin}{end:>{max(1, columns - len(begin))}}"
