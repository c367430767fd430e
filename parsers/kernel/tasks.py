"""
Parse the lines about tasks that make no progress: blocked in the kernel, or holding a processor.

Nothing is killed. A blocked task reacts to no signal, not even SIGKILL, so its container cannot be stopped. Sources:
kernel/hung_task.c, kernel/watchdog.c, kernel/rcu/tree_stall.h, kernel/workqueue.c.

    INFO: task dockerd:3946 blocked for more than 120 seconds.
    INFO: task systemd-udevd:2268 is blocked on a mutex likely owned by task systemd-udevd:2258.
    watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [ksoftirqd/1:23]
    rcu: INFO: rcu_sched self-detected stall on CPU
"""

import re
from typing import Final

from parsers.kernel.facts import KernelNotice, NoticeKind, TaskName

# The last colon separates the pid: a name may have colons of its own.
_TASK: Final = r"(?P<comm>.{1,15}):(?P<tid>[0-9]{1,10})(?: <(?:reader|writer)>)?"
_OWNER: Final = r"(?P<owner>.{1,15}):(?P<owner_id>[0-9]{1,10})(?: <(?:reader|writer)>)?"
_BLOCKED: Final = re.compile(
    rf"\AINFO: task {_TASK} (?:is )?blocked (?:in I/O wait )?for more than (?P<seconds>[0-9]{{1,10}}) seconds"
)
_OWNED: Final = re.compile(
    rf"\AINFO: task {_TASK} (?:is )?blocked on an? [a-z -]{{1,32}} likely (?:owned|last held) by task {_OWNER}"
)
_SOFT_LOCKUP: Final = re.compile(
    r"\A(?:(?:NMI )?watchdog: )?BUG: soft lockup - CPU#(?P<cpu>[0-9]{1,5}) stuck for (?P<seconds>[0-9]{1,10})s!"
    rf"(?: \[{_TASK}\])?"
)
_HARD_LOCKUP: Final = re.compile(
    r"\A(?:(?:NMI )?watchdog: )?(?:NMI )?Watchdog detected hard LOCKUP on cpu (?P<cpu>[0-9]{1,5})", re.IGNORECASE
)
_WORKQUEUE: Final = re.compile(
    r"\A(?:workqueue: )?BUG: workqueue lockup - pool .{1,200}? stuck for (?P<seconds>[0-9]{1,10})s!"
)
_RCU_STALL: Final = re.compile(
    r"\A(?:rcu: )?INFO: rcu_[a-z]{2,16} (?:self-detected stall|detected (?:expedited )?stalls) on CPU"
)


def parse_task(text: str) -> KernelNotice | None:
    """
    Parse a line about a task that makes no progress.
    """
    found = _BLOCKED.match(text) or _OWNED.match(text)
    if found is not None:
        return _hung(found)
    found = _SOFT_LOCKUP.match(text) or _HARD_LOCKUP.match(text) or _WORKQUEUE.match(text) or _RCU_STALL.match(text)
    return _lockup(found) if found is not None else None


def _hung(found: re.Match[str]) -> KernelNotice:
    said = found.groupdict()
    owner = said.get("owner")
    return KernelNotice(
        kind=NoticeKind.HUNG_TASK,
        task=TaskName(id=int(found["tid"]), comm=found["comm"]),
        owner=TaskName(id=int(found["owner_id"]), comm=owner) if owner is not None else None,
        duration_s=_int(said.get("seconds")),
    )


def _lockup(found: re.Match[str]) -> KernelNotice:
    said = found.groupdict()
    comm, cpu = said.get("comm"), said.get("cpu")
    return KernelNotice(
        kind=NoticeKind.SOFT_LOCKUP,
        task=TaskName(id=_int(said.get("tid")), comm=comm) if comm is not None else None,
        cpu=_int(cpu),
        duration_s=_int(said.get("seconds")),
    )


def _int(digits: str | None) -> int | None:
    return int(digits) if digits is not None else None
