"""
A webhook's other side: takes everything, unless told otherwise, and remembers what came when.
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

_SETTLED_S: Final = 10.0
_TAKEN: Final = 204
_BUSY: Final = 503


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """
    One event that came to a sink.

    Attributes:
        run: which of the agent's lives sent it.
        container_id: what orders it.
        pid: of the victim, which the driver counts upwards.
        digest: of the body.
    """

    id: str
    run: int
    container_id: str
    pid: int
    digest: str

    @classmethod
    def of(cls, event_id: str, data: dict[str, Any], *, run: int, digest: str) -> Self:
        """
        That of an event, from its document.
        """
        (victim,) = data["exit137"]["oom"]["victims"]
        return cls(id=event_id, run=run, container_id=victim["container_id"], pid=victim["pid"], digest=digest)


class _Server(ThreadingHTTPServer):
    """
    Says nothing of connections that end because the agent was killed.
    """

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Receiver:
    """
    Listens on a port of loopback from `with` on.

    Args:
        refuse_every: of so many requests one is refused for now; None: of none.

    Attributes:
        run: the agent's life that goes on; the driver counts it.
        arrivals: in the order in which they were answered.
        status: what it answers; what it does not take with 204 it does not remember either.
        refused: how often it did not.
    """

    def __init__(self, refuse_every: int | None = None) -> None:
        self._refuse_every = refuse_every
        self._requests = 0
        self.run = 0
        self.arrivals: list[Arrival] = []
        self.status = _TAKEN
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
        Where it listens.
        """
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    def settle(self) -> None:
        """
        Wait until what an agent sent that is dead by now has been taken, for it belongs to that life.
        """
        with self._closed:
            self._closed.wait_for(lambda: self._connections == 0, timeout=_SETTLED_S)

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
                if status != _TAKEN:
                    self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    @contextlib.contextmanager
    def connection(self) -> Iterator[None]:
        """
        As long as one is open.
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
        The status that a request is answered with.
        """
        self._requests += 1
        if self.status != _TAKEN or (self._refuse_every is not None and self._requests % self._refuse_every == 0):
            self.refused += 1
            return self.status if self.status != _TAKEN else _BUSY
        self.take(body)
        return _TAKEN

    def take(self, body: bytes) -> None:
        """
        Remember a request.
        """
        event = json.loads(body)
        digest = hashlib.sha256(body).hexdigest()
        self.arrivals.append(Arrival.of(event["id"], event["data"], run=self.run, digest=digest))
