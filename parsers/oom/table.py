"""
Parse the figures of an OOM report: usage and limit of the cgroup, its statistics, and the task table.

    memory: usage 3145728kB, limit 3145728kB, failcnt 22832
    Memory cgroup stats for /docker/de9d…: cache:188KB rss:3145540KB rss_huge:595968KB
    [ pid ]   uid  tgid total_vm      rss nr_ptes swapents oom_score_adj name
    [12417]     0 12417   616805   448697    1011        0           666 python

Source: mem_cgroup_print_oom_meminfo in mm/memcontrol.c, dump_tasks in mm/oom_kill.c. The columns of the table
change between kernels, so they are taken from its header.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from parsers.oom.facts import MemoryUsage, TaskRow

KIB: Final = 1024
_BYTES_AT_MOST: Final = (1 << 63) - 1
# The kernel prints "no limit" as the largest number of pages, in kB: more than the first value on 64 bits, and exactly
# the second on 32 bits.
_UNLIMITED_KIB: Final = 1 << 50
_UNLIMITED_32_BIT_KIB: Final = 8589934588

_USAGE: Final = re.compile(
    r"(memory|memory\+swap|swap|kmem): usage ([0-9]{1,20})kB, limit ([0-9]{1,20})kB, failcnt ([0-9]{1,20})"
)
_STATS: Final = re.compile(r"Memory cgroup stats(?: for (/.*?))?:( [a-z_]+:[0-9]+KB.*|\n.*|\s*)", re.DOTALL)
# The same line with its end cut off by a pager, or with its values left out.
_STATS_CUT: Final = re.compile(r"Memory cgroup stats for (/\S*?)(?:(?:>|…|\.\.\.)\s*|: ?(?:…|\.\.\.).*)", re.DOTALL)
_STATS_PAIR: Final = re.compile(r"([a-z_]+):([0-9]{1,15})KB")
_STATS_LINE: Final = re.compile(r"\s*([a-z0-9_]+) ([0-9]{1,19})\s*")
_TITLE: Final = "Tasks state (memory values in pages"
_HEADER: Final = re.compile(r"\[ *pid *\] +(uid +tgid +.*) name\s*")
_ROW: Final = r"\[ *([0-9]{1,10})\] +"
_CELL: Final = r"\s*(-?[0-9]{1,19})(?!\S)"
_ROW_OR_STATISTIC: Final = re.compile(r"\[ *[0-9]{1,10}\] +-?[0-9]|[a-z0-9_]+ [0-9]{1,19}\s*\Z")
# A header has at most ten columns.
_COLUMNS_AT_MOST: Final = 32
_NEEDED: Final = frozenset(("tgid", "uid", "total_vm", "rss"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """
    `memory: usage …kB, limit …kB, failcnt …`; `kind` is memory, memory+swap, swap or kmem.
    """

    kind: str
    usage: MemoryUsage


@dataclass(frozen=True, slots=True, kw_only=True)
class MemcgStats:
    """
    `Memory cgroup stats for <path>:`, with the values in bytes if they are on the same line (before 5.3).
    """

    path: str
    values: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskTitle:
    """
    `Tasks state (memory values in pages):`: the line before the header of the task table (since 4.19).
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskHeader:
    """
    The header of the task table; `columns` are those between the pid and the name.
    """

    columns: tuple[str, ...]


def bytes_of(kib: str) -> int | None:
    """
    Return a size in kB as bytes; None if it does not fit 63 bits, which no host has.
    """
    size = int(kib) * KIB
    return size if size <= _BYTES_AT_MOST else None


def parse_usage(text: str) -> Usage | None:
    """
    Parse a line of usage and limit.
    """
    match = _USAGE.match(text)
    if match is None:
        return None
    usage_bytes, limit_kib = bytes_of(match[2]), int(match[3])
    if usage_bytes is None:
        return None
    unlimited = limit_kib >= _UNLIMITED_KIB or limit_kib == _UNLIMITED_32_BIT_KIB
    usage = MemoryUsage(
        usage_bytes=usage_bytes,
        limit_bytes=None if unlimited else limit_kib * KIB,
        failcnt=int(match[4]),
    )
    return Usage(kind=match[1], usage=usage)


def parse_stats(text: str) -> MemcgStats | None:
    """
    Parse the line that names the cgroup of the statistics.
    """
    match = _STATS.fullmatch(text)
    if match is None:
        cut = _STATS_CUT.fullmatch(text)
        return MemcgStats(path=cut[1], values={}) if cut is not None else None
    values = {name: int(value) * KIB for name, value in _STATS_PAIR.findall(match[2])}
    return MemcgStats(path=match[1] or "", values=values | parse_stat_lines(match[2]))


def parse_stat_lines(text: str) -> dict[str, int]:
    """
    Parse values of memory.stat in bytes, such as `anon 7688192`; kernels 5.3 to 6.2 print all of them as one record.
    """
    matches = map(_STATS_LINE.fullmatch, text.split("\n"))
    return {match[1]: int(match[2]) for match in matches if match is not None}


def is_row_or_statistic(text: str) -> bool:
    """
    Return whether a line looks like a row of the task table or one statistic: cheaper than to parse it.
    """
    return _ROW_OR_STATISTIC.match(text) is not None


def parse_title(text: str) -> TaskTitle | None:
    """
    Parse the title of the task table.
    """
    return TaskTitle() if text.startswith(_TITLE) else None


def parse_header(text: str) -> TaskHeader | None:
    """
    Parse the header of the task table.
    """
    match = _HEADER.fullmatch(text)
    return TaskHeader(columns=tuple(match[1].split())) if match is not None else None


@lru_cache(maxsize=_COLUMNS_AT_MOST)
def _row_pattern(columns: int) -> re.Pattern[str]:
    return re.compile(f"{_ROW}{_CELL * columns}\\s*(.*)", re.DOTALL)


def parse_row(text: str, columns: tuple[str, ...]) -> TaskRow | None:
    """
    Parse a row of the task table; the name is the rest of the line, whatever it contains.

    Args:
        text: the message.
        columns: the columns of the header.
    """
    match = _row_pattern(len(columns)).fullmatch(text) if len(columns) <= _COLUMNS_AT_MOST else None
    if match is None:
        return None
    pid, *figures, name = match.groups()
    values = dict(zip(columns, map(int, figures), strict=True))
    if not values.keys() >= _NEEDED:
        return None
    return TaskRow(
        pid=int(pid),
        tgid=values["tgid"],
        uid=values["uid"],
        comm=name,
        total_vm_pages=values["total_vm"],
        rss_pages=values["rss"],
        oom_score_adj=values.get("oom_score_adj"),
    )
