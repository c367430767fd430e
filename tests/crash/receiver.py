"""
A webhook's other side: takes everything, and remembers what came when.
"""

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

_SETTLED_S: Final = 10.0


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


class Receiver:
    """
    Listens on a port of loopback from `with` on.

    Attributes:
        run: the agent's life that goes on; the driver counts it.
        arrivals: in the order in which they were answered.
    """

    def __init__(self) -> None:
        self.run = 0
        self.arrivals: list[Arrival] = []
        self._connections = 0
        self._closed = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
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
                receiver.take(body)
                self.send_response(204)
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

    def take(self, body: bytes) -> None:
        """
        Remember a request.
        """
        event = json.loads(body)
        digest = hashlib.sha256(body).hexdigest()
        self.arrivals.append(Arrival.of(event["id"], event["data"], run=self.run, digest=digest))
