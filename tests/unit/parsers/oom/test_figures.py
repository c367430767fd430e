"""
The tables of an open report.
"""

import pytest

from parsers.oom.facts import OomVictim
from parsers.oom.figures import Figures
from parsers.oom.table import parse_header, parse_stats

HEADER = "[ pid ]   uid  tgid total_vm      rss nr_ptes swapents oom_score_adj name"


def row(pid: int, tgid: int, total_vm_pages: int = 1000) -> str:
    return f"[{pid:5}]     0 {tgid:5} {total_vm_pages:8}      500       9        0             0 java"


def printed(*lines: str) -> Figures:
    """
    Return the figures after these lines.
    """
    figures = Figures()
    for line in lines:
        fact = parse_header(line) or parse_stats(line)
        if fact is not None:
            figures.add(fact)
        else:
            figures.add_continuation(line)
    return figures


def test_rows_follow_their_header() -> None:
    """
    A row without a header is ignored, and so is a line that is not a row.
    """
    assert [task.pid for task in printed(HEADER, row(7, 7), "something else", row(8, 8)).tasks] == [7, 8]
    assert printed(row(7, 7)).tasks == []


def test_rows_beyond_4096_are_only_counted() -> None:
    """
    Rows beyond the bound are counted and not stored.
    """
    figures = printed(HEADER, *(row(pid, pid) for pid in range(1, 4100)))
    assert (len(figures.tasks), figures.tasks_dropped) == (4096, 3)


def test_values_belong_to_the_cgroup_that_was_named_last() -> None:
    """
    Values on lines of their own (since 5.3) belong to the cgroup that was named last.
    """
    figures = printed("Memory cgroup stats for /a:", "anon 4096", "file 8192", "Memory cgroup stats for /b:", "anon 1")
    assert figures.stats == {"/a": {"anon": 4096, "file": 8192}, "/b": {"anon": 1}}


def test_of_the_statistics_512_cgroups_and_values_are_kept() -> None:
    """
    Statistics are bounded in cgroups and in values; a cgroup that is stored can still get values.
    """
    figures = printed(*(f"Memory cgroup stats for /{number}:" for number in range(600)), "anon 1")
    assert len(figures.stats) == 512
    assert not any(figures.stats.values())
    many = printed("Memory cgroup stats for /a:", *(f"value_{number} 1" for number in range(600)))
    assert len(many.stats["/a"]) == 512
    again = printed(
        *(f"Memory cgroup stats for /{number}:" for number in range(600)), "Memory cgroup stats for /0:", "anon 1"
    )
    assert again.stats["/0"] == {"anon": 1}


def test_a_thread_is_listed_as_its_process_is() -> None:
    """
    A thread counts as listed if its row is there, because old kernels name the chosen thread.
    """
    figures = printed(HEADER, row(8, 7))
    assert (figures.has_process(7), figures.has_process(8), figures.has_process(9)) == (True, True, False)


@pytest.mark.parametrize(
    ("total_vm_bytes", "page_size_bytes"),
    [
        (1000 * 4096, 4096),
        (1000 * 65536, 65536),
        (1000 * 5000, None),
        (1000 * 4096 + 1, None),
        (None, None),
    ],
    ids=["4 KiB", "64 KiB", "no page size", "not even", "unknown"],
)
def test_row_and_kill_line_of_a_victim_show_the_page_size(
    total_vm_bytes: int | None, page_size_bytes: int | None
) -> None:
    """
    The page size follows from the row, in pages, and the kill line, in kB.
    """
    victim = OomVictim(pid=7, comm="java", confirmed=True, total_vm_bytes=total_vm_bytes)
    assert printed(HEADER, row(6, 6, 1), row(7, 7)).page_size_bytes([victim]) == page_size_bytes


def test_a_process_that_maps_nothing_shows_no_page_size() -> None:
    """
    The page size is None if the victim maps nothing or has no row.
    """
    victim = OomVictim(pid=7, comm="java", confirmed=True, total_vm_bytes=4096)
    assert printed(HEADER, row(7, 7, 0)).page_size_bytes([victim]) is None
    assert printed(HEADER, row(8, 8, 1)).page_size_bytes([victim]) is None
