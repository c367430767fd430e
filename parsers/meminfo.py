"""
/proc/meminfo: how much memory the host has (proc_meminfo(5)).

    MemTotal:       16384256 kB
"""

import re
from dataclasses import dataclass
from typing import Final

_TOTAL: Final = re.compile(rb"^MemTotal: +([0-9]{1,15}) kB$", re.MULTILINE)
_KIB: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class HostMemory:
    """
    The host's memory.
    """

    total_bytes: int | None = None


def parse_meminfo(text: bytes) -> HostMemory:
    """
    The line that matters; where it is missing the size is None.
    """
    total = _TOTAL.search(text)
    return HostMemory(total_bytes=int(total[1]) * _KIB if total is not None else None)
