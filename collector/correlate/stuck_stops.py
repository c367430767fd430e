"""
Say why a kill does not end: a SIGKILL ends a process within milliseconds, unless something holds it.

Pure: time is what the readings of /proc state. A kill that has not ended after 15 s is reported once, and once more
when it has ended.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from collector.correlate.container_record import ContainerRecord
from collector.facts.lru import LruDict
from collector.facts.stops import KilledTask, PendingKillFact
from sinks.event import Confidence, Evidence

_NS_PER_S: Final = 1_000_000_000
STUCK_NS: Final = 15 * _NS_PER_S
# Docker's own record of a kill counts as the start of what /proc shows if it is at most this much older.
_RELATED_NS: Final = 600 * _NS_PER_S
# Two readings that are further apart may show two kills.
_CONTINUOUS_NS: Final = 60 * _NS_PER_S
_KEPT: Final = 1024
_SIGKILL: Final = 9


class StopReason(StrEnum):
    """
    What holds a process that SIGKILL was sent to.
    """

    FROZEN = "frozen"
    TRACED = "traced"
    UNINTERRUPTIBLE = "uninterruptible"
    NOT_COLLECTED = "not_collected"
    NO_CPU = "no_cpu"
    SIGNAL_DENIED = "signal_denied"
    SIGNAL_IGNORED = "signal_ignored"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckStop:
    """
    A kill that does not end, or that has ended after all. Times are wall clock.

    Attributes:
        since_ns: when SIGKILL was sent, as far as that is known; else when it was first seen to be pending.
        task: the task that explains it; None if no task does.
        tasks: how many tasks are being killed, eight at most.
        sent_by_docker: whether Docker sent the SIGKILL.
        unread: the files that may not be read.
        line: of the kernel log, which says that the signal was refused.
        signal: that Docker sent, if not SIGKILL.
    """

    container_id: str
    reason: StopReason
    confidence: Confidence
    resolved: bool
    since_ns: int
    at_ns: int
    task: KilledTask | None
    tasks: int
    sent_by_docker: bool
    unread: tuple[str, ...] = ()
    line: Evidence | None = None
    signal: int | None = None


@dataclass(slots=True)
class _Kill:
    """
    A kill that has not ended: when it began, when it was last seen, and what was published of it.
    """

    since_ns: int
    seen_ns: int
    sent_by_docker: bool
    published: StuckStop | None = None


class StuckStops:
    """
    Follows the pending kills of all containers.
    """

    def __init__(self) -> None:
        self._kills: LruDict[str, _Kill] = LruDict(_KEPT)

    def feed(self, fact: PendingKillFact, record: ContainerRecord | None) -> list[StuckStop]:
        """
        Take a reading; return the kill that is stuck now, or that no longer is.

        Args:
            fact: the tasks that are being killed.
            record: the container, where Docker has named it.
        """
        known = self._kills.get(fact.container_id)
        if not fact.tasks:
            self._kills.pop(fact.container_id, None)
            published = known.published if known is not None else None
            return [replace(published, resolved=True, at_ns=fact.at_ns)] if published is not None else []
        if known is None or (known.published is None and fact.at_ns - known.seen_ns > _CONTINUOUS_NS):
            sent_ns = _sent_ns(record, fact.at_ns)
            known = _Kill(sent_ns if sent_ns is not None else fact.at_ns, fact.at_ns, sent_ns is not None)
        known.seen_ns = fact.at_ns
        self._kills[fact.container_id] = known
        if known.published is not None or fact.at_ns - known.since_ns < STUCK_NS:
            return []
        known.published = _stuck(fact, known)
        return [known.published]


def reason_of(fact: PendingKillFact) -> tuple[StopReason, KilledTask | None, Confidence]:
    """
    Return what holds the tasks of a reading, the task that shows it, and how well that is supported.
    """
    tasks = fact.tasks
    if fact.frozen:
        return StopReason.FROZEN, next(iter(tasks), None), Confidence.CERTAIN
    traced = next((task for task in tasks if task.tracer_pid is not None and task.state in "tTZ"), None)
    if traced is not None:
        return StopReason.TRACED, traced, Confidence.CERTAIN
    waiting = next((task for task in tasks if task.state == "D"), None)
    if waiting is not None:
        return StopReason.UNINTERRUPTIBLE, waiting, Confidence.LIKELY
    dead = next((task for task in tasks if task.state == "Z"), None)
    if dead is not None:
        return StopReason.NOT_COLLECTED, dead, Confidence.LIKELY
    runnable = next((task for task in tasks if task.state == "R"), None)
    if runnable is not None:
        return StopReason.NO_CPU, runnable, Confidence.POSSIBLE
    return StopReason.UNKNOWN, next(iter(tasks), None), Confidence.POSSIBLE


def _stuck(fact: PendingKillFact, kill: _Kill) -> StuckStop:
    reason, task, confidence = reason_of(fact)
    return StuckStop(
        container_id=fact.container_id,
        reason=reason,
        confidence=confidence,
        resolved=False,
        since_ns=kill.since_ns,
        at_ns=fact.at_ns,
        task=task,
        tasks=len(fact.tasks),
        sent_by_docker=kill.sent_by_docker,
        unread=fact.unread,
    )


def _sent_ns(record: ContainerRecord | None, at_ns: int) -> int | None:
    """
    Return when Docker sent SIGKILL to the run that goes on; None if it did not, or too long ago.
    """
    run = record.living if record is not None else None
    kills = [sent.at_ns for sent in run.signals if sent.signal == _SIGKILL] if run is not None else []
    return next((sent_ns for sent_ns in kills if 0 <= at_ns - sent_ns <= _RELATED_NS), None)
