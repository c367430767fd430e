"""
Define a line of a pasted text without its prefix.
"""

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class Prefixed:
    """
    A line without its prefix, and the contents of the prefix.

    Attributes:
        text: the message.
        indent: blanks and quotes before the first prefix or, without one, before the text.
        prefixed: the line had more than an indent.
        identifier: the sender's name, with its pid where it was printed: `kernel`, `systemd[1]`.
        from_kernel: the prefix does not show that user space wrote the line.
        monotonic_us: microseconds since boot on the kernel's log clock.
        at_ns: nanoseconds since 1970; only from a date with a time zone.
        caller: `T<tid>` or `C<cpu>`.
        host: the host's name, where the prefix has one.
        pasted_time: the time as the text prints it, the date rather than the seconds since boot.
        number: the number of the line in the text, from 1.
        raw: the line with its prefix.
    """

    text: str
    indent: int = 0
    prefixed: bool = False
    identifier: str | None = None
    from_kernel: bool = True
    monotonic_us: int | None = None
    at_ns: int | None = None
    caller: str | None = None
    host: str | None = None
    pasted_time: str | None = None
    number: int | None = None
    raw: str = ""
