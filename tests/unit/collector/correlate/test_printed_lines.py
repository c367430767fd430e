"""
When the kernel leaves out lines about crashes.
"""

import pytest

from collector.correlate.printed_lines import PrintedLines
from parsers.kernel import KernelNotice, NoticeKind

SECOND = 1_000_000_000


def notice(kind: NoticeKind = NoticeKind.SEGFAULT, suppressed: int | None = None) -> KernelNotice:
    """
    Return a line about a crash.
    """
    return KernelNotice(kind=kind, suppressed=suppressed)


def printed(count: int, kind: NoticeKind = NoticeKind.SEGFAULT) -> PrintedLines:
    """
    Return so many lines, ten in a second, from second 100 on.
    """
    lines = PrintedLines()
    for number in range(count):
        lines.add(notice(kind), 100 * SECOND + number * SECOND // 10)
    return lines


@pytest.mark.parametrize(("count", "is_left_out"), [(9, False), (10, True), (11, True)])
def test_ten_in_five_seconds(count: int, is_left_out: bool) -> None:
    """
    The eleventh would be left out; after five seconds a line is printed again.
    """
    lines = printed(count)
    assert lines.has_left_out(102 * SECOND) is is_left_out
    assert not lines.has_left_out(107 * SECOND)
    assert not lines.has_left_out(99 * SECOND)


def test_other_lines_have_a_limit_of_their_own() -> None:
    """
    A full table of connections does not keep the kernel from printing a crash.
    """
    assert not printed(20, NoticeKind.NETWORK_ERROR).has_left_out(102 * SECOND)


def test_what_the_kernel_says_it_left_out() -> None:
    """
    What lies between the line before and the one that counts them was left out.
    """
    lines = printed(1)
    lines.add(notice(suppressed=3), 130 * SECOND)
    assert lines.has_left_out(110 * SECOND)
    assert not lines.has_left_out(131 * SECOND)
    assert not lines.has_left_out(99 * SECOND)


def test_the_first_line_that_is_read() -> None:
    """
    Of what was before, only the interval of the limit is counted.
    """
    lines = PrintedLines()
    lines.add(notice(suppressed=3), 130 * SECOND)
    assert lines.has_left_out(126 * SECOND)
    assert not lines.has_left_out(124 * SECOND)


def test_an_unknown_time() -> None:
    """
    Nothing is known of a line or an end without a time.
    """
    lines = printed(20)
    lines.add(notice(), None)
    assert not lines.has_left_out(None)
