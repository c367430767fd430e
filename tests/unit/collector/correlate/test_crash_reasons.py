"""
What the line about a crash proves.
"""

import pytest

from collector.correlate.crash_reasons import reason_of, signature_of
from parsers.kernel import parse_notice
from sinks.event import CrashReason

LIBC = " in libc.so.6[7f5d0000+1000]"
CODE = "7f5d0050"
STACK = "7ffc1000"


@pytest.mark.parametrize(
    ("address", "ip", "error", "reason"),
    [
        ("8", CODE, "4", CrashReason.NULL_POINTER),
        ("0", CODE, "6", CrashReason.NULL_POINTER),
        ("0", "0", "14", CrashReason.NULL_CALL),
        ("10", "10", "14", CrashReason.NULL_CALL),
        ("deadbeef", "deadbeef", "14", CrashReason.WILD_JUMP),
        ("7f5d9000", "7f5d9000", "15", CrashReason.WILD_JUMP),
        ("7ffc0ff8", CODE, "6", CrashReason.STACK_OVERFLOW),
        ("7ffc1010", CODE, "4", CrashReason.STACK_OVERFLOW),
        ("7f5d0010", CODE, "7", CrashReason.READ_ONLY_MEMORY),
        ("7f5d0010", CODE, "5", None),
        ("66660000", CODE, "4", CrashReason.UNMAPPED_MEMORY),
        ("ffffffff81000000", CODE, "7", None),
    ],
)
def test_faults_of_x86(address: str, ip: str, error: str, reason: CrashReason | None) -> None:
    """
    The error code says whether the access was a read, a write or a fetch, and whether the address was mapped.
    """
    notice = parse_notice(f"a[7]: segfault at {address} ip {ip} sp {STACK} error {error}{LIBC}")
    assert notice is not None
    assert reason_of(notice) == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a[7]: unhandled level 2 translation fault (11) at 0x8, esr 0x92000046", CrashReason.NULL_POINTER),
        ("a[7]: unhandled level 2 translation fault (11) at 0x66660000, esr 0x92000046", None),
        ("a[7]: segfault (11) at 0 nip 0 lr 1000 code 1", CrashReason.NULL_CALL),
        ("traps: a[7] general protection fault ip:7f sp:7f error:0", None),
        ("traps: a[7] trap invalid opcode ip:7f sp:7f error:0", CrashReason.INVALID_INSTRUCTION),
        ("traps: a[7] trap divide error ip:7f sp:7f error:0", CrashReason.DIVIDE_ERROR),
        ("traps: a[7] trap int3 ip:7f sp:7f error:0", CrashReason.BREAKPOINT),
        ("traps: a[7] trap stack segment ip:7f sp:7f error:0", None),
        ('audit: type=1326 audit(1.2:3): pid=7 comm="a" sig=31 syscall=41 code=0x0', CrashReason.SYSTEM_CALL_REFUSED),
        ('audit: type=1701 audit(1.2:3): pid=7 comm="a" sig=6 res=1', CrashReason.ABORTED),
        ('audit: type=1701 audit(1.2:3): pid=7 comm="a" sig=11 res=1', None),
        ("Memory failure: 0x1: Killing a:7 due to hardware memory corruption", CrashReason.BROKEN_MEMORY),
    ],
)
def test_other_ends(text: str, reason: CrashReason | None) -> None:
    """
    Other lines prove a reason only where their words do.
    """
    notice = parse_notice(text)
    assert notice is not None
    assert reason_of(notice) == reason


@pytest.mark.parametrize(
    ("text", "signature"),
    [
        (f"a[7]: segfault at 8 ip {CODE} sp 1 error 4{LIBC}", "segfault libc.so.6+0x50"),
        ("b[9]: segfault at 10 ip 50 sp 2 error 4 in libc.so.6[0+1000]", "segfault libc.so.6+0x50"),
        ("b[9]: segfault at 0 ip 0 sp 2 error 14", "segfault null_call"),
        ('audit: type=1326 audit(1.2:3): pid=7 comm="a" sig=31 syscall=41 code=0x0', "seccomp syscall 41"),
        (
            'audit: type=1326 audit(1.2:3): pid=7 comm="a" sig=31 arch=c00000b7 syscall=97 code=0x0',
            "seccomp syscall unshare",
        ),
        ("a[7]: unhandled level 2 translation fault (11) at 0x66660000, esr 0x92000046", None),
    ],
)
def test_a_signature_has_no_address(text: str, signature: str | None) -> None:
    """
    The same place in the same file gives the same signature, wherever the file was mapped.
    """
    notice = parse_notice(text)
    assert notice is not None
    assert signature_of(notice) == signature
