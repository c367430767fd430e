"""
Parse audit records about refused signals, refused system calls, and processes that a signal ended.

Without auditd the kernel prints them to its log; journald may read them too, and then they come twice. The pid is that
of the process (`task_tgid_nr`); for a refused signal, the sender's. Sources: kernel/auditsc.c (audit_seccomp,
audit_core_dumps), security/apparmor/ipc.c, kernel/audit.c (audit_log_untrustedstring).

    audit: type=1326 audit(1622229872.180:55): … pid=7645 comm="mount" exe="/repro/mount" sig=0 … syscall=165 …
    audit: type=1701 audit(1459467717.181:9): auid=… pid=40239 comm="radiusd" exe="/usr/sbin/radiusd" sig=11 res=1
    audit: type=1400 audit(1545323976.363:355): apparmor="DENIED" operation="signal" profile="docker-default" pid=4648
    comm="runc" requested_mask="receive" denied_mask="receive" signal=kill peer="unconfined"
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import Final

from parsers.kernel.facts import Fault, KernelNotice, NoticeKind, TaskName

# As the kernel prints them, as auditd writes them, and as journald does.
_HEAD: Final = re.compile(
    r"\A\s*(?:audit: |audit\[[0-9]{1,10}\]: )?(?:node=\S{1,255} )?(?:type=)?(?P<type>[A-Z_]{3,20}|[0-9]{4})"
    r"(?: (?:msg=)?audit\((?P<id>[0-9.]{1,20}:[0-9]{1,20})\):)? "
)
_FIELD: Final = re.compile(r"\b(?P<key>[a-z_]{1,20})=(?:\"(?P<quoted>[^\"\n]*)\"|(?P<plain>[^\s\"]*))")
_FIELDS_AT_MOST: Final = 64
_TEXTS: Final = frozenset({"comm", "exe"})
_ENCODED: Final = re.compile(r"(?:[0-9A-F]{2})+")
_SECCOMP: Final = frozenset({"SECCOMP", "1326"})
_ABEND: Final = frozenset({"ANOM_ABEND", "1701"})
_AVC: Final = frozenset({"AVC", "1400", "USER_AVC", "APPARMOR_DENIED", "1503"})
# The numbers of the records that are read here: SECCOMP, ANOM_ABEND, and AVC, as which AppArmor reports.
AUDIT_TYPES: Final = ("1326", "1701", "1400")
_TYPES: Final = _SECCOMP | _ABEND | _AVC
_LOGGED: Final = 0x7FFC0000
_INT_AT_MOST: Final = 1 << 63


def parse_denial(text: str) -> KernelNotice | None:
    """
    Parse an audit record about a process.
    """
    head = _HEAD.match(text)
    if head is None:
        return None
    notice = _notice(head["type"], _fields(text[head.end() :]))
    return replace(notice, audit_id=head["id"]) if notice is not None else None


def _notice(kind: str, fields: Mapping[str, str]) -> KernelNotice | None:
    if kind in _SECCOMP:
        return _seccomp(fields)
    if kind in _ABEND:
        return _abend(fields)
    is_signal = fields.get("apparmor") == "DENIED" and fields.get("operation") == "signal"
    return _denied(fields) if kind in _AVC and is_signal else None


def words_of_record(text: str) -> str:
    """
    Return an audit record without its head, which says who wrote it down; other text as it is.
    """
    head = _HEAD.match(text)
    return text[head.end() :] if head is not None and head["type"] in _TYPES else text


def _seccomp(fields: Mapping[str, str]) -> KernelNotice | None:
    """
    Return a notice about a system call that was refused, or only logged (SECCOMP_RET_LOG).
    """
    signal = _int(fields.get("sig"), 10)
    if signal is None:
        return None
    return KernelNotice(
        kind=NoticeKind.SECCOMP,
        task=_task(fields),
        is_process=True,
        signal=signal,
        exe=fields.get("exe"),
        syscall=_int(fields.get("syscall"), 10),
        arch=_int(fields.get("arch"), 16),
        fault=Fault(ip=_int(fields.get("ip"), 16)),
        fatal=signal > 0,
        is_harmless=_int(fields.get("code"), 16) == _LOGGED,
    )


def _abend(fields: Mapping[str, str]) -> KernelNotice | None:
    signal = _int(fields.get("sig"), 10)
    if signal is None:
        return None
    return KernelNotice(
        kind=NoticeKind.ABNORMAL_END,
        task=_task(fields),
        is_process=True,
        signal=signal,
        exe=fields.get("exe"),
        fatal=True,
    )


def _denied(fields: Mapping[str, str]) -> KernelNotice:
    return KernelNotice(
        kind=NoticeKind.SIGNAL_DENIED,
        task=_task(fields),
        is_process=True,
        denied=fields.get("signal"),
        profile=_profile(fields),
    )


def _profile(fields: Mapping[str, str]) -> str | None:
    """
    Return the profile of the receiver: the record names first the profile that refused, and then that of the other.
    """
    return fields.get({"receive": "profile", "send": "peer"}.get(fields.get("requested_mask", ""), ""))


def _task(fields: Mapping[str, str]) -> TaskName:
    return TaskName(id=_int(fields.get("pid"), 10), comm=fields.get("comm"))


def _fields(text: str) -> dict[str, str]:
    """
    Return the fields by name; the first of a name counts. A text with blanks or quotes is written in hexadecimal.
    """
    fields: dict[str, str] = {}
    for field in islice(_FIELD.finditer(text), _FIELDS_AT_MOST):
        key, quoted, plain = field["key"], field["quoted"], field["plain"]
        if quoted is None and key in _TEXTS and _ENCODED.fullmatch(plain) is not None:
            quoted = bytes.fromhex(plain).partition(b"\0")[0].decode("utf-8", "surrogateescape")
        fields.setdefault(key, plain if quoted is None else quoted)
    return fields


def _int(digits: str | None, base: int) -> int | None:
    with suppress(TypeError, ValueError):
        number = int(digits or "", base)
        return number if 0 <= number < _INT_AT_MOST else None
    return None
