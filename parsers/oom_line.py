"""
One line of an OOM report to one fact, by the shape of the line.

Distributions port formats between kernels freely, so a version is never asked. A line counts only when the form begins
at the start of the message: application logs quote these texts. A process name may hold anything, so patterns are
anchored at both ends and take the name greedily. Source: mm/oom_kill.c, mm/memcontrol.c, 2.6.32 to 6.18.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from parsers.oom_facts import MemoryUsage, OomMessage, TaskRow

_KIB: Final = 1024
# No limit is printed as the largest number of pages in kB; it differs by kernel and page size, all are beyond this.
_UNLIMITED_KIB: Final = 1 << 50
_NUMBER: Final = r"-?\d{1,19}"


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
    """

    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemcgLimit:
    """
    `Task in <victim's cgroup> killed as a result of limit of <cgroup at its limit>` (before 5.0).
    """

    task_memcg: str
    oom_memcg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """
    `memory: usage …kB, limit …kB, failcnt …`; `kind` is memory, memory+swap, swap or kmem.
    """

    kind: str
    usage: MemoryUsage


@dataclass(frozen=True, slots=True, kw_only=True)
class MemcgStats:
    """
    `Memory cgroup stats for <path>:` with the values on the line (old) or on the lines after it (new).
    """

    path: str
    values: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskHeader:
    """
    The header of the task table; `columns` are the numbers before the name.
    """

    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """
    `oom-kill:constraint=…`: the only line with the victim's cgroup since 5.0.
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
    is_global: bool


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
    `Killed process N (comm) …`: a kill. Sizes in bytes.
    """

    message: OomMessage | None
    pid: int
    comm: str
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
class Suppressed:
    """
    `oom_kill_process: N callbacks suppressed`: so much of earlier reports was dropped.
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
    | Suppressed
    | SysRq
)

_DOT: Final = re.DOTALL
_INVOKED: Final = re.compile(r"(.{0,64}?) invoked oom-killer: (.*)", _DOT)
_GFP: Final = re.compile(r"gfp_mask=(0x[0-9a-f]+(?:\([^)]*\))?)")
_ORDER: Final = re.compile(rf"order=({_NUMBER})")
_TRIGGER: Final = re.compile(r"(?:CPU: \d+ (?:UID: \d+ )?PID|Pid): (\d{1,10}),? [Cc]omm: ")
_LIMIT: Final = re.compile(r"Task in (/.*?) killed as a result of limit of (/.*)", _DOT)
_USAGE: Final = re.compile(r"(memory|memory\+swap|swap|kmem): usage (\d{1,20})kB, limit (\d{1,20})kB, failcnt (\d{1,20})")
_STATS: Final = re.compile(r"Memory cgroup stats(?: for (/[^:]*))?:(.*)", _DOT)
_STATS_PAIR: Final = re.compile(r"([a-z_]+):(\d{1,15})KB")
_STATS_LINE: Final = re.compile(r"([a-z0-9_]+) (\d{1,19})")
_HEADER: Final = re.compile(r"\[ *pid *\] +(uid +tgid +.*) name\s*")
_ROW: Final = re.compile(r"\[ *(\d{1,10})\] +(.*)", _DOT)
_CHOSEN: Final = re.compile(
    r"(Out of memory|Memory cgroup out of memory|Out of memory \(oom_kill_allocating_task\)): "
    r"Kill process (\d{1,10}) \((.*)\) score \d+ or sacrifice child\s*",
    _DOT | re.IGNORECASE,
)
_KILLED: Final = re.compile(
    r"(?:(Out of memory|Memory cgroup out of memory|Out of memory \(oom_kill_allocating_task\)): )?"
    r"Killed process (\d{1,10})(?:, UID (\d{1,10}),)? \((.*)\)(?:,? (UID \d{1,10}, )?(total-vm:.*)|[,.]?\s*)",
    _DOT,
)
_SIZE: Final = re.compile(r"(total-vm|anon-rss|file-rss|shmem-rss|pgtables):(\d{1,19})kB")
_WHOLE_KILL: Final = re.compile(
    r"\)(?: total-vm:\d+kB(?:, [a-z-]+:\d+kB)+(?:, UID:\d+)?(?: pgtables:\d+kB)?(?: oom_score_adj:-?\d+)?|\.)\s*\Z"
)
_SIZE_TAIL: Final = re.compile(r"UID:(\d{1,10})|oom_score_adj:(-?\d{1,4})")
_GROUP: Final = re.compile(r"Tasks in (/.*) are going to be killed due to memory\.oom\.group set\s*", _DOT)
_EXITING: Final = re.compile(r"(?:[^:]*: )?OOM victim (\d{1,10}) \(.*\) is already exiting\. Skip killing the task\s*", _DOT)
_SUPPRESSED: Final = re.compile(r"(?:oom_kill_process|dump_header|out_of_memory): (\d{1,10}) callbacks suppressed")
_SYSRQ: Final = re.compile(r"[Ss]ys[Rr]q ?: Manual OOM execution")
_SUMMARY_TAIL: Final = re.compile(r",task=(.*),pid=(\d{1,10}),uid=(\d{1,10})\s*\Z", _DOT)
_SUMMARY_HEAD: Final = re.compile(
    r"oom-kill:constraint=([^,]*)"
    r"(?:,nodemask=(.*?))?(?:,cpuset=(.*?))?(?:,mems_allowed=([\d,\-]*?))?"
    r"(?:,(global_oom)|,oom_memcg=(.*?))?(?:,task_memcg=(.*))?\Z",
    _DOT,
)


def parse_line(text: str) -> OomLine | None:
    """
    What a line says; None when it is of no kind that matters. Task rows need their header: see `parse_row`.
    """
    for parse in _PARSERS:
        fact = parse(text)
        if fact is not None:
            return fact
    return None


def is_complete(text: str) -> bool:
    """
    Whether a text is a line of a report as the kernel printed it, nothing cut off that is known to follow.
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
            return _WHOLE_KILL.search(text) is not None
        case _:
            return True


def parse_row(text: str, columns: tuple[str, ...]) -> TaskRow | None:
    """
    A row of the task table, by the columns of its header; the name is the rest of the line.
    """
    match = _ROW.match(text)
    if match is None:
        return None
    cells = match[2].split(None, len(columns))
    if len(cells) < len(columns) or any(not cell.lstrip("-").isdecimal() or len(cell) > 19 for cell in cells[: len(columns)]):  # noqa: PLR2004
        return None
    values = {name: int(cell) for name, cell in zip(columns, cells, strict=False)}
    needed = ("tgid", "uid", "total_vm", "rss")
    if any(name not in values for name in needed):
        return None
    return TaskRow(
        pid=int(match[1]),
        tgid=values["tgid"],
        uid=values["uid"],
        comm=cells[len(columns)] if len(cells) > len(columns) else "",
        total_vm_pages=values["total_vm"],
        rss_pages=values["rss"],
        oom_score_adj=values.get("oom_score_adj"),
    )


def parse_stat(text: str) -> tuple[str, int] | None:
    """
    A line of memory.stat inside a report: `anon 7688192`, in bytes.
    """
    match = _STATS_LINE.fullmatch(text.strip())
    return (match[1], int(match[2])) if match else None


def _invoked(text: str) -> OomLine | None:
    match = _INVOKED.fullmatch(text)
    if match is None:
        return None
    gfp, order = _GFP.search(match[2]), _ORDER.search(match[2])
    return Invoked(comm=match[1], gfp_mask=gfp[1] if gfp else None, order=int(order[1]) if order else None)


def _trigger(text: str) -> OomLine | None:
    match = _TRIGGER.match(text)
    return TriggerProcess(pid=int(match[1])) if match else None


def _limit(text: str) -> OomLine | None:
    match = _LIMIT.fullmatch(text)
    return MemcgLimit(task_memcg=match[1], oom_memcg=match[2].strip()) if match else None


def _usage(text: str) -> OomLine | None:
    match = _USAGE.match(text)
    if match is None:
        return None
    limit_kib = int(match[3])
    usage = MemoryUsage(
        usage_bytes=int(match[2]) * _KIB,
        limit_bytes=None if limit_kib >= _UNLIMITED_KIB else limit_kib * _KIB,
        failcnt=int(match[4]),
    )
    return Usage(kind=match[1], usage=usage)


def _stats(text: str) -> OomLine | None:
    match = _STATS.fullmatch(text)
    if match is None:
        return None
    values = {name: int(value) * _KIB for name, value in _STATS_PAIR.findall(match[2])}
    values.update(pair for pair in map(parse_stat, match[2].splitlines()) if pair is not None)
    return MemcgStats(path=match[1] or "", values=values)


def _header(text: str) -> OomLine | None:
    match = _HEADER.fullmatch(text)
    return TaskHeader(columns=tuple(match[1].split())) if match else None


def _summary(text: str) -> OomLine | None:
    if not text.startswith("oom-kill:constraint="):
        return None
    tail = _SUMMARY_TAIL.search(text)
    head = _SUMMARY_HEAD.match(text[: tail.start()] if tail else text.rstrip())
    if head is None:
        return None
    path = head[7]
    return Summary(
        constraint=head[1] or None,
        nodemask=head[2],
        cpuset=head[3],
        mems_allowed=head[4],
        oom_memcg=head[6],
        # without its tail the line was cut, and the path may be as well
        task_memcg=path if tail or path is None else path.partition(",task=")[0],
        comm=tail[1] if tail else None,
        pid=int(tail[2]) if tail else None,
        uid=int(tail[3]) if tail else None,
        is_global=head[5] is not None,
    )


def _chosen(text: str) -> OomLine | None:
    match = _CHOSEN.fullmatch(text)
    if match is None:
        return None
    return Chosen(message=_message(match[1]), pid=int(match[2]), comm=match[3])


def _killed(text: str) -> OomLine | None:
    match = _KILLED.fullmatch(text)
    if match is None:
        return None
    sizes = {name: int(value) * _KIB for name, value in _SIZE.findall(match[6] or "")}
    for uid, adj in _SIZE_TAIL.findall(match[6] or ""):
        sizes |= {"uid": int(uid)} if uid else {"oom_score_adj": int(adj)}
    named_uid = match[3] or (match[5] or "").removeprefix("UID ").rstrip(", ")
    if named_uid:
        sizes["uid"] = int(named_uid)
    return Killed(message=_message(match[1]) if match[1] else None, pid=int(match[2]), comm=match[4], sizes=sizes)


def _group(text: str) -> OomLine | None:
    match = _GROUP.fullmatch(text)
    return GroupKill(path=match[1]) if match else None


def _exiting(text: str) -> OomLine | None:
    match = _EXITING.fullmatch(text)
    return AlreadyExiting(pid=int(match[1])) if match else None


def _no_killable(text: str) -> OomLine | None:
    return NoKillable() if text.startswith("Out of memory and no killable processes") else None


def _suppressed(text: str) -> OomLine | None:
    match = _SUPPRESSED.match(text)
    return Suppressed(count=int(match[1])) if match else None


def _sysrq(text: str) -> OomLine | None:
    return SysRq() if _SYSRQ.match(text) else None


def _message(words: str) -> OomMessage:
    return next(message for message in OomMessage if message.value.lower() == words.lower())


_PARSERS: Final[tuple[Callable[[str], OomLine | None], ...]] = (
    _killed,
    _summary,
    _invoked,
    _chosen,
    _group,
    _exiting,
    _usage,
    _limit,
    _stats,
    _header,
    _trigger,
    _no_killable,
    _suppressed,
    _sysrq,
)
