"""
Apache Kafka itself: one node that is broker and controller (KRaft), on loopback ports, with a heap of 512 MB.

Maven fetches it once into .cache/kafka; without Maven or Java there is no broker, and `JARS.problem` says so.
"""

import contextlib
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

from tests.lab.waiting import wait_until
from tests.shared.maven import Jars
from tests.shared.ports import free_ports
from tests.shared.server import Server

JARS: Final = Jars(name="kafka", pom=Path(__file__).with_name("pom.xml"))
_READY_S: Final = 60.0
_POLL_S: Final = 0.1
LISTENERS: Final = ("plain", "tls", "mtls", "sasl", "sasl_tls")
USER: Final = "alice"
STRANGER: Final = "mallory"
PASSWORD: Final = "correct-horse"  # noqa: S105 (of the tests)


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


class Broker(Server):
    """
    One broker, which a test can start, kill and freeze.

    Args:
        home: an empty directory.
        settings: of the broker, beyond those that it needs.

    Attributes:
        files: certificates; those of the client are for it.
        admin: a client that may do everything, of another make than ours.
    """

    def __init__(self, home: Path, settings: dict[str, str] | None = None) -> None:
        super().__init__()
        home = home.resolve()
        self.files = _certificates(home)
        self._log = home / "broker.log"
        self._ports = dict(zip((*LISTENERS, "controller"), free_ports(len(LISTENERS) + 1), strict=True))
        self._properties = home / "server.properties"
        self._properties.write_text(_properties(self._ports, home, self.files, settings or {}))
        self.admin = AdminClient({"bootstrap.servers": self.address(), "log_level": 0, "reconnect.backoff.max.ms": 200})
        command = self._java("kafka.tools.StorageTool", *_format(self._properties))
        subprocess.run(command, check=True, cwd=home)

    def address(self, listener: str = "plain") -> str:
        """
        Return `host:port` of one of `LISTENERS`.
        """
        return f"127.0.0.1:{self._ports[listener]}"

    def start(self) -> None:
        """
        Start the broker, and wait until it answers.
        """
        self._run(self._java("kafka.Kafka", str(self._properties)), self._log, self._answers, _READY_S)

    def wait_until_ready(self) -> None:
        """
        Wait until the broker answers.
        """
        wait_until(self._answers, _READY_S, "the broker answers")

    def create(self, topic: str, partitions: int = 1, **settings: str) -> None:
        """
        Create a topic with its own settings, and wait until it exists.
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
        Return the number of partitions of each topic.
        """
        found = self.admin.list_topics(timeout=_READY_S).topics
        return {name: len(topic.partitions) for name, topic in found.items()}

    def _answers(self) -> bool:
        with contextlib.suppress(KafkaException):
            self.admin.list_topics(timeout=1)
            return True
        return False

    def _java(self, main: str, *arguments: str) -> list[str]:
        options = ["-Xmx512m", "-Xms64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        return ["java", *options, "-cp", f"{JARS.fetch()}/*", main, *arguments]


@contextlib.contextmanager
def broker(home: Path, settings: dict[str, str] | None = None) -> Iterator[Broker]:
    """
    Run a broker for the duration of the context.
    """
    found = Broker(home, settings)
    try:
        found.start()
        yield found
    finally:
        found.kill()


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
