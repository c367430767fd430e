"""
Parse one message of the kernel log into a kernel notice, by the form of the line.

A line counts only if its form begins at the start of the message, because application logs quote these texts.
"""

from typing import Final

from parsers.kernel.denials import parse_denial
from parsers.kernel.devices import parse_device
from parsers.kernel.facts import KernelNotice
from parsers.kernel.faults import parse_fault
from parsers.kernel.limits import parse_limit
from parsers.kernel.tasks import parse_task

# The kernel's records have at most 1 KiB; joined ones somewhat more.
_LENGTH_AT_MOST: Final = 2048
_FAMILIES: Final = (parse_fault, parse_task, parse_limit, parse_denial, parse_device)


def parse_notice(text: str) -> KernelNotice | None:
    """
    Parse a message; return None for one that is no notice.

    Args:
        text: the message without its prefix; only its beginning is read.
    """
    beginning = text[:_LENGTH_AT_MOST]
    return next((notice for parse in _FAMILIES if (notice := parse(beginning)) is not None), None)
