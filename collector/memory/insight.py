"""
What is known of a container's memory, beside its kills and its end: events of its own, and additions to the others'.

A kill or a death gets the curve before it, the advice, and why this victim was chosen. Nothing waits for that: what is
not known at the moment is left out.
"""

from dataclasses import dataclass, replace
from typing import Final, assert_never

from collector.correlate.book import ContainerBook
from collector.correlate.insight import LivingFact
from collector.correlate.memory_facts import ContainerProcesses, MemoryRound, RememberedWarningFact
from collector.correlate.open_cases import JudgedDeath
from collector.correlate.runs import ContainerRecord
from collector.memory import sentences
from collector.memory.advice import Observation
from collector.memory.counsel import Program, counsel, program_of
from collector.memory.events import memory_of, pressure_event, shape_before, stuck_event
from collector.memory.latch import Level
from collector.memory.samples import SampleRing
from collector.memory.shape import Shape, shape_of
from collector.memory.stuck import Stuck
from collector.memory.victims import candidates, why_chosen
from collector.memory.warnings import Alarm
from collector.memory.watch import Finding, MemoryWatch
from collector.memory.workers import build_advice
from parsers.docker_event import DockerAction, DockerEvent
from parsers.oom_facts import OomReport
from sinks.event import Advice, Candidate, Cause, Event, Host, Oom, Scope

_OF_MEMORY: Final = frozenset({Cause.OOM_KILL, Cause.OOM_KILL_CHILD, Cause.USER_SPACE_OOM})
_CANDIDATES: Final = 10
_NS_PER_S: Final = 1_000_000_000
_PROGRAMS_KEPT: Final = 2048
_NOTHING: Final = Program()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moment:
    """
    A container at the moment of an event.

    Attributes:
        killed_at_limit: its own limit, where that was reached then.
        limit_in_question: False where the host ran out of memory, not the container.
    """

    record: ContainerRecord | None
    container_id: str
    at_ns: int
    killed_at_limit: int | None = None
    limit_in_question: bool = True


class MemoryInsight:
    """
    Follows the memory of all containers of a host.

    Args:
        host: as it is published.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._host_bytes: int | None = None
        self._watch = MemoryWatch()
        self._programs: dict[str, Program] = {}

    def feed(self, fact: LivingFact, book: ContainerBook, now_ns: int) -> list[Event]:
        """
        Take a fact about containers that live; gives warnings, and containers that are stuck.

        Args:
            fact: of Docker's events only those of health checks and of the end of containers count.
            book: the containers.
            now_ns: a clock that only goes forward.
        """
        match fact:
            case MemoryRound():
                self._host_bytes = fact.host.total_bytes if fact.host is not None else self._host_bytes
                return self._events(self._watch.feed(fact, now_ns), book)
            case ContainerProcesses():
                self._learn(fact)
            case RememberedWarningFact():
                self._watch.remember(fact)
            case DockerEvent(action=DockerAction.HEALTH_STATUS, health=str(status)):
                return self._events(self._watch.health(fact.container_id, status, fact.time_ns), book)
            case DockerEvent(action=DockerAction.DESTROY):
                self._programs.pop(fact.container_id, None)
            case DockerEvent():
                pass
            case _:
                assert_never(fact)
        return []

    def kill(self, event: Event, report: OomReport | None, record: ContainerRecord | None) -> list[Event]:
        """
        The event of an OOM kill with memory, advice and the choice of the victim; then containers that are stuck now.

        Args:
            event: the kill.
            report: the kernel's; None where another killed, or nothing was printed.
            record: the container of the first victim.
        """
        oom = event.exit137.oom
        if oom is None or event.time_ns is None:
            return [_chosen(event, report)]
        told = _chosen(event, report)
        container_id = event.container.id if event.container is not None else None
        if container_id is not None:
            own = oom.scope is Scope.CONTAINER
            moment = _Moment(
                record=record,
                container_id=container_id,
                at_ns=event.time_ns,
                killed_at_limit=oom.limit_bytes if own else None,
                limit_in_question=own,
            )
            told = self._with_memory(told, moment, advise=True)
        return [told, *self._survivors(oom, event.id, event.time_ns, record)]

    def death(self, event: Event, judged: JudgedDeath) -> Event:
        """
        The event of a death with memory; where memory was the cause, with advice too.
        """
        if event.time_ns is None:
            return event
        of_memory = judged.verdict.cause in _OF_MEMORY
        last = judged.case.kills[-1] if of_memory and judged.case.kills else None
        own = last is not None and last.scope is Scope.CONTAINER
        moment = _Moment(
            record=judged.record,
            container_id=judged.record.id,
            at_ns=event.time_ns,
            killed_at_limit=last.limit_bytes if last is not None and own else None,
            limit_in_question=own,
        )
        return self._with_memory(event, moment, advise=of_memory)

    def _learn(self, fact: ContainerProcesses) -> None:
        self._programs.pop(fact.container_id, None)
        self._programs[fact.container_id] = program_of(fact.processes)
        if len(self._programs) > _PROGRAMS_KEPT:
            del self._programs[next(iter(self._programs))]

    def _with_memory(self, event: Event, moment: _Moment, *, advise: bool) -> Event:
        ring = self._watch.curve(moment.container_id, moment.at_ns)
        shape = _shape(moment, ring)
        memory = memory_of(ring, moment.at_ns, moment.killed_at_limit, shape) if ring is not None else None
        advice = self._advice(moment, ring, shape) if advise else ()
        sentence = sentences.of_curve(shape) if advise else None
        return replace(
            event,
            message=f"{event.message} {sentence}" if sentence is not None else event.message,
            exit137=replace(event.exit137, memory=memory, advice=(*advice, *event.exit137.advice)),
        )

    def _advice(self, moment: _Moment, ring: SampleRing | None, shape: Shape) -> tuple[Advice, ...]:
        record = moment.record
        snapshot = record.snapshot if record is not None else None
        limit_bytes = moment.killed_at_limit
        if limit_bytes is None and ring is not None and ring.latest is not None:
            limit_bytes = ring.latest.limit_bytes
        if limit_bytes is None and snapshot is not None:
            limit_bytes = snapshot.memory_limit_bytes
        program = self._programs.get(moment.container_id, _NOTHING)
        seen = Observation(
            peak_bytes=max(ring.peak_bytes if ring is not None else 0, moment.killed_at_limit or 0),
            seen_s=_seen_s(moment, ring),
            limit_bytes=limit_bytes,
            shape=shape,
            language=program.language,
            host_bytes=self._host_bytes,
            killed=moment.killed_at_limit is not None,
        )
        return counsel(seen, program, snapshot, limit=moment.limit_in_question)

    def _survivors(self, oom: Oom, event_id: str, at_ns: int, record: ContainerRecord | None) -> list[Event]:
        """
        The containers that lost a child and live on, where they are in a bad state because of it.
        """
        lost = {victim.container_id for victim in oom.victims if victim.main_process}
        findings: list[Finding] = []
        for victim in oom.victims:
            container_id = victim.container_id
            if container_id is not None and victim.main_process is False and container_id not in lost:
                findings += self._watch.killed(container_id, event_id, at_ns)
        return [self._event(finding, record) for finding in findings]

    def _events(self, findings: list[Finding], book: ContainerBook) -> list[Event]:
        return [self._event(finding, book.get(_container_id(finding) or "")) for finding in findings]

    def _event(self, finding: Finding, record: ContainerRecord | None) -> Event:
        container_id = _container_id(finding)
        ring = self._watch.curve(container_id, finding.at_ns) if container_id is not None else None
        advice: tuple[Advice, ...] = ()
        if container_id is not None and not _over(finding):
            moment = _Moment(record=record, container_id=container_id, at_ns=finding.at_ns)
            advice = self._advice(moment, ring, _shape(moment, ring))
        if isinstance(finding, Stuck):
            return stuck_event(finding, self._host, record, ring, advice)
        return pressure_event(finding, self._host, record, ring, advice)


def _container_id(finding: Finding) -> str | None:
    if isinstance(finding, Alarm):
        return finding.sample.container_id if finding.sample is not None else None
    return finding.container_id


def _over(finding: Finding) -> bool:
    return finding.over if isinstance(finding, Stuck) else finding.level is Level.RESOLVED


def _shape(moment: _Moment, ring: SampleRing | None) -> Shape:
    if ring is None:
        return shape_of((), moment.killed_at_limit)
    return shape_before(ring, moment.at_ns, moment.killed_at_limit)


def _seen_s(moment: _Moment, ring: SampleRing | None) -> float:
    """
    How long the run had lasted: the kernel would have shown a higher peak in all that time.
    """
    run = moment.record.run_at(moment.at_ns) if moment.record is not None else None
    began_ns = run.began_ns if run is not None else None
    if began_ns is None:
        began_ns = ring.first_ns if ring is not None else moment.at_ns
    return max(0.0, (moment.at_ns - began_ns) / _NS_PER_S)


def _chosen(event: Event, report: OomReport | None) -> Event:
    """
    The event of a kill with the reason for its choice, and with advice on what the others there were.
    """
    oom = event.exit137.oom
    if oom is None or report is None or not report.tasks:
        return event
    found = candidates(report)
    others = tuple(
        Candidate(
            pid=one.pid,
            name=one.name,
            rss_bytes=one.rss_bytes,
            oom_score_adj=one.oom_score_adj,
            score_bytes=one.score_bytes,
        )
        for one in found[:_CANDIDATES]
    )
    choice = why_chosen(oom.victims[0].pid, found) if oom.victims else None
    builds = build_advice([one.name for one in found])
    return replace(
        event,
        exit137=replace(
            event.exit137,
            oom=replace(oom, choice=choice, candidates=others),
            advice=(builds,) if builds is not None else (),
        ),
    )
