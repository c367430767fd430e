"""
What a hostile Docker Engine may answer: by route, then by name.
"""

import gzip
import json
import socket
import struct
import time
from collections.abc import Iterable
from typing import Any, Final

from tests.hostile.engine import A, Responder, answer, body, chunk, described, event, head

B: Final = "b" * 64
NESTED: Final = b"[" * 200_000
NOT_UTF8: Final = b'{"Id": "\xff\xfe\xc3\x28"}'
JUNK: Final = b"x" * 262_144
OK: Final = b"HTTP/1.1 200 OK\r\n"
# The values that every field is replaced by, one after the other.
ODD: Final = (None, True, -1, 2**70, 1.5, "", "\ud800", "\x1b[2J", [], [[]], {}, {"x": {}}, "9" * 5000)


def endless(piece: bytes, begin: bytes = b"", pause_s: float = 0) -> Responder:
    """
    Send a piece again and again until the peer ends the connection.
    """

    def respond(peer: socket.socket, _: str) -> None:
        peer.sendall(begin)
        while True:
            peer.sendall(piece)
            time.sleep(pause_s)

    return respond


def raw(content: bytes) -> Responder:
    """
    Send bytes and close the connection.
    """
    return lambda peer, _: peer.sendall(content)


def then_silent(content: bytes) -> Responder:
    """
    Send bytes, then nothing more until the peer ends the connection.
    """

    def respond(peer: socket.socket, _: str) -> None:
        peer.sendall(content)
        while peer.recv(65_536):
            pass

    return respond


def reset(peer: socket.socket, _: str) -> None:
    """
    Read nothing and reset the connection.
    """
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def long(size_bytes: int, piece: bytes, begin: bytes = b"", end: bytes = b"") -> Responder:
    """
    Send a body that is as long as it says.
    """

    def respond(peer: socket.socket, _: str) -> None:
        count = (size_bytes - len(begin) - len(end)) // len(piece)
        peer.sendall(head(len(begin) + count * len(piece) + len(end)) + begin)
        for _number in range(count):
            peer.sendall(piece)
        peer.sendall(end)

    return respond


def stream(messages: Iterable[object]) -> Responder:
    """
    Send an event stream that stays open.
    """
    lines = [item if isinstance(item, bytes) else json.dumps(item).encode() for item in messages]
    return then_silent(head() + b"".join(chunk(line + b"\n") for line in lines))


def odd_everywhere(value: object) -> list[object]:
    """
    Return copies of a JSON value in which one part, of any depth, is replaced by something of another type.
    """
    found: list[object] = list(ODD)
    if isinstance(value, dict):
        for key, item in value.items():
            found += [{**value, key: other} for other in odd_everywhere(item)]
            found.append({name: other for name, other in value.items() if name != key})
    return found


def in_turn(values: Iterable[object]) -> Responder:
    """
    Answer each request with the next value; the last one repeats.
    """
    waiting = list(values)

    def respond(peer: socket.socket, target: str) -> None:
        answer(waiting.pop(0) if len(waiting) > 1 else waiting[0])(peer, target)

    return respond


def ids(count: int) -> list[dict[str, Any]]:
    """
    Return a list of containers.
    """
    return [{"Id": f"{number:064x}", "Names": [f"/c{number}"]} for number in range(count)]


EVERYWHERE: Final[dict[str, Responder]] = {
    "nothing": then_silent(b""),
    "closed": raw(b""),
    "reset": reset,
    "half a status": raw(b"HTTP/1.1 20"),
    "half a head, then silence": then_silent(OK + b"Content-Type: appl"),
    "another protocol": raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "endless status line": endless(JUNK, b"HTTP/1.1 200 "),
    "endless header": endless(JUNK, OK + b"x: "),
    "endless headers": endless(b"x: y\r\n" * 1000, OK),
    "many headers": raw(OK + b"x: y\r\n" * 200 + b"\r\n"),
    "endless 100 Continue": endless(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "dripping head": endless(b"x", OK + b"x: ", 0.05),
    "dripping body": endless(b" ", head(100_000), 0.05),
    "endless chunk": endless(JUNK, head() + b"fffffffffffff\r\n"),
    "endless small chunks": endless(chunk(b" " * 100) * 1000, head()),
    "endless size of a chunk": endless(b"0" * 10_000, head()),
    "endless trailers": endless(b"x: y\r\n" * 1000, head() + b"0\r\n"),
    "negative chunk": endless(JUNK, head() + b"-5\r\n"),
    "no chunk size": raw(head() + b"zz\r\nabc\r\n0\r\n\r\n"),
    "short body": raw(head(1000) + b"{}"),
    "long body": raw(head(2) + b"{}" * 1000),
    "no length": endless(JUNK, OK + b"\r\n"),
    "300 MB": long(300_000_000, b" " * 100_000, b"[", b"]"),
    "gzip bomb": body(gzip.compress(b" " * 100_000_000), more="Content-Encoding: gzip\r\n"),
    "number": body(b"7"),
    "null": body(b"null"),
    "text": body(b'"ok"'),
    "nothing in it": body(b""),
    "no JSON": body(b"<html>no</html>"),
    "not UTF-8": body(NOT_UTF8),
    "nested": body(NESTED),
    "nested objects": body(b'{"a":' * 100_000),
    "403": body(b'{"message":"forbidden"}', "403 Forbidden"),
    "404": body(b"no", "404 Not Found"),
    "500": body(b'{"message":7}', "500 Internal Server Error"),
    "redirect": body(b"", "301 Moved", "Location: http://127.0.0.1:1/\r\n"),
    "switching protocols": raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: tcp\r\n\r\n" + JUNK),
    "many cookies": body(b"{}", more="".join(f"Set-Cookie: c{n}={'v' * 4000}\r\n" for n in range(50))),
}

BY_ROUTE: Final[dict[str, dict[str, Responder]]] = {
    "version": {"odd values": in_turn(odd_everywhere({"Version": "1", "ApiVersion": "1.51"}))},
    "list": {
        "number in the list": answer([7, {"Id": A, "Names": ["/a"]}, None, [], "x"]),
        "object": answer({"Id": A}),
        "wrong ids": answer([{"Id": "a" * 63}, {"Id": "../../info"}, {"Id": "A" * 64}, {"Id": ""}, {"Names": []}]),
        "100,000 containers": answer(ids(100_000)),
        "the same container 100,000 times": answer(ids(1) * 100_000),
    },
    "inspect": {
        "odd values": in_turn(odd_everywhere(described(A))),
        "no Tty": answer({**described(A), "Config": {}}),
        "another container": answer(described(B)),
        "8 MB": answer({**described(A), "Args": ["x" * 8_000_000]}),
    },
    "logs": {
        "no frames": body(b"\x01\0\0\0\0\0\0\x04word\x07\0\0\0junk"),
        "frame of 4 GB": endless(JUNK, head() + chunk(b"\x01\0\0\0\xff\xff\xff\xff")[:-2]),
        "endless frames": endless(chunk(b"\x01\0\0\0\0\0\0\x05word\n" * 1000), head()),
        "terminal": body(b"word\r\n" * 100),
        "empty frames": endless(chunk(b"\x01\0\0\0\0\0\0\0" * 1000), head()),
    },
    "events": {
        "an event without end": endless(chunk(JUNK), head()),
        "lines without end": endless(chunk(b"{}\n" * 10_000), head()),
        "empty lines without end": endless(chunk(b"\n" * 10_000), head()),
        "odd values": stream(odd_everywhere(event("die", A, exitCode="137", name="x"))),
        "out of order, repeated": stream([event("die", A, n) for n in (9, 5, 9, 5, 1)] * 50),
        "times far off": stream([event("start", A, n) for n in (0, -1, 2**62, 2**63 - 1, 2**80)]),
        "wrong ids": stream([event("start", name) for name in ("", "a", "a" * 63, "../x", "\u202e" * 64)]),
        "not UTF-8": stream([NOT_UTF8, b"\xff" * 100]),
        "nested": stream([NESTED]),
        "long labels": stream([event("start", A, None, label="x" * 3_000_000)] * 10),
        "20,000 containers": stream([event("start", item["Id"]) for item in ids(20_000)]),
        "ends at once": raw(head() + b"0\r\n\r\n"),
    },
}


def modes(route: str) -> Iterable[tuple[str, Responder]]:
    """
    Return everything that may be answered on a route.
    """
    return (EVERYWHERE | BY_ROUTE.get(route, {})).items()
