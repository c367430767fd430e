"""
Read the records of journalctl, dmesg --json and /dev/kmsg out of a pasted text.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import zip_longest
from typing import Any, Final

from parsers.carriers.log_prefix import USER_SPACE_PRIORITY
from parsers.carriers.message import PastedLine, of_user_space
from parsers.errors import ParseError
from parsers.journal import kernel_line, parse_entry
from parsers.journal_export import parse_export
from parsers.kmsg import parse_record
from parsers.oom.facts import KernelLine
from parsers.untyped import int_of, text_of

EXPORT: Final = re.compile(rb"(?:\A|\n)__CURSOR=")
KMSG: Final = re.compile(r"[0-9]{1,4},[0-9]{1,20},[0-9]{1,20}(?:,[^;]*)?;")
KMSG_PROPERTY: Final = re.compile(r" [A-Z_]+=")
# `Wed 2024-10-30 10:13:57.161113 CET [s=2c2f…;i=0;b=1111…;m=192b;t=5aec;x=eb93]`, then indented `NAME=text` lines.
_VERBOSE_HEAD: Final = re.compile(
    r"\S{1,12} (?P<time>[0-9-]{10} [0-9:.]{8,16} \S{1,8}) \[s=[0-9a-f]+;i=(?P<rest>[^\]]*)\]\s*\Z"
)
_VERBOSE_FIELD: Final = re.compile(r" {2,}(?P<name>[A-Z0-9_]{1,64})=(?P<value>.*)", re.DOTALL)
_VERBOSE_FIELDS_AT_MOST: Final = 512
# Before this, a cursor's time is not one (2001, in microseconds).
_US_AT_LEAST: Final = 10**15
_US_PER_S: Final = 1_000_000
# Far more than any uptime; in microseconds it still fits 64 bits.
_SECONDS_AT_MOST: Final = 1e12


def kmsg(text: str) -> PastedLine | None:
    """
    Parse a line that is a record of /dev/kmsg.
    """
    if KMSG.match(text) is None:
        return None
    try:
        record = parse_record(text.encode("utf-8", "surrogateescape"))
    except ParseError:
        return None
    line = KernelLine(
        text=record.text,
        monotonic_us=record.monotonic_us,
        seq=record.seq,
        caller=record.caller,
        fragment=record.fragment,
    )
    return PastedLine(line=line, identifier=None, from_kernel=True) if record.from_kernel else of_user_space(line)


def journal_entry(fields: Mapping[str, Any]) -> PastedLine | None:
    """
    Parse the fields of an entry of the journal, from any of its formats.
    """
    try:
        entry = parse_entry(fields)
    except ParseError:
        return None
    line = kernel_line(entry)
    return PastedLine(
        line=line or KernelLine(text=entry.message, boot_id=entry.boot_id, at_ns=entry.at_ns),
        identifier=entry.identifier,
        from_kernel=line is not None,
        machine_id=entry.machine_id,
        hostname=entry.hostname,
        coredump=entry.coredump or None,
    )


def export(data: bytes, number: int) -> Iterator[PastedLine]:
    """
    Yield the messages of `journalctl -o export`, up to where it is cut or damaged.

    Args:
        data: records, the first of which begins at the first byte.
        number: the number of the first line.
    """
    if b"\r\n" in data:
        data = data.replace(b"\r\n", b"\n")
    with suppress(ParseError):
        for fields in parse_export(data):
            pasted = journal_entry(fields)
            if pasted is not None:
                yield replace(pasted, number=number)
            number += len(fields) + 1


def verbose(lines: Sequence[str], at: int) -> tuple[PastedLine | None, int]:
    """
    Return the message of a record of `journalctl -o verbose`, and how many lines it has; 0 if there is no record.
    """
    head = _VERBOSE_HEAD.match(lines[at])
    if head is None:
        return None, 0
    fields: dict[str, str] = {}
    name = None
    count = 1
    rows = lines[at + 1 : at + 1 + _VERBOSE_FIELDS_AT_MOST]
    for line, following in zip_longest(rows, rows[1:], fillvalue=""):
        field = _VERBOSE_FIELD.match(line)
        if field is not None:
            name = field["name"]
            fields[name] = field["value"]
        elif name is not None and _continues(line, following):
            fields[name] += "\n" + line.strip()
        else:
            break
        count += 1
    _add_time(fields, head["rest"])
    pasted = journal_entry(fields)
    return (replace(pasted, pasted_time=head["time"]) if pasted is not None else None), count


def _continues(line: str, following: str) -> bool:
    """
    Return whether a line continues the field before it; who copies it may have lost the blanks of an empty line.
    """
    text = line if line.strip() else following
    return text.startswith("    ") and _VERBOSE_FIELD.match(text) is None and _VERBOSE_HEAD.match(text) is None


def _add_time(fields: dict[str, str], cursor: str) -> None:
    """
    Add the time that only the cursor of a record has: hexadecimal microseconds since 1970.
    """
    parts = dict(part.partition("=")[::2] for part in cursor.split(";"))
    with suppress(ValueError):
        time_us = int(parts.get("t", ""), 16)
        if time_us >= _US_AT_LEAST:
            fields.setdefault("__REALTIME_TIMESTAMP", str(time_us))


def dmesg_json(fields: Mapping[str, Any]) -> PastedLine:
    """
    Parse one message of `dmesg --json`: `{"dmesg": [{"pri": 6, "time": 65.481992, "msg": "…"}, …]}`.
    """
    line = KernelLine(
        text=text_of(fields.get("msg")) or "",
        monotonic_us=_microseconds(fields.get("time")),
        caller=text_of(fields.get("caller")),
    )
    by_number = (int_of(fields.get("pri")) or 0) < USER_SPACE_PRIORITY
    if by_number and fields.get("fac", "kern") == "kern":
        return PastedLine(line=line, identifier=None, from_kernel=True)
    return of_user_space(line)


def _microseconds(seconds: object) -> int | None:
    if not isinstance(seconds, int | float) or not math.isfinite(seconds):
        return None
    return round(seconds * _US_PER_S) if 0 <= seconds < _SECONDS_AT_MOST else None
