"""
Read the processes of a container from /proc, as far as advice about memory needs them.

This needs the host's PID namespace, and CAP_SYS_PTRACE for the environment of other users' processes; what cannot be
read is unknown. Of the environment only the variables in RUNTIME_ENVIRONMENT are kept.
"""

import os
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Final

from collector.facts.memory import RUNTIME_ENVIRONMENT, RunningProcess
from parsers.errors import ParseError
from parsers.proc_files import parse_stat

_READ_BYTES: Final = 65_536
_MAX_PROCESSES: Final = 256
_RSS_FIELD: Final = 1
# Options come first; a class path may have thousands of characters.
_MAX_ARGUMENTS: Final = 64
_MAX_ARGUMENT_LENGTH: Final = 256
# elf(5), 64 bit, little endian: offset of the section headers, size and number of headers, index of the name section.
_ELF_MAGIC: Final = b"\x7fELF\x02\x01"
_ELF_HEADER: Final = struct.Struct("<40xQ10xHHH")
_SECTION: Final = struct.Struct("<24xQQ")
_GO_SECTION: Final = b"\0.go.buildinfo\0"


def read_processes(pids: Iterable[int], proc: Path = Path("/proc")) -> list[RunningProcess]:
    """
    Read those of the given processes that still run, 256 at most.

    Args:
        pids: the processes of a container, its main process first.
        proc: the mount point of procfs.
    """
    found = (_process(pid, proc / str(pid)) for pid in list(pids)[:_MAX_PROCESSES])
    return [process for process in found if process is not None]


def is_go(path: Path) -> bool | None:
    """
    Return whether an executable has the build information of Go's linker; None if it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return _GO_SECTION in _section_names(file)
    except (OSError, struct.error):
        return None


def _process(pid: int, directory: Path) -> RunningProcess | None:
    try:
        stat = parse_stat(_read(directory / "stat"))
    except ParseError:
        return None
    if stat.dead:
        return None
    return RunningProcess(
        pid=pid,
        executable=_executable(directory) or stat.comm,
        arguments=tuple(text[:_MAX_ARGUMENT_LENGTH] for text in _texts(directory / "cmdline")[:_MAX_ARGUMENTS]),
        environment=_environment(directory / "environ"),
        environment_known=os.access(directory / "environ", os.R_OK),
        parent_pid=stat.parent_pid,
        rss_bytes=_rss_bytes(directory / "statm"),
        go_binary=is_go(directory / "exe"),
    )


def _executable(directory: Path) -> str | None:
    try:
        return str((directory / "exe").readlink())
    except OSError:
        return None


def _environment(path: Path) -> dict[str, str]:
    pairs = (text.partition("=") for text in _texts(path))
    return {name: value for name, _, value in pairs if name in RUNTIME_ENVIRONMENT}


def _rss_bytes(path: Path) -> int | None:
    fields = _read(path).split()
    known = len(fields) > _RSS_FIELD and fields[_RSS_FIELD].isdigit()
    return int(fields[_RSS_FIELD]) * os.sysconf("SC_PAGE_SIZE") if known else None


def _texts(path: Path) -> list[str]:
    """
    Read the zero-terminated strings of a file; a last one that is cut off is dropped.
    """
    return _read(path).decode("utf-8", "replace").split("\0")[:-1]


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_READ_BYTES)
    except OSError:
        return b""


def _section_names(file: BinaryIO) -> bytes:
    """
    Return the section names of an ELF file, each after a zero byte; empty for any other file.
    """
    header = file.read(64)
    if not header.startswith(_ELF_MAGIC):
        return b""
    sections_at, entry_size, _, names_index = _ELF_HEADER.unpack(header[: _ELF_HEADER.size])
    # The bound keeps a forged offset within what seek accepts.
    file.seek(min(sections_at + entry_size * names_index, 1 << 62))
    offset, size = _SECTION.unpack(file.read(_SECTION.size))
    file.seek(min(offset, 1 << 62))
    return file.read(min(size, _READ_BYTES))
