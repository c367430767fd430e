"""
Explain why the OOM killer chose a process: which other candidates there were, how large, and with which score.

The score is that of `oom_badness` in the kernel's mm/oom_kill.c: resident pages, page tables and swap, plus a
thousandth of the memory that ran out for each point of oom_score_adj. A report's task table does not show all of
these, so the score here counts resident pages and the adjustment only; these decide nearly always.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from parsers.oom.facts import OomReport, TaskRow
from sinks.text import printable, size

# OOM_SCORE_ADJ_MIN: the kernel never kills such a process.
_NEVER: Final = -1000
_POINTS: Final = 1000
_PAGE_BYTES: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """
    A process that the OOM killer could have chosen.

    Attributes:
        score_bytes: what the kernel compared, as far as the table shows it; None for a process that may not be killed.
    """

    pid: int
    name: str
    rss_bytes: int
    oom_score_adj: int | None
    score_bytes: int | None


def candidates(report: OomReport) -> tuple[Candidate, ...]:
    """
    Return the processes of a report's task table, the likeliest victim first; empty if the table was not printed.
    """
    page_bytes = report.page_size_bytes or _PAGE_BYTES
    total = report.memory.limit_bytes if report.memory is not None else None
    found = (_candidate(row, page_bytes, total) for row in report.tasks)
    return tuple(sorted(found, key=lambda item: -1 if item.score_bytes is None else item.score_bytes, reverse=True))


def why_chosen(victim_pid: int, found: Sequence[Candidate], *, complete: bool = True) -> str | None:
    """
    Explain the choice of the victim in a sentence; None if the victim is not among the candidates.

    Args:
        victim_pid: its process id.
        found: the candidates.
        complete: there were no others; else nothing is said about all of them.
    """
    victim = next((item for item in found if item.pid == victim_pid), None)
    others = [item for item in found if item.pid != victim_pid]
    if victim is None:
        return None
    name = printable(victim.name)
    if not complete:
        return f"{name} had {size(victim.rss_bytes)}; the text may not list all processes."
    if not others:
        return f"{name} was the only process, with {size(victim.rss_bytes)}."
    largest = max(others, key=lambda item: item.rss_bytes)
    other = f"{printable(largest.name)} with {size(largest.rss_bytes)}"
    if largest.rss_bytes <= victim.rss_bytes:
        return f"{name} was the largest of {len(found)} processes with {size(victim.rss_bytes)}; next was {other}."
    chosen = f"{name} with {size(victim.rss_bytes)} was chosen from {len(found)} processes"
    return f"{chosen}; {other} was larger{_adjustment(victim, largest)}."


def _candidate(row: TaskRow, page_bytes: int, total_bytes: int | None) -> Candidate:
    rss_bytes, adjust = row.rss_pages * page_bytes, row.oom_score_adj
    score = rss_bytes + (adjust or 0) * (total_bytes or 0) // _POINTS
    return Candidate(
        pid=row.tgid,
        name=row.comm,
        rss_bytes=rss_bytes,
        oom_score_adj=adjust,
        score_bytes=None if adjust == _NEVER else max(0, score),
    )


def _adjustment(victim: Candidate, largest: Candidate) -> str:
    """
    Name the adjustment that made a smaller process the victim; empty if there is none.
    """
    if largest.oom_score_adj == _NEVER:
        return " but is protected by oom_score_adj -1000"
    adjust, other = victim.oom_score_adj or 0, largest.oom_score_adj or 0
    if adjust > other:
        return f", but oom_score_adj is {adjust} for {printable(victim.name)} and {other} for {printable(largest.name)}"
    return ""
