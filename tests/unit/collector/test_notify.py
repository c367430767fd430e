"""
What systemd is told, over a real socket.
"""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.notify import Notifier


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """
    The manager's end of the socket, and its address as NOTIFY_SOCKET has it.
    """
    address = str(tmp_path / "notify") if request.param == "path" else f"@exit137-test-{tmp_path.name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address.replace("@", "\0", 1) if request.param == "abstract" else address)
        listener.settimeout(5)
        yield address, listener


def test_each_state_is_one_datagram(manager: tuple[str, socket.socket]) -> None:
    """
    In the words of sd_notify(3).
    """
    address, listener = manager
    notifier = Notifier(address, monotonic_ns=lambda: 5_000_999)
    notifier.waiting("waits for space", 60)
    notifier.ready("reads kmsg")
    notifier.alive()
    notifier.reloading()
    notifier.stopping()
    assert [listener.recv(4096) for _ in range(5)] == [
        b"EXTEND_TIMEOUT_USEC=60000000\nSTATUS=waits for space",
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
def test_a_watchdog_is_fed_where_one_waits(environment: dict[str, str], watchdog_s: float | None) -> None:
    """
    And only if it waits for this very process.
    """
    assert Notifier.of(environment, pid=42).watchdog_s == watchdog_s


@pytest.mark.parametrize("address", [None, "/nonexistent/notify"])
def test_nobody_listens(address: str | None) -> None:
    """
    The agent goes on.
    """
    Notifier(address).alive()


def test_a_manager_that_does_not_listen_now_holds_nobody_up(manager: tuple[str, socket.socket]) -> None:
    """
    When its queue is full, a datagram is dropped; the next one comes in a second.
    """
    address, listener = manager
    for _ in range(10_000):
        Notifier(address).alive()
    assert listener.recv(100) == b"WATCHDOG=1"
