"""
The kernel's own count of OOM kills: the line `oom_kill N`, the same in three files.

    /sys/fs/cgroup/<path>/memory.events              (cgroup v2, with all cgroups below)
    /sys/fs/cgroup/memory/<path>/memory.oom_control  (cgroup v1, since Linux 4.13)
    /proc/vmstat                                     (the host, since Linux 4.13)

Sources: Documentation/admin-guide/cgroup-v2.rst, mm/memcontrol.c, mm/vmstat.c.
"""

import re
from typing import Final

_LINE: Final = re.compile(rb"^oom_kill ([0-9]{1,20})$", re.MULTILINE)


def parse_oom_kills(text: bytes) -> int | None:
    """
    The count; None where the file has no such line.
    """
    found = _LINE.search(text)
    return int(found[1]) if found is not None else None
