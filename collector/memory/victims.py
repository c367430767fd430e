"""
Why the OOM killer chose this process: who else was there, how large, and what its score was.

The score is that of mm/oom_kill.c (oom_badness): resident pages, page tables and swap, and for each point of
oom_score_adj a thousandth of the memory that ran out. The table of a report does not have all of these; so the score
is that of the resident pages and the adjustment, which decide nearly always.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from collector.correlate.wording import shown, size
from parsers.oom_facts import OomReport, TaskRow

_NEVER: Final = -1000
_POINTS: Final = 1000
_PAGE_BYTES: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """
    A process that could have been chosen.

    Attributes:
        score_bytes: what the kernel compared, as far as the table tells; None where it may not be killed.
    """

    pid: int
    name: str
    rss_bytes: int
    oom_score_adj: int | None
    score_bytes: int | None


def candidates(report: OomReport) -> tuple[Candidate, ...]:
    """
    The processes of a report's table, the likeliest victim first; none where the table was not printed.
    """
    page_bytes = report.page_size_bytes or _PAGE_BYTES
    total = report.memory.limit_bytes if report.memory is not None else None
    found = (_candidate(row, page_bytes, total) for row in report.tasks)
    return tuple(sorted(found, key=lambda item: -1 if item.score_bytes is None else item.score_bytes, reverse=True))


def why_chosen(victim_pid: int, found: Sequence[Candidate]) -> str | None:
    """
    The choice in a sentence; None where the victim or the table is not known.
    """
    victim = next((item for item in found if item.pid == victim_pid), None)
    others = [item for item in found if item.pid != victim_pid]
    if victim is None:
        return None
    if not others:
        return f"{shown(victim.name)} was the only process there, with {size(victim.rss_bytes)}."
    largest = max(others, key=lambda item: item.rss_bytes)
    among = f"of {len(found)} processes; the largest other was {shown(largest.name)} with {size(largest.rss_bytes)}"
    if largest.rss_bytes <= victim.rss_bytes:
        return f"{shown(victim.name)} was the largest with {size(victim.rss_bytes)}, {among}."
    reason = _adjusted(victim, largest)
    return f"{shown(victim.name)} with {size(victim.rss_bytes)} was chosen {among}{reason}."


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


def _adjusted(victim: Candidate, largest: Candidate) -> str:
    """
    What made a smaller process the victim.
    """
    if largest.oom_score_adj == _NEVER:
        return ", which oom_score_adj -1000 protects"
    if (victim.oom_score_adj or 0) > (largest.oom_score_adj or 0):
        return f", but oom_score_adj is {victim.oom_score_adj or 0} for it and {largest.oom_score_adj or 0} for that"
    return ""
