"""
An instance of our own in tracefs: a buffer that nobody else reads, with the two events that are wanted.

Where tracefs is mounted (systemd does it) the instance is made there; else tracefs is opened without being mounted
anywhere, so that nobody else sees a change. That needs CAP_SYS_ADMIN; the instance, which is root's, CAP_DAC_OVERRIDE.
Source: Documentation/trace/ftrace.rst (instances, trace_clock, buffer_percent), fsopen(2), fsmount(2).
"""

import contextlib
import ctypes
import os
from pathlib import Path
from typing import Final, Self

from collector.sources.base import PrivilegeError, SourceError, SourceMissingError

_INSTANCE: Final = "exit137"
_MOUNTS: Final = Path("/proc/self/mounts")
_FILESYSTEMS: Final = Path("/proc/filesystems")
_FSOPEN, _FSCONFIG, _FSMOUNT = 430, 431, 432
_CLOEXEC: Final = 1
_FSCONFIG_CMD_CREATE: Final = 6
_BUFFER_KB: Final = "256"
_REMEDY: Final = "grant CAP_DAC_OVERRIDE, with ReadWritePaths=/sys/kernel/tracing/instances (trace.conf)"
# HUP INT QUIT ABRT KILL TERM, and the SIGRTMIN+3 that stops a systemd in a container: what ends a container.
FATAL_SIGNALS: Final = (1, 2, 3, 6, 9, 15, 37)


class TraceInstance:
    """
    The instance; use it as a context manager. One that an older run left behind is taken over.

    Args:
        tracefs: where tracefs is; None to find out.

    Raises:
        SourceMissingError: this kernel has no tracefs, or no such events.
        PrivilegeError: it may not be used.
        SourceError: it cannot be set up.
    """

    def __init__(self, tracefs: str | None = None) -> None:
        self._mount: int | None = None
        self._path = Path(tracefs or self._found()) / "instances" / _INSTANCE
        self._pipe: int | None = None

    def __enter__(self) -> Self:
        try:
            self._path.mkdir(exist_ok=True)
            self._set_up()
            self._pipe = os.open(self._path / "trace_pipe", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except PermissionError as error:
            self.close()
            raise PrivilegeError("tracefs may not be used", _REMEDY) from error
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
        The pipe's descriptor; readable as soon as there is an event.
        """
        if self._pipe is None:
            raise SourceError("the trace instance is not open")
        return self._pipe

    def close(self) -> None:
        """
        Remove the instance: the events are off again.
        """
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None
        with contextlib.suppress(OSError):
            self._path.rmdir()
        if self._mount is not None:
            os.close(self._mount)
            self._mount = None

    def _set_up(self) -> None:
        """
        The clock is CLOCK_MONOTONIC, so that others can be compared with it; the pipe wakes its reader at once.
        """
        signals = " || ".join(f"sig == {number}" for number in FATAL_SIGNALS)
        settings = {
            "trace_clock": "mono",
            "buffer_size_kb": _BUFFER_KB,
            "events/signal/signal_generate/filter": signals,
            "events/signal/signal_generate/enable": "1",
            "events/oom/mark_victim/enable": "1",
        }
        for name, value in settings.items():
            (self._path / name).write_text(value)
        with contextlib.suppress(FileNotFoundError):  # before 5.0 the pipe always woke its reader at once
            (self._path / "buffer_percent").write_text("0")

    def _found(self) -> str:
        for line in _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
            fields = line.split(" ")
            if len(fields) > 2 and fields[2] == "tracefs":  # noqa: PLR2004 - device, path, type
                return fields[1]
        if "\ttracefs\n" not in _FILESYSTEMS.read_text(encoding="ascii"):
            raise SourceMissingError("this kernel has no tracefs")
        self._mount = _opened_unmounted()
        return f"/proc/self/fd/{self._mount}"


def _opened_unmounted() -> int:
    """
    A descriptor of tracefs that is mounted nowhere.
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
        return PrivilegeError("tracefs is not mounted and may not be opened", _REMEDY)
    return SourceMissingError(f"tracefs cannot be opened: {os.strerror(ctypes.get_errno())}")
