"""
Helpers for tests of the processes source: a /proc made of files, and datagrams of the process connector.
"""

import shutil
import struct
from pathlib import Path
from typing import Final

from parsers.proc_event import What

IDS: Final = ("4e1d" * 16, "9f8e" * 16)
MS: Final = 1_000_000
_TICK_NS: Final = 10 * MS
_DATAGRAM: Final = struct.Struct("=IHHII IIIIHH IIQ 24s")


class FakeProc:
    """
    A directory that looks like /proc.

    Args:
        root: an empty directory.
    """

    def __init__(self, root: Path) -> None:
        self.root = str(root)

    def add(
        self,
        pid: int,
        comm: str = "app",
        container_id: str | None = None,
        *,
        start_ns: int = 0,
        parent_pid: int = 1,
        state: str = "S",
        threads: int = 1,
        command_line: str = "",
        namespace_pid: int | None = None,
        process: int | None = None,
    ) -> None:
        """
        Add a process, or a thread of one, or replace it.
        """
        directory = Path(self.root) / str(pid)
        directory.mkdir(exist_ok=True)
        flags = 0x4 if state == "Z" else 0
        fields = f"0 0 0 0 {flags} 0 0 0 0 0 0 0 0 20 0 {threads} 0 {start_ns // _TICK_NS} 4096"
        (directory / "stat").write_text(f"{pid} ({comm}) {state} {parent_pid} {fields}\n")
        path = f"/docker/{container_id}" if container_id is not None else "/user.slice"
        (directory / "cgroup").write_text(f"4:memory:{path}\n0::/\n")
        (directory / "comm").write_text(f"{comm}\n")
        pids = f"{pid}\t{namespace_pid}" if namespace_pid is not None else str(pid)
        (directory / "status").write_text(f"Name:\t{comm}\nTgid:\t{process or pid}\nNSpid:\t{pids}\n")
        (directory / "cmdline").write_bytes(command_line.replace(" ", "\0").encode())

    def remove(self, pid: int) -> None:
        """
        Remove a process.
        """
        shutil.rmtree(Path(self.root) / str(pid))


def fork(pid: int, parent_pid: int, at_ns: int = 0) -> bytes:
    """
    Return the event of a fork.
    """
    return datagram(What.FORK, at_ns, parent_pid, parent_pid, pid, pid)


def execute(pid: int, at_ns: int = 0) -> bytes:
    """
    Return the event of a process that runs a program.
    """
    return datagram(What.EXEC, at_ns, pid, pid)


def end(pid: int, raw_status: int = 0, at_ns: int = 0, parent_pid: int = 1) -> bytes:
    """
    Return the event of an exit.
    """
    return datagram(What.EXIT, at_ns, pid, pid, raw_status, 17, parent_pid, parent_pid)


def crash(tid: int, pid: int, at_ns: int = 0) -> bytes:
    """
    Return the event of a thread that gets a signal with a core dump.
    """
    return datagram(What.COREDUMP, at_ns, tid, pid, 1, 1)


def rename(pid: int, comm: bytes, at_ns: int = 0) -> bytes:
    """
    Return the event of a process that renames itself.
    """
    return datagram(What.COMM, at_ns, pid, pid, *struct.unpack("=4i", comm.ljust(16, b"\0")))


def datagram(what: int, at_ns: int, *words: int) -> bytes:
    """
    Return a datagram with any event.
    """
    data = struct.pack(f"={len(words)}i", *words)
    return _DATAGRAM.pack(76, 3, 0, 0, 0, 1, 1, 0, 0, 40, 0, what, 0, at_ns, data)
