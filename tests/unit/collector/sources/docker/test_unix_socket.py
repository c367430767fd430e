"""
Tests of connections to an engine's socket.
"""

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from collector.sources.docker.unix_socket import UnixAnswer, UnixPool

HEAD = b"HTTP/1.1 200 OK\r\n"
ANSWERS = {
    "/sized": HEAD + b"Content-Length: 4\r\n\r\nbody",
    "/chunked": HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
    "/empty": b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    "/last": HEAD + b"Connection: close\r\nContent-Length: 4\r\n\r\nbody",
    "/short": HEAD + b"Connection: close\r\nContent-Length: 9\r\n\r\nbody",
}


class Engine:
    """
    Answers each request by its path, and closes the connection after an answer that says so.

    Attributes:
        connections: how many were accepted.
    """

    def __init__(self, path: Path) -> None:
        self.connections = 0
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self.connections += 1
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            while request := connection.recv(65536):
                answer = ANSWERS[request.split()[1].decode()]
                connection.sendall(answer)
                if b"close" in answer:
                    return

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = Engine(tmp_path / "docker.sock")
    yield made
    made.close()


@pytest.fixture
def pool(engine: Engine, tmp_path: Path) -> Iterator[UnixPool]:
    del engine
    made = UnixPool(f"unix://{tmp_path}/docker.sock")
    yield made
    made.close()


def whole(answer: UnixAnswer) -> bytes:
    """
    Read a body to its end.
    """
    return b"".join(iter(lambda: answer.read(3), b""))


@pytest.mark.parametrize(("path", "body"), [("/sized", b"body"), ("/chunked", b"body"), ("/empty", b"")])
def test_a_connection_is_used_again_after_a_whole_answer(
    engine: Engine, pool: UnixPool, path: str, body: bytes
) -> None:
    """
    Whatever says where the body ends; to release an answer twice is the same as once.
    """
    for _ in range(3):
        answer = pool.ask(path)
        assert whole(answer) == body
        answer.release()
        answer.release()
    assert engine.connections == 1


def test_questions_at_the_same_time_have_connections_of_their_own(engine: Engine, pool: UnixPool) -> None:
    """
    An answer that is still read is not disturbed.
    """
    first, second = pool.ask("/sized"), pool.ask("/chunked")
    assert (whole(second), whole(first)) == (b"body", b"body")
    assert engine.connections == 2


def test_the_rest_of_an_answer_is_not_taken_for_the_next_one(engine: Engine, pool: UnixPool) -> None:
    """
    A connection whose body was not read to its end is closed.
    """
    pool.ask("/sized").release()
    assert whole(pool.ask("/chunked")) == b"body"
    assert engine.connections == 2


def test_a_connection_that_the_engine_closes_is_not_used_again(engine: Engine, pool: UnixPool) -> None:
    """
    Its answer is complete all the same.
    """
    answer = pool.ask("/last")
    assert whole(answer) == b"body"
    answer.release()
    assert whole(pool.ask("/sized")) == b"body"
    assert engine.connections == 2


def test_a_body_that_ends_too_early_is_an_error(pool: UnixPool) -> None:
    """
    Half of a description is none.
    """
    with pytest.raises(http.client.IncompleteRead):
        whole(pool.ask("/short"))


def test_a_socket_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    """
    The caller learns which.
    """
    with pytest.raises(FileNotFoundError):
        UnixPool(f"unix://{tmp_path}/none.sock").ask("/sized")
