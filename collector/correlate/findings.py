"""
What the correlator concludes from facts: one closed union, `Finding`.

A finding says what happened and how well that is supported. How it is published is decided in `collector.publish`.
"""

from dataclasses import dataclass

from collector.correlate.container_record import ContainerRecord
from collector.correlate.oom_notices import OomNotice
from collector.correlate.pid_index import Attribution
from collector.correlate.runs import Run
from collector.correlate.verdict import Case, Verdict
from collector.facts.observed import GapFact
from parsers.kernel import KernelNotice
from parsers.killers import NOBODY_KNOWN, Author
from parsers.oom.facts import KernelLine, OomReport, OomVictim
from sinks.event import Confidence, Evidence, EvidenceSource, Killer, Scope, Victim


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributedVictim:
    """
    A killed process and its container.

    Attributes:
        main_process: whether it was the container's main process; None where that is not known.
    """

    victim: OomVictim
    attribution: Attribution
    main_process: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelKill:
    """
    One OOM kill by the kernel, with all its victims.

    Attributes:
        id: of its event, the same whoever reports the kill.
        record: the container of the first victim, where Docker has named it.
        limit_bytes: the limit that was reached; None when the whole host ran out of memory, or nobody knows.
        notice: the OOM notice that named the container, where the kernel did not.
        observations: what other sources had seen of the victims when the kill was attributed.
        supersedes: the event of a counter-only kill that this log line turns out to describe.
    """

    id: str
    report: OomReport
    source: EvidenceSource
    victims: tuple[AttributedVictim, ...]
    record: ContainerRecord | None
    scope: Scope | None
    limit_bytes: int | None = None
    notice: OomNotice | None = None
    observations: tuple[Evidence, ...] = ()
    supersedes: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserspaceKill:
    """
    One kill by a userspace OOM killer.

    Attributes:
        id: of its event.
        record: the container, where Docker has named it.
        cgroup: the cgroup that was killed as a whole; None where one process was killed.
        signal: the name of the signal that was sent to a process; None for a cgroup, which gets SIGKILL.
        main_process: True also where the whole container was killed.
        author: who reported it.
        confidence: certain only where the kernel saw the end as well.
        observations: what other sources had seen of the victim by then.
    """

    id: str
    killer: Killer
    at_ns: int | None
    text: str
    container_id: str | None
    record: ContainerRecord | None
    cgroup: str | None = None
    pid: int | None = None
    comm: str | None = None
    uid: int | None = None
    signal: str | None = None
    main_process: bool | None = None
    author: Author = NOBODY_KNOWN
    confidence: Confidence = Confidence.POSSIBLE
    observations: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnexplainedCount:
    """
    A discrepancy: the kernel counted kills that no log line describes.

    Attributes:
        container_id: None when the counter is that of the host.
        count: how many kills.
        from_ns: the read of the counter before them.
        to_ns: the read that showed them.
        unplaced: how many kills without a known container were published in this time; they may be these.
        published_pids: of all kills that were published in this time; these are not among them.
        record: the container, where Docker has named it.
    """

    container_id: str | None
    count: int
    from_ns: int
    to_ns: int
    unplaced: int = 0
    published_pids: frozenset[int] = frozenset()
    record: ContainerRecord | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterOnlyKill:
    """
    OOM kills that a kernel counter shows and no log line describes.

    Attributes:
        id: of its event.
        record: the container, where Docker has named it.
        victims: all of them, or none.
        at_ns: the end of the first victim, or the read of the counter where no victim is known.
        evidence: what other sources saw of the victims.
    """

    id: str
    count: UnexplainedCount
    container_id: str
    record: ContainerRecord | None
    victims: tuple[Victim, ...]
    at_ns: int
    confidence: Confidence
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """
    The end of a container's run, with its verdict.

    Attributes:
        unread: sources that had not been read past the end when the verdict was due; they may know more.
    """

    record: ContainerRecord
    run: Run
    case: Case
    verdict: Verdict
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IncompleteReport:
    """
    An OOM report of the kernel that ends before a kill.
    """

    report: OomReport


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedKill:
    """
    A published kernel kill, as far as a kernel counter can show it.

    Attributes:
        event_id: of its event.
        container_id: None when the container is not known.
        at_ns: the time of the first victim's kill.
        pids: of the victims.
        kills: how many kills the kernel counts for it.
        text: the line of the kernel log.
    """

    event_id: str
    container_id: str | None
    at_ns: int
    pids: frozenset[int]
    kills: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnconfirmedKill:
    """
    A discrepancy: a log line describes a kill that the kernel's counter does not show.
    """

    kill: PublishedKill


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelEvent:
    """
    What a kernel notice says, with the container of its task.

    Attributes:
        id: of its event, the same whoever reports the line.
        record: the container, where Docker has named it.
        pid: the process of the task; None where only the thread is known.
        owner: the container of the task that this one waits for; None where the line names none, or nothing is known.
        count: of lines like this one.
        last_ns: the time of the last of them; None for a single line.
    """

    id: str
    notice: KernelNotice
    line: KernelLine
    source: EvidenceSource
    attribution: Attribution
    record: ContainerRecord | None
    pid: int | None = None
    owner: Attribution | None = None
    owner_record: ContainerRecord | None = None
    count: int = 1
    last_ns: int | None = None


Finding = (
    KernelKill
    | UserspaceKill
    | CounterOnlyKill
    | Death
    | KernelEvent
    | IncompleteReport
    | UnexplainedCount
    | UnconfirmedKill
    | GapFact  # a gap is published as its source reported it
)
