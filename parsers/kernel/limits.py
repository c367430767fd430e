"""
Parse the line about a cgroup that has reached its limit of tasks.

The kernel prints it once in the life of a cgroup. If the limit is that of a parent, the path is still the child's.
Source: kernel/cgroup/pids.c (pids_event).

    cgroup: fork rejected by pids controller in /system.slice/docker-2e3d….scope
"""

import re
from typing import Final

from parsers.kernel.facts import KernelNotice, NoticeKind

_REJECTED: Final = re.compile(r"\Acgroup: fork rejected by pids controller in (?P<cgroup>/[^\n]*|[^\n/ ][^\n]*)")


def parse_limit(text: str) -> KernelNotice | None:
    """
    Parse a line about a limit of tasks that was reached.
    """
    found = _REJECTED.match(text)
    return KernelNotice(kind=NoticeKind.PIDS_LIMIT, cgroup=found["cgroup"].rstrip()) if found is not None else None
