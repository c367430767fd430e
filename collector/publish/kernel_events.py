"""
From kernel events to published events: form, no decisions.
"""

from typing import Final

from collector.correlate.crash_reasons import reason_of, signature_of
from collector.correlate.findings import KernelEvent
from collector.publish.containers import container_of_record, orchestrator_of, service_of
from collector.publish.kernel_advice import advice_of
from collector.publish.kernel_sentences import of_kernel_event
from collector.publish.seccomp_advice import seccomp_of
from parsers.kernel import Fault, Frame, KernelNotice, NoticeKind, syscall_name
from sinks.event import (
    Container,
    Crash,
    EcsEvent,
    Event,
    EventType,
    Evidence,
    EvidenceSource,
    Exit137,
    Host,
    Kernel,
    KernelEventKind,
    LockOwner,
    Process,
    Severity,
)

_WARNINGS: Final = frozenset({NoticeKind.SIGNAL_DENIED, NoticeKind.SOFT_LOCKUP, NoticeKind.NETWORK_ERROR})


def kernel_event(host: Host, found: KernelEvent) -> Event:
    """
    Return the event of a line of the kernel log that is not part of an OOM report.
    """
    notice, container = found.notice, _container(found)
    process = _process(found)
    by_process = f"process/{process.pid}" if process is not None else f"host/{host.id or 'unknown'}"
    return Event(
        id=found.id,
        type=EventType.KERNEL_EVENT,
        subject=f"container/{container.id}" if container is not None else by_process,
        time_ns=found.line.at_ns,
        message=of_kernel_event(found),
        event=EcsEvent(
            kind="alert",
            category=("host",) if notice.task is None and container is None else ("process",),
            type=("end",) if notice.fatal else ("error",),
            action="kernel-event",
            reason=notice.kind.value,
            severity=_severity(notice),
        ),
        host=host,
        container=container,
        orchestrator=orchestrator_of(found.record) if found.record is not None else None,
        service=service_of(found.record) if found.record is not None else None,
        process=process,
        exit137=Exit137(
            confidence=found.attribution.confidence,
            evidence=_evidence(found),
            kernel=_kernel(found),
            crash=crash_of(notice),
            advice=advice_of(notice, seccomp_of(found.record)),
        ),
    )


def crash_of(notice: KernelNotice) -> Crash | None:
    """
    Return how the process of a notice crashed; None where it did not.
    """
    if not notice.fatal:
        return None
    fault = notice.fault or Fault()
    return Crash(
        signal=notice.signal,
        kind=KernelEventKind(notice.kind.value),
        reason=reason_of(notice),
        module=fault.module_name,
        module_offset=_hexadecimal(fault.module_offset),
        module_base=_hexadecimal(fault.module.base) if fault.module is not None else None,
        module_size_bytes=fault.module.size if fault.module is not None else None,
        address=_hexadecimal(fault.address),
        ip=_hexadecimal(fault.ip),
        sp=_hexadecimal(fault.sp),
        error_code=_hexadecimal(fault.error),
        syscall=notice.syscall,
        syscall_name=syscall_name(notice.syscall, notice.arch),
        exe=notice.exe,
        frames=tuple(map(_frame, notice.frames)),
        signature=signature_of(notice),
    )


def _frame(frame: Frame) -> str:
    offset = f"+{frame.offset:#x}" if frame.offset is not None else ""
    return f"{frame.function or '?'} ({frame.module}{offset})"


def _hexadecimal(number: int | None) -> str | None:
    return f"{number:#x}" if number is not None else None


def _kernel(found: KernelEvent) -> Kernel:
    notice, task = found.notice, found.notice.task
    return Kernel(
        kind=KernelEventKind(notice.kind.value),
        pid=found.pid,
        tid=task.id if task is not None and not notice.is_process else None,
        name=task.comm if task is not None else None,
        text=found.line.text,
        cgroup=notice.cgroup,
        device=notice.device,
        cpu=notice.cpu,
        code=notice.code,
        signal=notice.denied,
        exe=notice.exe,
        syscall=notice.syscall,
        syscall_name=syscall_name(notice.syscall, notice.arch),
        blocked_s=notice.duration_s,
        owner=_owner(found),
        ip=_hexadecimal(notice.fault.ip) if notice.kind is NoticeKind.SECCOMP and notice.fault is not None else None,
        error_count=notice.count if notice.kind is NoticeKind.MEMORY_ERROR else None,
        usage_count=notice.count if notice.kind is NoticeKind.NETWORK_ERROR else None,
        suppressed=notice.suppressed,
        count=found.count,
        until_ns=found.last_ns,
    )


def _owner(found: KernelEvent) -> LockOwner | None:
    owner = found.notice.owner
    if owner is None:
        return None
    return LockOwner(
        pid=owner.id,
        name=owner.comm,
        container_id=found.owner.container_id if found.owner is not None else None,
        container_name=found.owner_record.name if found.owner_record is not None else None,
    )


def _severity(notice: KernelNotice) -> Severity:
    if notice.is_harmless:
        return Severity.NOTICE
    if notice.kind in _WARNINGS or (notice.kind is NoticeKind.SECCOMP and not notice.fatal):
        return Severity.WARNING
    return Severity.ERROR


def _container(found: KernelEvent) -> Container | None:
    if found.record is not None:
        return container_of_record(found.record)
    attribution = found.attribution
    return Container(id=attribution.container_id, runtime=attribution.runtime) if attribution.container_id else None


def _process(found: KernelEvent) -> Process | None:
    task = found.notice.task
    pid = found.pid if found.pid is not None else task.id if task is not None else None
    return Process(pid=pid, name=task.comm) if task is not None and pid is not None else None


def _evidence(found: KernelEvent) -> tuple[Evidence, ...]:
    line = Evidence(source=found.source, time_ns=found.line.at_ns, text=found.line.text)
    how = found.attribution.how
    if how is None or found.notice.task is None:
        return (line,)
    return (line, Evidence(source=EvidenceSource.PROCESS, text=how))
