r"""
Parse records of /dev/kmsg, one per read.

    <pri>,<seq>,<usec>,<flags>[,key=value…];<text>\n[ KEY=value\n…]

`pri` is facility * 8 + level; a facility other than 0 means that user space wrote the record. The kernel prints control
characters, bytes from 0x7f on and the backslash as `\xNN`. Linux 3.5 had no flags.
Source: Documentation/ABI/testing/dev-kmsg, kernel/printk/printk.c (info_print_ext_header).

    6,1406,13000000,-,caller=T4242;Memory cgroup out of memory: Killed process 4242 (java) total-vm:…
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from parsers.errors import ParseError

_FORMAT: Final = "a record of /dev/kmsg: pri,seq,usec,flags;text"
_ESCAPE: Final = re.compile(rb"\\x([0-9a-fA-F]{2})")
_NEWLINE: Final = rb"\x0a"
_KERNEL_FACILITY: Final = 0
# The kernel counts nanoseconds in 64 bits: 292 years.
US_AT_MOST: Final = (1 << 63) // 1000
# `c` marks a fragment; before 4.9 it marked the first of them and `+` the others.
_FRAGMENT_FLAGS: Final = (b"c", b"+")
_HEADER: Final = re.compile(rb"([0-9]{1,20}),([0-9]{1,20}),([0-9]{1,20})(?:,([^;]*))?;")
# The last field of new kernels is a process name: 15 bytes of any kind, `;` too.
_NAMED: Final = re.compile(rb"([0-9]{1,20}),([0-9]{1,20}),([0-9]{1,20}),([^;]*?),comm=[^\n]{0,15};")
_CALLER: Final = b"caller="


@dataclass(frozen=True, slots=True, kw_only=True)
class KmsgRecord:
    """
    One record of the kernel log.

    Attributes:
        priority: facility * 8 + level.
        seq: number of the record since boot.
        monotonic_us: microseconds since boot on the kernel's log clock.
        text: the message, escapes resolved; bytes that are not UTF-8 are kept as surrogates.
        fragment: the record continues an earlier one (flag `c`).
        caller: `T<tid>` or `C<cpu>`, if the kernel was built with CONFIG_PRINTK_CALLER.
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
        The part of the system that wrote the record: 0 is the kernel.
        """
        return self.priority >> 3

    @property
    def from_kernel(self) -> bool:
        """
        Whether the kernel wrote the record; user space cannot write with facility 0.
        """
        return self.facility == _KERNEL_FACILITY


def parse_record(record: bytes) -> KmsgRecord:
    """
    Parse one record.

    Raises:
        ParseError: the bytes are not a record.
    """
    header = _HEADER.match(record)
    if header is not None and b",comm=" in header[0]:
        header = _NAMED.match(record)
    if header is None or int(header[3]) > US_AT_MOST:
        raise ParseError(_FORMAT, record)
    body, _, rest = record[header.end() :].partition(b"\n")
    flags, *fields = (header[4] or b"").split(b",")
    callers = [item[len(_CALLER) :] for item in fields if item.startswith(_CALLER)]
    return KmsgRecord(
        priority=int(header[1]),
        seq=int(header[2]),
        monotonic_us=int(header[3]),
        text=unescape(body),
        fragment=flags in _FRAGMENT_FLAGS,
        caller=callers[0].decode("ascii", "replace") if callers else None,
        properties=_properties(rest.split(b"\n")) if rest else {},
    )


def unescape(text: bytes) -> str:
    r"""
    Resolve the kernel's `\xNN`.
    """
    if b"\\x" in text:
        text = text.replace(_NEWLINE, b"\n")  # statistics have forty of them
    if b"\\x" in text:
        text = _ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), text)
    return text.decode("utf-8", "surrogateescape")


def split_dump(data: bytes) -> Iterator[bytes]:
    """
    Split a file of records; a line that begins with a blank continues the record before.
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
