"""
rsyslog itself, from Debian's packages: with TLS, TCP and a local socket, and one line per message in a file.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trustme

from tests.shared.ports import free_ports
from tests.shared.server import Server, accepts_connections

# scripts/setup live puts the packages there; installed packages would start a service on this host.
_ROOT: Final = Path(__file__).parents[2] / ".cache/rsyslog/usr"
_PROGRAM: Final = _ROOT / "sbin/rsyslogd"
_LIBRARIES: Final = _ROOT / "lib/x86_64-linux-gnu"
_READY_S: Final = 60.0
_POLL_S: Final = 0.05
_CONFIGURATION: Final = """
global(workDirectory="{home}" maxMessageSize="300k"
       defaultNetstreamDriverCAFile="{home}/ca.pem" defaultNetstreamDriverCertFile="{home}/server.pem"
       defaultNetstreamDriverKeyFile="{home}/key.pem")
module(load="imtcp")
module(load="imuxsock" SysSock.Use="off")
template(name="parts" type="list") {{
  property(name="syslogfacility-text") constant(value="\\t")
  property(name="syslogseverity-text") constant(value="\\t")
  property(name="timereported" dateFormat="rfc3339") constant(value="\\t")
  property(name="hostname") constant(value="\\t")
  property(name="app-name") constant(value="\\t")
  property(name="msgid") constant(value="\\t")
  property(name="msg" position.from="1" controlcharacters="escape") constant(value="\\n")
}}
input(type="imtcp" port="{tcp}" address="127.0.0.1")
input(type="imtcp" port="{tls}" address="127.0.0.1" streamDriver.name="ossl" streamDriver.mode="1"
      streamDriver.authMode="{auth}")
input(type="imuxsock" socket="{home}/log" useSpecialParser="off" ignoreTimestamp="off" rateLimit.interval="0")
main_queue(queue.size="{queue}" queue.type="FixedArray" queue.timeoutEnqueue="600000" queue.dequeueBatchSize="64"
           queue.workerThreads="1")
action(type="omfile" file="{out}" template="parts" asyncWriting="off")
"""


def problem() -> str | None:
    """
    Return why rsyslog cannot be started here; None if it can.
    """
    return None if _PROGRAM.exists() else "rsyslog is not in .cache: scripts/setup live puts it there"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """
    A message as rsyslog parsed it.
    """

    facility: str
    severity: str
    time: str
    host: str
    app: str
    kind: str
    text: str


class Receiver(Server):
    """
    One rsyslog, which a test can start, stop, kill and freeze.

    Args:
        home: an empty directory.
        auth: `anon`, or `x509/certvalid` to ask clients for a certificate.
        queue: the messages that it holds in memory.
    """

    def __init__(self, home: Path, *, auth: str = "anon", queue: int = 10_000) -> None:
        super().__init__()
        self._home = home.resolve()
        self.out = self._home / "out"
        self.tcp, self.tls = free_ports(2)
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.ca_file)
        server = authority.issue_cert("127.0.0.1")
        server.cert_chain_pems[0].write_to_path(self._home / "server.pem")
        server.private_key_pem.write_to_path(self._home / "key.pem")
        authority.issue_cert("agent.example").private_key_and_cert_chain_pem.write_to_path(self.client_file)
        self._settings = self._home / "rsyslog.conf"
        self._settings.write_text(
            _CONFIGURATION.format(home=self._home, tcp=self.tcp, tls=self.tls, auth=auth, queue=queue, out=self.out)
        )

    @property
    def ca_file(self) -> Path:
        return self._home / "ca.pem"

    @property
    def client_file(self) -> Path:
        return self._home / "client.pem"

    @property
    def socket(self) -> Path:
        return self._home / "log"

    def start(self) -> None:
        """
        Start rsyslog, and wait until it accepts connections.
        """
        arguments = ["-n", "-f", self._settings, "-M", _LIBRARIES / "rsyslog", "-i", self._home / "pid"]
        libraries = os.environ | {"LD_LIBRARY_PATH": str(_LIBRARIES)}
        self._run([_PROGRAM, *arguments], self._home / "log.txt", self._listens, _READY_S, libraries)

    def _listens(self) -> bool:
        return self.socket.exists() and accepts_connections(self.tcp) and accepts_connections(self.tls)

    def stop(self) -> None:
        """
        End rsyslog as systemd does: it writes what it has read.
        """
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_READY_S)
            self._process = None

    def messages(self, count: int = 0) -> list[Message]:
        """
        Return what has been written, when it is at least this much or a minute is over.
        """
        deadline_s = time.monotonic() + _READY_S
        while len(found := self._written()) < count and time.monotonic() < deadline_s:
            time.sleep(_POLL_S)
        return found

    def _written(self) -> list[Message]:
        if not self.out.exists():
            return []
        whole = self.out.read_text(encoding="utf-8").rpartition("\n")[0]
        parts = [line.split("\t", 6) for line in whole.split("\n") if line]
        return [
            Message(facility=p[0], severity=p[1], time=p[2], host=p[3], app=p[4], kind=p[5], text=p[6].lstrip())
            for p in parts
        ]


@contextlib.contextmanager
def receiver(home: Path, *, auth: str = "anon", queue: int = 10_000) -> Iterator[Receiver]:
    """
    Run rsyslog for the duration of the context.
    """
    found = Receiver(home, auth=auth, queue=queue)
    try:
        found.start()
        yield found
    finally:
        found.kill()
