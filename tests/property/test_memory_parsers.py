"""
The parsers of memory files accept any bytes.
"""

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.cgroup_cpu import parse_cpu_max, parse_cpu_quota, parse_cpu_stat
from parsers.cgroup_memory import parse_limit, parse_pressure, parse_size, parse_stat_v1, parse_stat_v2
from parsers.errors import ParseError
from parsers.proc_files import parse_meminfo

_NAMES = st.sampled_from([b"total_rss", b"total_cache", b"anon", b"file", b"kernel", b"slab", b"some", b"MemTotal:"])
_LINES = st.lists(st.tuples(_NAMES, st.binary(max_size=30) | st.integers().map(lambda n: str(n).encode()))).map(
    lambda lines: b"\n".join(b" ".join(line) for line in lines)
)


@pytest.mark.parametrize("parse", [parse_limit, parse_pressure, parse_size, parse_cpu_max, parse_cpu_stat])
@given(text=st.binary(max_size=100) | _LINES)
def test_any_bytes_give_a_value_or_parse_error(parse: Callable[[bytes], object], text: bytes) -> None:
    """
    No exception but ParseError is ever raised.
    """
    with suppress(ParseError):
        parse(text)


@pytest.mark.parametrize("parse", [parse_stat_v1, parse_stat_v2, parse_meminfo])
@given(text=st.binary(max_size=100) | _LINES)
def test_any_bytes_give_a_result(parse: Callable[[bytes], object], text: bytes) -> None:
    """
    A file of lines never fails as a whole.
    """
    assert parse(text) is not None


@given(quota=st.binary(max_size=20), period=st.binary(max_size=20))
def test_any_quota_gives_a_value_or_parse_error(quota: bytes, period: bytes) -> None:
    """
    The quota and the period are two files, each with any content.
    """
    with suppress(ParseError):
        parse_cpu_quota(quota, period)


@given(size=st.integers(0, 2**62))
def test_a_size_is_parsed_with_or_without_a_newline(size: int) -> None:
    """
    A size is the same with and without a newline at its end.
    """
    assert parse_size(str(size).encode()) == parse_limit(b"%d\n" % size) == size
