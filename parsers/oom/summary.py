"""
Parse the summary of an OOM report: since 5.0 the only line with the victim's cgroup.

    oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/a,task=…

Paths and names may contain commas and texts like these, so it is parsed from both ends. It is long, so it may be cut
off anywhere, and people leave parts of it out: then the values that are left are read one by one.

    oom-kill:constraint=CONSTRAINT_MEMCG,...,oom_memcg=/docker/4e1d4e1d...,task=node,pid=42,uid=0

Source: dump_oom_summary in mm/oom_kill.c.
"""

import re
from dataclasses import dataclass
from typing import Final

from parsers.oom.facts import KernelLine, OomVictim

SUMMARY: Final = "oom-kill:constraint="
_CONSTRAINT: Final = re.compile(SUMMARY + "([^,]+)")
# The keys in the kernel's order. Between two of them is a value, which may contain earlier keys and anything else.
_KEYS: Final = ("nodemask", "cpuset", "mems_allowed", "global_oom", "oom_memcg", "task_memcg")
_KEY: Final = re.compile(
    r",(?:(nodemask|cpuset|oom_memcg|task_memcg)=|(global_oom)(?=,task_memcg=|\Z)"
    r"|(mems_allowed)=(?=[0-9,-]*(?:,global_oom(?:,task_memcg=|\Z)|,oom_memcg=|,task_memcg=|\Z)))"
)
_ELISION: Final = re.compile(r"\.\.\.|…")
_START: Final = re.compile(r"oom-kill: ?(?:\.\.\.|…|constraint=)")
_VALUE: Final = re.compile(
    r"(?:^oom-kill:|[,\s…]|\.\.\.)\s*"
    r"(constraint|nodemask|cpuset|mems_allowed|oom_memcg|task_memcg|task|pid|uid)=((?:(?!(?:\.\.\.|…)(?!/))[^,\s])*)(\.\.\.|…)?"
)
_NUMBER: Final = re.compile(r"[0-9]{1,10}")
_TASK: Final = ",task="
_PID_AND_UID: Final = re.compile(r",pid=(?P<pid>[0-9]{1,10}),uid=(?P<uid>[0-9]{1,10})\s*\Z")
# Shorter pieces behind a comma may belong to a path.
_KEY_LENGTH_AT_LEAST: Final = 5
_NAMES: Final = ("nodemask", "cpuset", "mems_allowed", "oom_memcg", "task_memcg", "task")


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """
    `oom-kill:constraint=…`: the victim and its cgroup; what was cut off is None.
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


def parse_summary(text: str) -> Summary | None:
    """
    Parse the summary; a value that may be cut off is None.
    """
    whole = _whole(text) if text.startswith(SUMMARY) else None
    is_whole = whole is not None and whole.constraint is not None and whole.pid is not None
    # A path or a name may contain such marks: what can be read without this assumption is.
    if not is_whole and _START.match(text) is not None and _ELISION.search(text) is not None:
        return _elided(text) or whole
    return whole


def victim_of_summary(fact: Summary, line: KernelLine) -> OomVictim | None:
    """
    Return the victim that a summary names, not confirmed by a kill line; None if its pid was cut off.
    """
    if fact.pid is None:
        return None
    return OomVictim(
        pid=fact.pid,
        comm=fact.comm or "",
        confirmed=False,
        uid=fact.uid,
        monotonic_us=line.monotonic_us,
        at_ns=line.at_ns,
        text=line.text,
    )


def _whole(text: str) -> Summary:
    """
    Parse a summary as the kernel prints it, perhaps without its end.
    """
    end, task_at = _PID_AND_UID.search(text), text.find(_TASK)
    tail = end if end is not None and 0 <= task_at <= end.start() - len(_TASK) else None
    known = _values(text[:task_at] if tail else _without_last_value(text))
    return Summary(
        constraint=known.get("constraint"),
        nodemask=known.get("nodemask"),
        cpuset=known.get("cpuset"),
        mems_allowed=known.get("mems_allowed"),
        oom_memcg=known.get("oom_memcg"),
        task_memcg=known.get("task_memcg"),
        comm=text[task_at + len(_TASK) : tail.start()] if tail else None,
        pid=int(tail["pid"]) if tail else None,
        uid=int(tail["uid"]) if tail else None,
    )


def _values(text: str) -> dict[str, str]:
    """
    Return the values of a summary up to the victim's cgroup, in one pass; none if the first key is not the kernel's.
    """
    constraint = _CONSTRAINT.match(text)
    if constraint is None:
        return {}
    name, begin, end = "constraint", constraint.start(1), constraint.end(1)
    values: dict[str, str] = {}
    left: tuple[str, ...] = _KEYS
    for match in _KEY.finditer(text, end):
        key = match[match.lastindex or 0]
        if key not in left:
            continue
        if not values and match.start() != end:
            return {}
        values[name] = text[begin : match.start()]
        name, begin = key, match.end()
        left = left[left.index("oom_memcg" if key == "global_oom" else key) + 1 :]
        if not left:
            break
    if not values and end != len(text):
        return {}
    values[name] = text[begin:]
    return values


def _elided(text: str) -> Summary | None:
    """
    Return what is left of a summary from which a person or a tool left parts out; a path may be only its beginning.
    """
    values: dict[str, str] = {}
    for name, value, cut in _VALUE.findall(text):
        # The beginning of a path may name a container well enough; the beginning of anything else says nothing.
        if value and (not cut or (name.endswith("_memcg") and value.startswith("/"))):
            values.setdefault(name, value + cut)
    if not values:
        return None
    pid, uid = values.get("pid", ""), values.get("uid", "")
    return Summary(
        constraint=values.get("constraint"),
        nodemask=values.get("nodemask"),
        cpuset=values.get("cpuset"),
        mems_allowed=values.get("mems_allowed"),
        oom_memcg=values.get("oom_memcg"),
        task_memcg=values.get("task_memcg"),
        comm=values.get("task"),
        pid=int(pid) if _NUMBER.fullmatch(pid) else None,
        uid=int(uid) if _NUMBER.fullmatch(uid) else None,
    )


def _without_last_value(text: str) -> str:
    """
    Return the certain part of a summary without an end: its last value may be cut, unless the next key has begun.
    """
    value, comma, key = text.rpartition(",")
    if comma and len(key) >= _KEY_LENGTH_AT_LEAST and any(name.startswith(key) for name in _NAMES):
        return value
    return text[: max(0, *(text.rfind(f",{name}=") for name in _NAMES))]
