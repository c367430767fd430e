"""
Turn a kill that does not end into a published event: `exit137.container_stuck` with the state `stopping`.
"""

from collections.abc import Iterator, Mapping
from typing import Final, assert_never

from collector.correlate.container_record import ContainerRecord
from collector.correlate.stuck_stops import StopReason, StuckStop
from collector.facts.stops import KilledTask
from collector.publish.containers import container_of_record, orchestrator_of, service_of
from collector.publish.sentences import container_name
from parsers.exit_code import signal_name
from sinks.event import (
    Advice,
    Container,
    EcsEvent,
    Event,
    EventType,
    Evidence,
    EvidenceSource,
    Exit137,
    Host,
    Process,
    Severity,
    Stuck,
    StuckTask,
)
from sinks.event.ids import stuck_id
from sinks.text import duration, printable

STATE: Final = "stopping"
_NS_PER_S: Final = 1_000_000_000
# What the kernel's functions with these words in their name wait for.
_WAITS_FOR: Final[Mapping[str, str]] = {
    "nfs": "an NFS server",
    "rpc_": "an NFS server",
    "cifs": "an SMB server",
    "ceph": "a Ceph server",
    "fuse": "a FUSE file system",
    "request_wait_answer": "a FUSE file system",
    "loop": "a loop device",
    "jbd2": "a disk",
    "xfs_": "a disk",
    "btrfs": "a disk",
    "blk_": "a disk",
    "io_schedule": "a disk",
    "folio_wait": "a disk",
    "wait_on_page": "a disk",
    "zap_pid_ns": "other processes of the container to end",
}


def stuck_stop_event(stuck: StuckStop, host: Host, record: ContainerRecord | None) -> Event:
    """
    Build the event of a kill that does not end, or that has ended after all.

    Args:
        stuck: the kill.
        host: this host, as it is published.
        record: the container's inventory record.
    """
    container_id, task = stuck.container_id, stuck.task
    return Event(
        id=stuck_id(container_id, STATE, stuck.since_ns, over=stuck.resolved),
        type=EventType.CONTAINER_STUCK,
        subject=f"container/{container_id}",
        time_ns=stuck.at_ns,
        message=sentence_of(stuck, record),
        event=EcsEvent(
            kind="event" if stuck.resolved else "alert",
            category=("process",),
            type=("info",),
            action="container-stuck",
            reason=STATE,
            severity=Severity.INFO if stuck.resolved else Severity.ERROR,
        ),
        host=host,
        container=container_of_record(record) if record is not None else Container(id=container_id),
        orchestrator=orchestrator_of(record) if record is not None else None,
        service=service_of(record) if record is not None else None,
        process=Process(pid=task.pid, name=task.name) if task is not None else None,
        exit137=Exit137(
            confidence=stuck.confidence,
            evidence=tuple(_evidence(stuck)),
            stuck=_published(stuck),
            advice=() if stuck.resolved else (_advice(stuck),),
        ),
    )


def sentence_of(stuck: StuckStop, record: ContainerRecord | None) -> str:
    """
    Write the message.
    """
    name = f"Container {container_name(record, stuck.container_id)}"
    lasted = duration((stuck.at_ns - stuck.since_ns) / _NS_PER_S)
    if stuck.resolved:
        return f"{name} is no longer stuck: its kill ended after {lasted}."
    if stuck.reason is StopReason.SIGNAL_DENIED:
        return f"{name} still runs {lasted} after a signal that was to end it: {why(stuck)}."
    if stuck.reason is StopReason.SIGNAL_IGNORED:
        return f"{name} still runs {lasted} after Docker sent {_signal(stuck)}: {why(stuck)}."
    by = "Docker sent SIGKILL" if stuck.sent_by_docker else "SIGKILL was sent"
    return f"{name} does not end, {lasted} after {by}: {why(stuck)}."


def why(stuck: StuckStop) -> str:
    """
    Write what holds the container.
    """
    task = _named(stuck.task)
    match stuck.reason:
        case StopReason.FROZEN:
            words = "its processes are frozen, and the freezer of cgroup v1 lets no process end"
        case StopReason.TRACED:
            words = f"{task} is held by its tracer, {_process(stuck.task, tracer=True)}"
        case StopReason.UNINTERRUPTIBLE:
            words = f"{task} waits in the kernel without a way to be interrupted (state D){_waits_in(stuck.task)}"
        case StopReason.NOT_COLLECTED:
            words = f"{task} is dead, but its parent, {_process(stuck.task, tracer=False)}, does not collect it"
        case StopReason.NO_CPU:
            words = f"{task} has not been given a CPU to end on"
        case StopReason.SIGNAL_IGNORED:
            words = f"{task} has no handler for this signal, so it has no effect"
        case StopReason.SIGNAL_DENIED:
            words = "AppArmor refused the signal, and delivered it to no process"
        case StopReason.UNKNOWN:
            words = f"/proc does not show what holds {task}"
        case _:
            assert_never(stuck.reason)
    return words


def _signal(stuck: StuckStop) -> str:
    return signal_name(stuck.signal) if stuck.signal is not None else "a signal"


def _waits_in(task: KilledTask | None) -> str:
    functions = [name for name in (task.wchan, *task.stack) if name is not None] if task is not None else []
    if not functions:
        return "; where it waits may not be read"
    found = (meaning for name in functions for word, meaning in _WAITS_FOR.items() if word in name)
    waits_for = next(found, None)
    return f", in {functions[0]}" + (f": it waits for {waits_for}" if waits_for is not None else "")


def _named(task: KilledTask | None) -> str:
    if task is None:
        return "it"
    thread = f", thread {task.tid}" if task.tid != task.pid else ""
    role = "the main process " if task.main else ""
    return f'{role}"{printable(task.name)}" (pid {task.pid}{thread})'


def _process(task: KilledTask | None, *, tracer: bool) -> str:
    if task is None:
        return "unknown"
    pid, name = (task.tracer_pid, task.tracer_name) if tracer else (task.parent_pid, task.parent_name)
    return f'"{printable(name)}" (pid {pid})' if name is not None else f"pid {pid}"


def _evidence(stuck: StuckStop) -> Iterator[Evidence]:
    """
    Yield what /proc shows of the task, and what may not be read.
    """
    task, source = stuck.task, EvidenceSource.PROCESS
    if stuck.line is not None:
        yield stuck.line
    if stuck.reason is StopReason.FROZEN:
        yield Evidence(source=EvidenceSource.CGROUP, time_ns=stuck.at_ns, text="freezer.state: FROZEN")
    if task is not None:
        parts = [f"pid {task.pid}", f"tid {task.tid}", f"name {task.name}", f"state {task.state}"]
        parts += [f"wchan {task.wchan}"] if task.wchan is not None else []
        parts += [f"tracer {task.tracer_pid} ({task.tracer_name})"] if task.tracer_pid is not None else []
        parts += [f"parent {task.parent_pid} ({task.parent_name})"] if task.parent_pid is not None else []
        parts += [f"stack {' < '.join(task.stack)}"] if task.stack else []
        yield Evidence(source=source, time_ns=stuck.at_ns, text=", ".join(parts))
    if stuck.unread:
        files = ", ".join(stuck.unread)
        yield Evidence(source=source, time_ns=stuck.at_ns, text=f"not readable for the agent: {files}")


def _published(stuck: StuckStop) -> Stuck:
    task = stuck.task
    return Stuck(
        state=STATE,
        resolved=stuck.resolved,
        since_ns=stuck.since_ns,
        kills=0,
        reason=stuck.reason.value,
        tasks=stuck.tasks,
        task=StuckTask(
            pid=task.pid,
            tid=task.tid,
            name=task.name,
            state=task.state,
            wchan=task.wchan,
            tracer_pid=task.tracer_pid,
            tracer_name=task.tracer_name,
        )
        if task is not None
        else None,
    )


def _advice(stuck: StuckStop) -> Advice:
    """
    Say what ends it.
    """
    match stuck.reason:
        case StopReason.FROZEN:
            text = "Thaw it: docker unpause, or write THAWED to freezer.state."
            reason = "The pending SIGKILL takes effect as soon as it is thawed."
        case StopReason.TRACED:
            text = f"End or resume the tracer, {_process(stuck.task, tracer=True)}."
            reason = "A traced process ends only once its tracer has taken note."
        case StopReason.UNINTERRUPTIBLE:
            text = "Restore the server or device that it waits for."
            reason = "No signal ends a process in state D; it ends when the wait does, or when the host is restarted."
        case StopReason.NOT_COLLECTED:
            text = f"Look at {_process(stuck.task, tracer=False)}: it may be stopped, frozen or hung."
            reason = "A dead process is gone only once its parent has collected its exit status."
        case StopReason.NO_CPU:
            text = "Raise its CPU quota, or look at what uses the CPUs of the host."
            reason = "A killed process needs CPU time to end."
        case StopReason.SIGNAL_IGNORED:
            text = f"Handle {_signal(stuck)} in the program, start it with exec, or add an init (--init, init: true);"
            text += " docker kill ends it now."
            reason = "Process 1 of a container ignores each signal that it has no handler for, but SIGKILL."
        case StopReason.SIGNAL_DENIED:
            text = "Allow the signal in the AppArmor profile that the line names and reload it, or remove it"
            text += " (apparmor_parser -R), then stop the container again."
            reason = "A profile without a rule for signals lets nobody end its processes, not even root."
        case StopReason.UNKNOWN:
            text = "Look at /proc/PID/stack of its processes as root."
            reason = "It shows what a process does in the kernel."
        case _:
            assert_never(stuck.reason)
    return Advice(kind="stuck_stop", text=text, reason=reason)
