"""
A Docker Engine on a unix socket that answers properly, except where a test replaces an answer.
"""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

A: Final = "a" * 64
STARTED: Final = "2026-11-22T03:00:00Z"
# Sends an answer; the connection is closed afterwards.
Responder: TypeAlias = Callable[[socket.socket, str], None]


def head(length: int | None = None, status: str = "200 OK", more: str = "") -> bytes:
    """
    Return the head of an answer; without a length the body is chunked.
    """
    framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    return f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{framing}\r\n{more}\r\n".encode()


def chunk(data: bytes) -> bytes:
    """
    Return one chunk of a chunked body.
    """
    return b"%x\r\n%s\r\n" % (len(data), data)


def body(data: bytes, status: str = "200 OK", more: str = "") -> Responder:
    """
    Answer with a body.
    """
    return lambda peer, _: peer.sendall(head(len(data), status, more) + data)


def answer(value: object) -> Responder:
    """
    Answer with JSON.
    """
    return body(json.dumps(value).encode())


def described(container_id: str, **state: Any) -> dict[str, Any]:  # noqa: ANN401
    """
    Return the inspection of a container that runs.
    """
    return {
        "Id": container_id,
        "Name": f"/box-{container_id[:4]}",
        "State": {"Running": True, "Pid": 4000, "StartedAt": STARTED} | state,
        "Config": {"Image": "shop/api:1", "Labels": {}, "Tty": False},
        "HostConfig": {},
    }


def event(action: str, container_id: str, time_ns: int | None = None, **attributes: str) -> dict[str, Any]:
    """
    Return a message of the event stream.
    """
    return {
        "Type": "container",
        "Action": action,
        "Actor": {"ID": container_id, "Attributes": attributes},
        "timeNano": time.time_ns() if time_ns is None else time_ns,
    }


@dataclass(slots=True, kw_only=True)
class Engine:
    """
    The engine.

    Attributes:
        path: the socket.
        replaced: answers that are not the proper ones, by route: version, ping, list, inspect, logs, events.
        asked: how often each route was asked.
        containers: those that run.
    """

    path: Path
    replaced: dict[str, Responder] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    containers: list[str] = field(default_factory=lambda: [A])
    _listeners: set[socket.socket] = field(default_factory=set)
    _peers: set[socket.socket] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"unix://{self.path}"

    def emit(self, message: Mapping[str, Any]) -> None:
        """
        Send an event to all listeners.
        """
        for listener in list(self._listeners):
            with contextlib.suppress(OSError):
                listener.sendall(chunk(json.dumps(message).encode() + b"\n"))

    def listening(self) -> bool:
        """
        Return whether somebody listens to proper events.
        """
        return bool(self._listeners)

    def serve(self, peer: socket.socket) -> None:
        """
        Answer one request.
        """
        with contextlib.suppress(OSError), peer:
            target = _target(peer)
            route = _route(target)
            self.asked[route] = self.asked.get(route, 0) + 1
            self._peers.add(peer)
            self.replaced.get(route, self._proper(route))(peer, target)

    def heal(self) -> None:
        """
        Answer properly from now on, and end all connections.
        """
        self.replaced.clear()
        for peer in list(self._peers):
            self._peers.discard(peer)
            with contextlib.suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)

    def _proper(self, route: str) -> Responder:
        proper: dict[str, Responder] = {
            "version": answer({"Version": "28.5.1", "ApiVersion": "1.51"}),
            "ping": body(b"OK"),
            "list": answer([{"Id": name, "Names": [f"/{name[:4]}"]} for name in self.containers]),
            "inspect": lambda peer, target: answer(described(target.split("/")[2]))(peer, target),
            "logs": body(b"\x01\0\0\0\0\0\0\x05last\n"),
            "events": self._events,
        }
        return proper.get(route, body(b'{"message":"page not found"}', "404 Not Found"))

    def _events(self, peer: socket.socket, _: str) -> None:
        peer.sendall(head())
        self._listeners.add(peer)
        try:
            while peer.recv(1):
                pass
        finally:
            self._listeners.discard(peer)


@contextlib.contextmanager
def engine(directory: Path, **replaced: Responder) -> Iterator[Engine]:
    """
    Run an engine.

    Args:
        directory: where the socket is made.
        replaced: answers by route that are not the proper ones.
    """
    directory.mkdir(exist_ok=True)
    found = Engine(path=directory / "engine.sock", replaced=replaced)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(str(found.path))
    server.listen(64)
    threading.Thread(target=_accept, args=(server, found), daemon=True).start()
    try:
        yield found
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        found.heal()


def _accept(server: socket.socket, found: Engine) -> None:
    with contextlib.suppress(OSError):
        while True:
            peer, _ = server.accept()
            threading.Thread(target=found.serve, args=(peer,), daemon=True).start()


def _target(peer: socket.socket) -> str:
    """
    Read a request; return its path, without a version.
    """
    request = b""
    while b"\r\n\r\n" not in request:
        piece = peer.recv(65_536)
        if not piece:
            raise ConnectionError
        request += piece
    target = request.split(b" ")[1].decode()
    version, _, rest = target[1:].partition("/")
    return f"/{rest}" if version.startswith("v1.") else target


def _route(target: str) -> str:
    path = target.split("?", maxsplit=1)[0]
    match path.strip("/").split("/"):
        case ["version" | "events" as name]:
            return name
        case ["_ping"]:
            return "ping"
        case ["containers", "json"]:
            return "list"
        case ["containers", _, "json"]:
            return "inspect"
        case ["containers", _, "logs"]:
            return "logs"
        case _:
            return "other"
