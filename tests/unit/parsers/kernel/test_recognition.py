"""
The cheap test for lines that may be kernel notices.
"""

import pytest

from parsers.kernel import concerns_notice, may_hold_notice, parse_notice


@pytest.mark.parametrize(
    "text",
    [
        "a[7]: segfault at 8 ip 50 sp 7ffc error 4",
        "traps: a[7] trap divide error ip:7f sp:7f error:0",
        "a[7]: unhandled signal 11 code 0x1 at 0x0000000000000008",
        "a[7]: undefined instruction: pc=0000007f939a0700",
        "init: unhandled page fault (11) at 0x000008ec, code 0x005",
        "User process fault: interruption code 0010 ilc:2",
        "do_page_fault(): sending SIGSEGV to a for invalid read access from 00000014",
        "INFO: task a:39 blocked for more than 120 seconds.",
        "watchdog: BUG: soft lockup - CPU#1 stuck for 23s! [a:7703]",
        "NMI watchdog: Watchdog detected hard LOCKUP on cpu 3",
        "BUG: workqueue lockup - pool cpus=1 node=0 flags=0x0 nice=0 stuck for 31s!",
        "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
        "cgroup: fork rejected by pids controller in /mine",
        'audit: type=1326 audit(1.2:3): pid=7 comm="a" sig=31 syscall=41 code=0x0',
        'audit: type=1701 audit(1.2:3): pid=7 comm="a" sig=6 res=1',
        'audit: type=1400 audit(1.2:3): apparmor="DENIED" operation="signal" profile="a" pid=7 comm="runc" signal=kill',
        "NVRM: Xid (PCI:0000:0a:00): 79, GPU has fallen off the bus",
        "Memory failure: 0x1: Killing a:7 due to hardware memory corruption",
        "EDAC MC0: 1 CE memory read error on CPU_0",
        "mce: [Hardware Error]: CPU 4: Machine Check: 0 Bank 5: bea0000000000108",
        "a: page allocation failure: order:4, mode:0x40dc0",
        "SLUB: Unable to allocate memory on node -1, gfp=0xa20(GFP_ATOMIC)",
        "  cache: tw_sock_TCPv6(960:abc), object size: 232, buffer size: 240",
        "EXT4-fs (dm-17): Remounting filesystem read-only",
        "XFS (dm-0): Log I/O Error Detected.  Shutting down filesystem",
        "BTRFS info (device sda1: state EA): forced readonly",
        "blk_update_request: I/O error, dev sdb, sector 2048 op 0x0:(READ) flags 0x0",
        "I/O error, dev loop0, sector 0 op 0x1:(WRITE) flags 0x0",
        "nf_conntrack: table full, dropping packet",
        "unregister_netdevice: waiting for lo to become free. Usage count = 1",
        "prog: hog: potentially unexpected fatal signal 6.",
    ],
)
def test_recognition(text: str) -> None:
    """
    The cheap test finds the line of each family, alone and among the records of a busy log.
    """
    other = b"6,1,2,-,caller=T7;docker0: port 1(veth3ab4c5d) entered blocking state\n"
    assert parse_notice(text) is not None
    assert concerns_notice(text)
    assert may_hold_notice(other * 9 + f"6,2,3,-,caller=T7;{text}\n".encode() + other)
    assert not may_hold_notice(other * 9)
