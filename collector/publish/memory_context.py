"""
Add memory context to kills and deaths, and publish warnings and stuck containers.

A kill or a death gets the curve before it, advice, and the reason why the OOM killer chose the victim. Events never
wait for context: what is unknown at the time is left out.
"""

from dataclasses import dataclass, replace
from typing import Final, assert_never

from collector.correlate.container_record import ContainerRecord
from collector.correlate.findings import Death
from collector.correlate.inventory import ContainerInventory
from collector.facts.memory import ContainerProcessesFact, MemoryRoundFact
from collector.facts.restored import RestoredWarningFact
from collector.memory.advice import MemoryNeed, Workload, advise, workload_of
from collector.memory.classify import shape_of
from collector.memory.latch import Level
from collector.memory.oom_score import candidates, why_chosen
from collector.memory.pressure import PressureAlert
from collector.memory.sample_ring import SampleRing
from collector.memory.shape import Shape
from collector.memory.stuck import Stuck
from collector.memory.usage import MemoryUse
from collector.memory.watch import MemoryFinding, MemoryWatch
from collector.memory.workers import build_advice
from collector.publish import memory_sentences as sentences
from collector.publish.culprits import Culprits
from collector.publish.memory import memory_of, pressure_event, shape_before, stuck_event
from collector.publish.shared_memory import with_shared_memory
from parsers.docker_event import DockerAction, DockerEvent
from parsers.oom.facts import OomReport
from sinks.event import Advice, Candidate, Cause, Event, Host, Oom, Scope

_MEMORY_CAUSES: Final = frozenset({Cause.OOM_KILL, Cause.OOM_KILL_CHILD, Cause.USER_SPACE_OOM})
# The likeliest victims; a table can have thousands of rows.
_MAX_CANDIDATES: Final = 10
_NS_PER_S: Final = 1_000_000_000
_MAX_WORKLOADS: Final = 2048
_UNKNOWN_WORKLOAD: Final = Workload()

# The facts about running containers; of Docker's events only health checks and removals matter.
MemoryFact = MemoryRoundFact | ContainerProcessesFact | RestoredWarningFact | DockerEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """
    The container that an event is about, at the time of the event.

    Attributes:
        killed_at_limit: the container's own limit in bytes, if it was reached then.
        limit_in_question: False if the host ran out of memory, not the container.
    """

    record: ContainerRecord | None
    container_id: str
    at_ns: int
    killed_at_limit: int | None = None
    limit_in_question: bool = True


class MemoryContext:
    """
    Watches the memory of all containers of a host.

    Args:
        host: this host, as it is published.

    Attributes:
        host_bytes: all memory of the host; None before it was read.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self.host_bytes: int | None = None
        self._watch = MemoryWatch()
        self._culprits = Culprits(self._watch)
        self._workloads: dict[str, Workload] = {}

    def uses(self) -> list[MemoryUse]:
        """
        Return the memory of every running container, by its latest samples.
        """
        return self._watch.uses()

    def workload(self, container_id: str) -> Workload:
        """
        Return what a container runs, as far as its processes have been read.
        """
        return self._workloads.get(container_id, _UNKNOWN_WORKLOAD)

    def feed(self, fact: MemoryFact, inventory: ContainerInventory, now_ns: int) -> list[Event]:
        """
        Take a fact about running containers; return warnings and stuck containers.

        Args:
            fact: of Docker's events, only health checks and the removal of containers matter.
            inventory: the containers of the host.
            now_ns: a monotonic clock.
        """
        match fact:
            case MemoryRoundFact():
                self.host_bytes = fact.host.total_bytes if fact.host is not None else self.host_bytes
                return self._events(self._watch.feed(fact, now_ns), inventory)
            case ContainerProcessesFact():
                self._learn(fact)
                self._culprits.learn(fact)
            case RestoredWarningFact():
                self._watch.restore(fact)
            case DockerEvent(action=DockerAction.HEALTH_STATUS, health=str(status)):
                return self._events(self._watch.add_health(fact.container_id, status, fact.time_ns), inventory)
            case DockerEvent(action=DockerAction.DESTROY):
                self._workloads.pop(fact.container_id, None)
            case DockerEvent():
                pass
            case _:
                assert_never(fact)
        return []

    def kill(
        self,
        event: Event,
        report: OomReport | None,
        record: ContainerRecord | None,
        inventory: ContainerInventory,
    ) -> list[Event]:
        """
        Add memory, advice, culprit and choice of the victim to an OOM kill; return it with the containers stuck since.

        Args:
            event: the kill.
            report: the kernel's report; None if a userspace killer killed, or nothing was printed.
            record: the container of the first victim.
            inventory: the containers of the host.
        """
        oom = event.exit137.oom
        if oom is None or event.time_ns is None:
            return [_with_choice(event, report)]
        kill = self._culprits.with_culprit(_with_choice(event, report), report, inventory)
        container_id = event.container.id if event.container is not None else None
        if container_id is not None:
            own = oom.scope is Scope.CONTAINER
            subject = _Subject(
                record=record,
                container_id=container_id,
                at_ns=event.time_ns,
                # Only the limit of memory itself can be compared with the curve.
                killed_at_limit=oom.limit_bytes if own and oom.limit_kind is None else None,
                limit_in_question=own,
            )
            kill = self._with_memory(kill, subject, with_advice=True)
        return [kill, *self._stuck_survivors(oom, event.id, event.time_ns, record)]

    def death(self, event: Event, death: Death) -> Event:
        """
        Add memory to a death, and advice if memory was the cause.
        """
        if event.time_ns is None:
            return event
        of_memory = death.verdict.cause in _MEMORY_CAUSES
        last = death.case.kills[-1] if of_memory and death.case.kills else None
        own = last is not None and last.scope is Scope.CONTAINER
        subject = _Subject(
            record=death.record,
            container_id=death.record.id,
            at_ns=event.time_ns,
            killed_at_limit=last.limit_bytes if last is not None and own else None,
            limit_in_question=own,
        )
        ring = self._watch.curve(subject.container_id, subject.at_ns)
        event = with_shared_memory(event, death.record.snapshot, ring.latest if ring is not None else None)
        event = self._culprits.with_culprit_of_kill(event, death)
        return self._with_memory(event, subject, with_advice=of_memory)

    def _learn(self, fact: ContainerProcessesFact) -> None:
        self._workloads.pop(fact.container_id, None)
        self._workloads[fact.container_id] = workload_of(fact.processes)
        if len(self._workloads) > _MAX_WORKLOADS:
            del self._workloads[next(iter(self._workloads))]

    def _with_memory(self, event: Event, subject: _Subject, *, with_advice: bool) -> Event:
        ring = self._watch.curve(subject.container_id, subject.at_ns)
        shape = _shape(subject, ring)
        memory = memory_of(ring, subject.at_ns, subject.killed_at_limit, shape) if ring is not None else None
        advice = self._advice(subject, ring, shape) if with_advice else ()
        sentence = sentences.of_curve(shape) if with_advice else None
        if memory is None and not advice and sentence is None:
            return event
        return replace(
            event,
            message=f"{event.message} {sentence}" if sentence is not None else event.message,
            exit137=replace(event.exit137, memory=memory, advice=(*advice, *event.exit137.advice)),
        )

    def _advice(self, subject: _Subject, ring: SampleRing | None, shape: Shape) -> tuple[Advice, ...]:
        record = subject.record
        snapshot = record.snapshot if record is not None else None
        limit_bytes = subject.killed_at_limit
        if limit_bytes is None and ring is not None and ring.latest is not None:
            limit_bytes = ring.latest.limit_bytes
        if limit_bytes is None and snapshot is not None:
            limit_bytes = snapshot.memory_limit_bytes
        workload = self.workload(subject.container_id)
        need = MemoryNeed(
            peak_bytes=max(ring.peak_bytes if ring is not None else 0, subject.killed_at_limit or 0),
            observed_s=_observed_s(subject, ring),
            limit_bytes=limit_bytes,
            shape=shape,
            language=workload.language,
            host_bytes=self.host_bytes,
            killed=subject.killed_at_limit is not None,
        )
        return advise(need, workload, snapshot, limit=subject.limit_in_question)

    def _stuck_survivors(self, oom: Oom, event_id: str, at_ns: int, record: ContainerRecord | None) -> list[Event]:
        """
        Publish the containers that lost a child, are still running and are stuck now.
        """
        ended = {victim.container_id for victim in oom.victims if victim.main_process}
        findings: list[MemoryFinding] = []
        for victim in oom.victims:
            container_id = victim.container_id
            if container_id is not None and victim.main_process is False and container_id not in ended:
                findings += self._watch.add_child_kill(container_id, event_id, at_ns)
        return [self._event(finding, record) for finding in findings]

    def _events(self, findings: list[MemoryFinding], inventory: ContainerInventory) -> list[Event]:
        return [self._event(finding, inventory.get(_container_id(finding) or "")) for finding in findings]

    def _event(self, finding: MemoryFinding, record: ContainerRecord | None) -> Event:
        container_id = _container_id(finding)
        ring = self._watch.curve(container_id, finding.at_ns) if container_id is not None else None
        advice: tuple[Advice, ...] = ()
        if container_id is not None and not _is_resolved(finding):
            subject = _Subject(record=record, container_id=container_id, at_ns=finding.at_ns)
            advice = self._advice(subject, ring, _shape(subject, ring))
        if isinstance(finding, Stuck):
            return stuck_event(finding, self._host, record, ring, advice)
        return pressure_event(finding, self._host, record, ring, advice)


def _container_id(finding: MemoryFinding) -> str | None:
    if isinstance(finding, PressureAlert):
        return finding.sample.container_id if finding.sample is not None else None
    return finding.container_id


def _is_resolved(finding: MemoryFinding) -> bool:
    return finding.resolved if isinstance(finding, Stuck) else finding.level is Level.RESOLVED


def _shape(subject: _Subject, ring: SampleRing | None) -> Shape:
    if ring is None:
        return shape_of((), subject.killed_at_limit)
    return shape_before(ring, subject.at_ns, subject.killed_at_limit)


def _observed_s(subject: _Subject, ring: SampleRing | None) -> float:
    """
    Return how long the run had lasted, the time that its peak is taken to cover.
    """
    run = subject.record.run_at(subject.at_ns) if subject.record is not None else None
    began_ns = run.began_ns if run is not None else None
    if began_ns is None:
        began_ns = ring.first_ns if ring is not None else subject.at_ns
    return max(0.0, (subject.at_ns - began_ns) / _NS_PER_S)


def _with_choice(event: Event, report: OomReport | None) -> Event:
    """
    Add to a kill why the victim was chosen, the other candidates, and advice if they were a build.
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
        for one in found[:_MAX_CANDIDATES]
    )
    choice = why_chosen(oom.victims[0].pid, found, complete=report.tasks_complete) if oom.victims else None
    builds = build_advice([one.name for one in found])
    return replace(
        event,
        exit137=replace(
            event.exit137,
            oom=replace(oom, choice=choice, candidates=others),
            advice=(builds,) if builds is not None else (),
        ),
    )
