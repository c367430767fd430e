"""
The figures of an OOM report that is still being printed: usages, statistics, and the table of tasks.

A row of the table or a value of the statistics means something only after its header, so what came last is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, assert_never

from parsers.oom_facts import MemoryUsage, OomVictim, TaskRow
from parsers.oom_table import MemcgStats, TaskHeader, Usage, parse_row, parse_stat_lines

_ROWS_AT_MOST: Final = 4096
_STATS_AT_MOST: Final = 512
_PAGE_SIZES: Final = (4096, 16384, 65536)


@dataclass(slots=True)
class Figures:
    """
    What was printed of them so far.

    Attributes:
        usages: of the cgroup at its limit, by kind.
        stats: per cgroup its statistics.
        tasks: the rows of the task table.
        tasks_dropped: how many rows were too many.
    """

    usages: dict[str, MemoryUsage] = field(default_factory=dict)
    stats: dict[str, dict[str, int]] = field(default_factory=dict)
    tasks: list[TaskRow] = field(default_factory=list)
    tasks_dropped: int = 0
    _columns: tuple[str, ...] = ()
    _stats_path: str | None = None

    def take(self, fact: Usage | MemcgStats | TaskHeader) -> None:
        """
        Add a line that says itself what it is.
        """
        match fact:
            case Usage():
                self.usages[fact.kind] = fact.usage
            case MemcgStats():
                self._take_stats(fact)
            case TaskHeader():
                self._columns = fact.columns
            case _:
                assert_never(fact)

    def take_continuation(self, text: str) -> None:
        """
        A line of no kind of its own: a row of the task table, or values of the statistics.
        """
        if self._columns:
            self._take_row(text)
        elif self._stats_path is not None:
            values = self.stats[self._stats_path]
            if len(values) < _STATS_AT_MOST:
                values.update(parse_stat_lines(text))

    def lists(self, pid: int) -> bool:
        """
        Whether the task table has this process or thread.
        """
        return any(pid in (row.pid, row.tgid) for row in self.tasks)

    def page_size_bytes(self, victims: Sequence[OomVictim]) -> int | None:
        """
        The machine's page size, where a victim's row and its kill line tell it.
        """
        for victim in victims:
            for row in self.tasks:
                if row.tgid == victim.pid and victim.total_vm_bytes and row.total_vm_pages > 0:
                    size, rest = divmod(victim.total_vm_bytes, row.total_vm_pages)
                    return size if rest == 0 and size in _PAGE_SIZES else None
        return None

    def _take_row(self, text: str) -> None:
        row = parse_row(text, self._columns)
        if row is None:
            return
        if len(self.tasks) < _ROWS_AT_MOST:
            self.tasks.append(row)
        else:
            self.tasks_dropped += 1

    def _take_stats(self, fact: MemcgStats) -> None:
        self._stats_path = None
        if len(self.stats) < _STATS_AT_MOST or fact.path in self.stats:
            self._stats_path = fact.path
            self.stats.setdefault(fact.path, {}).update(fact.values)
