r"""
Records of /dev/kmsg, one per read.

    <pri>,<seq>,<usec>,<flags>[,key=value…];<text>\n[ KEY=value\n…]

`pri` is facility * 8 + level; a facility other than 0 means that user space wrote the record. Control
characters, bytes from 0x7f on and the backslash are written as `\xNN`. Linux 3.5 had no flags.
Source: Documentation/ABI/testing/dev-kmsg, kernel/printk/printk.c (info_print_ext_header).

    6,1406,13000000,-,caller=T4242;Memory cgroup out of memory: Killed process 4242 (java) total-vm:…
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from parsers.errors import ParseError

_FORMAT: Final = "a record of /dev/kmsg: pri,seq,usec,flags;text"
_HEADER_BYTES_AT_MOST: Final = 512
_FIELDS_AT_LEAST: Final = 3
_ESCAPE: Final = re.compile(rb"\\x([0-9a-fA-F]{2})")
_KERNEL_FACILITY: Final = 0
# `c` marks a fragment; before 4.9 it marked the first of them and `+` the others.
_FRAGMENT_FLAGS: Final = (b"c", b"+")
# The last field of new kernels is a process name: 15 bytes of any kind, `;` too.
_HEADER: Final = re.compile(rb"([0-9]{1,20}),([0-9]{1,20}),([0-9]{1,20})(?:,([^;]*?)(?:,comm=[^\n]{0,15})?)?;")


@dataclass(frozen=True, slots=True, kw_only=True)
class KmsgRecord:
    """
    One record.

    Attributes:
        priority: facility * 8 + level.
        seq: number of the record since boot.
        monotonic_us: microseconds since boot on the kernel's log clock.
        text: the message, escapes resolved; bytes that are not UTF-8 are kept as surrogates.
        fragment: the record continues an earlier one (flag `c`).
        caller: `T<tid>` or `C<cpu>`.
        properties: the ` KEY=value` lines.
    """

    priority: int
    seq: int
    monotonic_us: int
    text: str
    fragment: bool = False
    caller: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def facility(self) -> int:
        """
        Who wrote it: 0 is the kernel.
        """
        return self.priority >> 3

    @property
    def from_kernel(self) -> bool:
        """
        Whether the kernel wrote it; user space cannot write with facility 0.
        """
        return self.facility == _KERNEL_FACILITY


def frame(record: bytes) -> tuple[int, int, int, bytes] | None:
    """
    The numbers of a record and its text as it stands, cheaply: (priority, seq, usec, text); None for garbage.

    The text may have the end of a header before it; it is for searching, not for parsing.
    """
    head, separator, text = record.partition(b";")
    fields = head.split(b",", _FIELDS_AT_LEAST)
    if not separator or len(fields) < _FIELDS_AT_LEAST or len(head) > _HEADER_BYTES_AT_MOST:
        return None
    try:
        return int(fields[0]), int(fields[1]), int(fields[2]), text
    except ValueError:
        return None


def concerns_oom(text: bytes) -> bool:
    """
    Whether a line may belong to an OOM: cheap, and true for all lines that open, carry or end a report.
    """
    return (
        b"oom" in text
        or b"OOM" in text
        or (b"ill" in text and (b"kill" in text or b"Kill" in text))
        or (b"mem" in text and (b"ut of mem" in text or b"locked on mem" in text))
    )


def parse_record(record: bytes) -> KmsgRecord:
    """
    Parse one record.

    Raises:
        ParseError: it is not one.
    """
    header = _HEADER.match(record)
    if header is None:
        raise ParseError(_FORMAT, record)
    body, *rest = record[header.end() :].split(b"\n")
    fields = (header[4] or b"").split(b",")
    callers = [item[len(b"caller=") :] for item in fields if item.startswith(b"caller=")]
    return KmsgRecord(
        priority=int(header[1]),
        seq=int(header[2]),
        monotonic_us=int(header[3]),
        text=unescape(body),
        fragment=fields[0] in _FRAGMENT_FLAGS,
        caller=callers[0].decode("ascii", "replace") if callers else None,
        properties=_properties(rest),
    )


def unescape(text: bytes) -> str:
    r"""
    Resolve the kernel's `\xNN`.
    """
    if b"\\x" in text:
        text = _ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), text)
    return text.decode("utf-8", "surrogateescape")


def split_dump(data: bytes) -> Iterator[bytes]:
    """
    The records of a file that has them one after the other; a line that begins with a blank goes on.
    """
    record: list[bytes] = []
    for line in data.split(b"\n"):
        if line.startswith(b" ") and record:
            record.append(line)
            continue
        if record:
            yield b"\n".join(record)
        record = [line] if line else []
    if record:
        yield b"\n".join(record)


def _properties(lines: list[bytes]) -> dict[str, str]:
    pairs = (line[1:].partition(b"=") for line in lines if line.startswith(b" "))
    return {unescape(key): unescape(value) for key, separator, value in pairs if separator}
