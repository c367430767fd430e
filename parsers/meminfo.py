"""
/proc/meminfo: how much memory the host has (proc_meminfo(5)).

    MemTotal:       16384256 kB
"""

import re
from dataclasses import dataclass
from typing import Final

_LINE: Final = re.compile(rb"^(MemTotal|MemAvailable|SwapTotal|SwapFree): +([0-9]{1,15}) kB$", re.MULTILINE)
_KIB: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class HostMemory:
    """
    The host's memory; `available_bytes` is what programs could still get without swapping.
    """

    total_bytes: int | None = None
    available_bytes: int | None = None
    swap_total_bytes: int | None = None
    swap_free_bytes: int | None = None


def parse_meminfo(text: bytes) -> HostMemory:
    """
    The lines that matter; what is missing is None.
    """
    sizes = {match[1]: int(match[2]) * _KIB for match in _LINE.finditer(text)}
    return HostMemory(
        total_bytes=sizes.get(b"MemTotal"),
        available_bytes=sizes.get(b"MemAvailable"),
        swap_total_bytes=sizes.get(b"SwapTotal"),
        swap_free_bytes=sizes.get(b"SwapFree"),
    )
