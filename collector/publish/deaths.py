"""
From deaths to published events: form, no decisions.
"""

import shlex
from dataclasses import replace
from typing import Final

from collector.correlate.container_record import ContainerRecord
from collector.correlate.findings import Death
from collector.correlate.host_events import HostEvent
from collector.correlate.runs import Run
from collector.correlate.verdict.case import evidence_of_exit
from collector.correlate.verdict.exits import crash_behind
from collector.facts.observed import ProcessExitedFact, SignalFact
from collector.facts.shed import LOGS_SHED
from collector.publish import sentences
from collector.publish.containers import container_of_record, engine_of, orchestrator_of, service_of
from collector.publish.crashes import crash_advice, crash_of_death
from collector.publish.log_hints import log_hints
from collector.publish.seccomp_advice import seccomp_of
from sinks.event import (
    Advice,
    Cause,
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
    Shed,
    SignalSender,
    Victim,
)
from sinks.event import Death as PublishedDeath
from sinks.event.ids import death_id
from sinks.masking import mask_command_line

_QUIET_CAUSES: Final = frozenset({Cause.EXIT, Cause.DOCKER_STOP, Cause.DOCKER_RM})
# A deploy ends a container by one of these; what dies by itself meanwhile is not stopped by it.
_STOPS: Final = frozenset({Cause.DOCKER_STOP, Cause.DOCKER_STOP_TIMEOUT, Cause.DOCKER_KILL, Cause.DOCKER_RM})
_OOM_CAUSES: Final = frozenset({Cause.OOM_KILL, Cause.OOM_KILL_CHILD, Cause.USER_SPACE_OOM})
_CRITICAL_CAUSES: Final = _OOM_CAUSES | {Cause.CRASH}


def death_event(host: Host, death: Death, replaced_by: str | None = None) -> Event:
    """
    Return the event of a container's death.

    Args:
        host: this host, as it is published.
        death: the death.
        replaced_by: the container that takes its place, where one is known.
    """
    record, run, case, verdict = death.record, death.run, death.case, death.verdict
    crash_line = crash_behind(case) if verdict.cause is Cause.CRASH else None
    crash = crash_of_death(death, crash_line)
    return Event(
        id=death_id(record.id, run.began_ns),
        type=EventType.CONTAINER_DEATH,
        subject=f"container/{record.id}",
        time_ns=case.ended_ns if case.ended_ns is not None else _created(record),
        message=sentences.of_death(
            record, verdict, case.exit_code, log_ends_with=crash.error if crash is not None else None
        ),
        event=_classified(death),
        host=host,
        container=container_of_record(record),
        orchestrator=orchestrator_of(record),
        service=service_of(record),
        process=_main_process(record, run, case.main_exit),
        exit137=Exit137(
            cause=verdict.cause,
            confidence=verdict.confidence,
            engine=engine_of(record),
            evidence=(*verdict.evidence, *_evidence(death)),
            oom=_oom(death),
            death=_death(death, replaced_by if verdict.cause in _STOPS else None),
            crash=crash,
            advice=(*crash_advice(crash_line, crash, seccomp_of(record)), *_hints(death)),
            logs=run.log_tail,
            logs_missing=run.log_tail_missing,
        ),
    )


def with_shed(event: Event, death: Death, *, is_behind: bool) -> Event:
    """
    Return the event with what the agent left out because it was behind.

    Args:
        event: the event of the death.
        death: the death.
        is_behind: whether the agent is behind now, so that the container's processes are not read for advice.
    """
    logs = (Shed.LOGS,) if death.run.log_tail_missing == LOGS_SHED else ()
    shed = (*logs, Shed.MEMORY) if is_behind else logs
    return replace(event, exit137=replace(event.exit137, shed=shed)) if shed else event


def _classified(death: Death) -> EcsEvent:
    cause, exit_code = death.verdict.cause, death.case.exit_code
    started_ns, ended_ns = _started_ns(death), death.case.ended_ns
    return EcsEvent(
        kind="event" if cause in _QUIET_CAUSES else "alert",
        category=("process",),
        type=("end",),
        action="container-death",
        reason=cause.value,
        severity=_severity(cause),
        code=None if exit_code is None else str(exit_code),
        start_ns=started_ns,
        end_ns=ended_ns if started_ns is not None else None,
        duration=ended_ns - started_ns if started_ns is not None and ended_ns is not None else None,
    )


def _death(death: Death, replaced_by: str | None) -> PublishedDeath:
    run, case = death.run, death.case
    return PublishedDeath(
        exit_code=case.exit_code,
        signal=case.signal,
        oom_killed_flag=case.oom_killed_flag,
        started_at_ns=_started_ns(death),
        finished_at_ns=case.ended_ns,
        restart_count=run.after.restart_count if run.after is not None else None,
        oom_kill_ids=tuple(dict.fromkeys(kill.event_id for kill in case.kills)),
        kernel_event_ids=tuple(event.event_id for event in _host_events(death)),
        killer=_killer(case.sender),
        replaced_by=replaced_by,
    )


def _hints(death: Death) -> tuple[Advice, ...]:
    return log_hints(death.run.log_tail) if death.verdict.cause in (Cause.APP_ERROR, Cause.CRASH) else ()


def _started_ns(death: Death) -> int | None:
    """
    Return the earliest witness of the start; None where none is before the end: Docker may stamp a start too late.

    What is killed has begun. A kill alone does not show when.
    """
    main_exit, ended_ns = death.case.main_exit, death.case.ended_ns
    stamps_ns = (death.run.began_ns, main_exit.started_ns if main_exit is not None else None)
    starts_ns = [stamp_ns for stamp_ns in stamps_ns if stamp_ns is not None]
    if not starts_ns:
        return None
    kills_ns = [kill.at_ns for kill in death.case.kills if kill.at_ns is not None]
    started_ns = min([*starts_ns, *kills_ns])
    return started_ns if ended_ns is None or started_ns <= ended_ns else None


def _severity(cause: Cause) -> Severity:
    if cause in _CRITICAL_CAUSES:
        return Severity.CRITICAL
    return Severity.INFO if cause in _QUIET_CAUSES else Severity.ERROR


def _created(record: ContainerRecord) -> int | None:
    if record.snapshot is not None and record.snapshot.created_at_ns is not None:
        return record.snapshot.created_at_ns
    return record.created_event_ns


def _evidence(death: Death) -> list[Evidence]:
    run = death.run
    evidence: list[Evidence] = []
    if run.die_event_ns is not None and not run.is_unreported:
        code = f" exitCode={run.exit_code}" if run.exit_code is not None else ""
        evidence.append(Evidence(source=EvidenceSource.DOCKER, time_ns=run.die_event_ns, text=f"die{code}"))
    if run.after is not None:
        text = f"State.ExitCode={run.after.exit_code} State.OOMKilled={str(run.after.oom_killed).lower()}"
        evidence.append(Evidence(source=EvidenceSource.INSPECT, time_ns=run.after.finished_at_ns, text=text))
    evidence += [Evidence(source=item.source, time_ns=item.at_ns, text=item.text) for item in _host_events(death)]
    if death.case.is_code_disputed or run.is_unreported:
        evidence += [seen for seen in evidence_of_exit(death.case) if seen not in death.verdict.evidence]
    return evidence


def _host_events(death: Death) -> tuple[HostEvent, ...]:
    """
    Return the errors of the host before an end that needs an explanation.
    """
    return () if death.verdict.cause in _QUIET_CAUSES else death.case.host_events


def _oom(death: Death) -> Oom | None:
    """
    Return the kills of the run, where one of them is why it ended.
    """
    verdict, kills = death.verdict, death.case.kills
    if verdict.cause not in _OOM_CAUSES:
        return None
    last = kills[-1] if kills else None
    return Oom(
        scope=verdict.scope,
        killer=last.killer if last is not None else Killer.KERNEL,
        limit_bytes=last.limit_bytes if last is not None else None,
        victims=tuple(
            Victim(pid=kill.pid, name=kill.comm, container_id=death.record.id, main_process=kill.main_process)
            for kill in kills
        ),
    )


def _main_process(record: ContainerRecord, run: Run, exited: ProcessExitedFact | None) -> Process | None:
    """
    Return the process whose end was the run's: as the kernel showed it, else as Docker was asked to start it.
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


def _killer(sent: SignalFact | None) -> SignalSender | None:
    if sent is None:
        return None
    return SignalSender(
        pid=sent.sender_pid,
        name=sent.sender_comm,
        uid=sent.sender_uid,
        container_id=sent.sender_container.id if sent.sender_container is not None else None,
        unit=sent.sender_unit,
    )
