"""
Tests of the conversion from the kernel's clock to the wall clock, and of the host's identity.
"""

import time
from pathlib import Path

import pytest

from collector.host.clock import BootClock, identify

SECOND = 1_000_000_000
MACHINE_ID = "0123456789abcdef0123456789abcdef"


class Clocks:
    """
    Two clocks that a test sets.
    """

    def __init__(self) -> None:
        self.monotonic_ns = 100 * SECOND
        self.wall_ns = 5000 * SECOND
        self.boot = BootClock(monotonic_ns=lambda: self.monotonic_ns, wall_ns=lambda: self.wall_ns)


def test_a_stamp_of_the_kernel_becomes_a_time_of_day() -> None:
    """
    A stamp of the kernel is converted to a wall clock time by the difference of the two clocks.
    """
    assert Clocks().boot.wall_ns(99_000_000) == 4999 * SECOND


def test_a_step_of_the_wall_clock_is_followed_within_ten_seconds() -> None:
    """
    A step of the wall clock counts after ten seconds, not at once, so that the stamps of one report stay together.
    """
    clocks = Clocks()
    clocks.boot.wall_ns(0)
    clocks.wall_ns += 3600 * SECOND
    clocks.monotonic_ns += 9 * SECOND
    assert clocks.boot.wall_ns(100_000_000) == 5000 * SECOND
    clocks.monotonic_ns += 2 * SECOND
    assert clocks.boot.wall_ns(100_000_000) == (5000 + 3600 - 11) * SECOND


def test_the_identity_is_read_from_files(tmp_path: Path) -> None:
    """
    Machine id and boot id are read from their files, and written without dashes.
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


def test_the_id_of_d_bus_replaces_a_missing_machine_id(tmp_path: Path) -> None:
    """
    Hosts without systemd's machine id use the one of D-Bus.
    """
    (tmp_path / "var/lib/dbus").mkdir(parents=True)
    (tmp_path / "var/lib/dbus/machine-id").write_text(MACHINE_ID)
    assert identify(tmp_path).machine_id == MACHINE_ID


@pytest.mark.parametrize("content", [b"", b"uninitialized\n", b"\xff" * 32], ids=["empty", "first boot", "not text"])
def test_a_malformed_id_is_unknown(tmp_path: Path, content: bytes) -> None:
    """
    A machine id that is not 32 hex digits, as in an image that was never booted, is unknown.
    """
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/machine-id").write_bytes(content)
    assert identify(tmp_path).machine_id is None


def test_the_configuration_takes_precedence(tmp_path: Path) -> None:
    """
    Id and hostname of the configuration replace those of the host.
    """
    host = identify(tmp_path, machine_id="mine", hostname="node-7")
    assert (host.machine_id, host.hostname, host.boot_id) == ("mine", "node-7", None)


def test_the_boot_was_before_now() -> None:
    """
    The boot time is as far in the past as the host has been up.
    """
    up_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    assert abs(time.time_ns() - up_ns - identify().booted_ns) < SECOND
