"""
The kernel's count of OOM kills.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.oom_counter import parse_oom_kills


@pytest.mark.parametrize(
    "text",
    [
        b"low 0\nhigh 0\nmax 7\noom 3\noom_kill 2\noom_group_kill 1\n",
        b"oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
        b"pgmajfault 10\noom_kill 2\nnuma_hit 3\n",
    ],
    ids=["memory.events", "memory.oom_control", "vmstat"],
)
def test_the_count_stands_in_a_line_of_its_own(text: bytes) -> None:
    """
    Lines that begin alike are others.
    """
    assert parse_oom_kills(text) == 2


def test_before_linux_4_13_there_is_no_count() -> None:
    """
    Unknown is not zero.
    """
    assert parse_oom_kills(b"oom_kill_disable 0\nunder_oom 0\n") is None


@given(st.binary())
def test_no_file_does_harm(text: bytes) -> None:
    """
    A number or nothing.
    """
    count = parse_oom_kills(text)
    assert count is None or count >= 0
