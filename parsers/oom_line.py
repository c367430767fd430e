"""
One message of the kernel log to one fact about an OOM, by the shape of the line.

Distributions port formats between kernels freely, so a version is never asked. A line counts only when its
form begins at the start of the message: application logs quote these texts. A process name may hold anything,
so patterns are anchored at both ends and take the name greedily. Source: mm/oom_kill.c, 2.6.32 to 6.18.

    Memory cgroup out of memory: Killed process 3974 (apk) total-vm:20600kB, anon-rss:7508kB, file-rss:…
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from parsers.oom_facts import OomMessage
from parsers.oom_table import (
    KIB,
    MemcgStats,
    TaskHeader,
    Usage,
    bytes_of,
    parse_header,
    parse_stats,
    parse_usage,
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
        return self.rest.startswith(f"{comm} ")


@dataclass(frozen=True, slots=True, kw_only=True)
class MemcgLimit:
    """
    `Task in <victim's cgroup> killed as a result of limit of <cgroup at its limit>` (before 5.0).
    """

    task_memcg: str
    oom_memcg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """
    `oom-kill:constraint=…`: the only line with the victim's cgroup since 5.0; what was cut off is None.
    """

    constraint: str | None
    nodemask: str | None
    cpuset: str | None
    mems_allowed: str | None
    oom_memcg: str | None
    task_memcg: str | None
    comm: str | None
    pid: int | None
    uid: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """
    `Kill process N (comm) score S or sacrifice child` (before 5.1): a choice, not yet a kill.
    """

    message: OomMessage
    pid: int
    comm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Killed:
    """
    `Killed process N (comm) …`: a kill.

    Attributes:
        sizes: `total-vm`, `anon-rss`, … in bytes.
    """

    message: OomMessage | None
    pid: int
    comm: str
    uid: int | None
    oom_score_adj: int | None
    sizes: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupKill:
    """
    `Tasks in <path> are going to be killed due to memory.oom.group set`.
    """

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadyExiting:
    """
    `OOM victim N (comm) is already exiting. Skip killing the task`: no kill.
    """

    pid: int


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

_MESSAGES: Final = {message.value.lower(): message for message in OomMessage}
_MESSAGE: Final = "(?P<message>(?i:" + "|".join(re.escape(message) for message in OomMessage) + "))"

# A name has 15 bytes; dmesg prints those that are not printable as \xNN.
_INVOKED: Final = re.compile(r"((?:\\x[0-9a-f]{2}|.){0,15}?) invoked oom-killer: (.*)", re.DOTALL)
_GFP: Final = re.compile(r"gfp_mask=(0x[0-9a-f]+(?:\([^)]*\))?)")
_ORDER: Final = re.compile(r"order=(-?[0-9]{1,4})")
_TRIGGER: Final = re.compile(r"(?:CPU: [0-9]+ (?:UID: [0-9]+ )?PID|Pid): ([0-9]{1,10}),? [Cc]omm: (.*)", re.DOTALL)
_LIMIT: Final = re.compile(r"Task in (/.*?) killed as a result of limit of (/.*)", re.DOTALL)
_SUMMARY: Final = "oom-kill:constraint="
_SUMMARY_HEAD: Final = re.compile(
    _SUMMARY + r"(?P<constraint>[^,]+)(?:,nodemask=(?P<nodemask>.*?))?(?:,cpuset=(?P<cpuset>.*?))?"
    r"(?:,mems_allowed=(?P<mems_allowed>[0-9,\-]*?))?(?:,global_oom|,oom_memcg=(?P<oom_memcg>.*?))?"
    r"(?:,task_memcg=(?P<task_memcg>.*))?",
    re.DOTALL,
)
_SUMMARY_TAIL: Final = re.compile(
    r",task=(?P<comm>.*),pid=(?P<pid>[0-9]{1,10}),uid=(?P<uid>[0-9]{1,10})\s*\Z", re.DOTALL
)
_LAST_VALUE: Final = re.compile(r"(.*),(?:nodemask|cpuset|mems_allowed|oom_memcg|task_memcg|task)=.*", re.DOTALL)
_CHOSEN: Final = re.compile(
    _MESSAGE + r": Kill process (?P<pid>[0-9]{1,10}) \((?P<comm>.*)\) score -?[0-9]+ "
    r"(?:or sacrifice child|and children\.?)\s*",
    re.DOTALL,
)
_KILLED: Final = re.compile(
    rf"(?:{_MESSAGE}: )?Killed process (?P<pid>[0-9]{{1,10}})(?:, UID (?P<uid>[0-9]{{1,10}}),)? "
    r"\((?P<comm>.*)\)(?:, UID (?P<uid_after>[0-9]{1,10}))?(?:,? (?P<sizes>total-vm:.*)|[,.]?\s*)",
    re.DOTALL,
)
_SIZE: Final = re.compile(r"([a-z-]+):([0-9]{1,19})kB")
_UID: Final = re.compile(r"UID:([0-9]{1,10})")
_ADJ: Final = re.compile(r"oom_score_adj:(-?[0-9]{1,4})")
_WHOLE_SIZES: Final = re.compile(
    r"total-vm:[0-9]+kB(?:, [a-z-]+:[0-9]+kB)+(?:, UID:[0-9]+)?"
    r"(?: pgtables:[0-9]+kB)?(?: oom_score_adj:-?[0-9]+)?\s*"
)
_GROUP: Final = re.compile(r"Tasks in (/.*) are going to be killed due to memory\.oom\.group set\s*", re.DOTALL)
_EXITING: Final = re.compile(
    _MESSAGE + r": OOM victim (?P<pid>[0-9]{1,10}) \(.*\) is already exiting\. Skip killing the task\s*",
    re.DOTALL,
)
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
            killed = _KILLED.fullmatch(text)
            return killed is not None and _WHOLE_SIZES.fullmatch(killed["sizes"] or "") is not None
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


def _limit(text: str) -> MemcgLimit | None:
    match = _LIMIT.fullmatch(text)
    return MemcgLimit(task_memcg=match[1], oom_memcg=match[2].rstrip()) if match else None


def _summary(text: str) -> Summary | None:
    if not text.startswith(_SUMMARY):
        return None
    tail = _SUMMARY_TAIL.search(text)
    head = _SUMMARY_HEAD.fullmatch(text[: tail.start()] if tail else _without_last_value(text))
    known = head.groupdict() if head else {}
    return Summary(
        constraint=known.get("constraint"),
        nodemask=known.get("nodemask"),
        cpuset=known.get("cpuset"),
        mems_allowed=known.get("mems_allowed"),
        oom_memcg=known.get("oom_memcg"),
        task_memcg=known.get("task_memcg"),
        comm=tail["comm"] if tail else None,
        pid=int(tail["pid"]) if tail else None,
        uid=int(tail["uid"]) if tail else None,
    )


def _without_last_value(text: str) -> str:
    """
    What is certain of a summary without an end: its last value may be cut.
    """
    cut = _LAST_VALUE.fullmatch(text)
    return cut[1] if cut else ""


def _chosen(text: str) -> Chosen | None:
    match = _CHOSEN.fullmatch(text)
    if match is None:
        return None
    return Chosen(message=_MESSAGES[match["message"].lower()], pid=int(match["pid"]), comm=match["comm"])


def _killed(text: str) -> Killed | None:
    match = _KILLED.fullmatch(text)
    if match is None:
        return None
    figures = match["sizes"] or ""
    uid, adj = _UID.search(figures), _ADJ.search(figures)
    return Killed(
        message=_MESSAGES[match["message"].lower()] if match["message"] else None,
        pid=int(match["pid"]),
        comm=match["comm"],
        uid=_number(match["uid"] or match["uid_after"] or (uid[1] if uid else None)),
        oom_score_adj=_number(adj[1] if adj else None),
        sizes=_sizes(figures),
    )


def _number(digits: str | None) -> int | None:
    return int(digits) if digits is not None else None


def _sizes(figures: str) -> dict[str, int]:
    """
    In bytes; early releases of 5.4 print `pgtables` in bytes and call them kB: more than the process maps.
    """
    read = ((name, bytes_of(value)) for name, value in _SIZE.findall(figures))
    sizes = {name: size for name, size in read if size is not None}
    if sizes.get("pgtables", 0) > sizes.get("total-vm", 0):
        sizes["pgtables"] //= KIB
    return sizes


def _group(text: str) -> GroupKill | None:
    match = _GROUP.fullmatch(text)
    return GroupKill(path=match[1]) if match else None


def _exiting(text: str) -> AlreadyExiting | None:
    match = _EXITING.fullmatch(text)
    return AlreadyExiting(pid=int(match["pid"])) if match else None


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
    _killed,
    _summary,
    _invoked,
    _chosen,
    _group,
    _exiting,
    parse_usage,
    _limit,
    parse_stats,
    parse_header,
    _trigger,
    _no_killable,
    _panic,
    _suppressed,
    _sysrq,
)
