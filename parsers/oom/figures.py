"""
Collect the figures of an open OOM report: usages, statistics and the task table.

A row of the table or a value of the statistics means something only after its header, so the last header is known.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, assert_never

from parsers.oom.facts import MemoryUsage, OomReport, OomVictim, TaskRow
from parsers.oom.table import MemcgStats, TaskHeader, TaskTitle, Usage, parse_row, parse_stat_lines

# Bounds on memory: the processes of a host can make a report as long as they like.
_ROWS_AT_MOST: Final = 4096
_STATS_AT_MOST: Final = 512
# What the kernel prints about the host's memory just before the table (show_mem in mm/show_mem.c).
_HOST_MEMORY: Final = re.compile(r"[0-9]+ pages (?:RAM|reserved|hwpoisoned|in swap cache|cma reserved)")
# The page sizes of x86-64, arm64 and ppc64le kernels.
_PAGE_SIZES: Final = (4096, 16384, 65536)


@dataclass(slots=True)
class Figures:
    """
    The figures that were printed so far.

    Attributes:
        usages: usage and limit of the cgroup at its limit, by kind (`memory`, `memory+swap`, `swap`, `kmem`).
        stats: the statistics of each cgroup, in bytes by name.
        tasks: the rows of the task table.
        tasks_dropped: the number of rows beyond the bound.
        titled: the title of the table came before its header.
        after_memory: the figures that the kernel prints before the table came before it.
    """

    usages: dict[str, MemoryUsage] = field(default_factory=dict)
    stats: dict[str, dict[str, int]] = field(default_factory=dict)
    tasks: list[TaskRow] = field(default_factory=list)
    tasks_dropped: int = 0
    titled: bool = False
    after_memory: bool = False
    _columns: tuple[str, ...] = ()
    _stats_path: str | None = None

    def add(self, fact: Usage | MemcgStats | TaskTitle | TaskHeader) -> None:
        """
        Add a line whose own form says what it is.
        """
        match fact:
            case Usage():
                self.usages[fact.kind] = fact.usage
            case MemcgStats():
                self._add_stats(fact)
            case TaskTitle():
                self.titled = True
                self._see_table()
            case TaskHeader():
                self._see_table()
                self._columns = fact.columns
            case _:
                assert_never(fact)

    def add_continuation(self, text: str) -> None:
        """
        Add a line that only its header explains: a row of the task table, or values of the statistics.
        """
        if self._columns:
            self._add_row(text)
        elif _HOST_MEMORY.match(text) is not None:
            self.after_memory = True
        elif self._stats_path is not None:
            values = self.stats[self._stats_path]
            if len(values) < _STATS_AT_MOST:
                values.update(parse_stat_lines(text))

    def has_process(self, pid: int) -> bool:
        """
        Return whether the task table has this process or thread.
        """
        return any(pid in (row.pid, row.tgid) for row in self.tasks)

    def named(self, victim: OomVictim) -> OomVictim:
        """
        Return a victim, if its name was cut off with the name in the task table.
        """
        if victim.comm:
            return victim
        names = (row.comm for row in self.tasks if row.tgid == victim.pid)
        return replace(victim, comm=next(names, "?"))

    def lists_all_of(self, report: OomReport) -> bool:
        """
        Return whether nothing suggests that rows of a report's task table are missing.

        Kernels that print a summary print a title before the table, and all print figures of the memory before it. A
        text that has a head or is about the host, but not these, was filtered, and so were the rows.
        """
        begun = self.titled if report.constraint is not None else self.titled or self.after_memory
        needs_memory = report.is_global is not False or report.gfp_mask is not None
        rows = {row.tgid for row in self.tasks}
        listed = bool(rows) and all(report.process_of(victim) in rows for victim in report.victims[:1])
        return begun and listed and not self.tasks_dropped and (self.after_memory or not needs_memory)

    def page_size_bytes(self, victims: Sequence[OomVictim]) -> int | None:
        """
        Return the host's page size, if the row and the kill line of a victim show it.

        The row counts `total_vm` in pages, the kill line `total-vm` in kB.
        """
        for victim in victims:
            for row in self.tasks:
                if row.tgid == victim.pid and victim.total_vm_bytes and row.total_vm_pages > 0:
                    size, rest = divmod(victim.total_vm_bytes, row.total_vm_pages)
                    return size if rest == 0 and size in _PAGE_SIZES else None
        return None

    def _see_table(self) -> None:
        """
        Take note of what came before the table: usages, and statistics with their values.
        """
        whole = self.stats and all(self.stats.values())
        self.after_memory = self.after_memory or bool(whole or (self.usages and not self.stats))

    def _add_row(self, text: str) -> None:
        row = parse_row(text, self._columns)
        if row is None:
            return
        if len(self.tasks) < _ROWS_AT_MOST:
            self.tasks.append(row)
        else:
            self.tasks_dropped += 1

    def _add_stats(self, fact: MemcgStats) -> None:
        self._stats_path = None
        if len(self.stats) < _STATS_AT_MOST or fact.path in self.stats:
            self._stats_path = fact.path
            self.stats.setdefault(fact.path, {}).update(fact.values)
