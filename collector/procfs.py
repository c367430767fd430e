"""
What /proc says of a process now: its container, its name, its command line with secrets masked.

Whatever cannot be read is unknown: most processes that are asked for are about to end.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from collector.masking import mask_command_line
from parsers.cgroup_path import ContainerRef
from parsers.errors import ParseError
from parsers.proc_files import ProcStat, parse_cgroup, parse_stat, parse_unit

_READ_BYTES: Final = 4096
_COMMAND_LINE_BYTES: Final = 2048
_COMMAND_LINE_LENGTH: Final = 512
_NS_PER_S: Final = 1_000_000_000


class ProcFiles:
    """
    Reads files of /proc.

    Args:
        root: where /proc is.
    """

    def __init__(self, root: str = "/proc") -> None:
        self._root = root
        self._ns_per_tick = _NS_PER_S // os.sysconf("SC_CLK_TCK")

    def pids(self) -> Iterator[int]:
        """
        The processes that there are now, the dead among them whose parent did not ask for their status yet.
        """
        with os.scandir(self._root) as entries:
            names = [entry.name for entry in entries]
        return (int(name) for name in names if name.isdecimal())

    def stat(self, pid: int) -> ProcStat | None:
        """
        What a process is; None when there is none (any more).
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
        When a process was started, CLOCK_BOOTTIME, to a tick.
        """
        return stat.start_ticks * self._ns_per_tick

    def container(self, pid: int) -> ContainerRef | None:
        """
        The container whose cgroup a process is in; on cgroup v1 unknown as soon as it ends.
        """
        text = self._read(pid, "cgroup", _READ_BYTES)
        return parse_cgroup(text) if text is not None else None

    def unit(self, pid: int) -> str | None:
        """
        The systemd unit that a process is part of, the innermost; None where there is none.
        """
        text = self._read(pid, "cgroup", _READ_BYTES)
        return parse_unit(text) if text is not None else None

    def uid(self, pid: int) -> int | None:
        """
        The effective user of a process.
        """
        try:
            return Path(self._root, str(pid)).stat().st_uid
        except OSError:
            return None

    def comm(self, pid: int) -> str | None:
        """
        The name that the kernel has for a process.
        """
        text = self._read(pid, "comm", _READ_BYTES)
        return text.removesuffix(b"\n").decode("utf-8", "surrogateescape") if text else None

    def command_line(self, pid: int) -> str | None:
        """
        The arguments with secrets masked, 512 characters at most; None where there are none (any more).
        """
        text = self._read(pid, "cmdline", _COMMAND_LINE_BYTES)
        if not text:
            return None
        arguments = text.rstrip(b"\0").decode("utf-8", "replace").split("\0")
        if len(text) == _COMMAND_LINE_BYTES:
            arguments[-1] = "…"  # cut off, so that it cannot be told whether it is a secret
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
