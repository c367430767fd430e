"""
What /proc/meminfo says of the host.
"""

from parsers.meminfo import HostMemory, parse_meminfo


def test_sizes_are_bytes() -> None:
    """
    The file has KiB.
    """
    memory = parse_meminfo(b"MemTotal:       16384256 kB\nMemFree: 1 kB\nMemAvailable:    1024 kB\n")
    assert memory == HostMemory(total_bytes=16384256 * 1024)


def test_what_is_missing_is_unknown() -> None:
    """
    Not 0.
    """
    assert parse_meminfo(b"garbage") == HostMemory()
