"""
What the table of a sink of the type `kafka` may hold.
"""

from enum import StrEnum
from typing import Annotated, assert_never

from aiokafka.conn import get_ip_port_afi
from msgspec import Meta

from sinks.errors import DisabledError, Reason
from sinks.tls import TlsConfig


class Mode(StrEnum):
    """
    How a record holds an event (CloudEvents Kafka binding 1.0, 3.2 and 3.3).
    """

    BINARY = "binary"
    STRUCTURED = "structured"


class Compression(StrEnum):
    """
    How the records of a batch are compressed; the names are Kafka's.
    """

    NONE = "none"
    GZIP = "gzip"
    SNAPPY = "snappy"
    LZ4 = "lz4"
    ZSTD = "zstd"


class SaslMechanism(StrEnum):
    """
    How the agent says who it is; the names are those of SASL.
    """

    PLAIN = "PLAIN"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    SCRAM_SHA_512 = "SCRAM-SHA-512"
    OAUTHBEARER = "OAUTHBEARER"


class KafkaConfig(TlsConfig, frozen=True, kw_only=True):
    """
    A sink of the type `kafka`.

    Attributes:
        bootstrap_servers: `host:port` of some brokers.
        topic: where events go.
        client_id: what the brokers' logs and quotas call the agent.
        mode: `binary`: the document is the value, the rest headers; `structured`: the whole event is the value.
        compression: of what is sent.
        idempotent: brokers drop what the client sends them again after a lost answer.
        tls: speak TLS; naming one of its files is enough.
        sasl_mechanism: how to log in; None: without.
        sasl_username: for PLAIN and SCRAM.
        sasl_password_file: holds its password.
        sasl_token_file: for OAUTHBEARER; read again for each new connection.
        create_topic: make the topic if it is not there.
        topic_partitions: of a topic that is made.
        topic_replication: on how many brokers each of its partitions is held.
        timeout_s: for connecting, and for one batch of events.
        max_request_bytes: an event that is larger is put aside; not above what the topic takes.
    """

    bootstrap_servers: Annotated[tuple[Annotated[str, Meta(min_length=1)], ...], Meta(min_length=1)]
    topic: Annotated[str, Meta(pattern=r"^[a-zA-Z0-9._-]{1,249}$")]
    client_id: str = "exit137"
    mode: Mode = Mode.BINARY
    compression: Compression = Compression.ZSTD
    idempotent: bool = True
    tls: bool = False
    sasl_mechanism: SaslMechanism | None = None
    sasl_username: str | None = None
    sasl_password_file: str | None = None
    sasl_token_file: str | None = None
    create_topic: bool = False
    topic_partitions: Annotated[int, Meta(ge=1)] = 6
    topic_replication: Annotated[int, Meta(ge=1)] = 3
    timeout_s: Annotated[float, Meta(gt=0, le=25)] = 15
    max_request_bytes: Annotated[int, Meta(ge=1024)] = 1_000_000

    @property
    def speaks_tls(self) -> bool:
        """
        Whether connections are encrypted.
        """
        return self.tls or self.ca_file is not None or self.cert_file is not None

    def check(self) -> None:
        """
        Each broker has a port, and each mechanism of a login what it needs and nothing else.
        """
        super().check()
        for text in self.bootstrap_servers:
            server(text)
        match self.sasl_mechanism:
            case None:
                self._refuse("sasl_username", "sasl_password_file", "sasl_token_file")
            case SaslMechanism.OAUTHBEARER:
                self._refuse("sasl_username", "sasl_password_file")
                if self.sasl_token_file is None:
                    raise _unusable("OAUTHBEARER needs sasl_token_file")
            case SaslMechanism.PLAIN | SaslMechanism.SCRAM_SHA_256 | SaslMechanism.SCRAM_SHA_512:
                self._refuse("sasl_token_file")
                if self.sasl_username is None or self.sasl_password_file is None:
                    raise _unusable(f"{self.sasl_mechanism} needs sasl_username and sasl_password_file")
            case _:
                assert_never(self.sasl_mechanism)

    def _refuse(self, *keys: str) -> None:
        for key in keys:
            if getattr(self, key) is not None:
                needs = "a sasl_mechanism" if self.sasl_mechanism is None else "another sasl_mechanism"
                raise _unusable(f"{key} needs {needs}")


def server(text: str) -> tuple[str, int]:
    """
    Host and port of a broker.

    Raises:
        DisabledError: it is neither.
    """
    try:
        host, port, _ = get_ip_port_afi(text)
    except ValueError:
        raise _unusable(f'bootstrap_servers: expected "host:port", not "{text}"') from None
    return host, port


def _unusable(detail: str) -> DisabledError:
    return DisabledError(Reason.UNUSABLE, detail)
