"""
Say what to do about a kernel event, by the reason of a crash or the kind of line; nothing where that would be vague.
"""

from collections.abc import Mapping
from typing import Final

from collector.correlate.crash_reasons import reason_of
from collector.publish.seccomp_advice import seccomp_advice
from parsers.cgroup_path import container_of
from parsers.docker_inspect import SeccompProfile
from parsers.kernel import KernelNotice, NoticeKind
from sinks.event import Advice, CrashReason

# Advice to get the calls.
CORE: Final = "core"
_BY_REASON: Final[Mapping[CrashReason, Advice]] = {
    CrashReason.INVALID_INSTRUCTION: Advice(
        kind="cpu",
        text="Use an image that was built for this CPU, or give the virtual machine the CPU of its host.",
        reason="The CPU does not know an instruction of the program, often one of AVX or AVX-512.",
        unless="the program runs such an instruction on purpose, as runtimes do to end themselves",
    ),
    CrashReason.STACK_OVERFLOW: Advice(
        kind="stack",
        text="Look for endless recursion; else raise the stack (ulimit -s, or the thread's own size).",
        reason="The stack pointer points to memory that is not mapped.",
    ),
}
_BY_KIND: Final[Mapping[NoticeKind, Advice]] = {
    NoticeKind.HUNG_TASK: Advice(
        kind="stall",
        text="Look at the disk, network file system or driver that it waits for; only that, or a reboot, ends it.",
        reason="A task that is blocked in the kernel takes no signal, not even SIGKILL.",
    ),
    NoticeKind.PIDS_LIMIT: Advice(
        kind="pids",
        text="Count the processes and threads of the container (docker top, pids.current) and look for zombies; raise"
        " --pids-limit, or TasksMax of the slice, if all of them are needed.",
        reason="The kernel refuses forks at a limit of tasks, and prints that only once for each cgroup.",
    ),
    NoticeKind.SIGNAL_DENIED: Advice(
        kind="apparmor",
        text="Stop the process from the host (kill), and reload or update the AppArmor profile named in the line.",
        reason="An AppArmor profile does not let the container receive this signal.",
    ),
    NoticeKind.GPU_ERROR: Advice(
        kind="gpu",
        text="Look the number up in NVIDIA's table of Xid errors: it says whether program or hardware is wrong.",
        reason="The driver reported an error of the graphics processor.",
    ),
    NoticeKind.FILESYSTEM_ERROR: Advice(
        kind="disk",
        text="Check the disk (smartctl) and the file system; a file system that became read-only needs a repair.",
        reason="The kernel could not read or write the device, or found its file system damaged.",
    ),
    NoticeKind.NETWORK_ERROR: Advice(
        kind="network",
        text="Compare nf_conntrack_count with nf_conntrack_max, and find who opens the connections (conntrack -L).",
        reason="The kernel drops the packets of new connections while the table is full.",
    ),
    NoticeKind.MEMORY_ERROR: Advice(
        kind="memory_hardware",
        text="Look for more of these lines, and replace the memory module if more appear.",
        reason="The hardware reported an error of the memory.",
    ),
}


_INTERFACE_KEPT: Final = Advice(
    kind="network",
    text="Look for what still uses the interface: a process in another network namespace, or a kernel bug. If the lines"
    " keep coming, only a reboot helps.",
    reason="The kernel cannot remove a network interface, and containers may hang at their start because of it.",
)
_UNITS_TASKS: Final = Advice(
    kind="pids",
    text="Count the processes and threads of the unit (systemctl status, pids.current) and look for zombies; raise"
    " TasksMax of the unit or of a slice above it, if all of them are needed.",
    reason=_BY_KIND[NoticeKind.PIDS_LIMIT].reason,
)
_CORE: Final = Advice(
    kind=CORE,
    text="To get a stack trace of the next crash, enable core dumps: raise the limit (--ulimit core=-1) and install"
    " systemd-coredump on the host; coredumpctl then shows the trace.",
    reason="The line says where the process crashed, which is often not where the bug is.",
    unless="the program's log already has a stack trace",
)
# What the line says of the place is all that is known.
_WITHOUT_CALLS: Final = frozenset({NoticeKind.SEGFAULT, NoticeKind.GENERAL_PROTECTION})


def advice_of(notice: KernelNotice, seccomp: SeccompProfile | None = None) -> tuple[Advice, ...]:
    """
    Return the advice about a notice; none where a general one would not help.

    Args:
        notice: what the line says.
        seccomp: the profile of the container; None if unknown.
    """
    if notice.kind is NoticeKind.SECCOMP:
        return (seccomp_advice(notice, seccomp),) if not notice.is_harmless else ()
    reason = reason_of(notice) if notice.fatal else None
    if reason is not None and reason in _BY_REASON:
        return (_BY_REASON[reason],)
    is_failed_allocation = notice.kind is NoticeKind.MEMORY_ERROR and notice.component is None and not notice.fatal
    advice = _by_kind(notice) if not is_failed_allocation else None
    return (advice,) if advice is not None else ()


def _by_kind(notice: KernelNotice) -> Advice | None:
    if notice.kind in _WITHOUT_CALLS:
        return _CORE if not notice.frames else None
    if notice.kind is NoticeKind.NETWORK_ERROR and notice.device is not None:
        return _INTERFACE_KEPT
    if notice.kind is NoticeKind.PIDS_LIMIT and container_of(notice.cgroup or "") is None:
        return _UNITS_TASKS
    return _BY_KIND.get(notice.kind)
