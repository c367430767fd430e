"""
Parse the files of a cgroup about CPU time: how much it used, and how many cores it may use.

Formats: Documentation/admin-guide/cgroup-v1/cpuacct.rst, cgroup-v2.rst, scheduler/sched-bwc.rst of the kernel.

    usage_usec 1042731           a line of cpu.stat, v2; cpuacct.usage of v1 is nanoseconds alone
    150000 100000                cpu.max, v2: 1.5 cores; `max 100000` is no limit
"""

import re
from typing import Final

from parsers.errors import ParseError

_USAGE: Final = re.compile(rb"^usage_usec ([0-9]{1,16})$", re.MULTILINE)
_MAX: Final = re.compile(rb"\s*(?:max|([0-9]{1,16})) ([1-9][0-9]{0,15})\s*")
_QUOTA: Final = re.compile(rb"\s*(-?[0-9]{1,16})\s*")
_NS_PER_US: Final = 1000


def parse_cpu_stat(text: bytes) -> int:
    """
    Return the CPU time of cpu.stat (v2), in nanoseconds.

    Raises:
        ParseError: the file has no line `usage_usec`.
    """
    match = _USAGE.search(text)
    if match is None:
        raise ParseError("cpu.stat (cgroup-v2.rst)", text)
    return int(match[1]) * _NS_PER_US


def parse_cpu_max(text: bytes) -> float | None:
    """
    Return the cores that cpu.max (v2) allows; None if there is no limit.

    Raises:
        ParseError: the text is not of that format.
    """
    match = _MAX.fullmatch(text)
    if match is None:
        raise ParseError("cpu.max (cgroup-v2.rst)", text)
    return int(match[1]) / int(match[2]) if match[1] is not None else None


def parse_cpu_quota(quota: bytes, period: bytes) -> float | None:
    """
    Return the cores that cpu.cfs_quota_us and cpu.cfs_period_us (v1) allow; None if there is no limit.

    Raises:
        ParseError: the texts are not of that format.
    """
    quota_us, period_us = _QUOTA.fullmatch(quota), _QUOTA.fullmatch(period)
    if quota_us is None or period_us is None:
        raise ParseError("cpu.cfs_quota_us and cpu.cfs_period_us (sched-bwc.rst)", quota + b" " + period)
    # A quota of -1 means that there is no limit.
    if int(quota_us[1]) <= 0 or int(period_us[1]) <= 0:
        return None
    return int(quota_us[1]) / int(period_us[1])
