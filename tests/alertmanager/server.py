"""
A real Alertmanager from Debian's package, with a webhook of the test as its only receiver.
"""

import contextlib
import json
import shutil
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Final

import pytest

from tests.shared.ports import free_ports
from tests.shared.server import Server

_NAME: Final = "prometheus-alertmanager"
_UP_S: Final = 30.0
# Debian's Alertmanager reads its templates below /usr/share, and the unpacked package is elsewhere.
_IN_ITS_PLACE: Final = """
set -e
templates=${0%/bin/*}/share/prometheus
if [ -d "$templates" ] && [ "$templates" != /usr/share/prometheus ]; then
    mount -t tmpfs tmpfs /usr/share
    mkdir /usr/share/prometheus
    mount --bind "$templates" /usr/share/prometheus
fi
exec "$0" "$@"
"""
# Groups by what the alerts are about, as teams do; the waits are as short as Alertmanager allows.
_CONFIG: Final = """
route:
  receiver: test
  group_by: [alertname, service, container]
  group_wait: 1s
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: test
    webhook_configs:
      - url: http://127.0.0.1:{port}/
        send_resolved: true
"""


def program() -> str:
    """
    Return the path of Alertmanager, installed or where scripts/setup puts it.
    """
    own = Path(__file__).parents[2] / ".cache" / _NAME / "usr/bin" / _NAME
    found = str(own) if own.exists() else shutil.which(_NAME)
    if found is None:
        pytest.skip(f"{_NAME} is not installed: scripts/setup live installs it")
    return found


class Alertmanager(Server):
    """
    One Alertmanager on a port of its own; it can be stopped, and started again without its memory.

    Args:
        directory: for its configuration and its data.

    Attributes:
        port: where it listens.
        notified: what it sent to its receiver: status, and the labels of the alerts.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._directory = directory
        self.notified: list[tuple[str, list[dict[str, str]]]] = []
        self._receiver = HTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._receiver.serve_forever, name="receiver", daemon=True).start()
        (self.port,) = free_ports(1)
        text = _CONFIG.format(port=self._receiver.server_address[1])
        (directory / "alertmanager.yml").write_text(text, encoding="utf-8")

    @property
    def url(self) -> str:
        """
        What an Alertmanager sink is configured with.
        """
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """
        Start it with an empty memory: Alertmanager keeps silences on the disk, but no alerts.
        """
        command = [
            *("unshare", "--map-root-user", "--mount", "sh", "-c", _IN_ITS_PLACE, program()),
            f"--config.file={self._directory}/alertmanager.yml",
            f"--storage.path={self._directory}/data",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
        ]
        self._run(command, self._directory / "log", self._is_ready, _UP_S)

    def close(self) -> None:
        """
        Kill it, and stop its receiver.
        """
        self.kill()
        self._receiver.shutdown()
        self._receiver.server_close()

    def alerts(self, *, active: bool = True) -> list[dict[str, Any]]:
        """
        Return the alerts that it knows and that are not resolved; only those that are not silenced, or all.
        """
        query = "?silenced=false" if active else ""
        found: list[dict[str, Any]] = self._call("GET", f"alerts{query}")
        return found

    def silence(self, label: str, value: str) -> None:
        """
        Silence the alerts with this label for an hour.
        """
        now_s = time.time()
        matcher = {"name": label, "value": value, "isRegex": False}
        silence = {
            "matchers": [matcher],
            "startsAt": _stamp(now_s),
            "endsAt": _stamp(now_s + 3600),
            "createdBy": "test",
            "comment": "maintenance",
        }
        self._call("POST", "silences", silence)

    def _call(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
        request = urllib.request.Request(  # noqa: S310 (http, made here)
            f"{self.url}/api/v2/{path}",
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return json.load(answer)

    def _is_ready(self) -> bool:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            self.alerts()
            return True
        return False

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        notified = self.notified

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                notified.append((message["status"], [alert["labels"] for alert in message["alerts"]]))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@contextlib.contextmanager
def alertmanager(directory: Path) -> Iterator[Alertmanager]:
    """
    Yield an Alertmanager that has not started.
    """
    server = Alertmanager(directory)
    try:
        yield server
    finally:
        server.close()


def _stamp(at_s: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_s))
