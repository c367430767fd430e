"""
Parse entries of the systemd journal, in all forms in which it is exported.

`journalctl -o json`: strings; an array of byte values if the text is not printable; an array of those
if a field repeats; null if it is too large. systemd-python: str, bytes, int, datetime, UUID.
`journalctl -o export` (`journal_export`): bytes. journald itself writes the fields that begin
with `_`, so they can be trusted; the sender chooses the others (systemd.journal-fields(7)).
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from parsers.errors import ParseError
from parsers.kernel.coredumps import COREDUMP_MESSAGE_ID, coredump_field
from parsers.oom.facts import KernelLine
from parsers.untyped import decoded, int_of

# SD_MESSAGE_JOURNAL_MISSED in systemd's sd-messages.h.
KERNEL_MISSED: Final = "e9bf28e6e834481bb6f48f548ad13606"
_MISSED: Final = re.compile(r"Missed ([0-9]{1,18}) kernel messages")
_EXPECTED: Final = "an entry of the journal"
_NS_PER_US: Final = 1000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_BYTE_VALUES: Final = 256
_KERNEL_FACILITY: Final = 0
_PODMAN: Final = "PODMAN_"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """
    The fields of an entry that are used here.

    Attributes:
        message: empty if there is none; bytes that are not UTF-8 are kept as surrogates.
        transport: how the entry reached journald: `kernel`, `journal`, `syslog`, `stdout`, …
        boot_id: 32 hex digits, no dashes; likewise `machine_id`.
        realtime_ns: when journald received it, nanoseconds since 1970; `monotonic_us` is the same since boot.
        source_realtime_ns: when the sender sent it.
        source_monotonic_us: the kernel's own time of a kernel message.
        pid: of the sender; likewise `uid`, `cgroup` and `systemd_unit`, for all of which journald vouches.
        command_line: of the sender, as /proc shows it: what the sender wrote there.
        unit: the unit that a message of PID 1 is about; `user_unit` for a user's manager.
        job_type: of a message of systemd about a job: `start`, `stop`, `restart`, …
        message_id: the kind of the message, 32 hex digits; it stays when the words change.
        audit_id: the number of an audit record, for which journald vouches.
        coredump: the fields COREDUMP_* of an entry of systemd-coredump, without that prefix.
        podman: the fields PODMAN_* of an event of Podman, without that prefix.
    """

    message: str
    transport: str | None = None
    identifier: str | None = None
    facility: int | None = None
    priority: int | None = None
    boot_id: str | None = None
    machine_id: str | None = None
    hostname: str | None = None
    realtime_ns: int | None = None
    monotonic_us: int | None = None
    source_realtime_ns: int | None = None
    source_monotonic_us: int | None = None
    pid: int | None = None
    uid: int | None = None
    cgroup: str | None = None
    systemd_unit: str | None = None
    command_line: str | None = None
    unit: str | None = None
    user_unit: str | None = None
    job_type: str | None = None
    message_id: str | None = None
    audit_id: int | None = None
    coredump: Mapping[str, str] | None = None
    podman: Mapping[str, str] | None = None
    cursor: str | None = None

    @property
    def from_kernel(self) -> bool:
        """
        Whether the kernel itself wrote the entry: what user space writes to /dev/kmsg has a facility other than 0.
        """
        return self.transport == "kernel" and self.facility in (None, _KERNEL_FACILITY)

    @property
    def at_ns(self) -> int | None:
        """
        When it happened, in nanoseconds since 1970: the sender's time, or else journald's.
        """
        return _at_ns(self.source_realtime_ns, self.realtime_ns, self.source_monotonic_us, self.monotonic_us)


def parse_entry(fields: bytes | Mapping[str, Any]) -> JournalEntry:
    """
    Parse one entry; fields of an unexpected type count as missing.

    Args:
        fields: a line of `journalctl -o json`, or the fields in any of the shapes above.

    Raises:
        ParseError: the input is not an object, or has no fields.
    """
    entry = decoded(fields, _EXPECTED) if isinstance(fields, bytes) else fields
    if not isinstance(entry, Mapping) or not entry:
        raise ParseError(_EXPECTED, repr(entry))
    return JournalEntry(
        message=_text(entry, "MESSAGE") or "",
        transport=_text(entry, "_TRANSPORT"),
        identifier=_text(entry, "SYSLOG_IDENTIFIER"),
        facility=_int(entry, "SYSLOG_FACILITY"),
        priority=_int(entry, "PRIORITY"),
        boot_id=_id(entry, "_BOOT_ID"),
        machine_id=_id(entry, "_MACHINE_ID"),
        hostname=_text(entry, "_HOSTNAME"),
        realtime_ns=_ns(_int(entry, "__REALTIME_TIMESTAMP")),
        monotonic_us=_us(entry, "__MONOTONIC_TIMESTAMP"),
        source_realtime_ns=_ns(_int(entry, "_SOURCE_REALTIME_TIMESTAMP")),
        source_monotonic_us=_us(entry, "_SOURCE_MONOTONIC_TIMESTAMP"),
        pid=_int(entry, "_PID"),
        uid=_int(entry, "_UID"),
        cgroup=_text(entry, "_SYSTEMD_CGROUP"),
        systemd_unit=_text(entry, "_SYSTEMD_UNIT"),
        command_line=_text(entry, "_CMDLINE"),
        unit=_text(entry, "UNIT"),
        user_unit=_text(entry, "USER_UNIT"),
        job_type=_text(entry, "JOB_TYPE"),
        message_id=(message_id := _id(entry, "MESSAGE_ID")),
        audit_id=_int(entry, "_AUDIT_ID"),
        coredump=_coredump(entry) if message_id == COREDUMP_MESSAGE_ID else None,
        podman=_podman(entry) if "PODMAN_EVENT" in entry else None,
        cursor=_text(entry, "__CURSOR"),
    )


def kernel_line(entry: JournalEntry) -> KernelLine | None:
    """
    Return the kernel log line of an entry; None if the kernel did not write it.
    """
    if not entry.from_kernel:
        return None
    return KernelLine(
        text=entry.message,
        monotonic_us=entry.source_monotonic_us,
        boot_id=entry.boot_id,
        at_ns=entry.at_ns,
    )


def parse_kernel_line(fields: Mapping[str, Any]) -> KernelLine | None:
    """
    Return the kernel log line of an entry; None if the kernel did not write it.

    The same as `kernel_line` of the parsed entry, in half the time: nearly all entries that are read are of the kernel.
    """
    if _text(fields, "_TRANSPORT") != "kernel" or _int(fields, "SYSLOG_FACILITY") not in (None, _KERNEL_FACILITY):
        return None
    source_us = _us(fields, "_SOURCE_MONOTONIC_TIMESTAMP")
    return KernelLine(
        text=_text(fields, "MESSAGE") or "",
        monotonic_us=source_us,
        boot_id=_id(fields, "_BOOT_ID"),
        at_ns=_at_ns(
            _ns(_int(fields, "_SOURCE_REALTIME_TIMESTAMP")),
            _ns(_int(fields, "__REALTIME_TIMESTAMP")),
            source_us,
            _us(fields, "__MONOTONIC_TIMESTAMP"),
        ),
    )


def missed_kernel_records(entry: JournalEntry) -> int | None:
    """
    Return how many records of the kernel log journald has not read before they were overwritten, as it says itself.

    Source: server_read_dev_kmsg in systemd's journald-kmsg.c. Only journald writes entries of the transport `driver`.
    """
    missed = _MISSED.fullmatch(entry.message) if entry.message_id == KERNEL_MISSED else None
    return int_of(missed[1]) if missed is not None and entry.transport == "driver" else None


def _text(entry: Mapping[str, Any], name: str) -> str | None:
    """
    Return a field as text; the first one if it repeats.
    """
    value = entry.get(name)
    if value is None or isinstance(value, str):
        return value  # nearly always
    if isinstance(value, list) and value and not isinstance(value[0], int):
        value = value[0]
    if isinstance(value, list) and all(isinstance(item, int) and 0 <= item < _BYTE_VALUES for item in value):
        value = bytes(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return value if isinstance(value, str) else None


def _int(entry: Mapping[str, Any], name: str) -> int | None:
    """
    Return a field as a number; times and durations in microseconds.
    """
    value = entry.get(name)
    if value is None or isinstance(value, str):
        return int_of(value)  # nearly always
    if isinstance(value, tuple) and value:
        value = value[0]
    if isinstance(value, datetime):
        return (value - _EPOCH) // _MICROSECOND if value.tzinfo is not None else None
    if isinstance(value, timedelta):
        return value // _MICROSECOND
    return int_of(value) if isinstance(value, int) else int_of(_text(entry, name))


def _coredump(entry: Mapping[str, Any]) -> Mapping[str, str]:
    fields = {short: _text(entry, name) for name in entry if (short := coredump_field(name)) is not None}
    return {short: text for short, text in fields.items() if text is not None}


def _podman(entry: Mapping[str, Any]) -> Mapping[str, str]:
    fields = {name.removeprefix(_PODMAN): _text(entry, name) for name in entry if name.startswith(_PODMAN)}
    return {short: text for short, text in fields.items() if text is not None}


def _id(entry: Mapping[str, Any], name: str) -> str | None:
    value = entry.get(name)
    if isinstance(value, uuid.UUID):
        return value.hex
    text = _text(entry, name)
    return text.replace("-", "").lower() if text else None


def _at_ns(
    source_realtime_ns: int | None, realtime_ns: int | None, source_monotonic_us: int | None, monotonic_us: int | None
) -> int | None:
    if source_realtime_ns is not None or realtime_ns is None:
        return source_realtime_ns
    if source_monotonic_us is None or monotonic_us is None:
        return realtime_ns
    return int_of(realtime_ns - (monotonic_us - source_monotonic_us) * _NS_PER_US)


def _ns(time_us: int | None) -> int | None:
    return int_of(time_us * _NS_PER_US) if time_us is not None else None


def _us(entry: Mapping[str, Any], name: str) -> int | None:
    """
    Return a time since boot, if 64 bits can hold it in nanoseconds.
    """
    time_us = _int(entry, name)
    return time_us if _ns(time_us) is not None else None
