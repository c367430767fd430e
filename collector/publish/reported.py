"""
Events about kills that a text states in other words than the kernel's report: a unit's line, the kubelet's event, the
line of the OOM reaper, Docker's `oom`. They say that the kernel killed, and leave out whom or why.
"""

from dataclasses import dataclass
from typing import Final

from collector.publish import sentences
from collector.publish.kills import kill_event
from sinks.event import (
    Confidence,
    Container,
    Event,
    Evidence,
    EvidenceSource,
    Host,
    Killer,
    Oom,
    Process,
    Scope,
    Victim,
)
from sinks.event.ids import kill_id
from sinks.text import printable

_UNKNOWN: Final = "the log lines do not say whose memory ran out"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedKernelKill:
    """
    A kill by the kernel, as another line reports it.

    Attributes:
        reporter: who says so, for a sentence: `systemd`, `the kubelet`.
        source: where the line is from.
        unit: the systemd unit that lost a process.
        container_id: the container that lost a process.
        pid: the victim; None if the line names none. Likewise `comm`.
        host_wide: the host ran out of memory; None if the line does not say.
    """

    reporter: str
    source: EvidenceSource
    text: str
    at_ns: int | None = None
    unit: str | None = None
    container_id: str | None = None
    runtime: str | None = None
    pid: int | None = None
    comm: str | None = None
    host_wide: bool | None = None


def reported_kill_event(host: Host, kill: ReportedKernelKill) -> Event:
    """
    Return the event of a kill of which the kernel's own report is missing.
    """
    container = None
    if kill.container_id is not None:
        container = Container(id=kill.container_id, runtime=kill.runtime)
    moment = kill.text if kill.at_ns is None else kill.at_ns // 1000
    boot_id = host.boot.id if host.boot is not None else None
    named = kill.pid is not None
    return kill_event(
        host,
        None,
        event_id=kill_id(host.id, boot_id, moment, kill.pid or kill.container_id or kill.unit or "?"),
        time_ns=kill.at_ns,
        message=_message(kill),
        container=container,
        process=Process(pid=kill.pid, name=kill.comm) if named else None,
        confidence=Confidence.LIKELY if named else Confidence.CERTAIN,
        evidence=(Evidence(source=kill.source, time_ns=kill.at_ns, text=kill.text),),
        oom=Oom(
            scope=Scope.HOST if kill.host_wide else None,
            killer=Killer.KERNEL,
            victim_cgroup=kill.unit,
            victims=(Victim(pid=kill.pid, name=kill.comm),) if kill.pid is not None else (),
        ),
    )


def _message(kill: ReportedKernelKill) -> str:
    """
    Write the message: what the line says, and what it leaves out.
    """
    if kill.pid is not None:
        why = "the host ran out of memory" if kill.host_wide else _UNKNOWN
        whom = f'process "{printable(kill.comm)}" (pid {kill.pid})'
        return f"The kernel's OOM killer killed {whom}, as {kill.reporter} reports: {why}."
    whose = printable(kill.unit)
    if kill.container_id is not None:
        whose = f"container {sentences.container_name(None, kill.container_id)}"
    left_out = "the log lines do not say which, nor whose memory ran out"
    return f"The kernel's OOM killer killed a process of {whose}, as {kill.reporter} reports: {left_out}."
