"""
Parse one message of the kernel log into one fact about an OOM, by the form of the line.

Distributions port formats between kernels, so the kernel version never matters here. A line counts only if its form
begins at the start of the message, because application logs quote these texts. A process name may contain anything, so
patterns are anchored at both ends and match the name greedily. Source: mm/oom_kill.c, 2.6.32 to 6.18.

    Memory cgroup out of memory: Killed process 3974 (apk) total-vm:20600kB, anon-rss:7508kB, file-rss:…
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from parsers.oom.summary import Summary, parse_summary
from parsers.oom.table import (
    MemcgStats,
    TaskHeader,
    TaskTitle,
    Usage,
    parse_header,
    parse_stats,
    parse_title,
    parse_usage,
)
from parsers.oom.victim import (
    AlreadyExiting,
    Chosen,
    Killed,
    has_all_sizes,
    parse_chosen,
    parse_exiting,
    parse_killed,
)

# The kernel's records have at most 1 KiB, joined ones somewhat more; the patterns below are slow on much longer texts.
_LENGTH_AT_MOST: Final = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoked:
    """
    `<comm> invoked oom-killer: gfp_mask=…, order=…`: the head of a report; the process is the trigger.
    """

    comm: str
    gfp_mask: str | None
    order: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerProcess:
    """
    `CPU: 0 PID: 4242 Comm: …`: the pid of the trigger.

    Attributes:
        rest: the name and what follows it; the name may have blanks, so only a known name shows where it ends.
    """

    pid: int
    rest: str

    def has_name(self, comm: str) -> bool:
        """
        Return whether the process has this name.
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
class CgroupBelow:
    """
    `oom_memcg=<path>` on a line of its own, as people and monitors write it below a kill line that they shortened.
    """

    oom_memcg: str | None
    task_memcg: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupKill:
    """
    `Tasks in <path> are going to be killed due to memory.oom.group set`.
    """

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoKillable:
    """
    `Out of memory and no killable processes...`: no process was killed.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Panic:
    """
    `Kernel panic - not syncing: …` because of an OOM.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppressed:
    """
    `oom_kill_process: N callbacks suppressed`: the rate limit dropped N earlier reports.
    """

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SysRq:
    """
    `sysrq: Manual OOM execution`: a person requested the report that follows.
    """


OomLine = (
    Invoked
    | TriggerProcess
    | TriggerCpuset
    | MemcgLimit
    | CgroupBelow
    | Usage
    | MemcgStats
    | TaskTitle
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


# A name has at most 15 bytes; dmesg prints bytes that are not printable as \xNN.
_INVOKED: Final = re.compile(r"((?:\\x[0-9a-f]{2}|.){0,15}?) invoked oom-killer: (.*)", re.DOTALL)
_GFP: Final = re.compile(r"gfp_mask=(0x[0-9a-f]+(?:\([^)]*\))?)")
_ORDER: Final = re.compile(r"order=(-?[0-9]{1,4})")
# Old kernels print `Pid: 1, comm: x`; new ones also print a UID.
_TRIGGER: Final = re.compile(r"(?:CPU: [0-9]+ (?:UID: [0-9]+ )?PID|Pid): ([0-9]{1,10}),? [Cc]omm: (.*)", re.DOTALL)
_CPUSET: Final = re.compile(r"(.{0,15}?) cpuset=(.+) mems_allowed=[0-9,-]*\s*", re.DOTALL)
_LIMIT: Final = re.compile(r"Task in (/.*?) killed as a result of limit of (/.*)", re.DOTALL)
_BELOW: Final = re.compile(r"\s*(?:oom_memcg=(?P<oom>/[^\s,]+))?(?:,?\s*task_memcg=(?P<task>/[^\s,]+))?\s*")
_GROUP: Final = re.compile(r"Tasks in (/.*) are going to be killed due to memory\.oom\.group set\s*", re.DOTALL)
_NO_KILLABLE: Final = re.compile(r"Out of memory and no killable processes")
_PANIC: Final = re.compile(r"Kernel panic - not syncing: (?:System is deadlocked on memory|[Oo]ut of memory)")
_SUPPRESSED: Final = re.compile(r"oom_kill_process: ([0-9]{1,10}) callbacks suppressed")
# `SysRq : Manual` on old kernels, `sysrq: Manual` on new ones.
_SYSRQ: Final = re.compile(r"[Ss]ys[Rr]q ?: Manual OOM execution")


def parse_line(text: str) -> OomLine | None:
    """
    Parse a line; return None if it says nothing about an OOM.

    Rows of the task table and values of the statistics need their header: see `parsers.oom.figures`.
    """
    if len(text) > _LENGTH_AT_MOST:
        return None
    for words, parse in _PARSERS:
        if words in text:
            fact = parse(text)
            if fact is not None:
                return fact
    return None


def may_be_fact(text: str) -> bool:
    """
    Return whether a line has the words of any line of a report: much cheaper than to parse it.
    """
    return any(words in text for words in _WORDS)


def is_complete(text: str, fact: OomLine | None = None) -> bool:
    """
    Return whether a text, or the fact that it is known to state, is complete: nothing after it is cut off.
    """
    fact = fact or parse_line(text)
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


def _below(text: str) -> CgroupBelow | None:
    match = _BELOW.fullmatch(text) if "_memcg=/" in text else None
    return CgroupBelow(oom_memcg=match["oom"], task_memcg=match["task"]) if match else None


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


# Each with words without which it finds nothing: a search for words is much cheaper than a pattern.
_PARSERS: Final[tuple[tuple[str, Callable[[str], OomLine | None]], ...]] = (
    ("illed process ", parse_killed),
    ("oom-kill:", parse_summary),
    (" invoked oom-killer: ", _invoked),
    (": Kill process ", parse_chosen),
    ("memory.oom.group set", _group),
    (" is already exiting", parse_exiting),
    (": usage ", parse_usage),
    (" killed as a result of limit of ", _limit),
    ("Memory cgroup stats", parse_stats),
    ("Tasks state (", parse_title),
    (" tgid ", parse_header),
    ("omm: ", _trigger),
    (" cpuset=", _cpuset),
    ("_memcg=/", _below),
    ("Out of memory and no killable", _no_killable),
    ("Kernel panic - ", _panic),
    ("oom_kill_process: ", _suppressed),
    (": Manual OOM", _sysrq),
)
_WORDS: Final = tuple(words for words, _ in _PARSERS)
