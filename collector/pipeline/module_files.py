"""
Finds the file of a module in a container, and other files that its log names: through a process that lives, else in the
directories that the engine names.

The kernel prints only the last component of a path, so the file is searched in a few directories; it counts only if its
code has the size that the kernel printed, and if no other such file has that too. Everything here blocks.
"""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Final

from collector.host.container_files import ContainerRoot, Root
from collector.host.executable import read_code
from collector.host.live_root import LiveRoot, live_root, read_mounts
from parsers.docker_inspect import ContainerSnapshot
from parsers.instruction import CodeAt
from parsers.kernel import KernelNotice
from parsers.tracebacks import parse_hs_err
from sinks.masking import mask_lines
from sinks.text import printable

_DIRECTORIES: Final = (
    "/lib/x86_64-linux-gnu",
    "/lib/aarch64-linux-gnu",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/local/lib",
    "/usr/local/bin",
    "/usr/bin",
    "/bin",
    "/sbin",
    "/usr/sbin",
    "/usr/local/sbin",
    "/usr/local/lib/x86_64-linux-gnu",
    "/app",
    "/",
)
_IN_MOUNTS: Final = ("", "/lib", "/bin")
_MOUNTS_AT_MOST: Final = 16
_REPORT: Final = re.compile(r"hs_err_pid[0-9]{1,10}\.log")
_NAMES_AT_MOST: Final = 512
# The kernel stamps files with the clock of its last tick.
_CLOCKS_NS: Final = 1_000_000_000
# The calls are in its first pages.
_REPORT_BYTES: Final = 131_072


def find_code(
    snapshot: ContainerSnapshot, notice: KernelNotice, pids: Sequence[int], deadline_s: float
) -> CodeAt | None:
    """
    Find the file of a module, and read what it says; None where no file fits, or several that differ do.

    Args:
        snapshot: what the engine says of the container.
        notice: the kernel's line about the crash.
        pids: processes of the container that may still live; that is checked.
        deadline_s: on the clock of `time.monotonic`.
    """
    module = notice.fault.module if notice.fault is not None else None
    if module is None or "/" in module.name:
        return None
    with ExitStack() as opened:
        for pid in dict.fromkeys(pids):
            root = opened.enter_context(live_root(pid, snapshot.id))
            code = _code_in(root, snapshot, notice, deadline_s) if root is not None else None
            if code is not None:
                return code
    return _code_in(_root_of(snapshot), snapshot, notice, deadline_s)


def frames_of_report(snapshot: ContainerSnapshot, path: str | None, span_ns: tuple[int, int] | None) -> tuple[str, ...]:
    """
    Return the calls in the report that a JVM has written before it ended, with secrets masked.

    Args:
        snapshot: what the engine says of the container.
        path: where the report is, as the log says; None to look in the working directory for one that was written in
            this run.
        span_ns: when the run began and ended, wall clock; None if that is not known.
    """
    root = _root_of(snapshot)
    if path is None and span_ns is not None:
        path = _report_in(root, snapshot.working_dir or "/", *span_ns)
    if path is None:
        return ()
    with root.open(path) as descriptor:
        text = os.pread(descriptor, _REPORT_BYTES, 0) if descriptor is not None else b""
    return tuple(map(printable, mask_lines(parse_hs_err(text.decode("utf-8", "replace").splitlines()))))


def _report_in(root: Root, directory: str, began_ns: int, ended_ns: int) -> str | None:
    """
    Return the latest report of a JVM in a directory that was written during a run.
    """
    written: list[tuple[int, str]] = []
    for name in root.names(directory, _NAMES_AT_MOST):
        if _REPORT.fullmatch(name) is None:
            continue
        with root.open(f"{directory}/{name}") as descriptor:
            at_ns = os.fstat(descriptor).st_mtime_ns if descriptor is not None else 0
            if began_ns <= at_ns <= ended_ns + _CLOCKS_NS:
                written.append((at_ns, f"{directory}/{name}"))
    return max(written)[1] if written else None


def _root_of(snapshot: ContainerSnapshot) -> ContainerRoot:
    return ContainerRoot(snapshot.layers, snapshot.mounts, read_mounts() if snapshot.mounts else ())


def _code_in(root: Root, snapshot: ContainerSnapshot, notice: KernelNotice, deadline_s: float) -> CodeAt | None:
    module = notice.fault.module if notice.fault is not None else None
    ip = notice.fault.ip if notice.fault is not None else None
    if module is None or ip is None:
        return None
    seen: set[tuple[int, int]] = set()
    found: set[CodeAt] = set()
    mapped = root.mapped(module.name) if isinstance(root, LiveRoot) else ()
    for path in mapped or _paths(snapshot, module.name):
        with root.open(path) as descriptor:
            if descriptor is None:
                continue
            status = os.fstat(descriptor)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            code = read_code(descriptor, module, ip, deadline_s)
            found |= {code} if code is not None else set()
    return found.pop() if len(found) == 1 else None


def _paths(snapshot: ContainerSnapshot, name: str) -> Iterator[str]:
    """
    Yield where a module may be: beside what the container runs, in its volumes, and where libraries and programs
    usually are.
    """
    here = snapshot.working_dir or "/"
    words = [word for word in (snapshot.path, *snapshot.args) if word is not None and "/" in word]
    started = [word if word.startswith("/") else f"{here}/{word}" for word in words]
    yield from (word for word in started if word.rpartition("/")[2] == name)
    yield from (f"{word.rpartition('/')[0]}/{name}" for word in started)
    yield f"{here}/{name}"
    for mount in snapshot.mounts[:_MOUNTS_AT_MOST]:
        if mount.destination.rpartition("/")[2] == name:
            yield mount.destination
        yield from (f"{mount.destination}{directory}/{name}" for directory in _IN_MOUNTS)
    yield from (f"{directory}/{name}" for directory in _DIRECTORIES)
