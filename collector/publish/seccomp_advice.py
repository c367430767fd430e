"""
Say whose filter refused a system call, as far as the container's seccomp profile tells, and what to do about it.

Docker's default profile refuses calls with an error code (SCMP_ACT_ERRNO) and never ends a process. So a process that
a filter ended under the default profile was ended by a filter that the program set itself.
"""

from typing import Final

from collector.correlate.container_record import ContainerRecord
from parsers.docker_inspect import SeccompProfile
from parsers.kernel import KernelNotice, syscall_name
from sinks.event import Advice

_KIND: Final = "seccomp"


def seccomp_of(record: ContainerRecord | None) -> SeccompProfile | None:
    """
    Return the seccomp profile of a container; None where it was never inspected.
    """
    return record.snapshot.seccomp if record is not None and record.snapshot is not None else None


def seccomp_advice(notice: KernelNotice, profile: SeccompProfile | None) -> Advice:
    """
    Return the advice about a system call that a filter refused.

    Args:
        notice: the audit record.
        profile: of the container; None if unknown.
    """
    name = syscall_name(notice.syscall, notice.arch)
    call = f"the system call {name}" if name is not None else f"system call {notice.syscall} (ausyscall names it)"
    did = "ended the process for" if notice.fatal else "refused"
    if profile is SeccompProfile.CUSTOM:
        return Advice(
            kind=_KIND,
            text=f"Allow {call} in the profile that the container was given (--security-opt seccomp=) if it is needed.",
            reason=f"A seccomp filter {did} this call, and the container has a profile of its own.",
            unless="the program set the filter for itself, as browsers and SSH servers do",
        )
    if profile is not None and notice.fatal:
        why = "has none" if profile is SeccompProfile.UNCONFINED else "has Docker's default, which never ends a process"
        return Advice(
            kind=_KIND,
            text=f"Look at the program's own sandbox: it must allow {call}. A newer C library may need calls that an"
            " older sandbox does not know.",
            reason=f"A filter ended the process. It is not the container's profile: the container {why}.",
            unless="the daemon has another default profile (seccomp-profile in daemon.json)",
        )
    return Advice(
        kind=_KIND,
        text=f"Allow {call} in the seccomp profile (--security-opt seccomp=) if it is needed.",
        reason=f"A seccomp filter {did} this call.",
        unless="the program set the filter for itself",
    )
