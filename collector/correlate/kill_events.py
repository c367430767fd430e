"""
From OOM kills to the published event. No judgement here, only form; deaths: `death_event`.
"""

from dataclasses import dataclass
from typing import Final

from collector.correlate import sentences
from collector.correlate.agent_events import counted_text
from collector.correlate.identity import kill_id
from collector.correlate.kills import KernelKill, PlacedVictim
from collector.correlate.metadata import container_of_record, orchestrator_of
from collector.correlate.runs import ContainerRecord, KillInRun
from collector.correlate.unlogged import UnloggedKill
from collector.correlate.user_kills import UserSpaceKill
from parsers.oom_facts import OomReport
from sinks.event import (
    Confidence,
    Container,
    EcsEvent,
    Event,
    EventType,
    Evidence,
    EvidenceSource,
    Exit137,
    Host,
    Killer,
    Oom,
    Process,
    Scope,
    Severity,
    Trigger,
    Victim,
)

_WORST_FIRST: Final = (Confidence.POSSIBLE, Confidence.LIKELY, Confidence.CERTAIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class KillEvents:
    """
    Makes the events of kills on one host.
    """

    host: Host

    def kernel_kill(self, kill: KernelKill, record: ContainerRecord | None) -> Event:
        """
        The event of an OOM kill by the kernel.
        """
        report = kill.report
        first = kill.victims[0]
        limit_bytes = _limit(report, record, kill.scope)
        moment = first.victim.monotonic_us
        text = first.victim.text or (report.evidence[-1].text if report.evidence else "")
        return self._oom_event(
            event_id=kill_id(
                self.host.id, report.boot_id or self._boot, moment if moment is not None else text, first.victim.pid
            ),
            time_ns=first.victim.at_ns,
            message=sentences.of_kill(kill, record, limit_bytes),
            container=_container(record, first),
            record=record,
            process=Process(pid=first.victim.pid, name=first.victim.comm),
            confidence=_weakest(kill),
            evidence=_kill_evidence(kill),
            oom=_oom(kill, limit_bytes),
        )

    def user_space_kill(self, kill: UserSpaceKill, record: ContainerRecord | None) -> Event:
        """
        The event of a kill by systemd-oomd, earlyoom or oomd.
        """
        container = container_of_record(record) if record is not None else None
        victims = () if kill.pid is None else (_user_victim(kill),)
        return self._oom_event(
            event_id=kill_id(
                self.host.id,
                self._boot,
                kill.text if kill.at_ns is None else kill.at_ns // 1000,
                kill.pid or kill.cgroup or "?",
            ),
            time_ns=kill.at_ns,
            message=kill.sentence(sentences.container_name(record, kill.container_id or "")),
            container=container or _bare_container(kill.container_id, None),
            record=record,
            process=Process(pid=kill.pid, name=kill.comm) if kill.pid is not None else None,
            confidence=Confidence.CERTAIN if kill.container_id is not None else Confidence.LIKELY,
            evidence=(Evidence(source=EvidenceSource.JOURNALD, time_ns=kill.at_ns, text=kill.text),),
            oom=Oom(scope=Scope.HOST, killer=kill.killer, victim_cgroup=kill.cgroup, victims=victims),
        )

    def unlogged_kill(self, kill: UnloggedKill, record: ContainerRecord | None) -> Event:
        """
        The event of kills that only a counter tells of.
        """
        found = kill.found
        first = kill.victims[0] if kill.victims else None
        counted = Evidence(source=EvidenceSource.CGROUP, time_ns=found.to_ns, text=counted_text(found))
        return self._oom_event(
            event_id=kill_id(self.host.id, self._boot, kill.at_ns // 1000, first.pid if first else kill.container_id),
            time_ns=kill.at_ns,
            message=sentences.of_unlogged_kill(kill, record),
            container=container_of_record(record) if record is not None else _bare_container(kill.container_id, None),
            record=record,
            process=Process(pid=first.pid, name=first.name) if first is not None else None,
            confidence=kill.confidence,
            evidence=(counted, *kill.evidence),
            oom=Oom(killer=Killer.KERNEL, victims=kill.victims),
        )

    @property
    def _boot(self) -> str | None:
        return self.host.boot.id if self.host.boot is not None else None

    def _oom_event(
        self,
        *,
        event_id: str,
        time_ns: int | None,
        message: str,
        container: Container | None,
        record: ContainerRecord | None,
        process: Process | None,
        confidence: Confidence,
        evidence: tuple[Evidence, ...],
        oom: Oom,
    ) -> Event:
        by_container = container is not None and container.id is not None
        subject = f"container/{container.id}" if container is not None and by_container else None
        return Event(
            id=event_id,
            type=EventType.OOM_KILL,
            subject=subject or (f"process/{process.pid}" if process is not None else f"cgroup/{oom.victim_cgroup}"),
            time_ns=time_ns,
            message=message,
            event=EcsEvent(
                kind="alert",
                category=("process",),
                type=("end",),
                action="oom-kill",
                reason=f"oom_{oom.scope.value}" if oom.scope is not None else None,
                severity=Severity.CRITICAL,
            ),
            host=self.host,
            container=container,
            orchestrator=orchestrator_of(record) if record is not None else None,
            process=process,
            exit137=Exit137(confidence=confidence, evidence=evidence, oom=oom),
        )


def kill_in_run(event: Event, kill: KernelKill, placed: PlacedVictim) -> KillInRun:
    """
    What the run of a victim keeps of its kill.
    """
    return KillInRun(
        event_id=event.id,
        at_ns=placed.victim.at_ns,
        pid=placed.victim.pid,
        comm=placed.victim.comm,
        main_process=placed.main_process,
        killer=Killer.KERNEL,
        scope=kill.scope,
        limit_bytes=event.exit137.oom.limit_bytes if event.exit137.oom is not None else None,
        source=kill.source,
        text=placed.victim.text,
    )


def _oom(kill: KernelKill, limit_bytes: int | None) -> Oom:
    report = kill.report
    return Oom(
        scope=kill.scope,
        killer=Killer.KERNEL,
        constraint=_constraint(report),
        limit_cgroup=report.oom_memcg,
        victim_cgroup=report.task_memcg or report.victim_cgroup_hint,
        group=report.group,
        trigger=_trigger(report),
        limit_bytes=limit_bytes,
        usage_bytes=report.memory.usage_bytes if report.memory is not None else None,
        victims=tuple(map(_victim, kill.victims)),
    )


def _victim(placed: PlacedVictim) -> Victim:
    victim = placed.victim
    return Victim(
        pid=victim.pid,
        name=victim.comm,
        container_id=placed.placement.container_id,
        main_process=placed.main_process,
        anon_rss_bytes=victim.anon_rss_bytes,
        file_rss_bytes=victim.file_rss_bytes,
        shmem_rss_bytes=victim.shmem_rss_bytes,
        total_vm_bytes=victim.total_vm_bytes,
        oom_score_adj=victim.oom_score_adj,
        uid=victim.uid,
    )


def _user_victim(kill: UserSpaceKill) -> Victim:
    return Victim(
        pid=kill.pid or 0,
        name=kill.comm,
        container_id=kill.container_id,
        main_process=kill.main_process,
        uid=kill.uid,
    )


def _trigger(report: OomReport) -> Trigger | None:
    if report.trigger_pid is None and report.trigger_comm is None:
        return None
    return Trigger(pid=report.trigger_pid, name=report.trigger_comm)


def _constraint(report: OomReport) -> str | None:
    """
    The kernel's word; before 5.0, and where the summary was dropped, what the other lines imply.
    """
    if report.constraint is not None:
        return report.constraint
    if report.is_global is None:
        return "CONSTRAINT_MEMCG" if report.oom_memcg is not None else None
    return "CONSTRAINT_NONE" if report.is_global else "CONSTRAINT_MEMCG"


def _limit(report: OomReport, record: ContainerRecord | None, scope: Scope | None) -> int | None:
    if scope is Scope.HOST:
        return None
    if report.memory is not None and report.memory.limit_bytes is not None:
        return report.memory.limit_bytes
    own = record is not None and record.snapshot is not None and scope is Scope.CONTAINER
    return record.snapshot.memory_limit_bytes if own and record is not None and record.snapshot else None


def _container(record: ContainerRecord | None, placed: PlacedVictim) -> Container | None:
    if record is not None:
        return container_of_record(record)
    return _bare_container(placed.placement.container_id, placed.placement.runtime)


def _bare_container(container_id: str | None, runtime: str | None) -> Container | None:
    return None if container_id is None else Container(id=container_id, runtime=runtime)


def _weakest(kill: KernelKill) -> Confidence:
    found = {placed.placement.confidence for placed in kill.victims}
    return next(confidence for confidence in _WORST_FIRST if confidence in found)


def _kill_evidence(kill: KernelKill) -> tuple[Evidence, ...]:
    evidence = [Evidence(source=kill.source, time_ns=line.at_ns, text=line.text) for line in kill.report.evidence]
    evidence += kill.witnesses
    if kill.claim is not None:
        source = EvidenceSource.JOURNALD if kill.claim.claimant.value == "systemd" else EvidenceSource.DOCKER
        evidence.append(Evidence(source=source, time_ns=kill.claim.at_ns, text=kill.claim.text))
    elif kill.victims[0].placement.how is not None:
        evidence.append(Evidence(source=EvidenceSource.PROCESS, text=kill.victims[0].placement.how))
    return tuple(evidence)
