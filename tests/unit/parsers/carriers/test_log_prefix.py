"""
The prefixes that tools print in front of a kernel message.
"""

import pytest

from parsers.carriers.log_prefix import split_prefix

KILL = "Out of memory: Killed process 7 (java) total-vm:9kB, anon-rss:7kB, file-rss:1kB"


@pytest.mark.parametrize(
    ("prefix", "monotonic_us", "caller"),
    [
        ("[47517.123456] ", 47517123456, None),
        ("[   30.745] ", 30745000, None),
        ("[47517.123456][ T1234] ", 47517123456, "T1234"),
        ("[47517.123456] [  T1234] ", 47517123456, "T1234"),
        ("[47517.123456 <    0.000003>] ", 47517123456, None),
        ("[47517.123456 <    0.000003 >] host kernel: ", 47517123456, None),
        ("<4>[47517.123456] ", 47517123456, None),
        ("<4>1 2026-04-17T19:55:54.123456+02:00 host kernel - - - [47517.123456] ", 47517123456, None),
        ("2019-07-15 23:44:32.123456+0200  localhost com.docker.hyperkit[42]: [47517.5] ", 47517500000, None),
    ],
)
def test_a_stamp_is_the_kernels_clock(prefix: str, monotonic_us: int, caller: str | None) -> None:
    """
    A stamp gives microseconds since boot, however many of its digits are left.
    """
    line = split_prefix(prefix + KILL)
    assert (line.text, line.monotonic_us, line.caller, line.from_kernel) == (KILL, monotonic_us, caller, True)


@pytest.mark.parametrize(
    ("prefix", "at_ns"),
    [
        ("1715975669.123456 host kernel: ", 1715975669123456000),
        ("2024-05-17T19:54:29.123456+0000 host kernel: ", 1715975669123456000),
        ("<4>1 2024-05-17T19:54:29.123456Z host kernel - - - ", 1715975669123456000),
        ("[  +0.000003] ", None),
        ("[<    0.000003>] ", None),
        ("/var/log/messages-20240101:May 17 19:54:29 host kernel: ", None),
        ("kern.log:17:May 17 19:54:29 host kernel: ", None),
    ],
)
def test_a_date_is_a_time_if_it_names_its_zone(prefix: str, at_ns: int | None) -> None:
    """
    A date without year or zone gives no time, because both would be guesses.
    """
    line = split_prefix(prefix + KILL)
    assert (line.text, line.at_ns, line.from_kernel) == (KILL, at_ns, True)


@pytest.mark.parametrize(
    "prefix",
    [
        "Jul 15 23:44:32 host app[12]: ",
        "<12>[47517.123456] ",
        "<14>1 2024-05-17T19:54:29Z host app 12 - - ",
        "<4>1 2024-05-17T19:54:29Z host app - - - ",
        "user  :warn  : [47517.123456] ",
    ],
)
def test_user_space_is_known_by_its_prefix(prefix: str) -> None:
    """
    A program that quotes the kernel is not the kernel.
    """
    assert not split_prefix(prefix + KILL).from_kernel
