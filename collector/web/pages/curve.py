"""
The geometry of a memory curve as SVG: pure arithmetic from samples to coordinates; templates/curve.html draws it.

    top ┌────────────────────────────┐ limit (dashed)
        │             ▲ warning   /✕ │ kill
        │        /^-----/^------/   ■ end
      0 └────────────────────────────┘
        -10 minutes                  0
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sinks.text import Series, duration, scale_top, size

# Room for the sizes at the left, the marks above and the times below.
_LEFT: Final = 72
_RIGHT: Final = 14
_TOP: Final = 26
_BOTTOM: Final = 26
# The limit is drawn a little below the upper edge.
_HEADROOM: Final = 1.08
_LINES: Final = 4
# Neighbours of fewer units than this cannot be pointed at one by one.
_NARROWEST_HOVER: Final = 2.0
_LONGEST_S: Final = 1e10
_MOST_BYTES: Final = 2**63 - 1


class Kind(StrEnum):
    """
    What a mark on a curve stands for.
    """

    WARNING = "warning"
    KILL = "kill"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """
    Something that happened along a curve.

    Attributes:
        at_s: seconds from the event; negative before it.
        text: what happened, in words.
    """

    at_s: float
    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Mark:
    """
    A moment at its place.
    """

    x: float
    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Hover:
    """
    A column that shows a sample's value to who points at it; the sample is at (`at_x`, `at_y`).
    """

    x: float
    width: float
    at_x: float
    at_y: float
    text: str


@dataclass(frozen=True, slots=True)
class GridLine:
    """
    A horizontal line with its size.
    """

    y: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """
    A curve, ready to draw; coordinates in units of the view box.

    Attributes:
        line: the points of the curve, as in the attribute `points` of a polyline.
        area: the same, closed along the base line.
        limit: None if it is unknown or far above the curve.
        begin, end: the labels of the time axis.
    """

    width: int
    height: int
    left: float
    right: float
    top: float
    base: float
    line: str
    area: str
    limit: GridLine | None
    grid: tuple[GridLine, ...]
    marks: tuple[Mark, ...]
    hovers: tuple[Hover, ...]
    begin: str
    end: str


@dataclass(frozen=True, slots=True)
class _Scale:
    """
    From seconds and bytes to coordinates.
    """

    width: int
    height: int
    begin_s: float
    end_s: float
    top_bytes: int

    def x(self, at_s: float) -> float:
        share = (at_s - self.begin_s) / ((self.end_s - self.begin_s) or 1.0)
        return round(_LEFT + max(0.0, min(1.0, share)) * (self.width - _LEFT - _RIGHT), 1)

    def y(self, value_bytes: float) -> float:
        share = value_bytes / (self.top_bytes * _HEADROOM)
        return round(self.height - _BOTTOM - max(0.0, min(1.0, share)) * (self.height - _TOP - _BOTTOM), 1)


def drawing_of(
    series: Series, limit_bytes: int | None, moments: Iterable[Moment], *, width: int, height: int
) -> Drawing | None:
    """
    Draw a curve; None if there are fewer than two samples.

    Args:
        series: (seconds before the event, bytes), oldest first.
        limit_bytes: the memory limit, if known.
        moments: warnings, kills and the end; those before the first sample are not drawn.
        width: of the view box.
        height: of the view box.
    """
    series = _plausible(series)
    if len(series) < 2:  # noqa: PLR2004 (a curve needs two samples)
        return None
    moments = [moment for moment in moments if series[0][0] <= moment.at_s <= _LONGEST_S]
    top_bytes = scale_top(max(value for _, value in series), limit_bytes) or 1
    end_s = max([series[-1][0], *(moment.at_s for moment in moments)])
    scale = _Scale(width, height, series[0][0], end_s, top_bytes)
    points = [(scale.x(at_s), scale.y(value)) for at_s, value in series]
    line = " ".join(f"{x},{y}" for x, y in points)
    base = scale.y(0)
    has_limit = limit_bytes == top_bytes
    return Drawing(
        width=width,
        height=height,
        left=_LEFT,
        right=width - _RIGHT,
        top=_TOP,
        base=base,
        line=line,
        area=f"{points[0][0]},{base} {line} {points[-1][0]},{base}",
        limit=GridLine(scale.y(top_bytes), f"limit {size(top_bytes)}") if has_limit else None,
        grid=tuple(_grid(scale)),
        marks=tuple(Mark(scale.x(each.at_s), each.kind, f"{_when(each.at_s)}: {each.text}") for each in moments),
        hovers=tuple(_hovers(series, points, limit_bytes)),
        begin=_when(series[0][0]),
        end=_when(end_s),
    )


def spark_points(series: Series, width: int, height: int, limit_bytes: int | None = None) -> str:
    """
    Return the points of a small curve from 0 to the limit; empty with fewer than two samples.

    Args:
        series: the samples.
        width: of the picture.
        height: of the picture.
        limit_bytes: the memory limit; None: the curve reaches from 0 to its peak.
    """
    series = _plausible(series)
    if len(series) < 2:  # noqa: PLR2004 (a curve needs two samples)
        return ""
    begin_s, span_s = series[0][0], (series[-1][0] - series[0][0]) or 1.0
    top = max(limit_bytes or 0, *(value for _, value in series)) or 1
    return " ".join(
        f"{round((at_s - begin_s) / span_s * width, 1)},{round(height - value / top * (height - 2) - 1, 1)}"
        for at_s, value in series
    )


def _plausible(series: Series) -> Series:
    """
    Return the samples that can be drawn, oldest first: a stored event may hold any figures.
    """
    return sorted((at_s, value) for at_s, value in series if abs(at_s) <= _LONGEST_S and 0 <= value <= _MOST_BYTES)


def _grid(scale: _Scale) -> Iterable[GridLine]:
    for step in range(_LINES + 1):
        value = scale.top_bytes * step // _LINES
        yield GridLine(scale.y(value), size(value) if value else "0")


def _hovers(series: Series, points: Sequence[tuple[float, float]], limit_bytes: int | None) -> Iterable[Hover]:
    """
    Yield one column per sample, from the middle before it to the middle after it; narrow neighbours share one.
    """
    begin = points[0][0]
    for number, ((at_s, value), (x, y)) in enumerate(zip(series, points, strict=True)):
        end = (x + points[number + 1][0]) / 2 if number + 1 < len(points) else x + 1
        if end - begin >= _NARROWEST_HOVER or number + 1 == len(points):
            yield Hover(begin, round(max(end - begin, 1.0), 1), x, y, f"{_when(at_s)}: {_value(value, limit_bytes)}")
            begin = round(end, 1)


def _value(value: int, limit_bytes: int | None) -> str:
    share = f", {value / limit_bytes:.0%} of the limit" if limit_bytes else ""
    return f"{size(value)}{share}"


def _when(at_s: float) -> str:
    return "0 s" if abs(at_s) < 0.05 else f"{'-' if at_s < 0 else '+'}{_precise(abs(at_s))}"  # noqa: PLR2004


def _precise(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else duration(seconds)  # noqa: PLR2004 (tenths matter when it is short)
