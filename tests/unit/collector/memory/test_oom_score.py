"""
Why this process was chosen.
"""

from collector.memory.oom_score import candidates, why_chosen
from parsers.oom.facts import MemoryUsage, OomReport, TaskRow

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


def test_the_largest_process_is_chosen() -> None:
    """
    Without adjustments the largest process is the victim, and the next largest is named.
    """
    found = candidates(report(("sh", 1, 0), ("worker", 700, 0), ("api", 200, 0)))
    assert [item.name for item in found] == ["worker", "api", "sh"]
    assert why_chosen(2, found) == ("worker was the largest of 3 processes with 700 MiB; next was api with 200 MiB.")


def test_a_protected_process_is_not_chosen() -> None:
    """
    A process with oom_score_adj -1000 is never killed, and the reason says that it was larger.
    """
    found = candidates(report(("db", 700, -1000), ("api", 200, 0)))
    assert found[-1].score_bytes is None
    assert why_chosen(2, found) == (
        "api with 200 MiB was chosen from 2 processes; db with 700 MiB was larger"
        " but is protected by oom_score_adj -1000."
    )


def test_an_adjustment_can_make_a_smaller_process_the_victim() -> None:
    """
    Each point of oom_score_adj counts as a thousandth of the limit.
    """
    found = candidates(report(("db", 500, 0), ("batch", 100, 500)))
    assert [item.name for item in found] == ["batch", "db"]
    assert why_chosen(2, found) == (
        "batch with 100 MiB was chosen from 2 processes; db with 500 MiB was larger,"
        " but oom_score_adj is 500 for batch and 0 for db."
    )


def test_an_only_process_is_named_as_such() -> None:
    """
    With one process there was no choice.
    """
    assert why_chosen(1, candidates(report(("java", 900, 0)))) == "java was the only process, with 900 MiB."


def test_without_a_table_there_is_no_reason() -> None:
    """
    There is no reason either if the victim is not in the table.
    """
    assert why_chosen(1, candidates(OomReport())) is None
    assert why_chosen(9, candidates(report(("java", 900, 0)))) is None
