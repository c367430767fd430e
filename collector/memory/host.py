"""
How much memory the host has, as the kernel says now.
"""

from pathlib import Path
from typing import Final

from parsers.meminfo import HostMemory, parse_meminfo

_MEMINFO: Final = Path("/proc/meminfo")


def host_memory() -> HostMemory | None:
    """
    The host's memory; None where it cannot be read.
    """
    try:
        return parse_meminfo(_MEMINFO.read_bytes())
    except OSError:
        return None
