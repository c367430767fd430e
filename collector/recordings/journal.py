"""
Copies the journal into a recording: kernel entries in the form of `journalctl -o json`, entries of OOM killers, core
dumps and audit records in the journal's export format (https://systemd.io/JOURNAL_EXPORT_FORMATS/). Secrets are masked.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, BinaryIO, Final

import orjson

from collector.sources.base import SourceError
from collector.sources.journald.reader import JournalReader
from parsers.kernel import coredump_field
from sinks.masking import mask_bytes, mask_text

_BATCH: Final = 1000
_COREDUMP: Final = "COREDUMP"


def copy_journal(boot_id: str | None, kernel: BinaryIO, units: BinaryIO) -> int:
    """
    Copy the entries of this boot and the boot before it that may concern a kill.

    Args:
        boot_id: this boot, 32 hex digits.
        kernel: receives the kernel's entries, one JSON object per line.
        units: receives the other entries, in export format.

    Returns:
        The number of entries copied; 0 if there is no journal.
    """
    reader = JournalReader(None, boot_id)
    count = 0
    try:
        reader.open(None)
        while entries := reader.read(_BATCH):
            for entry in entries:
                if entry.get("_TRANSPORT") == "kernel":
                    kernel.write(orjson.dumps({name: _json(value) for name, value in entry.items()}) + b"\n")
                else:
                    units.write(_export(entry))
            count += len(entries)
    except SourceError:
        return count
    finally:
        reader.close()
    return count


def _json(value: object) -> Any:  # noqa: ANN401 - text, or a list of byte values
    plain = _plain(value)
    return list(mask_bytes(plain)) if isinstance(plain, bytes) else mask_text(plain)


def _export(entry: Mapping[str, Any]) -> bytes:
    fields = (_field(name.encode(), _bytes(value)) for name, value in entry.items() if _is_kept(name))
    return b"".join(fields) + b"\n"


def _is_kept(name: str) -> bool:
    """
    Return whether a field is recorded: systemd-coredump also stores the environment, open files, even the core itself.
    """
    return not name.startswith(_COREDUMP) or coredump_field(name) is not None


def _field(name: bytes, value: bytes) -> bytes:
    if b"\n" not in value and value.isascii():
        return name + b"=" + value + b"\n"
    return name + b"\n" + len(value).to_bytes(8, "little") + value + b"\n"


def _bytes(value: object) -> bytes:
    plain = _plain(value)
    return mask_bytes(plain if isinstance(plain, bytes) else plain.encode("utf-8", "surrogateescape"))


def _plain(value: object) -> str | bytes:
    """
    Return a value as the journal stores it; python-systemd converts some to objects.
    """
    if isinstance(value, bytes | str):
        return value
    if isinstance(value, uuid.UUID):
        return value.hex
    if isinstance(value, datetime):
        return str(int(value.timestamp() * 1_000_000))
    return str(value)
