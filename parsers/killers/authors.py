"""
Decide which program wrote a journal entry, by what journald itself vouches for.

journald takes _PID and _UID from the socket, and _SYSTEMD_CGROUP and _SYSTEMD_UNIT from /proc/PID/cgroup of the sender
(systemd.journal-fields(7)). The sender chooses every field without an underscore. _COMM and _EXE name a file that runs,
not whose code: any user may copy a program, or start systemd's own with LD_PRELOAD.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from parsers.journal import JournalEntry
from parsers.killers.facts import NOBODY_KNOWN, Author

SYSTEMD_OOMD_UNIT: Final = "systemd-oomd.service"
EARLYOOM_UNIT: Final = "earlyoom.service"
OOMD_UNIT: Final = "oomd.service"

_INIT_CGROUP: Final = "/init.scope"
# Before systemd 226, PID 1 is in the root cgroup.
_OLD_INIT_CGROUP: Final = "/"
_USER_MANAGER: Final = re.compile(
    r"(?P<within>/user\.slice/user-(?P<uid>[0-9]{1,10})\.slice/user@(?P=uid)\.service)(?:/init\.scope)?"
)
_COREDUMP_UNIT: Final = re.compile(r"systemd-coredump@[0-9A-Za-z_-]{1,64}\.service")
# Programs that write to /dev/kmsg, as oomd does, get this facility (syslog(3), LOG_USER).
_USER_FACILITY: Final = 1
_UNPROVEN_CGROUP: Final = "journald does not say in which cgroup PID 1 was."
_KERNEL_LOG: Final = "A program wrote this line to the kernel log; nothing proves which."
_OF_A_USER: Final = "The systemd of user {uid} wrote this line, and that user can forge it."


class Writer(StrEnum):
    """
    The programs whose messages are read here.
    """

    SYSTEMD = "systemd"
    SYSTEMD_OOMD = "systemd-oomd"
    EARLYOOM = "earlyoom"
    OOMD = "oomd"
    TALOS = "talos"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Program:
    """
    A program that may speak of every cgroup of the host.

    Attributes:
        unit: its unit: the last component of its cgroup, which has only slices above it.
        pid: the only pid that it can have; None for any.
        uid: likewise.
    """

    writer: Writer
    unit: str
    pid: int | None = None
    uid: int | None = None


# A user's manager comes in addition: it has the uid of its user@UID.service, and speaks only of cgroups below that.
_PROGRAMS: Final = (
    _Program(writer=Writer.SYSTEMD, unit="init.scope", pid=1, uid=0),
    _Program(writer=Writer.SYSTEMD_OOMD, unit=SYSTEMD_OOMD_UNIT),
    _Program(writer=Writer.EARLYOOM, unit=EARLYOOM_UNIT),
    _Program(writer=Writer.OOMD, unit=OOMD_UNIT),
)


def author_of(entry: JournalEntry) -> tuple[Writer, Author] | None:
    """
    Return who wrote an entry; None for programs that are not read here, and where a trusted field contradicts.
    """
    if entry.transport == "kernel":
        by_program = entry.facility == _USER_FACILITY
        return (Writer.OOMD, Author(name="kernel log", doubt=_KERNEL_LOG)) if by_program else None
    if entry.cgroup is None or entry.cgroup == _OLD_INIT_CGROUP:
        return _author_without_cgroup(entry)
    manager = _USER_MANAGER.fullmatch(entry.cgroup)
    if manager is not None:
        return _manager_of_user(entry, int(manager["uid"]), manager["within"])
    program = next((program for program in _PROGRAMS if _is_vouched_for(program, entry, entry.cgroup)), None)
    return (program.writer, Author(name=program.writer.value, pid=entry.pid)) if program is not None else None


def is_coredump_service(entry: JournalEntry) -> bool:
    """
    Return whether systemd-coredump wrote an entry: it has an instance of its service for each process.

    The service takes the user of the process before it writes, so the uid says nothing.
    """
    *above, own = (entry.cgroup or "").removeprefix("/").split("/")
    return _COREDUMP_UNIT.fullmatch(own) is not None and all(component.endswith(".slice") for component in above)


def _is_vouched_for(program: _Program, entry: JournalEntry, cgroup: str) -> bool:
    *above, own = cgroup.removeprefix("/").split("/")
    return (
        own == program.unit
        and all(component.endswith(".slice") for component in above)
        and entry.systemd_unit in (None, program.unit)
        and program.pid in (None, entry.pid)
        and program.uid in (None, entry.uid)
    )


def _manager_of_user(entry: JournalEntry, uid: int, within: str) -> tuple[Writer, Author] | None:
    """
    Return the manager of a user, who can forge all that it says: the cgroup is the user's own.
    """
    if entry.uid != uid:
        return None
    name = f"systemd of user {uid}"
    return Writer.SYSTEMD, Author(name=name, doubt=_OF_A_USER.format(uid=uid), pid=entry.pid, within=within)


def _author_without_cgroup(entry: JournalEntry) -> tuple[Writer, Author] | None:
    """
    Return the author of an entry that has no cgroup: PID 1 by its pid; anyone by name where no field is a trusted one.

    A sender that is gone before journald reads /proc has a pid and no cgroup. It can name any unit in its stream.
    """
    if entry.pid == 1 and entry.uid in (None, 0):
        return Writer.SYSTEMD, Author(name=Writer.SYSTEMD.value, doubt=_UNPROVEN_CGROUP, pid=1)
    if entry.pid is not None or entry.uid is not None or entry.cgroup is not None:
        return None
    named = (program.writer for program in _PROGRAMS if program.unit == entry.systemd_unit)
    writer = next(named, None) or _writer_named(entry.identifier)
    return (writer, NOBODY_KNOWN) if writer is not None else None


def _writer_named(name: str | None) -> Writer | None:
    return next((writer for writer in Writer if writer.value == name), None)
