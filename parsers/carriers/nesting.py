"""
Combine what carriers inside one another say about a message: the innermost knows best.
"""

from dataclasses import replace

from parsers.carriers.log_prefix import KERNEL
from parsers.carriers.message import Inner, PastedLine, of_user_space
from parsers.carriers.prefixed import Prefixed
from parsers.carriers.records import Found
from parsers.oom.facts import KernelLine


def within(inner: Found, outer: Inner) -> Found:
    """
    Return what a record inside another one holds, with what only the outer one says.
    """
    if isinstance(inner, PastedLine):
        return inner
    return replace(
        inner,
        at_ns=inner.at_ns or outer.at_ns,
        pasted_time=inner.pasted_time or outer.pasted_time,
        host=inner.host or outer.host,
        identifier=inner.identifier or outer.identifier,
    )


def add_outer(line: Prefixed, record: Inner) -> None:
    """
    Add what a record says about its text, where the text itself does not say it.
    """
    line.prefixed = True
    line.at_ns = line.at_ns if line.at_ns is not None else record.at_ns
    line.pasted_time = line.pasted_time or record.pasted_time
    line.host = line.host or record.host
    if line.identifier is None and record.identifier is not None:
        line.identifier = record.identifier
        line.from_kernel = line.from_kernel and record.identifier == KERNEL


def add_prefix(line: Prefixed, before: Prefixed) -> None:
    """
    Add what a prefix says that stands before the quotes around a line.
    """
    line.prefixed = True
    line.host = line.host or before.host
    line.at_ns = line.at_ns if line.at_ns is not None else before.at_ns
    line.pasted_time = line.pasted_time or before.pasted_time
    line.monotonic_us = line.monotonic_us if line.monotonic_us is not None else before.monotonic_us
    line.identifier = line.identifier or before.identifier
    line.from_kernel = line.from_kernel and before.from_kernel


def pasted_line(head: Prefixed, text: str) -> PastedLine:
    """
    Return a message with what the prefix of its first line says.
    """
    line = KernelLine(text=text, monotonic_us=head.monotonic_us, at_ns=head.at_ns, caller=head.caller)
    identifier = head.identifier
    if not head.from_kernel and identifier is None:
        pasted = of_user_space(line)
        line, identifier = pasted.line, pasted.identifier
    return PastedLine(
        line=line,
        identifier=identifier,
        from_kernel=head.from_kernel,
        host=head.host,
        pasted_time=head.pasted_time,
        number=head.number,
    )
