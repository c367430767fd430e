"""
From kills and judged deaths to the published event. No judgement here, only form.
"""

import shlex
from dataclasses import dataclass
from typing import Final

from collector.correlate import sentences
from collector.correlate.agent_events import counted_text
from collector.correlate.deaths import JudgedDeath
from collector.correlate.facts import ProcessExited, SignalSeen
from collector.correlate.identity import death_id, kill_id
from collector.correlate.kills import KernelKill, PlacedVictim
from collector.correlate.metadata import container_of_record, orchestrator_of
from collector.correlate.runs import ContainerRecord, KillInRun, Run
from collector.correlate.unlogged import UnloggedKill
from collector.correlate.user_kills import UserSpaceKill
from collector.masking import mask_command_line
from parsers.oom_facts import OomReport
from sinks.event import (
    Cause,
    Confidence,
    Container,
    Death,
    EcsEvent,
    Event,
    EventType,
    Evidence,
    EvidenceSource,
    Exit137,
    Host,
    Killer,
    Oom,
    ParentProcess,
    Process,
    Scope,
    SignalSender,
    Trigger,
    Victim,
)

_QUIET_CAUSES: Final = frozenset({Cause.EXIT, Cause.DOCKER_STOP, Cause.DOCKER_RM})
_CRITICAL_CAUSES: Final = frozenset({Cause.OOM_KILL, Cause.OOM_KILL_CHILD, Cause.USER_SPACE_OOM, Cause.CRASH})
_INFO: Final = 2
_WARNING: Final = 4
_ERROR: Final = 5
_CRITICAL: Final = 6
_WORST_FIRST: Final = (Confidence.POSSIBLE, Confidence.LIKELY, Confidence.CERTAIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Composer:
    """
    Makes events for one host.
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
        oom = Oom(
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
            oom=oom,
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

    def death(self, judged: JudgedDeath) -> Event:
        """
        The event of a container's death.
        """
        record, run, case, verdict = judged.record, judged.run, judged.case, judged.verdict
        kills = tuple(dict.fromkeys(kill.event_id for kill in case.kills))
        return Event(
            id=death_id(record.id, run.began_ns),
            type=EventType.CONTAINER_DEATH,
            subject=f"container/{record.id}",
            time_ns=case.ended_ns if case.ended_ns is not None else _created(record),
            message=sentences.of_death(record, verdict, case.exit_code),
            event=EcsEvent(
                kind="event" if verdict.cause in _QUIET_CAUSES else "alert",
                category=("process",),
                type=("end",),
                action="container-death",
                reason=verdict.cause.value,
                severity=_severity(verdict.cause),
                code=None if case.exit_code is None else str(case.exit_code),
            ),
            host=self.host,
            container=container_of_record(record),
            orchestrator=orchestrator_of(record),
            process=_main_process(record, run, case.main_exit),
            exit137=Exit137(
                cause=verdict.cause,
                confidence=verdict.confidence,
                evidence=(*verdict.evidence, *_death_evidence(judged)),
                oom=_oom_of_death(judged),
                death=Death(
                    exit_code=case.exit_code,
                    signal=case.signal,
                    oom_killed_flag=case.oom_killed_flag,
                    started_at_ns=run.began_ns,
                    finished_at_ns=case.ended_ns,
                    restart_count=run.after.restart_count if run.after is not None else None,
                    oom_kill_ids=kills,
                    killer=_killer(case.sender),
                ),
                logs=run.words,
                logs_missing=run.words_missing,
            ),
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
                severity=_CRITICAL,
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


def _death_evidence(judged: JudgedDeath) -> list[Evidence]:
    run = judged.run
    evidence: list[Evidence] = []
    if run.die_event_ns is not None:
        code = f" exitCode={run.exit_code}" if run.exit_code is not None else ""
        evidence.append(Evidence(source=EvidenceSource.DOCKER, time_ns=run.die_event_ns, text=f"die{code}"))
    if run.after is not None:
        text = f"State.ExitCode={run.after.exit_code} State.OOMKilled={str(run.after.oom_killed).lower()}"
        evidence.append(Evidence(source=EvidenceSource.INSPECT, time_ns=run.after.finished_at_ns, text=text))
    return evidence


def _oom_of_death(judged: JudgedDeath) -> Oom | None:
    """
    The kills of the run, where one of them is why it ended.
    """
    verdict, kills = judged.verdict, judged.case.kills
    if verdict.cause not in _CRITICAL_CAUSES or verdict.cause is Cause.CRASH:
        return None
    last = kills[-1] if kills else None
    return Oom(
        scope=verdict.scope,
        killer=last.killer if last is not None else Killer.KERNEL,
        limit_bytes=last.limit_bytes if last is not None else None,
        victims=tuple(
            Victim(pid=kill.pid, name=kill.comm, container_id=judged.record.id, main_process=kill.main_process)
            for kill in kills
        ),
    )


def _main_process(record: ContainerRecord, run: Run, exited: ProcessExited | None) -> Process | None:
    """
    The process whose end was the run's: as the kernel showed it, else as Docker was told to start it.
    """
    command = record.snapshot.command if record.snapshot is not None else None
    if exited is not None:
        return Process(
            pid=exited.pid,
            name=exited.comm,
            command_line=exited.command_line or _masked(command),
            start_ns=run.started_at_ns,
            parent=ParentProcess(pid=exited.parent_pid, name=next(iter(exited.ancestors), None)),
        )
    if run.main_pid is None and command is None:
        return None
    return Process(pid=run.main_pid, command_line=_masked(command), start_ns=run.started_at_ns)


def _masked(command: str | None) -> str | None:
    return " ".join(mask_command_line(shlex.split(command))) if command is not None else None


def _killer(sent: SignalSeen | None) -> SignalSender | None:
    if sent is None:
        return None
    return SignalSender(
        pid=sent.sender_pid,
        name=sent.sender_comm,
        uid=sent.sender_uid,
        container_id=sent.sender_container.id if sent.sender_container is not None else None,
        unit=sent.sender_unit,
    )


def _severity(cause: Cause) -> int:
    if cause in _CRITICAL_CAUSES:
        return _CRITICAL
    return _INFO if cause in _QUIET_CAUSES else _ERROR


def _created(record: ContainerRecord) -> int | None:
    if record.snapshot is not None and record.snapshot.created_at_ns is not None:
        return record.snapshot.created_at_ns
    return record.created_event_ns
