"""
Tests of an engine that is not on a socket of this host.
"""

import socket
import threading
from contextlib import suppress

import pytest

from collector.sources.docker.bounded import UnusableAnswerError
from collector.sources.docker.transport import Engine

BODY = b'{"Version":"' + b"2" * 100_000 + b'"}'


def serve(listening: socket.socket) -> None:
    """
    Answer every request with the same body.
    """
    with suppress(OSError):
        while True:
            connection, _ = listening.accept()
            with connection:
                while connection.recv(65536):
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY))


def test_an_engine_elsewhere_is_asked_through_the_sdk() -> None:
    """
    Answers are the same as over a socket, and bounded too.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, args=(listening,), daemon=True).start()
        engine = Engine(f"tcp://127.0.0.1:{listening.getsockname()[1]}")
        try:
            assert engine.get("/version", {"a": "1"}, limit_bytes=200_000).body == BODY
            with pytest.raises(UnusableAnswerError):
                engine.get("/version", limit_bytes=50_000)
        finally:
            engine.close()
            listening.shutdown(socket.SHUT_RDWR)
