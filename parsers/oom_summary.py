"""
The summary of an OOM report: the only line with the victim's cgroup since 5.0.

    oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/a,task=…

Paths and names may hold commas and texts like these, so it is read from both ends. It is long, and so it may be cut
off anywhere. Source: dump_oom_summary in mm/oom_kill.c.
"""

import re
from dataclasses import dataclass
from typing import Final

SUMMARY: Final = "oom-kill:constraint="
_SUMMARY_HEAD: Final = re.compile(
    SUMMARY + r"(?P<constraint>[^,]+)(?:,nodemask=(?P<nodemask>.*?))?(?:,cpuset=(?P<cpuset>.*?))?"
    r"(?:,mems_allowed=(?P<mems_allowed>[0-9,\-]*?))?(?:,global_oom|,oom_memcg=(?P<oom_memcg>.*?))?"
    r"(?:,task_memcg=(?P<task_memcg>.*))?",
    re.DOTALL,
)
_SUMMARY_TAIL: Final = re.compile(
    r",task=(?P<comm>.*),pid=(?P<pid>[0-9]{1,10}),uid=(?P<uid>[0-9]{1,10})\s*\Z", re.DOTALL
)
_LAST_VALUE: Final = re.compile(r"(.*),(?:nodemask|cpuset|mems_allowed|oom_memcg|task_memcg|task)=.*", re.DOTALL)


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


def parse_summary(text: str) -> Summary | None:
    """
    The summary, with what is certain of it.
    """
    if not text.startswith(SUMMARY):
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
