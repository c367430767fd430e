"""
Reads what /proc says of the processes of a container, as far as advice about memory needs it.

Needs the PID namespace of the host, and for the environment of other users' processes CAP_SYS_PTRACE; what cannot be
read is unknown. Of the environment only the names in ENVIRONMENT are kept.
"""

import os
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Final

from collector.correlate.memory_facts import RunningProcess
from collector.memory.runtimes import ENVIRONMENT
from parsers.errors import ParseError
from parsers.proc_files import parse_stat

_READ_BYTES: Final = 65_536
_MOST_PROCESSES: Final = 256
_RSS_FIELD: Final = 1
# Options come first; a class path may have thousands of characters.
_ARGUMENTS: Final = 64
_ARGUMENT_LENGTH: Final = 256
# elf(5), 64 bit, little endian: where the section headers are, the size of one, how many, and which names the others.
_ELF_MAGIC: Final = b"\x7fELF\x02\x01"
_ELF_HEADER: Final = struct.Struct("<40xQ10xHHH")
_SECTION: Final = struct.Struct("<24xQQ")
_GO_SECTION: Final = b"\0.go.buildinfo\0"


def read_processes(pids: Iterable[int], proc: Path = Path("/proc")) -> list[RunningProcess]:
    """
    The processes of these pids that there still are, 256 at most.

    Args:
        pids: of a container, its main process first.
        proc: where /proc is.
    """
    found = (_process(pid, proc / str(pid)) for pid in list(pids)[:_MOST_PROCESSES])
    return [process for process in found if process is not None]


def is_go(path: Path) -> bool | None:
    """
    Whether an executable has the build information that Go's linker leaves; None where it cannot be read.
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
        arguments=tuple(text[:_ARGUMENT_LENGTH] for text in _texts(directory / "cmdline")[:_ARGUMENTS]),
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
    return {name: value for name, _, value in pairs if name in ENVIRONMENT}


def _rss_bytes(path: Path) -> int | None:
    fields = _read(path).split()
    known = len(fields) > _RSS_FIELD and fields[_RSS_FIELD].isdigit()
    return int(fields[_RSS_FIELD]) * os.sysconf("SC_PAGE_SIZE") if known else None


def _texts(path: Path) -> list[str]:
    """
    The strings of a file that ends each with a zero byte; a last one that is cut off is left out.
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
    The names of the sections of an ELF file, each after a zero byte; empty for any other file.
    """
    header = file.read(64)
    if not header.startswith(_ELF_MAGIC):
        return b""
    sections_at, entry_size, _, names_index = _ELF_HEADER.unpack(header[: _ELF_HEADER.size])
    file.seek(min(sections_at + entry_size * names_index, 1 << 62))
    offset, size = _SECTION.unpack(file.read(_SECTION.size))
    file.seek(min(offset, 1 << 62))
    return file.read(min(size, _READ_BYTES))
