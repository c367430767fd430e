"""
From the kernel's clock to the wall clock, and who this host is.
"""

import time
from pathlib import Path

import pytest

from collector.hostclock import BootClock, identify

SECOND = 1_000_000_000
MACHINE_ID = "0123456789abcdef0123456789abcdef"


class Clocks:
    """
    Two clocks that stand where they are put.
    """

    def __init__(self) -> None:
        self.monotonic_ns = 100 * SECOND
        self.wall_ns = 5000 * SECOND
        self.boot = BootClock(monotonic_ns=lambda: self.monotonic_ns, wall_ns=lambda: self.wall_ns)


def test_a_stamp_of_the_kernel_becomes_a_time_of_day() -> None:
    """
    By the difference of the two clocks.
    """
    assert Clocks().boot.wall_ns(99_000_000) == 4999 * SECOND


def test_a_step_of_the_wall_clock_is_followed_within_ten_seconds() -> None:
    """
    Not at once: the stamps of one report must not be torn apart.
    """
    clocks = Clocks()
    clocks.boot.wall_ns(0)
    clocks.wall_ns += 3600 * SECOND
    clocks.monotonic_ns += 9 * SECOND
    assert clocks.boot.wall_ns(100_000_000) == 5000 * SECOND
    clocks.monotonic_ns += 2 * SECOND
    assert clocks.boot.wall_ns(100_000_000) == (5000 + 3600 - 11) * SECOND


def test_the_host_is_who_its_files_say(tmp_path: Path) -> None:
    """
    Ids are written without dashes.
    """
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/machine-id").write_text(f"{MACHINE_ID}\n")
    (tmp_path / "proc/sys/kernel/random").mkdir(parents=True)
    (tmp_path / "proc/sys/kernel/random/boot_id").write_text("0B6F3C1E-5D2A-49A8-B7C4-E1F0D9A86352\n")
    host = identify(tmp_path)
    assert (host.machine_id, host.boot_id) == (MACHINE_ID, "0b6f3c1e5d2a49a8b7c4e1f0d9a86352")
    published = host.published()
    assert published.boot is not None
    assert (published.id, published.boot.id) == (host.machine_id, host.boot_id)


def test_the_id_of_d_bus_serves_where_systemd_has_none(tmp_path: Path) -> None:
    """
    Hosts without systemd have it.
    """
    (tmp_path / "var/lib/dbus").mkdir(parents=True)
    (tmp_path / "var/lib/dbus/machine-id").write_text(MACHINE_ID)
    assert identify(tmp_path).machine_id == MACHINE_ID


@pytest.mark.parametrize("content", [b"", b"uninitialized\n", b"\xff" * 32], ids=["empty", "first boot", "not text"])
def test_an_id_that_is_none_is_unknown(tmp_path: Path, content: bytes) -> None:
    """
    An image that was never booted has such a file.
    """
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/machine-id").write_bytes(content)
    assert identify(tmp_path).machine_id is None


def test_the_configuration_goes_before_the_files(tmp_path: Path) -> None:
    """
    `[host]` names it as people know it.
    """
    host = identify(tmp_path, machine_id="mine", hostname="node-7")
    assert (host.machine_id, host.hostname, host.boot_id) == ("mine", "node-7", None)


def test_the_boot_was_before_now() -> None:
    """
    By as long as the host has been up.
    """
    up_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    assert abs(time.time_ns() - up_ns - identify().booted_ns) < SECOND
