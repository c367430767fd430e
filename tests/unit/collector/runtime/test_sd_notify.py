"""
What systemd receives, over a real socket.
"""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.runtime.sd_notify import SdNotifier


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """
    Yield the value of NOTIFY_SOCKET and the manager's end of the socket.
    """
    address = str(tmp_path / "notify") if request.param == "path" else f"@exit137-test-{tmp_path.name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address.replace("@", "\0", 1) if request.param == "abstract" else address)
        listener.settimeout(5)
        yield address, listener


def test_each_state_is_one_datagram(manager: tuple[str, socket.socket]) -> None:
    """
    Each state is sent in the form of sd_notify(3).
    """
    address, listener = manager
    notifier = SdNotifier(address, monotonic_ns=lambda: 5_000_999)
    notifier.waiting("waiting for space", 60)
    notifier.ready("reads kmsg")
    notifier.alive()
    notifier.reloading()
    notifier.stopping()
    assert [listener.recv(4096) for _ in range(5)] == [
        b"EXTEND_TIMEOUT_USEC=60000000\nSTATUS=waiting for space",
        b"READY=1\nSTATUS=reads kmsg",
        b"WATCHDOG=1",
        b"RELOADING=1\nMONOTONIC_USEC=5000",
        b"STOPPING=1\nSTATUS=stopping",
    ]


@pytest.mark.parametrize(
    ("environment", "watchdog_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "42"}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_used_if_it_is_for_this_process(environment: dict[str, str], watchdog_s: float | None) -> None:
    """
    A watchdog without a valid timeout, or for another process, is ignored.
    """
    assert SdNotifier.from_environment(environment, pid=42).watchdog_s == watchdog_s


@pytest.mark.parametrize("address", [None, "/nonexistent/notify"])
def test_without_a_manager_nothing_is_sent(address: str | None) -> None:
    """
    The agent works without a manager too, and keeps no socket open for one.
    """
    before = set(Path("/proc/self/fd").iterdir())
    SdNotifier(address).alive()
    assert set(Path("/proc/self/fd").iterdir()) == before


def test_a_busy_manager_does_not_block_the_agent(manager: tuple[str, socket.socket]) -> None:
    """
    If the queue of the socket is full, the datagram is dropped; another follows a second later.
    """
    address, listener = manager
    for _ in range(10_000):
        SdNotifier(address).alive()
    assert listener.recv(100) == b"WATCHDOG=1"
