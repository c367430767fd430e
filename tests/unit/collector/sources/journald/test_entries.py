"""
From entries of the journal to facts: core dumps and audit records count only from their own writers.
"""

from collections.abc import Mapping

import pytest

from collector.facts.kernel import KernelFact
from collector.sources.journald.entries import fact_of_entry
from parsers.journal import parse_entry
from parsers.kernel import COREDUMP_MESSAGE_ID, Frame, NoticeKind, NoticeWindow, TaskName
from parsers.oom.window import OomWindow

SERVICE = "/system.slice/system-systemd\\x2dcoredump.slice/systemd-coredump@0-818-0.service"
COREDUMP = {
    "MESSAGE_ID": COREDUMP_MESSAGE_ID,
    "MESSAGE": "Process 40 (hog) of user 0 dumped core.\n\nStack trace of thread 40:\n#0  0x563150aa43b7 f (hog + 0x8)",
    "COREDUMP_PID": "40",
    "COREDUMP_COMM": "hog",
    "COREDUMP_SIGNAL": "11",
    "COREDUMP_TIMESTAMP": "1700000001000000",
    "__REALTIME_TIMESTAMP": "1700000003000000",
    "_SYSTEMD_CGROUP": SERVICE,
    "_UID": "1000",
    "_PID": "819",
}
SECCOMP = 'SECCOMP auid=1 uid=0 pid=76 comm="mount" exe="/mount" sig=31 syscall=165 ip=0x7f code=0x80000000'
AUDIT = {
    "_TRANSPORT": "audit",
    "MESSAGE": SECCOMP,
    "_AUDIT_TYPE": "1326",
    "_AUDIT_ID": "55",
    "_SOURCE_REALTIME_TIMESTAMP": "1622229872180000",
    "_BOOT_ID": "1" * 32,
}


def fact_of(fields: Mapping[str, str]) -> KernelFact | None:
    """
    Return the fact of the kernel that an entry states, if any.
    """
    fact = fact_of_entry(parse_entry(fields), OomWindow(), NoticeWindow())
    return fact if isinstance(fact, KernelFact) else None


def test_a_core_dump_is_a_notice_of_the_time_of_the_crash() -> None:
    """
    systemd-coredump writes when it is done; the crash was before.
    """
    fact = fact_of(COREDUMP)
    assert fact is not None
    assert fact.notice is not None
    assert (fact.notice.kind, fact.notice.task) == (NoticeKind.ABNORMAL_END, TaskName(id=40, comm="hog"))
    assert fact.notice.frames == (Frame(module="hog", offset=8, function="f"),)
    assert fact.occurred_at_ns == 1_700_000_001_000_000_000
    assert fact.line.text == "Process 40 (hog) of user 0 dumped core."


@pytest.mark.parametrize(
    "cgroup",
    [
        "/user.slice/user-1000.slice/user@1000.service/systemd-coredump@0-818-0.service",
        "/system.slice/nginx.service",
        "",
    ],
)
def test_what_another_program_calls_a_core_dump_is_nothing(cgroup: str) -> None:
    """
    Anyone may write the message id and the fields; only the service of systemd-coredump counts.
    """
    assert fact_of(COREDUMP | {"_SYSTEMD_CGROUP": cgroup}) is None


def test_an_audit_record_has_the_number_that_the_kernel_prints() -> None:
    """
    journald reads audit records itself; time and number join them with the line in the kernel log.
    """
    fact = fact_of(AUDIT)
    by_kernel = fact_of(
        {"_TRANSPORT": "kernel", "MESSAGE": SECCOMP.replace("SECCOMP", "audit: type=1326 audit(1622229872.180:55):")}
    )
    assert fact is not None
    assert by_kernel is not None
    assert fact.notice == by_kernel.notice
    assert fact.notice is not None
    assert fact.notice.audit_id == "1622229872.180:55"


def test_a_record_that_came_in_another_way_is_nothing() -> None:
    """
    A program may write the words of an audit record as its own message.
    """
    assert fact_of(AUDIT | {"_TRANSPORT": "journal"}) is None
    assert fact_of(AUDIT | {"MESSAGE": "USER_LOGIN pid=1 uid=0"}) is None
