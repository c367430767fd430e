"""
Parse files of /proc: who a process is (/proc/<pid>/stat, cgroup and status), and how much memory the host has
(/proc/meminfo).

Formats: proc_pid_stat(5), cgroups(7), proc_pid_status(5), proc_meminfo(5). A zombie still has its files. On cgroup v1
it is in the root by then; on v2 it is where it was, marked `(deleted)` once the cgroup is gone.

    29233 (sleep) S 29232 29233 29232 0 -1 4194304 …
    4:memory:/docker/4e1d…
    0::/system.slice/docker-4e1d….scope
    NSpid:  29233   1
    592 547 0:54 / / rw,relatime - overlay overlay rw,lowerdir=/…/11/fs:/…/10/fs,upperdir=/…/12/fs,workdir=/…/12/work
    MemTotal:       16384256 kB
"""

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from parsers.cgroup_path import ContainerRef, Runtime, container_of
from parsers.errors import ParseError

# The name may hold anything, parentheses and line breaks included: it ends at the last one.
_STAT: Final = re.compile(
    rb"(?P<pid>\d{1,10}) \((?P<comm>.*)\) (?P<state>[A-Za-z]) (?P<parent>\d{1,10})(?: -?\d{1,20}){4}"
    rb" (?P<flags>\d{1,20})(?: -?\d{1,20}){10} (?P<threads>\d{1,10})"
    rb" -?\d{1,20} (?P<start>\d{1,19})(?: .*)?\s*",
    re.DOTALL,
)
_NAMESPACE_PIDS: Final = re.compile(rb"^NSpid:(?:\t\d{1,10})+\t(\d{1,10})$", re.MULTILINE)
_PROCESS: Final = re.compile(rb"^Tgid:\t(\d{1,10})$", re.MULTILINE)
_MEM_TOTAL: Final = re.compile(rb"^MemTotal: +([0-9]{1,15}) kB$", re.MULTILINE)
_MEM_AVAILABLE: Final = re.compile(rb"^MemAvailable: +([0-9]{1,15}) kB$", re.MULTILINE)
_KIB: Final = 1024
_MOUNT_POINT: Final = 4
# As Docker and containerd name it. Another name is of a root that the container has mounted for itself.
_UPPER: Final = re.compile(r"/.+/[^/]+/(?:diff|fs)")
_DEAD: Final = frozenset({"Z", "X", "x"})
# include/linux/sched.h
_PF_EXITING: Final = 0x4
_DELETED: Final = " (deleted)"
_UNITS: Final = (".service", ".scope")
_FIELDS: Final = 3
# containerd's namespace of Docker; elsewhere (k8s.io) one shim may serve several containers.
_DOCKERS_NAMESPACE: Final = "moby"
_CONTAINER_ID: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcStat:
    """
    The needed fields of /proc/<pid>/stat.

    Attributes:
        comm: at most 15 bytes; bytes that are not UTF-8 are kept as surrogates.
        dead: the first thread is dead (a zombie); others may live.
        exiting: the first thread is dead or exiting; on cgroup v1 it has left its cgroup already.
        parent_pid: 0 for processes that the kernel started itself.
        threads: the number of threads, including a dead first one.
        start_ticks: when the process started, in clock ticks (usually 10 ms) since boot, including suspend.
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
        Whether the process has ended and only its exit status is left.
        """
        return self.dead and self.threads <= 1


@dataclass(frozen=True, slots=True, kw_only=True)
class HostMemory:
    """
    The host's memory; None where the file does not say.

    Attributes:
        available_bytes: what programs can still get without swapping, by the kernel's estimate (since 3.14).
    """

    total_bytes: int | None = None
    available_bytes: int | None = None


def parse_stat(text: bytes) -> ProcStat:
    """
    Parse /proc/<pid>/stat.

    Raises:
        ParseError: the text is not of that format.
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
    Return the container that /proc/<pid>/cgroup names, if there is one: in the hierarchy of memory, else in any.

    Users may own parts of the other hierarchies of cgroup v1, and name cgroups there.
    """
    lines = text.decode("utf-8", "surrogateescape").split("\n")
    lines.sort(key=lambda line: ":memory:" not in line)
    for path in dict.fromkeys(map(_path, lines)):
        ref = container_of(path)
        if ref is not None:
            return ref
    return None


def parse_unit(text: bytes) -> str | None:
    """
    Return the innermost systemd unit in /proc/<pid>/cgroup: a service, or a scope such as that of a login session.
    """
    for line in text.decode("utf-8", "surrogateescape").split("\n"):
        units = [name for name in _path(line).split("/") if name.endswith(_UNITS)]
        if units:
            return units[-1]
    return None


def parse_shim(text: bytes) -> ContainerRef | None:
    """
    Return the container of Docker that a shim of containerd serves, from /proc/<pid>/cmdline (without NUL at the end).

    containerd-shim-runc-v2 -namespace moby -id 4e1d… -address /run/containerd/containerd.sock
    """
    arguments = text.decode("utf-8", "surrogateescape").split("\0")
    options = dict(pairwise(arguments))
    container_id = options.get("-id", "")
    if options.get("-namespace") != _DOCKERS_NAMESPACE or not _CONTAINER_ID.fullmatch(container_id):
        return None
    return ContainerRef(runtime=Runtime.DOCKER, id=container_id)


def parse_namespace_pid(text: bytes) -> int | None:
    """
    Return the pid that a process has in its own PID namespace, from /proc/<pid>/status; None where that is the host's.
    """
    pids = _NAMESPACE_PIDS.search(text)
    return int(pids[1]) if pids is not None else None


def parse_process(text: bytes) -> int | None:
    """
    Return the process that a thread belongs to, from /proc/<tid>/status.
    """
    process = _PROCESS.search(text)
    return int(process[1]) if process is not None else None


def parse_meminfo(text: bytes) -> HostMemory:
    """
    Return the total and the available memory of /proc/meminfo (proc_meminfo(5)).
    """
    total, available = _MEM_TOTAL.search(text), _MEM_AVAILABLE.search(text)
    return HostMemory(
        total_bytes=int(total[1]) * _KIB if total is not None else None,
        available_bytes=int(available[1]) * _KIB if available is not None else None,
    )


def _path(line: str) -> str:
    """
    Return the path of `4:memory:/docker/4e1d…`; empty if the line has another form.
    """
    fields = line.removesuffix(_DELETED).split(":", _FIELDS - 1)
    return fields[-1] if len(fields) == _FIELDS else ""


def parse_root_layers(text: bytes) -> tuple[str, ...]:
    """
    Return the directories that overlayfs mounts over each other as the root, from /proc/<pid>/mountinfo.

    The upper one comes first. A relative one counts from the directory that has the layers: engines shorten the option
    so that it fits into a page. Source: proc_pid_mountinfo(5), fs/overlayfs/params.c (ovl_show_options).

    Returns:
        An empty tuple where the root is no overlay, or its options do not say where they are.
    """
    for line in text.decode("utf-8", "surrogateescape").split("\n"):
        fields = line.split(" ")
        if len(fields) > _MOUNT_POINT and fields[_MOUNT_POINT] == "/" and " - overlay " in line:
            return _layers_of(line.rpartition(" ")[2])
    return ()


def _layers_of(options: str) -> tuple[str, ...]:
    upper, lower = "", list[str]()
    for option in options.split(","):
        name, _, value = option.partition("=")
        if name == "upperdir":
            upper = value
        elif name in ("lowerdir", "lowerdir+"):
            lower += value.split(":")
    if _UPPER.fullmatch(upper) is None:
        return ()
    base = upper.rsplit("/", 2)[0]
    return (upper, *(layer if layer.startswith("/") else f"{base}/{layer}" for layer in lower if layer))
