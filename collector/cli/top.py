"""
`exit137 top`: the containers of this host by the share of their limit that they use, live.
"""

import importlib.util
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from collector.cli.common import config_option, configuration, fail
from collector.cli.live import Live, kills_since, live, midnight_ns
from collector.config import Config
from collector.correlate.memory_facts import MemorySample
from collector.correlate.wording import shown, size
from collector.memory.curve import fit
from collector.memory.forecast import forecast
from collector.memory.host import host_memory
from collector.memory.past import kills_by_container
from collector.memory.sampler import Sampler
from collector.memory.samples import Point, SampleRing
from collector.memory.sampling import Pace
from collector.memory.sentences import duration

if TYPE_CHECKING:
    from rich.table import Table

_COLUMNS: Final = ("container", "share", "used", "limit", "growth / min", "at its limit in", "kills today")
_PACE: Final = Pace(slow_s=2.0, usual_s=2.0, fast_s=1.0, looks_per_s=100.0)
_WINDOW_NS: Final = 600_000_000_000
_REFRESH_S: Final = 2.0
_KILLS_EVERY_S: Final = 10.0
_HIGH_SHARE: Final = 0.75
_CRITICAL_SHARE: Final = 0.9
_LEAST_GROWTH_BYTES: Final = 65_536


@click.command("top")
@config_option
@click.option("--once", is_flag=True, help="Print one table and end.")
@click.option("--limit", "-n", "rows", type=click.IntRange(min=1), default=40, help="Only so many containers.")
def command(config_path: Path | None, *, once: bool, rows: int) -> None:
    """Show the containers by the share of their memory limit, their growth, and the kills of today."""
    if importlib.util.find_spec("rich") is None:
        fail("top needs rich: pip install 'exit137[rich]'")
    from rich.console import Console  # noqa: PLC0415 (optional)
    from rich.live import Live as Screen  # noqa: PLC0415

    config = configuration(config_path)
    view = _View(config, live(config), rows)
    view.look()
    if once:
        Console().print(view.table())
        return
    try:
        with Screen(view.table(), auto_refresh=False, screen=True) as screen:
            while True:
                time.sleep(_REFRESH_S)
                view.look()
                screen.update(view.table(), refresh=True)
    except KeyboardInterrupt:
        return


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """
    One container as it is shown.

    Attributes:
        growth_bytes_per_min: of the last ten minutes; None while there are too few samples.
        limit_in_s: until its limit at this growth; None where it does not grow beyond doubt.
    """

    name: str
    sample: MemorySample
    growth_bytes_per_min: float | None
    limit_in_s: float | None
    kills: int

    def cells(self) -> tuple[str, ...]:
        """
        The texts of the columns.
        """
        share, growth = self.sample.limit_share, self.growth_bytes_per_min
        return (
            self.name,
            f"{100 * share:.0f} %" if share is not None else "-",
            size(self.sample.working_set_bytes) or "",
            size(self.sample.limit_bytes) or "none",
            _signed(growth) if growth is not None else "",
            duration(self.limit_in_s) if self.limit_in_s is not None else "",
            str(self.kills or ""),
        )


def row_of(name: str, sample: MemorySample, points: tuple[Point, ...], kills: int) -> Row:
    """
    The row of a container.

    Args:
        name: as it is shown.
        sample: the latest.
        points: of the last ten minutes.
        kills: of its processes, today.
    """
    line = fit([(point.at_s, float(point.working_set_bytes)) for point in points])
    ahead = forecast(points, sample.limit_bytes)
    return Row(
        name=shown(name),
        sample=sample,
        growth_bytes_per_min=line.per_s * 60 if line is not None else None,
        limit_in_s=ahead.seconds if ahead is not None and ahead.latest_s is not None else None,
        kills=kills,
    )


def sorted_rows(rows: list[Row]) -> list[Row]:
    """
    The fullest first; those without a limit after all others, the largest first.
    """
    return sorted(rows, key=lambda row: (row.sample.limit_share or 0.0, row.sample.working_set_bytes), reverse=True)


class _View:
    """
    What has been seen since the command was started.
    """

    def __init__(self, config: Config, here: Live, rows: int) -> None:
        self._config = config
        self._here = here
        self._rows = rows
        self._sampler = Sampler(here.tree, host_memory, _PACE)
        self._rings: dict[str, SampleRing] = {}
        self._kills: Mapping[str, int] = {}
        self._kills_s = 0.0

    def look(self) -> None:
        """
        Take the next samples.
        """
        told = self._sampler.step(time.monotonic_ns(), time.time_ns())
        for sample in told.samples if told is not None else ():
            self._rings.setdefault(sample.container_id, SampleRing()).add(sample)
        for container_id in told.gone if told is not None else ():
            self._rings.pop(container_id, None)
        if time.monotonic() >= self._kills_s:
            self._kills = kills_by_container(kills_since(self._config, midnight_ns(time.time())))
            self._kills_s = time.monotonic() + _KILLS_EVERY_S

    def table(self) -> "Table":
        """
        The table as it is shown.
        """
        from rich.table import Table  # noqa: PLC0415 (optional)

        table = Table(box=None, pad_edge=False)
        for name in _COLUMNS:
            table.add_column(name, justify="left" if name == _COLUMNS[0] else "right", no_wrap=True)
        for row in sorted_rows(self._found())[: self._rows]:
            table.add_row(*row.cells(), style=_style(row.sample.limit_share))
        return table

    def _found(self) -> list[Row]:
        """
        The containers; a cgroup without a single page is left over from one that has ended.
        """
        since_ns = time.time_ns() - _WINDOW_NS
        return [
            row_of(self._here.name(sample.container_id), sample, ring.points(since_ns), self._killed(sample))
            for ring in self._rings.values()
            if (sample := ring.latest) is not None and sample.usage_bytes
        ]

    def _killed(self, sample: MemorySample) -> int:
        return self._kills.get(sample.container_id, 0)


def _style(share: float | None) -> str:
    if share is None or share < _HIGH_SHARE:
        return ""
    return "red" if share >= _CRITICAL_SHARE else "yellow"


def _signed(per_min: float) -> str:
    if abs(per_min) < _LEAST_GROWTH_BYTES:
        return "0"
    return f"{'+' if per_min > 0 else '-'}{size(int(abs(per_min)))}"
