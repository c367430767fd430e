"""
Which kernel lines are handed on.
"""

from parsers.oom_window import OomWindow

INVOKED = "java invoked oom-killer: gfp_mask=0xcc0, order=0, oom_score_adj=0"
KILLED = "Memory cgroup out of memory: Killed process 7 (java) total-vm:1kB, anon-rss:1kB, file-rss:0kB"
OTHER = "usb 1-1: new high-speed USB device"


def test_ordinary_line_is_not_wanted() -> None:
    """
    A log without an OOM gives nothing.
    """
    assert not OomWindow().wants(OTHER, 1)


def test_all_lines_of_a_report_are_wanted() -> None:
    """
    From `invoked oom-killer` on for two seconds, whatever the lines say.
    """
    window = OomWindow()
    assert window.wants(INVOKED, 0)
    assert window.wants(OTHER, 2_000_000)
    assert not window.wants(OTHER, 2_000_001)


def test_kill_ends_the_report_soon_after() -> None:
    """
    300 ms after the kill line the log is ordinary again: members of a group are killed in that time.
    """
    window = OomWindow()
    window.wants(INVOKED, 0)
    assert window.wants(KILLED, 1000)
    assert window.wants(OTHER, 301_000)
    assert not window.wants(OTHER, 301_001)


def test_count_bounds_a_report_without_times() -> None:
    """
    Where lines have no time, a report cannot stay open for ever.
    """
    window = OomWindow()
    window.wants(INVOKED, None)
    assert sum(window.wants(OTHER, None) for _ in range(10_000)) == 5000
