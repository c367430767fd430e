"""
Reads /proc: a process's container, its name, its command line with secrets masked.

What cannot be read is None, never an error: most of the processes in question are about to exit.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from parsers.cgroup_path import ContainerRef
from parsers.errors import ParseError
from parsers.proc_files import (
    ProcStat,
    parse_cgroup,
    parse_namespace_pid,
    parse_process,
    parse_root_layers,
    parse_shim,
    parse_stat,
)
from sinks.masking import mask_command_line

_READ_BYTES: Final = 4096
# The root is the first of the mounts of a container.
_MOUNTS_BYTES: Final = 65_536
_COMMAND_LINE_BYTES: Final = 2048
_COMMAND_LINE_LENGTH: Final = 512  # characters of the result, after masking
_NS_PER_S: Final = 1_000_000_000
# PROC_CGROUP_INIT_INO in include/linux/proc_ns.h
_FIRST_CGROUP_NAMESPACE: Final = 0xEFFFFFFB


class ProcFiles:
    """
    Reads the files of processes in /proc.

    Args:
        root: where /proc is mounted.
    """

    def __init__(self, root: str = "/proc") -> None:
        self._root = root
        self._ns_per_tick = _NS_PER_S // os.sysconf("SC_CLK_TCK")

    def pids(self) -> Iterator[int]:
        """
        Return the pids of all processes, zombies included.
        """
        with os.scandir(self._root) as entries:
            names = [entry.name for entry in entries]
        return (int(name) for name in names if name.isdecimal())

    def in_first_cgroup_namespace(self) -> bool:
        """
        Return whether this process sees whole paths of cgroups, as the kernel log names them.
        """
        try:
            return Path(self._root, "self/ns/cgroup").stat().st_ino == _FIRST_CGROUP_NAMESPACE
        except OSError:
            return True  # before Linux 4.6 there are no such namespaces

    def stat(self, pid: int) -> ProcStat | None:
        """
        Return the fields of /proc/PID/stat; None if the process does not exist.
        """
        text = self._read(pid, "stat", _READ_BYTES)
        if text is None:
            return None
        try:
            return parse_stat(text)
        except ParseError:
            return None

    def start_ns(self, stat: ProcStat) -> int:
        """
        Return when a process was started: ns of CLOCK_BOOTTIME, with the resolution of a tick (usually 10 ms).
        """
        return stat.start_ticks * self._ns_per_tick

    def cgroups(self, pid: int) -> bytes | None:
        """
        Return the text of /proc/PID/cgroup.
        """
        return self._read(pid, "cgroup", _READ_BYTES)

    def exe(self, pid: int) -> str | None:
        """
        Return the file that the process runs; of other users' processes that needs CAP_SYS_PTRACE.
        """
        try:
            return str(Path(self._root, str(pid), "exe").readlink())
        except OSError:
            return None

    def container(self, pid: int) -> ContainerRef | None:
        """
        Return the container whose cgroup the process is in.

        On cgroup v1 a process leaves its cgroup when it exits: the container of a zombie is unknown.
        """
        text = self.cgroups(pid)
        return parse_cgroup(text) if text is not None else None

    def served_container(self, pid: int) -> ContainerRef | None:
        """
        Return the container that a shim of Docker serves, if root runs it.
        """
        text = self._read(pid, "cmdline", _COMMAND_LINE_BYTES)
        return parse_shim(text) if text and self.uid(pid) == 0 else None

    def uid(self, pid: int) -> int | None:
        """
        Return the effective user id of the process.
        """
        try:
            return Path(self._root, str(pid)).stat().st_uid
        except OSError:
            return None

    def comm(self, pid: int) -> str | None:
        """
        Return the process name that the kernel keeps, at most 15 bytes.
        """
        text = self._read(pid, "comm", _READ_BYTES)
        return text.removesuffix(b"\n").decode("utf-8", "surrogateescape") if text else None

    def namespace_pid(self, pid: int) -> int | None:
        """
        Return the pid that the process has in its own PID namespace; None where that is the host's.
        """
        text = self._read(pid, "status", _READ_BYTES)
        return parse_namespace_pid(text) if text is not None else None

    def process_of(self, tid: int) -> int | None:
        """
        Return the process that a thread belongs to.
        """
        text = self._read(tid, "status", _READ_BYTES)
        return parse_process(text) if text is not None else None

    def root_layers(self, pid: int) -> tuple[str, ...]:
        """
        Return the directories that are mounted over each other as the root of the process; empty if it is no overlay.
        """
        text = self._read(pid, "mountinfo", _MOUNTS_BYTES)
        return parse_root_layers(text) if text is not None else ()

    def command_line(self, pid: int) -> str | None:
        """
        Return the command line with secrets masked, at most 512 characters; None for a kernel thread or a zombie.
        """
        text = self._read(pid, "cmdline", _COMMAND_LINE_BYTES)
        if not text:
            return None
        arguments = text.rstrip(b"\0").decode("utf-8", "replace").split("\0")
        if len(text) == _COMMAND_LINE_BYTES:
            arguments[-1] = "…"  # cut in the middle: masking can no longer recognize a secret in it
        return " ".join(mask_command_line(arguments))[:_COMMAND_LINE_LENGTH]

    def _read(self, pid: int, name: str, size: int) -> bytes | None:
        try:
            file = os.open(f"{self._root}/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            return os.read(file, size)
        except OSError:
            return None
        finally:
            os.close(file)
