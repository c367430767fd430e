"""
The parsers of the CPU files of a cgroup.
"""

import pytest

from parsers.cgroup_cpu import parse_cpu_max, parse_cpu_quota, parse_cpu_stat
from parsers.errors import ParseError


def test_cpu_time_is_nanoseconds() -> None:
    """
    The CPU time is in nanoseconds; v2 writes microseconds.
    """
    assert parse_cpu_stat(b"usage_usec 1042731\nuser_usec 1\n") == 1_042_731_000


def test_cores() -> None:
    """
    The cores are quota divided by period, on both versions.
    """
    assert parse_cpu_max(b"150000 100000\n") == parse_cpu_quota(b"150000\n", b"100000\n") == 1.5


def test_no_limit() -> None:
    """
    The word `max` on v2 and -1 on v1 mean that there is no limit.
    """
    assert parse_cpu_max(b"max 100000\n") is parse_cpu_quota(b"-1\n", b"100000\n") is None


@pytest.mark.parametrize("text", [b"", b"max", b"1 0", b"-1 100000", b"9" * 5000, b"usage_usec x"])
def test_another_format_is_refused(text: bytes) -> None:
    """
    Text of another format raises ParseError.
    """
    for parse in (parse_cpu_stat, parse_cpu_max):
        with pytest.raises(ParseError):
            parse(text)
    with pytest.raises(ParseError):
        parse_cpu_quota(text, b"x")
