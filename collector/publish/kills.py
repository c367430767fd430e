"""
From OOM kills to published events: form, no decisions.
"""

import re
from typing import Final

from collector.correlate.attribution import limited_cgroup
from collector.correlate.container_record import ContainerRecord
from collector.correlate.findings import AttributedVictim, CounterOnlyKill, KernelKill, UserspaceKill
from collector.correlate.oom_notices import NoticeSource
from collector.publish import sentences
from collector.publish.agent import counted_text
from collector.publish.containers import container_of_record, engine_of, orchestrator_of, service_of
from parsers.oom.facts import LimitKind, OomReport
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

_CONSTRAINT: Final = re.compile(r"CONSTRAINT_[A-Z_]+")
_WORST_FIRST: Final = (Confidence.POSSIBLE, Confidence.LIKELY, Confidence.CERTAIN)


def kernel_kill_event(host: Host, kill: KernelKill) -> Event:
    """
    Return the event of an OOM kill by the kernel.
    """
    first = kill.victims[0]
    return kill_event(
        host,
        kill.record,
        event_id=kill.id,
        time_ns=first.victim.at_ns,
        message=sentences.of_kill(kill),
        container=_container(kill.record, first.attribution.container_id, first.attribution.runtime),
        process=Process(pid=kill.report.process_of(first.victim), name=first.victim.comm),
        confidence=_weakest(kill),
        evidence=_kill_evidence(kill),
        oom=_oom(kill),
        supersedes=kill.supersedes,
    )


def userspace_kill_event(host: Host, kill: UserspaceKill) -> Event:
    """
    Return the event of a kill by systemd-oomd, earlyoom, nohang, oomd or Talos.
    """
    victims = () if kill.pid is None else (_userspace_victim(kill),)
    return kill_event(
        host,
        kill.record,
        event_id=kill.id,
        time_ns=kill.at_ns,
        message=sentences.of_userspace_kill(kill),
        container=_container(kill.record, kill.container_id),
        process=Process(pid=kill.pid, name=kill.comm) if kill.pid is not None else None,
        confidence=kill.confidence,
        evidence=(*_stated(kill), *kill.observations),
        oom=Oom(scope=Scope.HOST, killer=kill.killer, victim_cgroup=kill.cgroup, victims=victims),
    )


def _stated(kill: UserspaceKill) -> tuple[Evidence, ...]:
    """
    Return what a program says about its kill, and what does not prove that the program says it.
    """
    stated = Evidence(source=EvidenceSource.JOURNALD, time_ns=kill.at_ns, text=kill.text)
    doubt = kill.author.doubt
    return (stated, Evidence(source=EvidenceSource.JOURNALD, text=doubt)) if doubt is not None else (stated,)


def counter_only_kill_event(host: Host, kill: CounterOnlyKill) -> Event:
    """
    Return the event of kills that only a kernel counter shows.
    """
    first = kill.victims[0] if kill.victims else None
    counted = Evidence(source=EvidenceSource.CGROUP, time_ns=kill.count.to_ns, text=counted_text(kill.count))
    return kill_event(
        host,
        kill.record,
        event_id=kill.id,
        time_ns=kill.at_ns,
        message=sentences.of_counter_only_kill(kill),
        container=_container(kill.record, kill.container_id),
        process=Process(pid=first.pid, name=first.name) if first is not None else None,
        confidence=kill.confidence,
        evidence=(counted, *kill.evidence),
        oom=Oom(killer=Killer.KERNEL, victims=kill.victims),
    )


def kill_event(
    host: Host,
    record: ContainerRecord | None,
    *,
    event_id: str,
    time_ns: int | None,
    message: str,
    container: Container | None,
    process: Process | None,
    confidence: Confidence,
    evidence: tuple[Evidence, ...],
    oom: Oom,
    supersedes: str | None = None,
) -> Event:
    """
    Return the event of an OOM kill, given its parts.
    """
    by_container = container is not None and container.id is not None
    subject = f"container/{container.id}" if container is not None and by_container else None
    return Event(
        id=event_id,
        type=EventType.OOM_KILL,
        subject=subject or (f"process/{process.pid}" if process is not None else f"cgroup/{oom.victim_cgroup}"),
        time_ns=time_ns,
        message=message,
        event=_classified(oom),
        host=host,
        container=container,
        orchestrator=orchestrator_of(record) if record is not None else None,
        service=service_of(record) if record is not None else None,
        process=process,
        exit137=Exit137(
            confidence=confidence, evidence=evidence, engine=engine_of(record), oom=oom, supersedes=supersedes
        ),
    )


def _classified(oom: Oom) -> EcsEvent:
    return EcsEvent(
        kind="alert",
        category=("process",),
        type=("end",),
        action="oom-kill",
        reason=f"oom_{oom.scope.value}" if oom.scope is not None else None,
        severity=Severity.CRITICAL,
    )


def _oom(kill: KernelKill) -> Oom:
    report = kill.report
    return Oom(
        scope=kill.scope,
        killer=Killer.KERNEL,
        constraint=_constraint(report),
        limit_cgroup=limited_cgroup(report),
        victim_cgroup=report.task_memcg or report.victim_cgroup_hint,
        group=report.group,
        trigger=_trigger(report),
        limit_bytes=kill.limit_bytes,
        limit_kind=_limit_kind(kill),
        usage_bytes=_usage_bytes(kill),
        victims=tuple(_victim(report, attributed) for attributed in kill.victims),
    )


def _limit_kind(kill: KernelKill) -> str | None:
    """
    Return which limit was reached, if not that of memory alone.
    """
    reached = kill.report.limit_reached
    if reached is None or kill.limit_bytes is None or reached[0] is LimitKind.MEMORY:
        return None
    return reached[0].value


def _usage_bytes(kill: KernelKill) -> int | None:
    report = kill.report
    reached = report.limit_reached if kill.limit_bytes is not None else None
    usage = reached[1] if reached is not None else report.memory
    return usage.usage_bytes if usage is not None else None


def _victim(report: OomReport, attributed: AttributedVictim) -> Victim:
    victim = attributed.victim
    pid = report.process_of(victim)
    return Victim(
        pid=pid,
        thread_id=victim.pid if victim.pid != pid else None,
        name=victim.comm,
        container_id=attributed.attribution.container_id,
        main_process=attributed.main_process,
        anon_rss_bytes=victim.anon_rss_bytes,
        file_rss_bytes=victim.file_rss_bytes,
        shmem_rss_bytes=victim.shmem_rss_bytes,
        total_vm_bytes=victim.total_vm_bytes,
        oom_score_adj=victim.oom_score_adj,
        uid=victim.uid,
    )


def _userspace_victim(kill: UserspaceKill) -> Victim:
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
    Return the kernel's word; before 5.0, and where the summary was dropped or cut, what the other lines imply.
    """
    if report.constraint is not None and _CONSTRAINT.fullmatch(report.constraint) is not None:
        return report.constraint
    if report.is_global is None:
        return "CONSTRAINT_MEMCG" if report.oom_memcg is not None else None
    return "CONSTRAINT_NONE" if report.is_global else "CONSTRAINT_MEMCG"


def _container(
    record: ContainerRecord | None, container_id: str | None, runtime: str | None = None
) -> Container | None:
    if record is not None:
        return container_of_record(record)
    return None if container_id is None else Container(id=container_id, runtime=runtime)


def _weakest(kill: KernelKill) -> Confidence:
    found = {attributed.attribution.confidence for attributed in kill.victims}
    return next(confidence for confidence in _WORST_FIRST if confidence in found)


def _kill_evidence(kill: KernelKill) -> tuple[Evidence, ...]:
    evidence = [Evidence(source=kill.source, time_ns=line.at_ns, text=line.text) for line in kill.report.evidence]
    evidence += kill.observations
    if kill.notice is not None:
        by_systemd = kill.notice.notice_source is NoticeSource.SYSTEMD
        source = EvidenceSource.JOURNALD if by_systemd else EvidenceSource.DOCKER
        evidence.append(Evidence(source=source, time_ns=kill.notice.at_ns, text=kill.notice.text))
    elif kill.victims[0].attribution.how is not None:
        evidence.append(Evidence(source=EvidenceSource.PROCESS, text=kill.victims[0].attribution.how))
    return tuple(evidence)
