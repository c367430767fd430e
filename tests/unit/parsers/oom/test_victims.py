"""
Reports from lines: their victim and their trigger.
"""

from parsers.oom.facts import KernelLine, OomReport
from parsers.oom.report import ReportAssembler

A = "/docker/" + "a" * 64
B = "/docker/" + "b" * 64


def invoked(comm: str) -> str:
    return f"{comm} invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0"


def cpu(pid: int, comm: str) -> str:
    return f"CPU: 1 PID: {pid} Comm: {comm} Not tainted 6.1.0 #1"


def summary(pid: int, path: str = A) -> str:
    return (
        "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,"
        f"oom_memcg={path},task_memcg={path},task=java,pid={pid},uid=0"
    )


def killed(pid: int, comm: str = "java", uid: int = 0) -> str:
    return (
        f"Memory cgroup out of memory: Killed process {pid} ({comm}) total-vm:9kB, anon-rss:7kB, file-rss:1kB,"
        f" shmem-rss:0kB, UID:{uid} pgtables:1kB oom_score_adj:0"
    )


def reports(*texts: str, step_us: int = 10) -> list[OomReport]:
    assembler = ReportAssembler()
    lines = [KernelLine(text=text, monotonic_us=1_000_000 + at * step_us) for at, text in enumerate(texts)]
    return [report for line in lines for report in assembler.feed(line)] + assembler.flush()


def victims(*texts: str, step_us: int = 10) -> list[tuple[int, str | None, bool]]:
    found = reports(*texts, step_us=step_us)
    return [(victim.pid, report.task_memcg, victim.confirmed) for report in found for victim in report.victims]


def test_a_summary_alone_names_a_victim_that_is_not_confirmed() -> None:
    """
    A victim without a kill line is not confirmed.
    """
    assert victims(summary(42)) == [(42, A, False)]


def test_a_victim_that_is_already_exiting_was_not_killed() -> None:
    """
    A victim whose kill the kernel skips is not reported as killed.
    """
    skipped = "Memory cgroup out of memory: OOM victim 42 (java) is already exiting. Skip killing the task"
    (report,) = reports(invoked("java"), summary(42), skipped)
    assert report.victims == ()
    assert report.already_exiting == (42,)


def test_a_kill_line_may_name_another_thread_than_the_summary() -> None:
    """
    A kill line of another thread of the summary's process is one kill, of that process.
    """
    (report,) = reports(invoked("java"), summary(42), killed(57, "http-nio-8080"))
    (victim,) = report.victims
    assert (victim.pid, victim.confirmed, report.task_memcg) == (57, True, A)
    assert report.process_of(victim) == 42


def test_a_kill_of_another_user_is_of_another_report() -> None:
    """
    A kill of another user is not of the summary's process, because its threads have one user.
    """
    assert victims(summary(42), killed(57, uid=1000)) == [(42, A, False), (57, None, True)]


def test_a_kill_long_after_the_summary_is_of_another_report() -> None:
    """
    A kill long after a summary is another one, because the kernel prints both at once.
    """
    assert victims(summary(42), killed(57), step_us=6000) == [(42, A, False), (57, None, True)]


def test_the_announced_kill_is_worth_more_than_a_guess() -> None:
    """
    If the kill that a summary announced comes, an earlier kill of another pid gets a report of its own.
    """
    assert sorted(victims(summary(42), killed(57), killed(42))) == [(42, A, True), (57, None, True)]


def test_a_pid_belongs_to_the_trigger_of_that_name() -> None:
    """
    Of two reports that are printed at once without a caller, each has its own trigger.
    """
    texts = (invoked("aa"), invoked("b"), cpu(1, "aa"), cpu(2, "b"), summary(2, B), killed(2), summary(1), killed(1))
    found = {report.trigger_comm: (report.trigger_pid, report.task_memcg) for report in reports(*texts)}
    assert found == {"aa": (1, A), "b": (2, B)}
