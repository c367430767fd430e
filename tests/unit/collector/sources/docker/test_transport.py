"""
Connections to an engine: kept open, and opened again when the engine has closed them.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from collector.sources.base import SourceError
from collector.sources.docker.transport import Engine

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Peer:
    """
    Answers requests on a socket, some per connection, then closes it without a word at the next request.

    Attributes:
        connections: how many were accepted.
    """

    def __init__(self, path: Path, per_connection: int) -> None:
        self.connections = 0
        self._per_connection = per_connection
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self.connections += 1
                with connection:
                    for _ in range(self._per_connection):
                        if not connection.recv(65536):
                            break
                        connection.sendall(ANSWER)
                    else:
                        connection.recv(65536)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@pytest.fixture
def peer(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Peer]:
    made = Peer(tmp_path / "docker.sock", request.param)
    yield made
    made.close()


def statuses(folder: Path, paths: int) -> list[int]:
    """
    Return the status of one request for each of some containers.
    """
    engine = Engine(f"unix://{folder}/docker.sock")
    try:
        return [engine.get(f"/containers/{number}/json", limit_bytes=100).status for number in range(paths)]
    finally:
        engine.close()


@pytest.mark.parametrize("peer", [1000], indirect=True)
def test_requests_for_many_containers_share_a_connection(peer: Peer, tmp_path: Path) -> None:
    """
    The engine need not accept a connection for each container.
    """
    assert statuses(tmp_path, 30) == [200] * 30
    assert peer.connections == 1


@pytest.mark.parametrize("peer", [2], indirect=True)
def test_a_connection_that_was_closed_is_replaced(peer: Peer, tmp_path: Path) -> None:
    """
    An engine, or a proxy before it, may close a connection that was kept open just when it is used again.
    """
    assert statuses(tmp_path, 6) == [200] * 6
    assert peer.connections == 3


@pytest.mark.parametrize("peer", [0], indirect=True)
def test_an_engine_that_closes_every_connection_is_an_error(peer: Peer, tmp_path: Path) -> None:
    """
    The first request has no connection that was kept open, so it is not repeated.
    """
    with pytest.raises(SourceError):
        statuses(tmp_path, 1)
    assert peer.connections == 1
