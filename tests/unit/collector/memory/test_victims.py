"""
Why this process was chosen.
"""

from collector.memory.victims import candidates, why_chosen
from parsers.oom_facts import MemoryUsage, OomReport, TaskRow

MIB = 1 << 20


def report(*rows: tuple[str, int, int]) -> OomReport:
    """
    A report with a table of (name, MiB, oom_score_adj), pids from 1 on.
    """
    tasks = tuple(
        TaskRow(pid=n, tgid=n, uid=0, comm=name, total_vm_pages=0, rss_pages=mib * 256, oom_score_adj=adjust)
        for n, (name, mib, adjust) in enumerate(rows, start=1)
    )
    return OomReport(tasks=tasks, memory=MemoryUsage(usage_bytes=1024 * MIB, limit_bytes=1024 * MIB, failcnt=1))


def test_the_largest() -> None:
    """
    Mostly.
    """
    found = candidates(report(("sh", 1, 0), ("worker", 700, 0), ("api", 200, 0)))
    assert [item.name for item in found] == ["worker", "api", "sh"]
    assert why_chosen(2, found) == (
        "worker was the largest with 700 MiB, of 3 processes; the largest other was api with 200 MiB."
    )


def test_another_was_protected() -> None:
    """
    -1000 is never killed.
    """
    found = candidates(report(("db", 700, -1000), ("api", 200, 0)))
    assert found[-1].score_bytes is None
    assert why_chosen(2, found) == (
        "api with 200 MiB was chosen of 2 processes; the largest other was db with 700 MiB,"
        " which oom_score_adj -1000 protects."
    )


def test_the_adjustment_made_it_the_victim() -> None:
    """
    Each point is a thousandth of the limit.
    """
    found = candidates(report(("db", 500, 0), ("batch", 100, 500)))
    assert [item.name for item in found] == ["batch", "db"]
    assert why_chosen(2, found) == (
        "batch with 100 MiB was chosen of 2 processes; the largest other was db with 500 MiB,"
        " but oom_score_adj is 500 for it and 0 for that."
    )


def test_it_was_alone() -> None:
    """
    No choice at all.
    """
    assert why_chosen(1, candidates(report(("java", 900, 0)))) == "java was the only process there, with 900 MiB."


def test_without_a_table_nothing_is_said() -> None:
    """
    Nor of a victim that is not in it.
    """
    assert why_chosen(1, candidates(OomReport())) is None
    assert why_chosen(9, candidates(report(("java", 900, 0)))) is None
