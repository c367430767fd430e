"""
Lines that speak of an OOM kill.
"""

import pytest

from parsers.oom.mentions import count_mentions, mentions_kill


@pytest.mark.parametrize(
    "line",
    [
        "x invoked oom-killer: gfp",
        "garbled oom-kill:constraint",
        "> Memory cgroup out of memory: Killed process",
        "Out of memory in UB 7: OOM killed process",
        "web.service: Failed with result 'oom-kill'.",
        "  Reason: OOMKilled",
        "oom_reaper: reaped process 7 (x)",
        "2026-01-01T00:00:00Z container oom 4e1d4e1d4e1d (name=x)",
    ],
)
def test_line_that_speaks_of_a_kill_is_found(line: str) -> None:
    """
    Whoever wrote the line and however it is cut, a person reads a kill in it.
    """
    assert mentions_kill(line)


@pytest.mark.parametrize(
    "line",
    [
        "Considered 145 cgroups for killing, top candidates were:",
        "Started Userspace Out-Of-Memory (OOM) Killer.",
        '"OOMKilled": false,',
        "SAK: killed process 998 (grep): fd#0 opened to the tty",
        "java.lang.OutOfMemoryError: Java heap space",
        "worker was killed by signal 15",
    ],
)
def test_line_about_something_else_is_not_found(line: str) -> None:
    """
    Memory that ran out and processes that were killed are not an OOM kill.
    """
    assert not mentions_kill(line)


def test_first_line_is_named() -> None:
    """
    The lines are counted, and the number of the first helps to find them.
    """
    assert count_mentions(["a", "x: OOMKilled", "b", "OOMKilled"]) == (2, 2)
    assert count_mentions(["a"]) == (0, None)
