"""
Files of /proc that say who a process is: /proc/<pid>/stat and /proc/<pid>/cgroup.

Formats: proc_pid_stat(5), cgroups(7). A zombie still has both files; on cgroup v1 it is in the root by then,
on v2 where it was, marked `(deleted)` once the cgroup is gone.

    29233 (sleep) S 29232 29233 29232 0 -1 4194304 …
    4:memory:/docker/4e1d…
    0::/system.slice/docker-4e1d….scope
"""

import re
from dataclasses import dataclass
from typing import Final

from parsers.cgroup_path import ContainerRef, container_of
from parsers.errors import ParseError

# The name may hold anything, parentheses and line breaks included: it ends at the last one.
_STAT: Final = re.compile(
    rb"(?P<pid>\d{1,10}) \((?P<comm>.*)\) (?P<state>[A-Za-z]) (?P<parent>\d{1,10})(?: -?\d{1,20}){4}"
    rb" (?P<flags>\d{1,20})(?: -?\d{1,20}){10} (?P<threads>\d{1,10})"
    rb" -?\d{1,20} (?P<start>\d{1,19})(?: .*)?\s*",
    re.DOTALL,
)
_DEAD: Final = frozenset({"Z", "X", "x"})
_PF_EXITING: Final = 0x4
_DELETED: Final = " (deleted)"
_UNITS: Final = (".service", ".scope")
_FIELDS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcStat:
    """
    What /proc/<pid>/stat says, as far as it is needed.

    Attributes:
        comm: at most 15 bytes; bytes that are not UTF-8 are kept as surrogates.
        dead: its first thread is (a zombie); others may live.
        exiting: its first thread is dead or about to be, and on cgroup v1 already out of its cgroup.
        parent_pid: 0 for those that the kernel started itself.
        threads: that it has, a dead first one included.
        start_ticks: when it was started, in clock ticks (mostly 10 ms) since boot, suspend included.
    """

    pid: int
    comm: str
    dead: bool
    exiting: bool
    parent_pid: int
    threads: int
    start_ticks: int

    @property
    def ended(self) -> bool:
        """
        Whether nothing but its exit status is left of it.
        """
        return self.dead and self.threads <= 1


def parse_stat(text: bytes) -> ProcStat:
    """
    The fields of /proc/<pid>/stat.

    Raises:
        ParseError: it is not of that format.
    """
    match = _STAT.fullmatch(text)
    if match is None:
        raise ParseError("/proc/<pid>/stat (proc_pid_stat(5))", text)
    dead = match["state"].decode() in _DEAD
    return ProcStat(
        pid=int(match["pid"]),
        comm=match["comm"].decode("utf-8", "surrogateescape"),
        dead=dead,
        exiting=dead or bool(int(match["flags"]) & _PF_EXITING),
        parent_pid=int(match["parent"]),
        threads=int(match["threads"]),
        start_ticks=int(match["start"]),
    )


def parse_cgroup(text: bytes) -> ContainerRef | None:
    """
    The container that /proc/<pid>/cgroup names, in whichever hierarchy; None where it names none.
    """
    paths = (_path(line) for line in text.decode("utf-8", "surrogateescape").split("\n"))
    for path in dict.fromkeys(paths):
        ref = container_of(path)
        if ref is not None:
            return ref
    return None


def parse_unit(text: bytes) -> str | None:
    """
    The innermost systemd unit that /proc/<pid>/cgroup names: a service, or a scope such as a login session's.
    """
    for line in text.decode("utf-8", "surrogateescape").split("\n"):
        units = [name for name in _path(line).split("/") if name.endswith(_UNITS)]
        if units:
            return units[-1]
    return None


def _path(line: str) -> str:
    """
    The path of `4:memory:/docker/4e1d…`; empty where the line is none.
    """
    fields = line.removesuffix(_DELETED).split(":", _FIELDS - 1)
    return fields[-1] if len(fields) == _FIELDS else ""
