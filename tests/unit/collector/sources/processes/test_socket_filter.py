"""
Tests of the BPF program, run by the kernel on a socket that needs no privilege.
"""

import socket
import struct
from array import array
from collections.abc import Iterator
from contextlib import suppress

import pytest

from collector.sources.processes.socket_filter import INSTRUCTION_BYTES, wanted_events
from parsers.proc_event import What
from tests.unit.collector.sources.processes.fakes import crash, datagram, end, execute, fork, rename

_SO_ATTACH_FILTER = 26
_LAST = datagram(What.NONE, 0, 0)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """
    Two connected sockets, with the program attached to the second.
    """
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    address, size = (code := array("B", wanted_events())).buffer_info()
    assert len(code) == size
    right.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", size // INSTRUCTION_BYTES, address))
    with left, right:
        yield left, right


@pytest.mark.parametrize(
    ("event", "passes"),
    [
        (fork(11, 10), True),
        (datagram(What.FORK, 0, 10, 10, 12, 11), False),
        (execute(11), True),
        (end(11), True),
        (datagram(What.EXIT, 0, 12, 11, 0, 17, 1, 1), False),
        (crash(12, 11), True),
        (rename(11, b"app"), True),
        (datagram(What.COMM, 0, 12, 11), False),
        (datagram(4, 0, 11, 11), False),
        (datagram(0x80, 0, 11, 11), False),
        (b"short", False),
    ],
    ids=[
        "fork of a process",
        "fork of a thread",
        "exec",
        "exit of a process",
        "exit of a thread",
        "crash of a thread",
        "name of a process",
        "name of a thread",
        "change of the user",
        "new session",
        "too short",
    ],
)
def test_events_of_processes_pass(pair: tuple[socket.socket, socket.socket], event: bytes, passes: bool) -> None:
    """
    Events of threads and other kinds of events are dropped in the kernel; events of processes and answers pass.
    """
    left, right = pair
    with suppress(PermissionError):  # how such a socket says that the filter of the other end refused
        left.send(event)
    left.send(_LAST)
    assert right.recv(100) == (event if passes else _LAST)
