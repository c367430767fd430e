"""
`exit137 top`: shows the containers of this host, live, by the share of their memory limit that they use.
"""

import importlib.util
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from collector.cli.common import config_option, configuration, fail
from collector.cli.live import LiveHost, kills_since, live_host
from collector.config.sections import Config
from collector.memory.history import KILLS_WITHIN_NS, kills_by_container
from collector.memory.usage import MemoryUse
from collector.sources.memory.sampler import Pace
from collector.web.pages.running import RunningContainers
from sinks.text import duration, printable, size

if TYPE_CHECKING:
    from rich.table import Table

_COLUMNS: Final = ("container", "share", "used", "limit", "growth / min", "at limit in", "kills, 24 h")
_PACE: Final = Pace(slow_s=2.0, usual_s=2.0, fast_s=1.0, samples_per_s=100.0)
_REFRESH_S: Final = 2.0
_KILLS_EVERY_S: Final = 10.0
_HIGH_SHARE: Final = 0.75
_CRITICAL_SHARE: Final = 0.9
# Less growth per minute is shown as 0.
_LEAST_GROWTH_BYTES: Final = 65_536


@click.command("top")
@config_option
@click.option("--once", is_flag=True, help="Print one table and exit.")
@click.option(
    "--limit",
    "-n",
    "rows",
    type=click.IntRange(min=1),
    default=40,
    metavar="N",
    help="Show at most N containers (default: 40).",
)
def command(config_path: Path | None, *, once: bool, rows: int) -> None:
    """Show containers by the share of their memory limit, with their growth and their kills in the last 24 hours."""
    if importlib.util.find_spec("rich") is None:
        fail("top needs the package rich: pip install rich")
    from rich.console import Console  # noqa: PLC0415 (optional)
    from rich.live import Live as Screen  # noqa: PLC0415

    config = configuration(config_path)
    dashboard = _Dashboard(config, live_host(config), rows)
    dashboard.sample()
    if once:
        Console().print(dashboard.table())
        return
    try:
        with Screen(dashboard.table(), auto_refresh=False, screen=True) as screen:
            while True:
                time.sleep(_REFRESH_S)
                dashboard.sample()
                screen.update(dashboard.table(), refresh=True)
    except KeyboardInterrupt:
        return


def cells(name: str, use: MemoryUse, kills: int) -> tuple[str, ...]:
    """
    Return the texts of the columns.

    Args:
        name: of the container.
        use: its memory.
        kills: OOM kills of its processes in the last 24 hours.
    """
    share, growth = use.sample.limit_share, use.growth_bytes_per_min
    return (
        printable(name),
        f"{100 * share:.0f} %" if share is not None else "-",
        size(use.sample.working_set_bytes) or "",
        size(use.sample.limit_bytes) or "none",
        _signed(growth) if growth is not None else "",
        duration(use.limit_in_s) if use.limit_in_s is not None else "",
        str(kills or ""),
    )


class _Dashboard:
    """
    The samples since the command was started, and the table of the latest ones.
    """

    def __init__(self, config: Config, here: LiveHost, rows: int) -> None:
        self._config = config
        self._rows = rows
        self._running = RunningContainers(here.tree, _PACE, here.name)
        self._kills: Mapping[str, int] = {}
        self._kills_s = 0.0

    def sample(self) -> None:
        """
        Take the next samples, and look up the kills from time to time.
        """
        self._running.sample()
        if time.monotonic() >= self._kills_s:
            self._kills = kills_by_container(kills_since(self._config, time.time_ns() - KILLS_WITHIN_NS))
            self._kills_s = time.monotonic() + _KILLS_EVERY_S

    def table(self) -> "Table":
        """
        Return the table of the latest samples.
        """
        from rich.table import Table  # noqa: PLC0415 (optional)

        table = Table(box=None, pad_edge=False)
        for name in _COLUMNS:
            table.add_column(name, justify="left" if name == _COLUMNS[0] else "right", no_wrap=True)
        for one in self._running.containers(self._kills)[: self._rows]:
            table.add_row(*cells(one.name, one.use, one.kills), style=_style(one.use.sample.limit_share))
        return table


def _style(share: float | None) -> str:
    if share is None or share < _HIGH_SHARE:
        return ""
    return "red" if share >= _CRITICAL_SHARE else "yellow"


def _signed(per_min: float) -> str:
    if abs(per_min) < _LEAST_GROWTH_BYTES:
        return "0"
    return f"{'+' if per_min > 0 else '-'}{size(int(abs(per_min)))}"
