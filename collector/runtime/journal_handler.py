"""
Writes log records to the journal, with fields to filter by: `journalctl EXIT137_SOURCE=docker`.

One datagram per record in journald's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): lines of `NAME=value`. A
value of several lines is preceded by its length. Used only if standard error is the journal.
"""

import logging
import os
import socket
import struct
from collections.abc import Iterator, Mapping
from typing import Final

from collector.runtime.log_format import MaskingFormatter
from sinks.masking import mask_text

_SOCKET: Final = "/run/systemd/journal/socket"
# Keeps a record well below the size limit of a datagram, whatever is logged.
_MAX_FIELD_BYTES: Final = 65_536
_LENGTH: Final = struct.Struct("<Q")
_PRIORITIES: Final = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}
# The keys that callers may pass with `extra=`, and their fields in the journal.
_EXTRA: Final = {"source": "EXIT137_SOURCE", "what": "EXIT137_WHAT", "sink": "EXIT137_SINK"}


class JournalHandler(logging.Handler):
    """
    Sends each record to journald. If that fails, writes it to standard error with its priority.

    Args:
        address: the path of journald's socket.
    """

    def __init__(self, address: str = _SOCKET) -> None:
        super().__init__()
        self._address = address
        self.setFormatter(MaskingFormatter("%(message)s"))
        self._fallback = logging.StreamHandler()
        self._fallback.setFormatter(_WithPriority("%(message)s"))
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)

    def emit(self, record: logging.LogRecord) -> None:
        """
        Send one record.
        """
        try:
            self._socket.sendto(b"".join(_field(*field) for field in self._fields(record)), self._address)
        except OSError:
            self._fallback.emit(record)

    def close(self) -> None:
        """
        Close the socket.
        """
        self._socket.close()
        super().close()

    def _fields(self, record: logging.LogRecord) -> Iterator[tuple[str, str]]:
        yield "MESSAGE", self.format(record)
        yield "PRIORITY", str(_priority(record))
        yield "SYSLOG_IDENTIFIER", "exit137"
        yield "LOGGER", record.name
        yield "CODE_FILE", record.pathname
        yield "CODE_LINE", str(record.lineno)
        yield "CODE_FUNC", record.funcName or ""
        for attribute, name in _EXTRA.items():
            if attribute in record.__dict__:
                yield name, mask_text(str(record.__dict__[attribute]))


class _WithPriority(MaskingFormatter):
    """
    Puts the priority before the text, as in `<3>the store is full` (sd-daemon(3)).
    """

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record).replace("\n", "\n  ")
        return f"<{_priority(record)}>{text}"


def is_journal(environment: Mapping[str, str]) -> bool:
    """
    Return whether standard error is the journal: JOURNAL_STREAM holds the device and inode of systemd's stream.

    Args:
        environment: the variables of this process.
    """
    try:
        status = os.fstat(2)
    except OSError:
        return False
    return environment.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def _priority(record: logging.LogRecord) -> int:
    return _PRIORITIES.get(record.levelno, 6)


def _field(name: str, value: str) -> bytes:
    content = value.encode("utf-8", "backslashreplace")[:_MAX_FIELD_BYTES]
    if b"\n" in content:
        return b"%s\n%s%s\n" % (name.encode(), _LENGTH.pack(len(content)), content)
    return b"%s=%s\n" % (name.encode(), content)
