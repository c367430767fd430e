"""
Sets up a tracing instance in tracefs: a buffer that only the agent reads, with the two events that it needs.

If tracefs is mounted (systemd mounts it), the instance is created there. Otherwise tracefs is opened without mounting
it, so that the host's mounts do not change; that needs CAP_SYS_ADMIN. The instance belongs to root and needs
CAP_DAC_OVERRIDE.
Source: Documentation/trace/ftrace.rst (instances, trace_clock, buffer_percent), fsopen(2), fsmount(2).
"""

import contextlib
import ctypes
import os
from pathlib import Path
from typing import Final, Self

from collector.sources.base import PrivilegeError, SourceError, SourceMissingError

_PREFIX: Final = "exit137-"
_PROC: Final = Path("/proc")
_MOUNTS: Final = Path("/proc/self/mounts")
_FILESYSTEMS: Final = Path("/proc/filesystems")
# System calls without a wrapper in Python; the numbers are the same on all architectures.
_FSOPEN, _FSCONFIG, _FSMOUNT = 430, 431, 432
_CLOEXEC: Final = 1
_FSCONFIG_CMD_CREATE: Final = 6
# Per CPU; fatal signals are rare, and the pipe wakes its reader at the first one.
_BUFFER_KB: Final = "256"
_REMEDY: Final = "grant CAP_DAC_OVERRIDE, with ReadWritePaths=/sys/kernel/tracing/instances (trace.conf)"
# The signals that end containers: HUP INT QUIT ABRT KILL TERM, and SIGRTMIN+3, which stops systemd in a container.
FATAL_SIGNALS: Final = (1, 2, 3, 6, 9, 15, 37)
# ILL TRAP BUS FPE SEGV SYS, only where a process sent them: some programs handle thousands of faults in a second.
CRASH_SIGNALS: Final = (4, 5, 7, 8, 11, 31)


class TraceInstance:
    """
    The agent's tracing instance, named after its pid; use it as a context manager.

    Entering removes the instances of agents that no longer run.

    Args:
        tracefs: where tracefs is mounted; None searches for it.

    Raises:
        SourceMissingError: this kernel has no tracefs, or not the two events.
        PrivilegeError: using tracefs is not permitted.
        SourceError: the instance cannot be set up.
    """

    def __init__(self, tracefs: str | None = None) -> None:
        self._mount: int | None = None
        self._instances = Path(tracefs or self._find()) / "instances"
        self._path = self._instances / f"{_PREFIX}{os.getpid()}"
        self._pipe: int | None = None

    def __enter__(self) -> Self:
        try:
            self._remove_left_behind()
            self._path.mkdir(exist_ok=True)
            self._set_up()
            self._pipe = os.open(self._path / "trace_pipe", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except PermissionError as error:
            self.close()
            raise PrivilegeError("using tracefs is not permitted", _REMEDY) from error
        except FileNotFoundError as error:
            self.close()
            raise SourceMissingError(f"tracefs has no {Path(error.filename or '?').name}") from error
        except OSError as error:
            self.close()
            raise SourceError(f"the trace instance cannot be set up: {error.strerror}") from error
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fileno(self) -> int:
        """
        Return the pipe's descriptor, which is readable as soon as there is an event.
        """
        if self._pipe is None:
            raise SourceError("the trace instance is not open")
        return self._pipe

    def close(self) -> None:
        """
        Remove the instance, which also switches its events off.
        """
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None
        with contextlib.suppress(OSError):
            self._path.rmdir()
        if self._mount is not None:
            os.close(self._mount)
            self._mount = None

    def _remove_left_behind(self) -> None:
        """
        Remove the instances of agents that were killed; the kernel would go on filling their buffers.
        """
        for path in self._instances.glob(f"{_PREFIX}*"):
            if not (_PROC / path.name.removeprefix(_PREFIX)).exists():
                with contextlib.suppress(OSError):
                    path.rmdir()

    def _set_up(self) -> None:
        """
        Stamp events with CLOCK_MONOTONIC, as the other sources do, and wake the reader at the first event.
        """
        signals = " || ".join(f"sig == {number}" for number in FATAL_SIGNALS)
        crashes = " || ".join(f"sig == {number}" for number in CRASH_SIGNALS)
        settings = {
            "trace_clock": "mono",
            "buffer_size_kb": _BUFFER_KB,
            "events/signal/signal_generate/filter": f"{signals} || (code <= 0 && ({crashes}))",
            "events/signal/signal_generate/enable": "1",
            "events/oom/mark_victim/enable": "1",
        }
        # Podman's runtime sends its signal and is gone: who runs it is read when it begins.
        short_lived = {
            "events/sched/sched_process_exec/filter": 'filename ~ "*/crun"',
            "events/sched/sched_process_exit/filter": 'comm ~ "crun"',
            "events/sched/sched_process_exit/enable": "1",
            "events/sched/sched_process_exec/enable": "1",
        }
        for name, value in settings.items():
            (self._path / name).write_text(value)
        with contextlib.suppress(OSError):  # without them the sender of a signal may be gone before it can be read
            for name, value in short_lived.items():
                (self._path / name).write_text(value)
        with contextlib.suppress(FileNotFoundError):  # before 5.0 the pipe always woke its reader at once
            (self._path / "buffer_percent").write_text("0")

    def _find(self) -> str:
        """
        Return where tracefs is mounted; if it is not, open it without mounting it.
        """
        for line in _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
            fields = line.split(" ")
            if len(fields) > 2 and fields[2] == "tracefs":  # noqa: PLR2004 - device, path, type
                return fields[1]
        if "\ttracefs\n" not in _FILESYSTEMS.read_text(encoding="ascii"):
            raise SourceMissingError("this kernel has no tracefs")
        self._mount = _open_unmounted()
        return f"/proc/self/fd/{self._mount}"


def _open_unmounted() -> int:
    """
    Open tracefs without mounting it anywhere, and return its descriptor.
    """
    system = ctypes.CDLL(None, use_errno=True)
    context = system.syscall(_FSOPEN, b"tracefs", _CLOEXEC)
    if context < 0:
        raise _refused()
    try:
        created = system.syscall(_FSCONFIG, context, _FSCONFIG_CMD_CREATE, None, None, 0)
        mount: int = system.syscall(_FSMOUNT, context, _CLOEXEC, 0) if created >= 0 else -1
    finally:
        os.close(context)
    if mount < 0:
        raise _refused()
    return mount


def _refused() -> SourceError:
    if ctypes.get_errno() in (1, 13):  # EPERM, EACCES
        remedy = "mount tracefs at /sys/kernel/tracing, or grant CAP_SYS_ADMIN"
        return PrivilegeError("tracefs is not mounted, and opening it is not permitted", remedy)
    return SourceMissingError(f"tracefs cannot be opened: {os.strerror(ctypes.get_errno())}")
