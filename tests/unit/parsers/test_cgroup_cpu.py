"""
What the CPU files of a cgroup mean.
"""

import pytest

from parsers.cgroup_cpu import parse_cpu_max, parse_cpu_quota, parse_cpu_stat
from parsers.errors import ParseError


def test_cpu_time_is_nanoseconds() -> None:
    """
    v2 writes microseconds.
    """
    assert parse_cpu_stat(b"usage_usec 1042731\nuser_usec 1\n") == 1_042_731_000


def test_cores() -> None:
    """
    Quota by period, on both versions.
    """
    assert parse_cpu_max(b"150000 100000\n") == parse_cpu_quota(b"150000\n", b"100000\n") == 1.5


def test_no_limit() -> None:
    """
    A word on v2, -1 on v1.
    """
    assert parse_cpu_max(b"max 100000\n") is parse_cpu_quota(b"-1\n", b"100000\n") is None


@pytest.mark.parametrize("text", [b"", b"max", b"1 0", b"-1 100000", b"9" * 5000, b"usage_usec x"])
def test_what_is_of_another_format(text: bytes) -> None:
    """
    Is refused.
    """
    for parse in (parse_cpu_stat, parse_cpu_max):
        with pytest.raises(ParseError):
            parse(text)
    with pytest.raises(ParseError):
        parse_cpu_quota(text, b"x")
