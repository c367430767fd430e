"""
Destinations that answer everything except what they were asked for: one TCP port, with and without TLS.
"""

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from tests.hostile.engine import Responder, body
from tests.hostile.engine_modes import EVERYWHERE, JUNK, OK, endless, raw, reset, then_silent

# Beside what a Docker Engine may answer.
SINKS: Final[dict[str, Responder]] = EVERYWHERE | {
    "endless 103 Early Hints": endless(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" * 500),
    "100 Continue, one at a time": endless(b"HTTP/1.1 100 Continue\r\n\r\n", b"", 0.01),
    "answers without end": endless(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n" * 500),
    "endless empty lines": endless(b"\r\n" * 10_000),
    "Retry-After of 9999 digits": body(b"", "429 Slow down", f"Retry-After: {'9' * 7000}\r\n"),
    "Retry-After of the year 9999": body(b"", "503 Busy", "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n"),
    "redirect to itself": body(b"", "307 Again", "Location: /\r\n"),
    "two lengths": raw(OK + b"Content-Length: 1\r\nContent-Length: 100\r\n\r\nx"),
    "status 999": body(b"", "999 What"),
    "control characters": body(b"", "500 \x1b[2J\x1b]0;x\x07"),
}
# What a peer does before HTTP or Kafka begins.
CONNECTED: Final[dict[str, Responder]] = {
    "silence": then_silent(b""),
    "junk": endless(JUNK),
    "drip": endless(b"\x16", b"", 0.05),
    "reset": reset,
    "record of TLS without end": endless(b"\x16\x03\x03\x40\x00" + b"\x02" * 16_384),
    "frame of 2 GB": endless(JUNK, struct.pack(">i", 2**31 - 1)),
    "frame of -1 bytes": endless(b"\xff" * 65_536),
    "frames of nothing": endless(b"\0" * 65_536),
}


@dataclass(slots=True)
class Peers:
    """
    A port; what it answers depends on the path of the request, or is the same for every connection.

    Attributes:
        port: the port.
        asked: how often each answer was given.
    """

    port: int
    asked: dict[str, int] = field(default_factory=dict)


Serve: TypeAlias = Callable[[socket.socket, Peers], None]


@contextlib.contextmanager
def http_peers(answers: Mapping[str, Responder], tls: ssl.SSLContext | None = None) -> Iterator[Peers]:
    """
    Answer requests for `/N` with the Nth answer.
    """
    names = list(answers)

    def serve(peer: socket.socket, found: Peers) -> None:
        if tls is not None:
            peer = tls.wrap_socket(peer, server_side=True)
        request = b""
        while b"\r\n\r\n" not in request:
            piece = peer.recv(65_536)
            if not piece:
                return
            request += piece
        target = request.split(b" ", 2)[1].decode()
        name = names[int(target.strip("/"))]
        found.asked[name] = found.asked.get(name, 0) + 1
        answers[name](peer, target)

    yield from _listen(serve)


@contextlib.contextmanager
def peers(answer: Responder) -> Iterator[Peers]:
    """
    Do the same with every connection, before anything was read from it.
    """

    def serve(peer: socket.socket, found: Peers) -> None:
        found.asked["connected"] = found.asked.get("connected", 0) + 1
        answer(peer, "")

    yield from _listen(serve)


def _listen(serve: Serve) -> Iterator[Peers]:
    server = socket.create_server(("127.0.0.1", 0), backlog=256)
    found = Peers(server.getsockname()[1])

    def one(peer: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), peer:
            serve(peer, found)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = server.accept()
                threading.Thread(target=one, args=(peer,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield found
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
