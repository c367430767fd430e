"""
The parsers of the memory files of a cgroup.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.cgroup_memory import (
    MemoryStat,
    parse_limit,
    parse_oom_kills,
    parse_pressure,
    parse_size,
    parse_stat_v1,
    parse_stat_v2,
    working_set_bytes,
)
from parsers.errors import ParseError

V1 = b"""cache 4096
rss 8192
inactive_file 100
hierarchical_memory_limit 536870912
total_cache 12288
total_rss 40960
total_shmem 4096
total_swap 20480
total_inactive_file 8192
"""
V2 = b"""anon 40960
file 12288
kernel 16384
kernel_stack 1024
pagetables 2048
shmem 4096
inactive_file 8192
slab 3072
"""


def test_v1_counts_the_cgroups_below() -> None:
    """
    The lines `total_…` are read, so that Docker-in-Docker is included.
    """
    stat = parse_stat_v1(V1)
    assert (stat.anon_bytes, stat.inactive_file_bytes, stat.swap_bytes) == (40960, 8192, 20480)
    assert stat.hierarchical_limit_bytes == 536870912


@pytest.mark.parametrize("stat", [parse_stat_v1(V1), parse_stat_v2(V2)], ids=["v1", "v2"])
def test_shared_memory_is_not_cache(stat: MemoryStat) -> None:
    """
    Shared memory is separate from the file pages, because the kernel cannot drop it.
    """
    assert (stat.file_bytes, stat.shmem_bytes) == (8192, 4096)


def test_kernel_memory_of_v2() -> None:
    """
    Kernel memory is the line `kernel`, or else the sum of its parts.
    """
    assert parse_stat_v2(V2).kernel_bytes == 16384
    assert parse_stat_v2(V2.replace(b"kernel 16384\n", b"")).kernel_bytes == 1024 + 2048 + 3072


def test_what_is_missing_is_unknown() -> None:
    """
    A missing line is None, never zero.
    """
    assert parse_stat_v1(b"") == parse_stat_v2(b"") == MemoryStat()


@pytest.mark.parametrize("text", [b"max\n", b"9223372036854771712\n", b"9223372036854710272\n"])
def test_no_limit(text: bytes) -> None:
    """
    A limit of `max` on v2 and of the largest number of whole pages on v1 is None.
    """
    assert parse_limit(text) is None


def test_a_limit() -> None:
    """
    A limit is read in bytes, as written.
    """
    assert parse_limit(b"536870912\n") == 536870912


@pytest.mark.parametrize("text", [b"", b"max\n", b"-1", b"1" * 5000, "٣".encode(), b"1 2"])
def test_no_size(text: bytes) -> None:
    """
    Anything except digits raises ParseError.
    """
    with pytest.raises(ParseError):
        parse_size(text)


def test_pressure() -> None:
    """
    Averages are percent, the total is in microseconds, and `full` may be missing.
    """
    some = b"some avg10=1.50 avg60=0.25 avg300=0.00 total=812034\n"
    full = b"full avg10=0.50 avg60=0.00 avg300=0.00 total=1034\n"
    pressure = parse_pressure(some + full)
    assert (pressure.some.avg10_percent, pressure.some.total_us) == (1.5, 812034)
    assert pressure.full is not None
    assert pressure.full.avg10_percent == 0.5
    assert parse_pressure(some).full is None
    with pytest.raises(ParseError):
        parse_pressure(full)


def test_the_working_set_is_usage_without_inactive_file_pages() -> None:
    """
    The working set is never negative, although the two files are read one after the other.
    """
    assert working_set_bytes(50_000, parse_stat_v1(V1)) == 50_000 - 8192
    assert working_set_bytes(100, parse_stat_v1(V1)) == 0


@pytest.mark.parametrize(
    "text",
    [
        b"low 0\nhigh 0\nmax 7\noom 3\noom_kill 2\noom_group_kill 1\n",
        b"oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
        b"pgmajfault 10\noom_kill 2\nnuma_hit 3\n",
    ],
    ids=["memory.events", "memory.oom_control", "vmstat"],
)
def test_oom_kills_are_counted_in_a_line_of_their_own(text: bytes) -> None:
    """
    The count is found in all three files, between lines that begin alike.
    """
    assert parse_oom_kills(text) == 2


def test_before_linux_4_13_there_is_no_count_of_oom_kills() -> None:
    """
    A file without the line gives None, not 0.
    """
    assert parse_oom_kills(b"oom_kill_disable 0\nunder_oom 0\n") is None


@given(st.binary())
def test_any_file_gives_a_count_or_nothing(text: bytes) -> None:
    """
    Any bytes give a count or None.
    """
    count = parse_oom_kills(text)
    assert count is None or count >= 0
