"""
The figures of a report, line by line.
"""

import pytest

from parsers.oom.facts import MemoryUsage, TaskRow
from parsers.oom.table import (
    MemcgStats,
    Usage,
    parse_header,
    parse_row,
    parse_stat_lines,
    parse_stats,
    parse_usage,
)

HEADERS = [
    "[ pid ]   uid  tgid total_vm      rss cpu oom_adj oom_score_adj name",
    "[ pid ]   uid  tgid total_vm      rss nr_ptes swapents oom_score_adj name",
    "[ pid ]   uid  tgid total_vm      rss nr_ptes nr_pmds swapents oom_score_adj name",
    "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
    "[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents oom_score_adj name",
]


@pytest.mark.parametrize("limit_kib", [9007199254740988, 9007199254740991, 18014398509481983, 8589934588])
def test_no_limit(limit_kib: int) -> None:
    """
    The largest number that a kernel can print means no limit and gives None.
    """
    usage = parse_usage(f"memory+swap: usage 5kB, limit {limit_kib}kB, failcnt 0")
    assert usage == Usage(kind="memory+swap", usage=MemoryUsage(usage_bytes=5120, limit_bytes=None, failcnt=0))


def test_limit() -> None:
    """
    Sizes are bytes, whatever the unit of the line is.
    """
    usage = parse_usage("memory: usage 8192kB, limit 4096kB, failcnt 282377")
    assert usage == Usage(
        kind="memory", usage=MemoryUsage(usage_bytes=8192 * 1024, limit_bytes=4096 * 1024, failcnt=282377)
    )


def test_a_size_that_no_host_has_is_none() -> None:
    """
    A size beyond 64 bits is None, because a text may be damaged or forged.
    """
    assert parse_usage("memory: usage 99999999999999999999kB, limit 4096kB, failcnt 0") is None


def test_statistics_on_one_line() -> None:
    """
    Before 5.3 the values follow the path on its line; the path may have a colon in it.
    """
    stats = parse_stats("Memory cgroup stats for /a@b:c: cache:1KB rss:2KB rss_hu")
    assert stats == MemcgStats(path="/a@b:c", values={"cache": 1024, "rss": 2048})


def test_statistics_on_lines_of_their_own() -> None:
    """
    Since 5.3 the values follow in bytes on lines of their own, as one record or as many.
    """
    assert parse_stats("Memory cgroup stats for /a:") == MemcgStats(path="/a", values={})
    assert parse_stat_lines("anon 7688192\n  file 49152\nnonsense") == {"anon": 7688192, "file": 49152}


@pytest.mark.parametrize("header", HEADERS)
def test_columns_are_read_from_the_header(header: str) -> None:
    """
    Each generation of kernels has its own columns, read from the header.
    """
    columns = parse_header(header)
    assert columns is not None
    figures = {"uid": 1001240000, "tgid": 42, "total_vm": 2628942, "rss": 7, "oom_score_adj": -998}
    cells = " ".join(str(figures.get(column, 1)) for column in columns.columns)
    row = parse_row(f"[   41] {cells} Isolated Web Co", columns.columns)
    assert row == TaskRow(
        pid=41,
        tgid=42,
        uid=1001240000,
        comm="Isolated Web Co",
        total_vm_pages=2628942,
        rss_pages=7,
        oom_score_adj=-998,
    )


@pytest.mark.parametrize(
    "line",
    [
        "[<ffffffff8178219b>] dump_stack+0x19/0x1b",
        "[c00000037540f730] [c00000000127ec44] dump_stack_lvl+0x88/0xc4",
        "[ 41] 0 41 --5 1 1 1 0 a",
        "[ 41] 0 41 5",
        "[ 41] 0 41 99999999999999999999 1 1 1 0 a",
    ],
)
def test_a_line_that_is_not_a_row(line: str) -> None:
    """
    A line of a stack trace or a cut row gives None.
    """
    assert parse_row(line, ("uid", "tgid", "total_vm", "rss", "nr_ptes", "swapents", "oom_score_adj")) is None


def test_a_header_of_very_many_columns_has_no_rows() -> None:
    """
    A forged header has no rows: the work for a row grows with the columns.
    """
    header = parse_header("[ pid ] uid tgid total_vm rss " + "x " * 1000 + "name")
    assert header is not None
    assert parse_row("[ 7] " + "1 " * 1004 + "java", header.columns) is None
