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
# In nanoseconds it has 64 bits: 292 years.
_US_AT_MOST: Final = (1 << 63) // 1000
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


def frame(record: bytes) -> tuple[int, int, int, str] | None:
    """
    The numbers of a record and its text as it stands, cheaply: (priority, seq, usec, text); None for garbage.

    The text may have the end of a header before it and is read as Latin-1; it is for searching, not for parsing.
    """
    head, separator, text = record.partition(b";")
    fields = head.split(b",", _FIELDS_AT_LEAST)
    if not separator or len(fields) < _FIELDS_AT_LEAST or len(head) > _HEADER_BYTES_AT_MOST:
        return None
    try:
        return int(fields[0]), int(fields[1]), int(fields[2]), text.decode("latin-1")
    except ValueError:
        return None


def is_next_and_ordinary(record: bytes, seq: int) -> bool:
    """
    Whether a record follows the one of this number and has nothing to do with an OOM: most do, so it is the cheapest
    question that can be asked of one.
    """
    text = record.decode("latin-1")
    if concerns_oom(text):
        return False
    fields = text.split(",", 2)
    return len(fields) == _FIELDS_AT_LEAST and fields[1] == str(seq + 1)


def concerns_oom(text: str) -> bool:
    """
    Whether a line may belong to an OOM: cheap, and true for all lines that open, carry or end a report.

    Args:
        text: the message; bytes of any encoding may be given as Latin-1 (a search in str is faster than in bytes).
    """
    return (
        "oom" in text
        or "OOM" in text
        or ("ill" in text and ("kill" in text or "Kill" in text))
        or ("mem" in text and ("ut of mem" in text or "locked on mem" in text))
    )


def parse_record(record: bytes) -> KmsgRecord:
    """
    Parse one record.

    Raises:
        ParseError: it is not one.
    """
    header = _HEADER.match(record)
    if header is None or int(header[3]) > _US_AT_MOST:
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
