"""
Apache Kafka itself: one node that is broker and controller (KRaft), on loopback ports, with a heap of 512 MB.

Maven fetches it once into .cache/kafka; without Maven or Java there is no broker, and `problem` says so.
"""

import contextlib
import fcntl
import shutil
import signal
import socket
import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trustme
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic
from cryptography.hazmat.primitives import serialization

_POM: Final = Path(__file__).with_name("pom.xml")
_CACHE: Final = Path(__file__).parents[2] / ".cache/kafka"
_JARS: Final = _CACHE / "jars"
_FETCH_S: Final = 300
_REASON_CHARS: Final = 1000
_READY_S: Final = 60.0
_POLL_S: Final = 0.1
LISTENERS: Final = ("plain", "tls", "mtls", "sasl", "sasl_tls")
USER: Final = "alice"
STRANGER: Final = "mallory"
PASSWORD: Final = "correct-horse"  # noqa: S105 (of the tests)


class NoBrokerError(Exception):
    """
    Raised where no broker can be had.
    """


def problem() -> str | None:
    """
    Why there can be no broker here; None: there can.
    """
    if shutil.which("java") is None:
        return "no Java here: scripts/setup live installs it"
    if not _fetched() and shutil.which("mvn") is None:
        return "Apache Kafka is not in .cache/kafka and there is no Maven to fetch it: scripts/setup live installs it"
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """
    Certificates as PEM files.

    Attributes:
        ca: who signs all of them.
        server: the broker's certificate and key.
        client: those of a client.
    """

    ca: Path
    server: Path
    client: Path


class Broker:
    """
    One broker, and whatever happens to it.

    Args:
        home: an empty directory.
        settings: of the broker, beyond those that it needs.

    Attributes:
        files: certificates; those of the client are for it.
        admin: a client that may do everything, of another make than ours.
    """

    def __init__(self, home: Path, settings: dict[str, str] | None = None) -> None:
        home = home.resolve()
        self.files = _certificates(home)
        self._home = home
        self._ports = dict(zip((*LISTENERS, "controller"), _free_ports(len(LISTENERS) + 1), strict=True))
        self._properties = home / "server.properties"
        self._properties.write_text(_properties(self._ports, home, self.files, settings or {}))
        self.admin = AdminClient({"bootstrap.servers": self.address(), "log_level": 0, "reconnect.backoff.max.ms": 200})
        self._process: subprocess.Popen[bytes] | None = None
        code = self._java("kafka.tools.StorageTool", *_format(self._properties)).wait()
        assert code == 0, f"the storage could not be formatted: {self._home}/broker.log"

    def address(self, listener: str = "plain") -> str:
        """
        `host:port` of one of `LISTENERS`.
        """
        return f"127.0.0.1:{self._ports[listener]}"

    def start(self) -> None:
        """
        Start it, and wait until it answers.
        """
        self._process = self._java("kafka.Kafka", str(self._properties))
        self.wait_until_ready()

    def kill(self) -> None:
        """
        End it with SIGKILL.
        """
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """
        Stopped with SIGSTOP: the system takes connections for it, and nobody answers.
        """
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def wait_until_ready(self) -> None:
        """
        Wait until it answers.
        """
        deadline_s = time.monotonic() + _READY_S
        while True:
            try:
                self.admin.list_topics(timeout=1)
            except KafkaException:
                assert self._process is not None
                if self._process.poll() is not None or time.monotonic() > deadline_s:
                    raise
                time.sleep(_POLL_S)
            else:
                return

    def create(self, topic: str, partitions: int = 1, **settings: str) -> None:
        """
        Make a topic, with settings of its own, and wait until it is there.
        """
        made = self.admin.create_topics([NewTopic(topic, partitions, 1, config=settings)])
        made[topic].result(timeout=_READY_S)
        while topic not in self.topics():
            time.sleep(_POLL_S)

    def delete(self, topic: str) -> None:
        """
        Delete a topic, and wait until it is gone.
        """
        self.admin.delete_topics([topic])[topic].result(timeout=_READY_S)
        while topic in self.topics():
            time.sleep(_POLL_S)

    def topics(self) -> dict[str, int]:
        """
        All topics, and how many partitions each has.
        """
        found = self.admin.list_topics(timeout=_READY_S).topics
        return {name: len(topic.partitions) for name, topic in found.items()}

    def _java(self, main: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = ["java", "-Xmx512m", "-Xms64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        with (self._home / "broker.log").open("ab") as log:
            return subprocess.Popen(
                [*command, "-cp", f"{jars()}/*", main, *arguments], stdout=log, stderr=log, cwd=self._home
            )


@contextlib.contextmanager
def broker(home: Path, settings: dict[str, str] | None = None) -> Iterator[Broker]:
    """
    A broker that runs.
    """
    found = Broker(home, settings)
    try:
        found.start()
        yield found
    finally:
        found.kill()


def jars() -> Path:
    """
    The folder of Kafka's jars; fetched when pom.xml has changed, by one test process for all that run beside it.

    Raises:
        NoBrokerError: they cannot be fetched.
    """
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _fetched():
            shutil.rmtree(_JARS, ignore_errors=True)
            _fetch()
            shutil.copy(_POM, _CACHE / "pom.xml")
    return _JARS


def _fetch() -> None:
    command = ["mvn", "-q", "-B", "-f", _POM, "dependency:copy-dependencies", f"-DoutputDirectory={_JARS}"]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=_FETCH_S)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        # Maven's reason comes first; its advice on how to read its manual comes last.
        words = (error.stdout or b"").decode(errors="replace")[:_REASON_CHARS]
        raise NoBrokerError(f"Maven could not fetch Apache Kafka: {words}") from error


def _fetched() -> bool:
    done = _CACHE / "pom.xml"
    return done.exists() and done.read_bytes() == _POM.read_bytes()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for item in sockets:
            item.bind(("127.0.0.1", 0))
        return [item.getsockname()[1] for item in sockets]


def _certificates(home: Path) -> Files:
    authority = trustme.CA()
    files = Files(ca=home / "ca.pem", server=home / "server.pem", client=home / "client.pem")
    authority.cert_pem.write_to_path(files.ca)
    for path, name in ((files.server, "127.0.0.1"), (files.client, "agent.example")):
        certificate = authority.issue_cert(name)
        key = serialization.load_pem_private_key(certificate.private_key_pem.bytes(), password=None)
        # The one form of a key that Kafka reads.
        form = serialization.PrivateFormat.PKCS8
        text = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        path.write_bytes(text + b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    return files


def _format(properties: Path) -> list[str]:
    cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    command = ["format", f"--cluster-id={cluster}", "--config", str(properties)]  # it may begin with a dash
    for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
        command += ["--add-scram", f"{mechanism}=[name={USER},password={PASSWORD}]"]
    return command


def _properties(ports: dict[str, int], home: Path, files: Files, more: dict[str, str]) -> str:
    protocols = {"plain": "PLAINTEXT", "tls": "SSL", "mtls": "SSL", "sasl": "SASL_PLAINTEXT", "sasl_tls": "SASL_SSL"}
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{ports['controller']}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAIN",
        "listeners": ",".join(f"{name.upper()}://127.0.0.1:{port}" for name, port in ports.items()),
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,"
        + ",".join(f"{name.upper()}:{protocol}" for name, protocol in protocols.items()),
        "log.dirs": str(home / "data"),
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "1",
        "transaction.state.log.replication.factor": "1",
        "group.initial.rebalance.delay.ms": "0",
        "num.network.threads": "1",
        "num.io.threads": "2",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:ANONYMOUS;User:{USER};User:tls",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(files.server),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(files.ca),
        "ssl.principal.mapping.rules": "RULE:^.*$/tls/",
        "listener.name.mtls.ssl.client.auth": "required",
    }
    for listener in ("sasl", "sasl_tls"):
        settings |= {f"listener.name.{listener}.{key}": value for key, value in _logins().items()}
    return "".join(f"{key}={value}\n" for key, value in (settings | more).items())


def _logins() -> dict[str, str]:
    security = "org.apache.kafka.common.security"
    return {
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
        "plain.sasl.jaas.config": f"{security}.plain.PlainLoginModule required"
        f' user_{USER}="{PASSWORD}" user_{STRANGER}="{PASSWORD}";',
        "scram-sha-256.sasl.jaas.config": f"{security}.scram.ScramLoginModule required;",
        "scram-sha-512.sasl.jaas.config": f"{security}.scram.ScramLoginModule required;",
        "oauthbearer.sasl.jaas.config": f"{security}.oauthbearer.OAuthBearerLoginModule required"
        f' unsecuredLoginStringClaim_sub="{USER}";',
    }
