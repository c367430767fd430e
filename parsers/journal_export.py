"""
Parse the export format of the systemd journal (`journalctl -o export`): `NAME=text` lines, or a binary form for any
bytes. An empty line ends an entry.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from parsers.errors import ParseError

_EXPORT: Final = "the export format of the journal"
_LENGTH_BYTES: Final = 8

ExportFields = Mapping[str, bytes | list[bytes]]


def parse_export(data: bytes) -> Iterator[ExportFields]:
    """
    Parse the export format; a field that repeats becomes a list.

    Raises:
        ParseError: a line is not a field, or the data ends within one.
    """
    fields: dict[str, bytes | list[bytes]] = {}
    at = 0
    while at < len(data):
        end = data.find(b"\n", at)
        if end < 0:
            raise ParseError(_EXPORT, data[at:])
        line, at = data[at:end], end + 1
        if not line:
            if fields:
                yield fields
            fields = {}
            continue
        name, equals, value = line.partition(b"=")
        if not equals:
            value, at = _binary_value(data, at)
        _add(fields, name, value)
    if fields:
        yield fields


def _binary_value(data: bytes, at: int) -> tuple[bytes, int]:
    """
    Return the value after a bare name, and where it ends: 64 bits of length, little-endian, the bytes, a line feed.
    """
    start = at + _LENGTH_BYTES
    end = start + int.from_bytes(data[at:start], "little")
    if data[end : end + 1] != b"\n":
        raise ParseError(_EXPORT, data[at:])
    return data[start:end], end + 1


def _add(fields: dict[str, bytes | list[bytes]], name: bytes, value: bytes) -> None:
    key = name.decode("utf-8", "surrogateescape")
    known = fields.get(key)
    if known is None:
        fields[key] = value
    elif isinstance(known, list):
        known.append(value)
    else:
        fields[key] = [known, value]
