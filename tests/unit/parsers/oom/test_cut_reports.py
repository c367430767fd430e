"""
Reports that were cut, shortened or filtered: what is left counts, and nothing more is said.
"""

import pytest

from parsers.oom.facts import KernelLine, LimitKind, MemoryUsage, OomMessage, OomReport, OomVictim, TaskRow
from parsers.oom.report import ReportAssembler
from parsers.oom.summary import parse_summary
from parsers.oom.victim import parse_killed

ID = "4e1d" * 16
PATH = f"/docker/{ID}"
HEAD = "hog invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0"
USAGE = "memory: usage 65536kB, limit 65536kB, failcnt 27"
STATS = (f"Memory cgroup stats for {PATH}:", "anon 60000000")
TITLE = "Tasks state (memory values in pages):"
HEADER = "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name"
ROWS = (
    "[     10]     0    10     1000      100    65536        0             0 sh",
    "[     11]     0    11     5000     2000    65536        0             0 hog",
)
SUMMARY = (
    f"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset={ID},mems_allowed=0,"
    f"oom_memcg={PATH},task_memcg={PATH},task=hog,pid=11,uid=0"
)
KILL = "Memory cgroup out of memory: Killed process 11 (hog) total-vm:20000kB, anon-rss:7508kB, file-rss:4kB"
WHOLE = (HEAD, USAGE, *STATS, TITLE, HEADER, *ROWS, SUMMARY, KILL)


def read(*texts: str, with_beginnings: bool = True) -> list[OomReport]:
    assembler = ReportAssembler(with_beginnings=with_beginnings)
    closed = [report for text in texts for report in assembler.feed(KernelLine(text=text))]
    return closed + assembler.flush()


def test_whole_report_lists_all_processes() -> None:
    """
    Title, figures and rows of a report without a gap: the table is complete.
    """
    (report,) = read(*WHOLE)
    assert report.tasks_complete


@pytest.mark.parametrize("missing", [STATS[1], TITLE, ROWS[1]])
def test_filtered_table_is_not_complete(missing: str) -> None:
    """
    A line that the kernel always prints is not there, so rows may be missing too.
    """
    (report,) = read(*(text for text in WHOLE if text != missing))
    assert not report.tasks_complete


def test_table_whose_head_is_cut_is_kept() -> None:
    """
    The end of a report has its table, also when nothing before it is left.
    """
    (report,) = read(TITLE, HEADER, *ROWS, SUMMARY, KILL)
    assert [row.pid for row in report.tasks] == [10, 11]
    assert report.tasks_complete


@pytest.mark.parametrize("cut", range(1, len(WHOLE) + 1))
def test_any_cut_of_the_tail_is_one_report_without_an_invented_kill(cut: int) -> None:
    """
    What is left of a report is one report, and a kill is there only with the summary or the kill line.
    """
    (report,) = read(*WHOLE[:cut])
    assert bool(report.victims) is (cut >= WHOLE.index(SUMMARY) + 1)


def test_beginnings_are_dropped_on_a_host() -> None:
    """
    A host's log goes on, so the head of a report alone is not worth an event there.
    """
    assert read(HEAD, with_beginnings=False) == []


@pytest.mark.parametrize(
    ("text", "oom_memcg", "pid"),
    [
        (f"oom-kill:constraint=CONSTRAINT_MEMCG,...,oom_memcg={PATH},task=hog,pid=11,uid=0", PATH, 11),
        ("oom-kill: ... oom_memcg=/lxc/7 ... task=hog,pid=11", "/lxc/7", 11),
        (
            "oom-kill:constraint=CONSTRAINT_MEMCG, oom_memcg=/docker/4e1d4e1d..., task=hog ...",
            "/docker/4e1d4e1d...",
            None,
        ),
    ],
)
def test_shortened_summary_gives_what_is_left(text: str, oom_memcg: str, pid: int | None) -> None:
    """
    People leave out parts of a summary; the values that are left are read.
    """
    fact = parse_summary(text)
    assert fact is not None
    assert (fact.oom_memcg, fact.comm, fact.pid) == (oom_memcg, "hog", pid)


def test_whole_summary_may_contain_marks_of_omission() -> None:
    """
    A process may have any name, so a complete summary is read as it is.
    """
    fact = parse_summary(SUMMARY.replace("task=hog", "task=hog...,pid=1"))
    assert fact is not None
    assert (fact.comm, fact.pid) == ("hog...,pid=1", 11)


def test_cut_kill_line_names_the_process_of_its_row() -> None:
    """
    Of the kill line only the pid is left; the table has the name.
    """
    (report,) = read(
        TITLE,
        HEADER,
        *ROWS,
        "Memory cgroup out of memory: Kill process 10 (sh) score 0 or sacrifice child",
        "Killed process 11 (",
    )
    (victim,) = report.victims
    assert (victim.pid, victim.comm) == (11, "hog")


@pytest.mark.parametrize("mark", ["...", "[...]", "\u2026", "...,"])
def test_kill_line_may_lack_its_middle(mark: str) -> None:
    """
    People leave out sizes in the middle of a kill line; the others are read.
    """
    fact = parse_killed(f"Memory cgroup out of memory: Killed process 11 (hog) {mark} anon-rss:4kB oom_score_adj:969")
    assert fact is not None
    assert (fact.pid, fact.comm, fact.sizes, fact.oom_score_adj) == (11, "hog", {"anon-rss": 4096}, 969)


@pytest.mark.parametrize("text", ["Killed process 11", "Killed process 11 by the operator"])
def test_words_about_a_process_are_not_a_cut_kill_line(text: str) -> None:
    """
    Without the bracket that follows in the kernel's line these are the words of anybody.
    """
    assert parse_killed(text) is None


def test_sizes_may_stand_on_the_next_line_with_the_cgroup() -> None:
    """
    A monitor prints sizes and cgroup below the kill line.
    """
    fact = parse_killed(
        "memory cgroup out of memory: Killed process 11 (hog)\n total-vm:9kB, anon-rss:2kB\n oom_memcg=/docker/4e1d4e1d"
    )
    assert fact is not None
    assert (fact.message, fact.sizes["anon-rss"], fact.oom_memcg) == (OomMessage.MEMCG, 2048, "/docker/4e1d4e1d")


def test_openvz_names_its_container() -> None:
    """
    Kernels of OpenVZ name the container by its number; number 0 is the host.
    """
    line = "Out of memory in UB {}: OOM killed process 11 (hog) score 0 vm:281988kB, rss:17004kB, swap:0kB"
    inside, host = parse_killed(line.format(1234)), parse_killed(line.format(0))
    assert inside is not None
    assert host is not None
    assert (inside.beancounter, inside.message) == (1234, OomMessage.MEMCG)
    assert host.message is OomMessage.GLOBAL


def usage(usage_kib: int, limit_kib: int | None) -> MemoryUsage:
    return MemoryUsage(usage_bytes=usage_kib << 10, limit_bytes=limit_kib and limit_kib << 10, failcnt=1)


@pytest.mark.parametrize(
    ("memory", "swap", "kmem", "reached"),
    [
        (usage(64, 64), usage(64, 128), usage(0, None), LimitKind.MEMORY),
        (usage(60, 64), usage(96, 96), usage(0, None), LimitKind.MEMORY_SWAP),
        (usage(60, 64), usage(60, None), usage(8, 8), LimitKind.KERNEL_MEMORY),
        (usage(64, 64), usage(64, 64), usage(0, None), LimitKind.MEMORY),
        (usage(63, 64), usage(63, None), usage(0, None), LimitKind.MEMORY),
    ],
)
def test_limit_that_was_reached(memory: MemoryUsage, swap: MemoryUsage, kmem: MemoryUsage, reached: LimitKind) -> None:
    """
    cgroup v1 has three limits, and the report says which of them was reached.
    """
    report = OomReport(memory=memory, memory_swap=swap, kmem=kmem)
    assert report.limit_reached is not None
    assert report.limit_reached[0] is reached


@pytest.mark.parametrize(
    ("report", "is_global"),
    [
        (OomReport(constraint="CONSTRAINT_NONE"), True),
        (OomReport(constraint="CONSTRAINT_CPUSET"), True),
        (OomReport(constraint="CONSTRAINT_MEMCG"), False),
        (OomReport(constraint="CONSTRAINT_M"), None),
        (OomReport(constraint="CONSTRAINT_NEW", oom_memcg="/a"), False),
        (OomReport(constraint="CONSTRAINT_…4e1d", message=OomMessage.MEMCG), False),
        (OomReport(constraint="CONSTRAINT_…4e1d", message=OomMessage.GLOBAL), True),
        (OomReport(constraint="CONSTRAINT_…4e1d", memory=usage(64, 64)), False),
    ],
)
def test_word_that_is_not_the_kernels_says_nothing(report: OomReport, is_global: bool | None) -> None:
    """
    An unknown or cut word is not a scope: the other lines decide.
    """
    assert report.is_global is is_global


def test_thread_is_found_by_the_size_of_its_process() -> None:
    """
    Old kernels name a thread, which has no row; its process has the same name and address space.
    """
    rows = (
        TaskRow(pid=10, tgid=10, uid=0, comm="sh", total_vm_pages=100, rss_pages=1, oom_score_adj=0),
        TaskRow(pid=20, tgid=20, uid=0, comm="java", total_vm_pages=500, rss_pages=9, oom_score_adj=0),
    )
    victim = OomVictim(pid=25, comm="java", confirmed=True, total_vm_bytes=500 * 4096)
    assert OomReport(tasks=rows, victims=(victim,)).process_of(victim) == 20
    twins = (*rows, TaskRow(pid=30, tgid=30, uid=0, comm="java", total_vm_pages=500, rss_pages=9, oom_score_adj=0))
    assert OomReport(tasks=twins, victims=(victim,)).process_of(victim) == 25


def test_cgroup_on_a_line_below_the_kill_belongs_to_it() -> None:
    """
    A person wrote the cgroup below the kill line that was shortened.
    """
    (report,) = read("Memory cgroup out of memory: Killed process 11 (hog)", "  oom_memcg=/docker/4e1d4e1d...")
    assert report.oom_memcg == "/docker/4e1d4e1d..."


def test_a_report_without_end_is_closed_when_it_holds_many_lines() -> None:
    """
    A forged log may repeat one line for ever.
    """
    cut = SUMMARY.removesuffix(",task=hog,pid=11,uid=0")
    assert [len(report.evidence) < 10_000 for report in read(*[cut] * 20_000)] == [True] * 3
