"""
Reports from lines: where a report ends, and to which of several a line belongs.
"""

import pytest

from parsers.oom.facts import KernelLine, OomReport
from parsers.oom.report import ReportAssembler

A, B = "/docker/" + "a" * 64, "/docker/" + "b" * 64
INVOKED = "java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0"
HEADER = "[ pid ]   uid  tgid total_vm      rss nr_ptes swapents oom_score_adj name"
START_NS = 1_737_449_010_000_000_000
SYSRQ = "sysrq: Manual OOM execution"
GROUP = "Tasks in {} are going to be killed due to memory.oom.group set"


def row(pid: int) -> str:
    return f"[{pid:5}]     0 {pid:5}     1000      500       9        0             0 java"


def summary(pid: int, path: str = A) -> str:
    return (
        f"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,"
        f"oom_memcg={path},task_memcg={path},task=java,pid={pid},uid=0"
    )


def killed(pid: int, words: str = "Memory cgroup out of memory") -> str:
    return (
        f"{words}: Killed process {pid} (java) total-vm:4000kB, anon-rss:7kB, file-rss:1kB, shmem-rss:0kB, UID:0"
        " pgtables:1kB oom_score_adj:0"
    )


def line(text: str, at_us: int = 1000, caller: str | None = None, *, fragment: bool = False) -> KernelLine:
    return KernelLine(text=text, monotonic_us=at_us, caller=caller, fragment=fragment)


def reports(*lines: str | KernelLine) -> list[OomReport]:
    """
    Return all reports of these lines, at the end of the input.
    """
    assembler = ReportAssembler()
    closed: list[OomReport] = []
    for one in lines:
        closed += assembler.feed(one if isinstance(one, KernelLine) else line(one))
    return closed + assembler.flush()


def kills(*lines: str | KernelLine) -> list[tuple[str | None, list[int]]]:
    """
    Return for each report the victim's cgroup and the killed pids.
    """
    return [(report.task_memcg, [victim.pid for victim in report.victims]) for report in reports(*lines)]


@pytest.mark.parametrize(
    ("more", "wait_us"),
    [((), 5_000), (("memory+swap: usage 1kB, limit 1kB, failcnt 0",), 0)],
    ids=["cgroup v2", "cgroup v1"],
)
def test_a_report_is_over_when_nothing_can_follow_its_kill(more: tuple[str, ...], wait_us: int) -> None:
    """
    On v2 the line about a group kill may come some milliseconds later; on v1 there is no such line.
    """
    assembler = ReportAssembler()
    for text in (INVOKED, *more, summary(7), killed(7)):
        assert assembler.feed(line(text)) == []
    assert assembler.closes_at_us == 1000 + wait_us
    assert assembler.tick(999 + wait_us) == []
    assert len(assembler.tick(1000 + wait_us)) == 1
    assert not assembler.is_open


@pytest.mark.parametrize(("boot_id", "wait_us"), [("b" * 32, 0), ("c" * 32, 5_000), (None, 5_000)])
def test_one_report_shows_that_its_boot_is_on_cgroup_v1(boot_id: str | None, wait_us: int) -> None:
    """
    A kill line alone does not show cgroup v1, but an earlier report of the same boot does.
    """
    assembler = ReportAssembler()
    for text in (INVOKED, "memory+swap: usage 1kB, limit 1kB, failcnt 0", summary(7), killed(7)):
        assembler.feed(KernelLine(text=text, monotonic_us=1000, boot_id="b" * 32))
    assembler.feed(KernelLine(text=killed(8), monotonic_us=2000, boot_id=boot_id))
    assert assembler.closes_at_us == 2000 + wait_us


def _two_at_once(*cpusets: str) -> list[OomReport]:
    """
    Return two reports that a kernel without a lock printed line by line in turn.
    """
    return reports(
        "one invoked oom-killer: gfp_mask=0xd0, order=0, oom_score_adj=0",
        "two invoked oom-killer: gfp_mask=0xd0, order=0, oom_score_adj=0",
        *cpusets,
        "CPU: 0 PID: 7 Comm: one Not tainted 3.13.0",
        "CPU: 1 PID: 8 Comm: two Not tainted 3.13.0",
        f"Task in {A} killed as a result of limit of {A}",
        f"Task in {B} killed as a result of limit of {B}",
        "Memory cgroup out of memory: Kill process 7 (one) score 900 or sacrifice child",
        "Memory cgroup out of memory: Kill process 8 (two) score 900 or sacrifice child",
        "Killed process 7 (one) total-vm:1kB, anon-rss:1kB, file-rss:0kB",
        "Killed process 8 (two) total-vm:1kB, anon-rss:1kB, file-rss:0kB",
    )


def test_the_cpuset_of_the_trigger_separates_reports() -> None:
    """
    Two CPUs may print at once (before 4.2); the name of a container's cpuset, its id, separates them.
    """
    found = _two_at_once(f"one cpuset={'a' * 64} mems_allowed=0", f"two cpuset={'b' * 64} mems_allowed=0")
    assert [(report.task_memcg, report.victims[0].pid, report.mixed) for report in found] == [
        (A, 7, False),
        (B, 8, False),
    ]


def test_reports_that_cannot_be_separated_are_mixed() -> None:
    """
    Each kill is reported, and its cgroup is marked as uncertain.
    """
    found = _two_at_once("one cpuset=/ mems_allowed=0", "two cpuset=/ mems_allowed=0")
    assert [(report.victims[0].pid, report.mixed) for report in found] == [(7, True), (8, True)]


def test_the_next_report_ends_the_one_before() -> None:
    """
    The head of the next report closes a report that has its kill.
    """
    assembler = ReportAssembler()
    for text in (INVOKED, summary(7), killed(7)):
        assembler.feed(line(text))
    (report,) = assembler.feed(line(INVOKED))
    assert [victim.pid for victim in report.victims] == [7]


def test_evidence_is_what_proves_the_kill() -> None:
    """
    The head, the summary and the kill are evidence; the tables are not.
    """
    (report,) = reports(INVOKED, "CPU: 0 PID: 42 Comm: java", HEADER, row(7), summary(7), killed(7))
    assert [proof.text for proof in report.evidence] == [INVOKED, summary(7), killed(7)]
    assert (report.trigger_pid, len(report.tasks)) == (42, 1)


def test_the_first_pid_that_is_named_is_the_trigger() -> None:
    """
    The first pid is the trigger's, although a stack trace may name others.
    """
    (report,) = reports(INVOKED, "CPU: 0 PID: 42 Comm: java", "CPU: 1 PID: 43 Comm: other", killed(7))
    assert report.trigger_pid == 42


def test_reports_of_two_callers_are_separate() -> None:
    """
    Lines with different callers never belong to the same report.
    """
    lines = (
        line(INVOKED, caller="T1"),
        line(INVOKED, caller="T2"),
        line(summary(7, A), caller="T1"),
        line(summary(8, B), caller="T2"),
        line(killed(8), caller="T2"),
        line(killed(7), caller="T1"),
    )
    assert sorted(kills(*lines)) == sorted([(A, [7]), (B, [8])])


def test_a_kill_goes_to_the_report_that_announced_it() -> None:
    """
    Without callers, a kill goes to the report that named its pid.
    """
    assert kills(INVOKED, summary(7, A), INVOKED, summary(8, B), killed(7), killed(8)) == [(A, [7]), (B, [8])]


def test_a_summary_goes_to_the_report_whose_table_has_the_process() -> None:
    """
    The table decides, not which report was added to last.
    """
    lines = (INVOKED, HEADER, row(7), INVOKED, HEADER, row(8), summary(7, A), summary(8, B), killed(7), killed(8))
    assert kills(*lines) == [(A, [7]), (B, [8])]
    first, second = reports(*lines)
    assert ([task.pid for task in first.tasks], [task.pid for task in second.tasks]) == ([7], [8])


@pytest.mark.parametrize("gap_s", [120, -3600], ids=["minutes later", "an hour earlier"])
def test_dates_far_apart_separate_reports(gap_s: int) -> None:
    """
    Lines without the kernel's clock belong to one report only if their dates are close.
    """
    text = "Out of memory: Kill process 456 (python) score 50 or sacrifice child"
    dated = [KernelLine(text=summary(7), at_ns=START_NS), KernelLine(text=text, at_ns=START_NS + gap_s * 1_000_000_000)]
    assert [report.chosen_pid for report in reports(*dated)] == [7, 456]
    close = [
        KernelLine(text=summary(7), at_ns=START_NS),
        KernelLine(text=killed(7), at_ns=START_NS + 9 * 1_000_000_000),
    ]
    assert kills(*close) == [(A, [7])]


def test_a_kill_that_the_report_cannot_mean_stands_alone() -> None:
    """
    A kill of another user, or of the host's memory in a report of a cgroup, is a report of its own.
    """
    assert kills(INVOKED, summary(7), killed(9).replace("UID:0", "UID:1000")) == [(A, [7]), (None, [9])]
    limit = f"Task in {A} killed as a result of limit of {A}"
    assert kills(INVOKED, limit, killed(9, "Out of memory")) == [(A, []), (None, [9])]
    assert kills(INVOKED, limit, killed(9)) == [(A, [9])]


def test_a_kill_without_a_report_is_one() -> None:
    """
    A kill line alone is a report, because the kernel drops the rest in a storm.
    """
    assert kills(killed(7), killed(8)) == [(None, [7]), (None, [8])]


def test_a_group_has_all_its_members() -> None:
    """
    All members of a group are victims, the first one once although it is printed twice.
    """
    (report,) = reports(INVOKED, summary(7), killed(7), GROUP.format(A), killed(7), killed(8), killed(9))
    assert (report.group, [victim.pid for victim in report.victims]) == (True, [7, 8, 9])


def test_a_process_outside_the_table_is_not_a_member() -> None:
    """
    A kill that the table of a cgroup's OOM does not list is not part of the group.
    """
    lines = (INVOKED, HEADER, row(7), row(8), summary(7), killed(7), GROUP.format(A), killed(8), killed(99))
    assert kills(*lines) == [(A, [7, 8]), (None, [99])]


def test_a_group_follows_its_first_member() -> None:
    """
    The kill right before a group line belongs to that group, not to the group before.
    """
    lines = (killed(7), GROUP.format(A), killed(8), GROUP.format(B), killed(9))
    assert kills(*lines) == [(A, [7]), (B, [8, 9])]
    assert [len(report.evidence) for report in reports(*lines)] == [2, 3]


@pytest.mark.parametrize(
    ("lines", "sysrq"),
    [
        ((INVOKED.replace("order=0", "order=-1"), killed(7)), True),
        ((SYSRQ, INVOKED, killed(7)), True),
        ((line(SYSRQ), line(INVOKED, 11_000_000), line(killed(7), 11_000_000)), False),
        ((INVOKED, killed(7)), False),
    ],
    ids=["order -1", "asked for", "asked for long ago", "not asked for"],
)
def test_a_person_may_have_requested_the_report(lines: tuple[str | KernelLine, ...], sysrq: bool) -> None:
    """
    A request counts for the report right after it; an old one may have found nobody to kill.
    """
    (report,) = reports(*lines)
    assert report.sysrq is sysrq


def test_dropped_reports_are_counted_with_the_next() -> None:
    """
    Dropped reports are counted once, with the next report.
    """
    dropped = "oom_kill_process: 12 callbacks suppressed"
    assert [report.suppressed for report in reports(dropped, INVOKED, killed(7), INVOKED, killed(8))] == [12, 0]


@pytest.mark.parametrize(
    "pieces",
    [
        (summary(7)[:60], summary(7)[60:]),
        (summary(7)[:60], summary(7)[60:90], summary(7)[90:]),
    ],
    ids=["two", "three"],
)
def test_a_summary_in_pieces_is_joined(pieces: tuple[str, ...]) -> None:
    """
    The pieces of a summary are joined, also if another CPU prints in between.
    """
    first, *rest = pieces
    fragments = [line(piece, fragment=True) for piece in rest]
    (report,) = reports(INVOKED, first, *fragments[:1], "eth0: link up", *fragments[1:], killed(7))
    assert report.task_memcg == A
    assert [proof.text for proof in report.evidence] == [INVOKED, summary(7), killed(7)]


def test_the_limit_of_old_kernels_in_pieces_is_joined() -> None:
    """
    The pieces of a limit line are joined, because old kernels sometimes begin a new line within it.
    """
    (report,) = reports(INVOKED, f"Task in {A}", f" killed as a result of limit of {B}", killed(7))
    assert (report.task_memcg, report.oom_memcg) == (A, B)
