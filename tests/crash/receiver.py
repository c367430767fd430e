"""
The receiver of a webhook: accepts everything unless it is configured otherwise, and remembers what arrived.
"""

import contextlib
import hashlib
import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

_CLOSED_S: Final = 10.0
_ACCEPTED: Final = 204
_BUSY: Final = 503


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """
    One event that arrived at a sink.

    Attributes:
        run: the number of the agent's life that sent it.
        container_id: events of one container are in order.
        pid: the pid of the victim; the driver counts it upwards.
        digest: the digest of the body.
    """

    id: str
    run: int
    container_id: str
    pid: int
    digest: str

    @classmethod
    def of(cls, event_id: str, data: dict[str, Any], *, run: int, digest: str) -> Self:
        """
        Create the arrival of an event from its document.
        """
        (victim,) = data["exit137"]["oom"]["victims"]
        return cls(id=event_id, run=run, container_id=victim["container_id"], pid=victim["pid"], digest=digest)


class _Server(ThreadingHTTPServer):
    """
    Ignores connections that end because the agent was killed.
    """

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Receiver:
    """
    Listens on a port of the loopback interface, as a context manager.

    Args:
        refuse_every: every n-th request is answered with 503; None: no request.

    Attributes:
        run: the number of the agent's current life, set by the driver.
        arrivals: the accepted events, in the order of the answers.
        status: the status of every answer; only with 204 the event is remembered.
        refused: the number of refused requests.
    """

    def __init__(self, refuse_every: int | None = None) -> None:
        self._refuse_every = refuse_every
        self._requests = 0
        self.run = 0
        self.arrivals: list[Arrival] = []
        self.status = _ACCEPTED
        self.refused = 0
        self._connections = 0
        self._closed = threading.Condition()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, name="receiver")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """
        The address of the server.
        """
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    def wait_until_closed(self) -> None:
        """
        Wait until everything from an agent that is dead by now has been received, because it belongs to that life.
        """
        with self._closed:
            self._closed.wait_for(lambda: self._connections == 0, timeout=_CLOSED_S)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle(self) -> None:
                with receiver.connection(), contextlib.suppress(ConnectionResetError):
                    super().handle()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver.answer(body)
                self.send_response(status)
                if status != _ACCEPTED:
                    self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    @contextlib.contextmanager
    def connection(self) -> Iterator[None]:
        """
        Count a connection while it is open.
        """
        with self._closed:
            self._connections += 1
        try:
            yield
        finally:
            with self._closed:
                self._connections -= 1
                self._closed.notify_all()

    def answer(self, body: bytes) -> int:
        """
        Return the status of the answer to a request.
        """
        self._requests += 1
        if self.status != _ACCEPTED or (self._refuse_every is not None and self._requests % self._refuse_every == 0):
            self.refused += 1
            return self.status if self.status != _ACCEPTED else _BUSY
        self.remember(body)
        return _ACCEPTED

    def remember(self, body: bytes) -> None:
        """
        Remember a request.
        """
        event = json.loads(body)
        digest = hashlib.sha256(body).hexdigest()
        self.arrivals.append(Arrival.of(event["id"], event["data"], run=self.run, digest=digest))
