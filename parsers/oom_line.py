"""
One message of the kernel log to one fact about an OOM, by the shape of the line.

Distributions port formats between kernels freely, so a version is never asked. A line counts only when its
form begins at the start of the message: application logs quote these texts. A process name may hold anything,
so patterns are anchored at both ends and take the name greedily. Source: mm/oom_kill.c, 2.6.32 to 6.18.

    Memory cgroup out of memory: Killed process 3974 (apk) total-vm:20600kB, anon-rss:7508kB, file-rss:…
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from parsers.oom_summary import Summary, parse_summary
from parsers.oom_table import (
    MemcgStats,
    TaskHeader,
    Usage,
    parse_header,
    parse_stats,
    parse_usage,
)
from parsers.oom_victim import (
    AlreadyExiting,
    Chosen,
    Killed,
    has_all_sizes,
    parse_chosen,
    parse_exiting,
    parse_killed,
)

# The kernel's records have 1 KiB at most, joined ones some more; the patterns below are slow on much longer texts.
_LENGTH_AT_MOST: Final = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoked:
    """
    `<comm> invoked oom-killer: gfp_mask=…, order=…`: begins a report; the process is the trigger.
    """

    comm: str
    gfp_mask: str | None
    order: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerProcess:
    """
    `CPU: 0 PID: 4242 Comm: …`: the pid of the trigger.

    Attributes:
        rest: the name and what follows it: only who knows the name can tell where it ends.
    """

    pid: int
    rest: str

    def named(self, comm: str) -> bool:
        """
        Whether the process has this name.
        """
        return f"{self.rest} ".startswith(f"{comm} ")


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerCpuset:
    """
    `<comm> cpuset=<name> mems_allowed=…` (before 5.0): the last part of the path of the trigger's cpuset.
    """

    comm: str
    cpuset: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemcgLimit:
    """
    `Task in <victim's cgroup> killed as a result of limit of <cgroup at its limit>` (before 5.0).
    """

    task_memcg: str
    oom_memcg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupKill:
    """
    `Tasks in <path> are going to be killed due to memory.oom.group set`.
    """

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoKillable:
    """
    `Out of memory and no killable processes...`: nobody was killed.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Panic:
    """
    `Kernel panic - not syncing: …` for want of memory.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppressed:
    """
    `oom_kill_process: N callbacks suppressed`: so many earlier reports were dropped.
    """

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SysRq:
    """
    `sysrq: Manual OOM execution`: a person asked for the report that follows.
    """


OomLine = (
    Invoked
    | TriggerProcess
    | TriggerCpuset
    | MemcgLimit
    | Usage
    | MemcgStats
    | TaskHeader
    | Summary
    | Chosen
    | Killed
    | GroupKill
    | AlreadyExiting
    | NoKillable
    | Panic
    | Suppressed
    | SysRq
)


# A name has 15 bytes; dmesg prints those that are not printable as \xNN.
_INVOKED: Final = re.compile(r"((?:\\x[0-9a-f]{2}|.){0,15}?) invoked oom-killer: (.*)", re.DOTALL)
_GFP: Final = re.compile(r"gfp_mask=(0x[0-9a-f]+(?:\([^)]*\))?)")
_ORDER: Final = re.compile(r"order=(-?[0-9]{1,4})")
_TRIGGER: Final = re.compile(r"(?:CPU: [0-9]+ (?:UID: [0-9]+ )?PID|Pid): ([0-9]{1,10}),? [Cc]omm: (.*)", re.DOTALL)
_CPUSET: Final = re.compile(r"(.{0,15}?) cpuset=(.+) mems_allowed=[0-9,-]*\s*", re.DOTALL)
_LIMIT: Final = re.compile(r"Task in (/.*?) killed as a result of limit of (/.*)", re.DOTALL)
_GROUP: Final = re.compile(r"Tasks in (/.*) are going to be killed due to memory\.oom\.group set\s*", re.DOTALL)
_NO_KILLABLE: Final = re.compile(r"Out of memory and no killable processes")
_PANIC: Final = re.compile(r"Kernel panic - not syncing: (?:System is deadlocked on memory|[Oo]ut of memory)")
_SUPPRESSED: Final = re.compile(r"oom_kill_process: ([0-9]{1,10}) callbacks suppressed")
_SYSRQ: Final = re.compile(r"[Ss]ys[Rr]q ?: Manual OOM execution")


def parse_line(text: str) -> OomLine | None:
    """
    What a line says; None when it is of no kind that matters. Rows and values need their header: `oom_table`.
    """
    if len(text) > _LENGTH_AT_MOST:
        return None
    for parse in _PARSERS:
        fact = parse(text)
        if fact is not None:
            return fact
    return None


def is_complete(text: str) -> bool:
    """
    Whether a text is a line of a report as the kernel prints it: nothing is cut off that is known to follow.
    """
    fact = parse_line(text)
    match fact:
        case None:
            return False
        case Summary():
            return fact.pid is not None
        case Invoked():
            return fact.order is not None
        case Killed():
            return has_all_sizes(text)
        case _:
            return True


def _invoked(text: str) -> Invoked | None:
    match = _INVOKED.fullmatch(text)
    if match is None:
        return None
    gfp, order = _GFP.search(match[2]), _ORDER.search(match[2])
    return Invoked(comm=match[1], gfp_mask=gfp[1] if gfp else None, order=int(order[1]) if order else None)


def _trigger(text: str) -> TriggerProcess | None:
    match = _TRIGGER.match(text)
    return TriggerProcess(pid=int(match[1]), rest=match[2]) if match else None


def _cpuset(text: str) -> TriggerCpuset | None:
    match = _CPUSET.fullmatch(text)
    return TriggerCpuset(comm=match[1], cpuset=match[2]) if match else None


def _limit(text: str) -> MemcgLimit | None:
    match = _LIMIT.fullmatch(text)
    return MemcgLimit(task_memcg=match[1], oom_memcg=match[2].rstrip()) if match else None


def _group(text: str) -> GroupKill | None:
    match = _GROUP.fullmatch(text)
    return GroupKill(path=match[1]) if match else None


def _no_killable(text: str) -> NoKillable | None:
    return NoKillable() if _NO_KILLABLE.match(text) else None


def _panic(text: str) -> Panic | None:
    return Panic() if _PANIC.match(text) else None


def _suppressed(text: str) -> Suppressed | None:
    match = _SUPPRESSED.match(text)
    return Suppressed(count=int(match[1])) if match else None


def _sysrq(text: str) -> SysRq | None:
    return SysRq() if _SYSRQ.match(text) else None


_PARSERS: Final[tuple[Callable[[str], OomLine | None], ...]] = (
    parse_killed,
    parse_summary,
    _invoked,
    parse_chosen,
    _group,
    parse_exiting,
    parse_usage,
    _limit,
    parse_stats,
    parse_header,
    _trigger,
    _cpuset,
    _no_killable,
    _panic,
    _suppressed,
    _sysrq,
)
