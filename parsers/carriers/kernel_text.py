"""
Test whether a text is a message of the kernel that is understood: a line of an OOM report, or a kernel notice.
"""

import re
from typing import Final

from parsers.kernel import KernelNotice, concerns_notice, parse_notice
from parsers.kernel.recognition import WORD_GROUPS
from parsers.oom.line import may_be_fact, parse_line

# What the kernel prints of a crash begins like a line of the program itself.
_BEGINNING: Final = re.compile(
    r".{1,15}\[[0-9]{1,10}\]: (?:segfault (?:at |\()|unhandled (?:signal|level|exception)|undefined instruction: )"
)


def may_be_message(text: str) -> bool:
    """
    Return whether a text may be, or may end with, a message that is understood: cheap, and true for all of them.
    """
    if may_be_fact(text):
        return True
    low = text.lower()
    return any(shared in low and any(word in low for word in words) for shared, words in WORD_GROUPS)


def is_message(text: str) -> bool:
    """
    Return whether a text is such a message from its beginning on, or the beginning of one that was wrapped.
    """
    return parse_line(text) is not None or notice_of(text) is not None or _BEGINNING.match(text) is not None


def notice_of(text: str) -> KernelNotice | None:
    """
    Return the kernel notice that a text is; None for most texts, which costs little.
    """
    return parse_notice(text) if concerns_notice(text) else None


def amount_said(notice: KernelNotice) -> int:
    """
    Return how many values a notice has: more where nothing of the line is cut off.
    """
    fault, module = notice.fault, notice.fault.module if notice.fault is not None else None
    said: list[object] = [notice.task, notice.owner, notice.signal, notice.exe, notice.syscall, notice.denied]
    said += [fault.address, fault.ip, fault.sp, fault.error] if fault is not None else []
    said += [module.name, module.base] if module is not None else []
    return sum(value is not None for value in said)
