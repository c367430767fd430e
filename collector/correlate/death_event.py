"""
From a judged death to the published event. No judgement here, only form.
"""

import shlex
from typing import Final

from collector.correlate import sentences
from collector.correlate.facts import ProcessExited, SignalSeen
from collector.correlate.identity import death_id
from collector.correlate.metadata import container_of_record, orchestrator_of
from collector.correlate.open_cases import JudgedDeath
from collector.correlate.runs import ContainerRecord, Run
from collector.masking import mask_command_line
from sinks.event import (
    Cause,
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
    Severity,
    SignalSender,
    Victim,
)

_QUIET_CAUSES: Final = frozenset({Cause.EXIT, Cause.DOCKER_STOP, Cause.DOCKER_RM})
_OOM_CAUSES: Final = frozenset({Cause.OOM_KILL, Cause.OOM_KILL_CHILD, Cause.USER_SPACE_OOM})
_CRITICAL_CAUSES: Final = _OOM_CAUSES | {Cause.CRASH}


def death_event(host: Host, judged: JudgedDeath) -> Event:
    """
    The event of a container's death.
    """
    record, run, case, verdict = judged.record, judged.run, judged.case, judged.verdict
    return Event(
        id=death_id(record.id, run.began_ns),
        type=EventType.CONTAINER_DEATH,
        subject=f"container/{record.id}",
        time_ns=case.ended_ns if case.ended_ns is not None else _created(record),
        message=sentences.of_death(record, verdict, case.exit_code),
        event=_classified(verdict.cause, case.exit_code),
        host=host,
        container=container_of_record(record),
        orchestrator=orchestrator_of(record),
        process=_main_process(record, run, case.main_exit),
        exit137=Exit137(
            cause=verdict.cause,
            confidence=verdict.confidence,
            evidence=(*verdict.evidence, *_death_evidence(judged)),
            oom=_oom_of_death(judged),
            death=_death(judged),
            logs=run.words,
            logs_missing=run.words_missing,
        ),
    )


def _classified(cause: Cause, exit_code: int | None) -> EcsEvent:
    return EcsEvent(
        kind="event" if cause in _QUIET_CAUSES else "alert",
        category=("process",),
        type=("end",),
        action="container-death",
        reason=cause.value,
        severity=_severity(cause),
        code=None if exit_code is None else str(exit_code),
    )


def _death(judged: JudgedDeath) -> Death:
    run, case = judged.run, judged.case
    return Death(
        exit_code=case.exit_code,
        signal=case.signal,
        oom_killed_flag=case.oom_killed_flag,
        started_at_ns=run.began_ns,
        finished_at_ns=case.ended_ns,
        restart_count=run.after.restart_count if run.after is not None else None,
        oom_kill_ids=tuple(dict.fromkeys(kill.event_id for kill in case.kills)),
        killer=_killer(case.sender),
    )


def _severity(cause: Cause) -> Severity:
    if cause in _CRITICAL_CAUSES:
        return Severity.CRITICAL
    return Severity.INFO if cause in _QUIET_CAUSES else Severity.ERROR


def _created(record: ContainerRecord) -> int | None:
    if record.snapshot is not None and record.snapshot.created_at_ns is not None:
        return record.snapshot.created_at_ns
    return record.created_event_ns


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
    if verdict.cause not in _OOM_CAUSES:
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
