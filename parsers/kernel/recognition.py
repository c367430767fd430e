"""
Test cheaply whether a line of a kernel log may be a kernel notice.

Nearly no line is one, and a busy log has thousands of lines a second. Most notices have a beginning of their own, and
one pattern tries all of these. A notice that begins with the name of a process has a word that other lines lack.
"""

import re
from typing import Final

_AUDIT: Final = r"audit: type=(?:1326|1701|1400 audit\([0-9.:]{1,41}\): apparmor=\"DENIED\" operation=\"signal\")"
_BEGINNINGS: Final = (
    r"traps: |User process fault|do_page_fault\(\): send|cgroup: fork|NVRM: "
    r"|INFO: (?:task|rcu_)|rcu: INFO|BUG: (?:soft|workq)|workqueue: BUG|watchdog: (?:BUG|Watch)|Watchdog det"
    r"|NMI watch(?!dog: (?:Perf|[Ee]nabled))"  # what each boot says
    r"|Memory failure: 0x|MCE|EDAC |mce: \[Hard|\[Hardware E|SLUB: Un| +cache: "
    r"|EXT[234]-fs (?:error|warning|panic|\([^)]{1,64}\): Rem)|XFS \(|BTRFS |I/O err|Buffer I/O|blk_update_r|print_req_"
    r"|end_request: |critical |lost page w"
    r"|(?:nf|ip)_conntrack: |unregister_netdev"
    rf"|{_AUDIT}"
)
# Words of which each notice has one, in small letters, by a word that all lines with them have: where a text lacks that
# one, it need not be searched for the others.
WORD_GROUPS: Final = (
    ("fault", ("segfault at", "segfault (", "process fault: int", "do_page_fault()")),
    ("trap", ("traps: ", "] trap ")),
    ("unhandled", ("unhandled signal", ", esr 0x", "unhandled page fault (")),
    ("info: ", ("info: task ", "info: rcu_")),
    ("hardware", ("memory corruption", "machine check:")),
    ("fs ", ("-fs error (", "-fs warning (", "-fs panic (", "system read-only", "xfs (", "btrfs ")),
    ("error", ("error, dev ", "i/o error on ")),
    ("dump", ("dumped core", "coredump_")),
    ("audit", ("type=1326", "type=1701", 'operation="signal"', "seccomp ", "anom_abend")),
    *((word, (word,)) for word in (
        "] general prot", "undefined instr", "fork rejected", " lockup ", "nvrm: ", "edac mc", "allocation failure",
        "slub: unable", "table full", "unregister_netdev", "control group: ", "terminated abnormally",
        "unexpected fatal signal",
    )),
)  # fmt: skip
# Behind the head of a record, which ends with a semicolon.
_IN_RECORDS: Final = re.compile(f";(?:{_BEGINNINGS})".encode())
_IN_TEXT: Final = re.compile(_BEGINNINGS)


def may_hold_notice(records: bytes) -> bool:
    """
    Return whether any of these records of /dev/kmsg may be a kernel notice.
    """
    return (
        b"segfault" in records
        or b"unhandled " in records
        or b"undefined instr" in records
        or b"allocation failure" in records
        or b"callbacks supp" in records
        or b"unexpected fatal" in records
        or _IN_RECORDS.search(records) is not None
    )


def concerns_notice(text: str) -> bool:
    """
    Return whether a line may be a kernel notice: cheap, and true for all that `parse_notice` understands.

    Args:
        text: the message; bytes of any encoding may be given as Latin-1 (a search in str is faster than in bytes).
    """
    return (
        _IN_TEXT.match(text) is not None
        or "segfault" in text
        or "unhandled " in text
        or "undefined instr" in text
        or "allocation failure" in text
        or "unexpected fatal signal" in text
        or _is_old_trap(text)
        or ("=" in text and _is_audit(text))
    )


def _is_old_trap(text: str) -> bool:
    """
    Return whether a line may be a trap as kernels before 3.6 print it.
    """
    return "]" in text and ("] trap " in text or "] general prot" in text)


def _is_audit(text: str) -> bool:
    """
    Return whether a line may be an audit record as auditd or journald writes it.
    """
    return "SECCOMP" in text or "ANOM_ABEND" in text or "=1326" in text or "=1701" in text or '"signal"' in text
