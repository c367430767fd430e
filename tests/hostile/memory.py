"""
How much memory a process has.
"""

import re
from pathlib import Path
from typing import Final

_KIB: Final = 1024


def resident_bytes(pid: int | str = "self") -> int:
    """
    Return the resident memory of a process now.
    """
    return _field(pid, "VmRSS")


def peak_bytes(pid: int | str = "self") -> int:
    """
    Return the most resident memory that a process has had.
    """
    return _field(pid, "VmHWM")


def _field(pid: int | str, name: str) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    found = re.search(rf"^{name}:\s+(\d+) kB$", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) * _KIB
