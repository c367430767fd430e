"""
Parse the lines of the kernel log that concern a process, a container or the host and are not part of an OOM report.

One file per family of lines. `concerns_notice` is the cheap test for every line, `parse_notice` the full parser. None
says which container a line concerns.
"""

from parsers.kernel.coredumps import COREDUMP_MESSAGE_ID, coredump_field, is_coredump_sentence, parse_coredump
from parsers.kernel.denials import AUDIT_TYPES, words_of_record
from parsers.kernel.details import NoticeDetail, Suppressed, extended, lacks_detail, parse_detail
from parsers.kernel.facts import Fault, Frame, KernelNotice, Module, NoticeKind, TaskName
from parsers.kernel.notice import parse_notice
from parsers.kernel.recognition import concerns_notice, may_hold_notice
from parsers.kernel.syscalls import syscall_name
from parsers.kernel.window import NoticeWindow, may_be_detail

__all__ = [
    "AUDIT_TYPES",
    "COREDUMP_MESSAGE_ID",
    "Fault",
    "Frame",
    "KernelNotice",
    "Module",
    "NoticeDetail",
    "NoticeKind",
    "NoticeWindow",
    "Suppressed",
    "TaskName",
    "concerns_notice",
    "coredump_field",
    "extended",
    "is_coredump_sentence",
    "lacks_detail",
    "may_be_detail",
    "may_hold_notice",
    "parse_coredump",
    "parse_detail",
    "parse_notice",
    "syscall_name",
    "words_of_record",
]
