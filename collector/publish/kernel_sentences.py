"""
Write the message of a kernel event: one sentence for a person who does not know the kernel; never the line itself.
"""

from collections.abc import Callable, Mapping
from typing import Final

from collector.correlate.crash_reasons import explanation_of
from collector.correlate.findings import KernelEvent
from collector.publish.sentences import container_name
from parsers.kernel import Fault, KernelNotice, NoticeKind, syscall_name
from sinks.event import Confidence
from sinks.text import printable

_TRAPS: Final = {
    NoticeKind.SEGFAULT: "a segmentation fault",
    NoticeKind.INVALID_OPCODE: "an invalid instruction",
    NoticeKind.GENERAL_PROTECTION: "a general protection fault",
    NoticeKind.TRAP: "a trap",
}


def of_kernel_event(event: KernelEvent) -> str:
    """
    Write the message of a kernel event.
    """
    words = _SENTENCES[event.notice.kind](event)
    times = f", {event.count} times" if event.count > 1 else ""
    lost = event.notice.suppressed
    more = f" Just before it, the kernel did not print {lost} lines of this kind." if lost else ""
    return f"{words[0].upper()}{words[1:]}{times}.{more}"


def _crash(event: KernelEvent) -> str:
    notice, explanation = event.notice, explanation_of(event.notice)
    fault = notice.fault or Fault()
    module = f" in {printable(fault.module_name)}" if fault.module_name is not None else ""
    why = f": {explanation}" if explanation is not None else ""
    return f"{_task(event)} crashed with {_TRAPS[notice.kind]}{module}{why}"


def _ended(event: KernelEvent) -> str:
    signal = event.notice.signal
    return f"{_task(event)} was ended by {f'signal {signal}' if signal is not None else 'a signal'}"


def _blocked(event: KernelEvent) -> str:
    notice, held = event.notice, ""
    if notice.owner is not None:
        owner_id = event.owner.container_id if event.owner is not None else None
        where = f" of container {container_name(event.owner_record, owner_id)}" if owner_id is not None else ""
        held = f" on a lock that {_named(notice.owner.comm)} (pid {notice.owner.id}){where} probably holds"
    return f"{_task(event)} has been blocked in the kernel{_lasted(notice)}{held} and cannot be killed"


def _stalled(event: KernelEvent) -> str:
    notice = event.notice
    cpu = f"CPU {notice.cpu}" if notice.cpu is not None else "a CPU"
    if notice.task is None:
        return f"{cpu} has been stalled in the kernel{_lasted(notice)}"
    return f"{_task(event)} has held {cpu} in the kernel{_lasted(notice)}"


def _lasted(notice: KernelNotice) -> str:
    return f" for {notice.duration_s} s" if notice.duration_s is not None else ""


def _limited(event: KernelEvent) -> str:
    where = _where(event).replace(" of ", " in ", 1)
    return f"a fork{where} was refused: a limit of tasks (pids) is reached"


def _denied(event: KernelEvent) -> str:
    denied = event.notice.denied
    signal = f"signal {denied.upper()}" if denied is not None else "a signal"
    task = event.notice.task
    sender = f"process {_named(task.comm)} (pid {task.id})" if task is not None else "a process"
    receiver = _where(event).replace(" of ", " to ", 1)
    return f"AppArmor refused {signal} from {sender}{receiver}: the process it was meant for keeps running"


def _refused(event: KernelEvent) -> str:
    notice = event.notice
    did = "ended it" if notice.fatal else "only logged it" if notice.is_harmless else "refused it"
    call = syscall_name(notice.syscall, notice.arch) or notice.syscall
    return f"{_task(event)} made the system call {call}, and a seccomp filter {did}"


def _gpu(event: KernelEvent) -> str:
    code = f" (Xid {event.notice.code})" if event.notice.code is not None else ""
    return f"the graphics processor {event.notice.device} has an error{code}{_hit_by(event)}"


def _memory(event: KernelEvent) -> str:
    notice = event.notice
    if notice.fatal:
        return f"{_task(event)} was ended because a page of its memory is broken"
    if notice.component is None:
        whom = f" for {_task(event)}" if notice.task is not None else _where(event)
        return f"the kernel could not allocate memory{whom}"
    errors = f"{notice.count} errors" if (notice.count or 1) > 1 else "an error"
    return f"the memory hardware {notice.component} {'corrected' if notice.is_harmless else 'has'} {errors}"


def _filesystem(event: KernelEvent) -> str:
    return f"the disk or file system {printable(event.notice.device)} has an error{_hit_by(event)}"


def _network(event: KernelEvent) -> str:
    if event.notice.device is not None:
        return f"the network interface {printable(event.notice.device)} cannot be removed: something still holds it"
    return "the table of connections is full: the kernel drops packets"


_SENTENCES: Final[Mapping[NoticeKind, Callable[[KernelEvent], str]]] = {
    NoticeKind.SEGFAULT: _crash,
    NoticeKind.INVALID_OPCODE: _crash,
    NoticeKind.GENERAL_PROTECTION: _crash,
    NoticeKind.TRAP: _crash,
    NoticeKind.ABNORMAL_END: _ended,
    NoticeKind.HUNG_TASK: _blocked,
    NoticeKind.SOFT_LOCKUP: _stalled,
    NoticeKind.PIDS_LIMIT: _limited,
    NoticeKind.SIGNAL_DENIED: _denied,
    NoticeKind.SECCOMP: _refused,
    NoticeKind.GPU_ERROR: _gpu,
    NoticeKind.MEMORY_ERROR: _memory,
    NoticeKind.FILESYSTEM_ERROR: _filesystem,
    NoticeKind.NETWORK_ERROR: _network,
}


def _hit_by(event: KernelEvent) -> str:
    return f", hit by {_task(event)}" if event.notice.task is not None else _where(event)


def _task(event: KernelEvent) -> str:
    """
    Name the task with its process and container.
    """
    task = event.notice.task
    if task is None:
        return "a process"
    numbers = [f"pid {event.pid}"] if event.pid is not None else []
    if task.id is not None and task.id != event.pid:
        numbers.append(f"thread {task.id}")
    shown = f" ({', '.join(numbers)})" if numbers else ""
    return f"process {_named(task.comm)}{shown}{_where(event)}"


def _named(comm: str | None) -> str:
    return f'"{printable(comm or "?")}"'


def _where(event: KernelEvent) -> str:
    attribution = event.attribution
    if attribution.container_id is None:
        return f" in {printable(event.notice.cgroup)}" if event.notice.cgroup is not None else ""
    doubt = "" if attribution.confidence is Confidence.CERTAIN else f" ({attribution.confidence.value})"
    return f" of container {container_name(event.record, attribution.container_id)}{doubt}"
