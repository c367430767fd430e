"""
The journal's part of a recording: the kernel's entries as `journalctl -o json` prints them, and those of the programs
that kill for memory in the journal's export format (https://systemd.io/JOURNAL_EXPORT_FORMATS/).
"""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, BinaryIO, Final

import orjson

from collector.sources.base import SourceError
from collector.sources.journal_reader import JournalReader

_BATCH: Final = 1000


def copy_journal(boot_id: str | None, kernel: BinaryIO, units: BinaryIO) -> int:
    """
    Copy the entries of this boot and the one before that concern memory; gives their number, 0 where there is none.

    Args:
        boot_id: this boot, 32 hex digits.
        kernel: takes the kernel's entries, one JSON object a line.
        units: takes the others, in export format.
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
    if isinstance(plain, bytes):
        return list(plain)
    return plain


def _export(entry: Mapping[str, Any]) -> bytes:
    return b"".join(_field(name.encode(), _bytes(value)) for name, value in entry.items()) + b"\n"


def _field(name: bytes, value: bytes) -> bytes:
    if b"\n" not in value and value.isascii():
        return name + b"=" + value + b"\n"
    return name + b"\n" + len(value).to_bytes(8, "little") + value + b"\n"


def _bytes(value: object) -> bytes:
    plain = _plain(value)
    return plain if isinstance(plain, bytes) else plain.encode("utf-8", "surrogateescape")


def _plain(value: object) -> str | bytes:
    """
    A value as the journal holds it; python-systemd makes objects of some.
    """
    if isinstance(value, bytes | str):
        return value
    if isinstance(value, uuid.UUID):
        return value.hex
    if isinstance(value, datetime):
        return str(int(value.timestamp() * 1_000_000))
    return str(value)
