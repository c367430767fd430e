"""
Single lines of a report, in the words of all kernels.
"""

import pytest

from parsers.oom.facts import OomMessage
from parsers.oom.line import (
    GroupKill,
    Invoked,
    MemcgLimit,
    NoKillable,
    Panic,
    Suppressed,
    SysRq,
    TriggerCpuset,
    TriggerProcess,
    is_complete,
    parse_line,
)
from parsers.oom.summary import Summary
from parsers.oom.victim import AlreadyExiting, Chosen, Killed

DOCKER = "/system.slice/docker-" + "5" * 64 + ".scope"
SUMMARY = (
    "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=0,2-3,cpuset=/,mems_allowed=0,2-3,"
    f"oom_memcg={DOCKER},task_memcg={DOCKER},task=java,pid=4242,uid=1000"
)


def _killed(text: str) -> Killed:
    fact = parse_line(text)
    assert isinstance(fact, Killed)
    return fact


def _summary(text: str) -> Summary:
    fact = parse_line(text)
    assert isinstance(fact, Summary)
    return fact


@pytest.mark.parametrize("cpuset", ["/", "5" * 64, f"docker-{'5' * 64}.scope", "VM A"])
def test_the_cpuset_of_the_trigger(cpuset: str) -> None:
    """
    Before 5.0 the trigger's cpuset has a line of its own, with only the last part of the path.
    """
    fact = parse_line(f"tmux: server cpuset={cpuset} mems_allowed=0,2-3")
    assert fact == TriggerCpuset(comm="tmux: server", cpuset=cpuset)


@pytest.mark.parametrize(
    ("rest", "gfp_mask", "order"),
    [
        ("gfp_mask=0x201d2, order=0, oomkilladj=0", "0x201d2", 0),
        ("gfp_mask=0x200d2, order=2, oom_adj=0, oom_score_adj=0", "0x200d2", 2),
        ("gfp_mask=0x24000c0(GFP_KERNEL), order=0, oom_score_adj=0", "0x24000c0(GFP_KERNEL)", 0),
        ("gfp_mask=0x14200ca(GFP_X|__GFP_Y), nodemask=(null),  order=0", "0x14200ca(GFP_X|__GFP_Y)", 0),
        ("gfp_mask=0xcc0(GFP_KERNEL), order=-1, oom_score_adj=0", "0xcc0(GFP_KERNEL)", -1),
    ],
)
def test_head(rest: str, gfp_mask: str, order: int) -> None:
    """
    The head names the trigger, from 2.6 to now.
    """
    assert parse_line(f"tmux: server invoked oom-killer: {rest}") == Invoked(
        comm="tmux: server", gfp_mask=gfp_mask, order=order
    )


@pytest.mark.parametrize(
    "line",
    [
        "Pid: 24113, comm: sshd Not tainted 2.6.32-431.el6.x86_64 #1",
        "CPU: 0 PID: 24113 Comm: stress Tainted: G   OE  5.15.0 #1",
        "CPU: 1 UID: 0 PID: 24113 Comm: a Kdump: loaded Not tainted 6.12.0",
    ],
)
def test_trigger(line: str) -> None:
    """
    The line of the stack has the trigger's pid.
    """
    fact = parse_line(line)
    assert isinstance(fact, TriggerProcess)
    assert fact.pid == 24113
    assert fact.has_name(line.lower().partition("comm: ")[2].partition(" ")[0])


@pytest.mark.parametrize(
    ("line", "message", "sizes"),
    [
        ("Out of memory: Killed process 7 (java).", OomMessage.GLOBAL, {}),
        ("No available memory (MPOL_BIND): Killed process 7 (java).", OomMessage.MEMPOLICY, {}),
        ("No available memory in cpuset: Killed process 7 (java).", OomMessage.CPUSET, {}),
        ("Killed process 7, UID 48, (java) total-vm:3kB, anon-rss:2kB", None, {"total-vm": 3, "anon-rss": 2}),
        ("Killed process 7 (java), UID 48, total-vm:3kB, anon-rss:2kB", None, {"total-vm": 3, "anon-rss": 2}),
        ("Killed process 7 (java) total-vm:3kB, anon-rss:2kB, file-rss:1kB", None, {"file-rss": 1}),
        ("Memory cgroup out of memory: Killed process 7 (java) total-vm:3kB", OomMessage.MEMCG, {}),
        (
            (
                "Out of memory (oom_kill_allocating_task): Killed process 7 (java) total-vm:9kB, anon-rss:2kB, "
                "file-rss:1kB, shmem-rss:4kB, UID:48 pgtables:6kB oom_score_adj:-998"
            ),
            OomMessage.ALLOCATING_TASK,
            {"shmem-rss": 4, "pgtables": 6},
        ),
    ],
)
def test_kill(line: str, message: OomMessage | None, sizes: dict[str, int]) -> None:
    """
    Every form of the kill line gives pid and name; sizes are bytes.
    """
    kill = _killed(line)
    assert (kill.pid, kill.comm, kill.message) == (7, "java", message)
    assert {name: kill.sizes[name] for name in sizes} == {name: kib * 1024 for name, kib in sizes.items()}
    assert kill.uid == (48 if "48" in line else None)
    assert kill.oom_score_adj == (-998 if "998" in line else None)


def test_page_tables_in_bytes() -> None:
    """
    Page tables larger than the mapped memory are bytes that early 5.4 calls kB.
    """
    assert _killed("Killed process 7 (a) total-vm:9000kB, UID:0 pgtables:40960kB").sizes["pgtables"] == 40960


@pytest.mark.parametrize(
    "comm",
    [
        "a) total-vm:1kB",
        "x (y) z",
        ")",
        "",
        "Killed process",
        "a\nb",
        "cut \udce4\udcb8",
        "task=x,pid=7",
        ",pid=7,uid=0",
        ", UID 5, (b)",
    ],
)
def test_hostile_name(comm: str) -> None:
    """
    A name cannot change a pid, a size or a cgroup.
    """
    kill = _killed(f"Memory cgroup out of memory: Killed process 42 ({comm}) total-vm:3kB, anon-rss:2kB, UID:9")
    assert (kill.pid, kill.comm, kill.sizes["total-vm"], kill.uid) == (42, comm, 3072, 9)
    summary = _summary(SUMMARY.replace("task=java", f"task={comm}"))
    assert (summary.pid, summary.uid, summary.comm, summary.task_memcg) == (4242, 1000, comm, DOCKER)
    chosen = parse_line(f"Out of memory: Kill process 42 ({comm}) score 5 or sacrifice child")
    assert chosen == Chosen(message=OomMessage.GLOBAL, pid=42, comm=comm)


@pytest.mark.parametrize(
    "line",
    [
        "app: Out of memory: Killed process 1 (init) total-vm:1kB",
        "a\nKilled process 1 (init) total-vm:1kB",
        "x (a\nOut of memory: Killed process 1 (init) total-vm:1kB, anon-rss:1kB",
        "java was killed: oom-kill:constraint=CONSTRAINT_NONE,task=x,pid=1,uid=0",
        "a message much longer than any name: java invoked oom-killer: gfp_mask=0x0, order=0",
    ],
)
def test_quoted_line_is_not_a_fact(line: str) -> None:
    """
    A form that does not begin at the start of the message gives None; a line feed does not begin a message.
    """
    assert parse_line(line) is None


def test_summary() -> None:
    """
    Lists with commas are parsed whole.
    """
    summary = _summary(SUMMARY)
    assert (summary.constraint, summary.nodemask, summary.mems_allowed) == (
        "CONSTRAINT_MEMCG",
        "0,2-3",
        "0,2-3",
    )
    assert (summary.oom_memcg, summary.task_memcg, summary.pid) == (DOCKER, DOCKER, 4242)


def test_summary_of_a_global_oom() -> None:
    """
    The summary of a host-wide OOM names the victim's cgroup and no limit.
    """
    summary = _summary(
        "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,"
        f"task_memcg={DOCKER},task=java,pid=7,uid=0"
    )
    assert (summary.oom_memcg, summary.task_memcg, summary.pid) == (None, DOCKER, 7)


def test_cut_summary_gives_what_is_certain() -> None:
    """
    Wherever a summary is cut, no value differs from that of the whole line.
    """
    whole = _summary(SUMMARY)
    names = ("constraint", "nodemask", "cpuset", "mems_allowed", "oom_memcg", "task_memcg", "pid", "comm")
    for length in range(len("oom-kill:constraint="), SUMMARY.index(",uid=") + len(",uid=")):
        cut = _summary(SUMMARY[:length])
        assert all(getattr(cut, name) in (None, getattr(whole, name)) for name in names)
    assert (cut.constraint, cut.oom_memcg, cut.task_memcg) == (whole.constraint, whole.oom_memcg, whole.task_memcg)


@pytest.mark.parametrize(
    "line",
    [
        "Out of Memory: Kill process 7 (java) score 77 and children.",
        "Out of memory: Kill process 7 (java) score 77 or sacrifice child",
    ],
)
def test_choice(line: str) -> None:
    """
    A choice is not a kill; 2.6 uses other words.
    """
    assert parse_line(line) == Chosen(message=OomMessage.GLOBAL, pid=7, comm="java")


@pytest.mark.parametrize(
    ("line", "fact"),
    [
        (
            "Task in /a killed as a result of limit of /b",
            MemcgLimit(task_memcg="/a", oom_memcg="/b"),
        ),
        (
            "Tasks in /a b are going to be killed due to memory.oom.group set",
            GroupKill(path="/a b"),
        ),
        (
            "Memory cgroup out of memory: OOM victim 7 (a) is already exiting. Skip killing the task",
            AlreadyExiting(pid=7),
        ),
        ("Out of memory and no killable processes...", NoKillable()),
        ("Kernel panic - not syncing: System is deadlocked on memory", Panic()),
        ("Kernel panic - not syncing: Out of memory: system-wide panic_on_oom is enabled", Panic()),
        ("Kernel panic - not syncing: out of memory. panic_on_oom is selected", Panic()),
        ("oom_kill_process: 60 callbacks suppressed", Suppressed(count=60)),
        ("SysRq : Manual OOM execution", SysRq()),
        ("sysrq: Manual OOM execution", SysRq()),
    ],
)
def test_other_lines(line: str, fact: object) -> None:
    """
    Lines about an outcome without a kill, or with several kills, are parsed.
    """
    assert parse_line(line) == fact


@pytest.mark.parametrize(
    "line",
    [
        "oom_reaper: reaped process 7 (a), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB",
        "OOM killer enabled.",
        "java: page allocation failure: order:5, mode:0x40d0",
        "Kernel panic - not syncing: Fatal exception",
        "warn_alloc: 3 callbacks suppressed",
    ],
)
def test_look_alikes(line: str) -> None:
    """
    Lines that only look like a report give None.
    """
    assert parse_line(line) is None


@pytest.mark.parametrize(
    ("line", "complete"),
    [
        (SUMMARY, True),
        (SUMMARY[:-9], False),
        ("Killed process 7 (a) total-vm:3kB, anon-rss:2kB, file-rss:1kB", True),
        ("Killed process 7 (a) total-vm:3kB, anon-rss:2kB,", False),
        ("java invoked oom-killer: gfp_mask=0xcc0,", False),
        ("Out of memory: Killed", False),
    ],
)
def test_cut_line_is_not_complete(line: str, complete: bool) -> None:
    """
    A cut line is not complete, so wrapped lines can be joined.
    """
    assert is_complete(line) is complete


def test_a_size_that_no_host_has_is_left_out() -> None:
    """
    The kill is parsed without a size that does not fit 64 bits.
    """
    assert _killed("Killed process 7 (a) total-vm:9999999999999999999kB, anon-rss:2kB").sizes == {"anon-rss": 2048}


def test_a_line_longer_than_any_of_the_kernel_is_none() -> None:
    """
    A line longer than any kernel line gives None without a search.
    """
    assert parse_line("oom-kill:constraint=" + ",task=" * 100_000) is None
