"""
The kernel lines that are selected.
"""

import pytest

from parsers.oom.window import OomWindow, concerns_oom

INVOKED = "java invoked oom-killer: gfp_mask=0xcc0, order=0, oom_score_adj=0"
KILLED = "Memory cgroup out of memory: Killed process 7 (java) total-vm:1kB, anon-rss:1kB, file-rss:0kB"
OTHER = "usb 1-1: new high-speed USB device"
FIGURE = "[  123]     0   123      400      200    45056        0             0 sh"


def test_ordinary_line_is_not_wanted() -> None:
    """
    A line of a log without an OOM is not wanted.
    """
    assert not OomWindow().wants(OTHER, 1)


def test_lines_inside_a_report_are_wanted() -> None:
    """
    A line that means something only inside a report is wanted for two seconds from `invoked oom-killer` on.
    """
    window = OomWindow()
    assert not window.wants(FIGURE, 0)
    assert window.wants(INVOKED, 0)
    assert window.wants(FIGURE, 2_000_000)
    assert not window.wants(FIGURE, 2_000_001)


@pytest.mark.parametrize("text", [OTHER, " ? __schedule+0x2d4/0x880", "RIP: 0033:0x7f2", "Node 0 hugepages_total=0"])
def test_lines_that_carry_no_part_of_a_report_are_not_wanted(text: str) -> None:
    """
    What the kernel prints inside a report about the trigger's stack and the host is not wanted, but its fragments are.
    """
    window = OomWindow()
    window.wants(INVOKED, 0)
    assert not window.wants(text, 1)
    assert window.wants(text, 2, fragment=True)


def test_kill_ends_the_report_soon_after() -> None:
    """
    Lines are wanted for 300 ms after a kill line, which is enough for the members of a group.
    """
    window = OomWindow()
    window.wants(INVOKED, 0)
    assert window.wants(KILLED, 1000)
    assert window.wants(FIGURE, 301_000)
    assert not window.wants(FIGURE, 301_001)


def test_count_bounds_a_report_without_times() -> None:
    """
    The count of lines closes the window if the lines have no time; lines that are passed by count too.
    """
    window = OomWindow()
    window.wants(INVOKED, None)
    for _ in range(1000):
        window.skip()
    assert sum(window.wants(FIGURE, None) for _ in range(10_000)) == 4000
    window.skip()
    assert window.closed


@pytest.mark.parametrize(
    "text",
    [
        "java invoked oom-killer: gfp_mask=0xcc0, order=0",
        "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null)",
        "Killed process 7 (java) total-vm:1kB",
        "Out of Memory: Kill process 7 (java) score 1 and children.",
        "Task in /a killed as a result of limit of /a",
        "Tasks in /a are going to be killed due to memory.oom.group set",
        "Memory cgroup out of memory: OOM victim 7 (a) is already exiting. Skip killing the task",
        "oom_kill_process: 60 callbacks suppressed",
        "Out of memory and no killable processes...",
        "oom_reaper: reaped process 7 (a)",
        "Kernel panic - not syncing: System is deadlocked on memory",
        "sysrq: Manual OOM execution",
        "No available memory (MPOL_BIND): Killed process 7 (a).",
    ],
)
def test_all_lines_that_may_matter_pass_the_filter(text: str) -> None:
    """
    The filter passes every line of an OOM; it may pass others.
    """
    assert concerns_oom(text)


@pytest.mark.parametrize("line", [" oom_kill_process.cold+0xb/0x10", " ? mem_cgroup_oom+0x8/0x1f0 [kernel]"])
def test_line_of_a_stack_is_not_wanted(line: str) -> None:
    """
    A stack has functions with the words of a report, and carries no part of it. A process may be called like one.
    """
    window = OomWindow()
    assert window.wants(INVOKED, 0)
    assert not window.wants(line, 1)
    assert window.wants("oom+0x1/0x1 invoked oom-killer: gfp_mask=0xcc0, order=0", 2)


def test_ordinary_line_does_not_pass_the_filter() -> None:
    """
    An ordinary line does not pass the filter.
    """
    assert not concerns_oom("docker0: port 2(veth380a1cd) entered disabled state")
