"""
The end of a run in the published event.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalSender:
    """
    The process that sent the signal that ended the container.

    Attributes:
        container_id: the sender's container, if it runs in one.
        unit: the sender's systemd unit.
    """

    pid: int | None = None
    name: str | None = None
    uid: int | None = None
    container_id: str | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """
    How a run ended.

    Attributes:
        oom_kill_ids: the ids of the events about OOM kills in this run.
        kernel_event_ids: the ids of the kernel events about errors of the host in the minute before the end.
        replaced_by: the container that takes the place of this one: the run was stopped by a deploy.
    """

    exit_code: int | None = None
    signal: int | None = None
    oom_killed_flag: bool | None = None
    started_at_ns: int | None = None
    finished_at_ns: int | None = None
    restart_count: int | None = None
    oom_kill_ids: tuple[str, ...] = ()
    kernel_event_ids: tuple[str, ...] = ()
    killer: SignalSender | None = None
    replaced_by: str | None = None
