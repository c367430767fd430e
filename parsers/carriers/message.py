"""
Define a message of a pasted text, whatever carried it, and a text inside a record.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from parsers.carriers.senders import split_sender
from parsers.oom.facts import KernelLine


@dataclass(frozen=True, slots=True, kw_only=True)
class PastedLine:
    """
    One message of a pasted text.

    Attributes:
        identifier: the writer that the prefix names, for example `kernel` or `systemd[1]`, if any.
        from_kernel: the kernel wrote the line, as far as the text shows.
        machine_id: the host that wrote it; like `hostname` only in the journal's records.
        host: the host's name in the prefix, if any.
        pasted_time: the time as the text prints it, also without a year or a zone; None if there is only a stamp of
            seconds since boot.
        number: the number of the message's first line in the text, from 1.
        coredump: the fields COREDUMP_* of a report of systemd-coredump, without that prefix; `line` has its stack.
    """

    line: KernelLine
    identifier: str | None
    from_kernel: bool
    machine_id: str | None = None
    hostname: str | None = None
    host: str | None = None
    pasted_time: str | None = None
    number: int | None = None
    coredump: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    """
    The text that a record carries, and what the record says about it.

    Attributes:
        identifier: the program that wrote the text, if the record names one.
    """

    text: str
    at_ns: int | None = None
    pasted_time: str | None = None
    host: str | None = None
    identifier: str | None = None


def of_user_space(line: KernelLine) -> PastedLine:
    """
    Return what a program wrote to the kernel log, with the name that it gave itself, if any.
    """
    name, text = split_sender(line.text)
    named = KernelLine(text=text, monotonic_us=line.monotonic_us, at_ns=line.at_ns, seq=line.seq)
    return PastedLine(line=named, identifier=name, from_kernel=False)
