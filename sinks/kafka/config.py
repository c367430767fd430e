"""
The settings of a sink of the type `kafka`.
"""

from enum import StrEnum
from typing import Annotated, assert_never

from aiokafka.conn import get_ip_port_afi
from msgspec import Meta

from sinks.errors import DisabledError, Reason
from sinks.formats import Format
from sinks.tls import TlsConfig


class Mode(StrEnum):
    """
    How an event is encoded in a record (CloudEvents Kafka binding 1.0, sections 3.2 and 3.3).
    """

    BINARY = "binary"
    STRUCTURED = "structured"


class Compression(StrEnum):
    """
    How batches are compressed, by Kafka's names.
    """

    NONE = "none"
    GZIP = "gzip"
    SNAPPY = "snappy"
    LZ4 = "lz4"
    ZSTD = "zstd"


class SaslMechanism(StrEnum):
    """
    How the agent authenticates, by SASL's names.
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
        client_id: the agent's name in the brokers' logs and quotas.
        format: the form of an event.
        mode: of CloudEvents. `binary`: the value is `data`, the rest are headers; `structured`: the value has it all.
        compression: how batches are compressed.
        idempotent: brokers drop batches that are sent again after a lost response.
        tls: use TLS; implied by `ca_file` and `cert_file`.
        sasl_mechanism: how to authenticate; None for no authentication.
        sasl_username: for PLAIN and SCRAM.
        sasl_password_file: a file with the user's password.
        sasl_token_file: for OAUTHBEARER; read again for each new connection.
        create_topic: create the topic if it does not exist.
        topic_partitions: the partitions of a topic that the sink creates.
        topic_replication: the replicas of each of these partitions.
        timeout_s: for connecting, and for one batch of events.
        max_request_bytes: a larger event becomes a dead letter; must not exceed what the topic accepts.
    """

    bootstrap_servers: Annotated[tuple[Annotated[str, Meta(min_length=1)], ...], Meta(min_length=1)]
    topic: Annotated[str, Meta(pattern=r"^[a-zA-Z0-9._-]{1,249}$")]
    client_id: str = "exit137"
    format: Format = Format.CLOUDEVENTS
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
    def uses_tls(self) -> bool:
        """
        True if connections are encrypted.
        """
        return self.tls or self.ca_file is not None or self.cert_file is not None

    def check(self) -> None:
        """
        Check that each broker has a port, and each SASL mechanism exactly the settings that it needs.
        """
        super().check()
        if self.mode is Mode.STRUCTURED and self.format is not Format.CLOUDEVENTS:
            raise _unusable('mode = "structured" requires format = "cloudevents"')
        for text in self.bootstrap_servers:
            parse_server(text)
        match self.sasl_mechanism:
            case None:
                self._refuse("sasl_username", "sasl_password_file", "sasl_token_file")
            case SaslMechanism.OAUTHBEARER:
                self._refuse("sasl_username", "sasl_password_file")
                if self.sasl_token_file is None:
                    raise _unusable("OAUTHBEARER requires sasl_token_file")
            case SaslMechanism.PLAIN | SaslMechanism.SCRAM_SHA_256 | SaslMechanism.SCRAM_SHA_512:
                self._refuse("sasl_token_file")
                if self.sasl_username is None or self.sasl_password_file is None:
                    raise _unusable(f"{self.sasl_mechanism} requires sasl_username and sasl_password_file")
            case _:
                assert_never(self.sasl_mechanism)

    def _refuse(self, *keys: str) -> None:
        for key in keys:
            if getattr(self, key) is not None:
                mechanism = "a sasl_mechanism" if self.sasl_mechanism is None else "another sasl_mechanism"
                raise _unusable(f"{key} requires {mechanism}")


def parse_server(text: str) -> tuple[str, int]:
    """
    Parse the address of a broker: host and port.

    Raises:
        DisabledError: the text is not an address.
    """
    try:
        host, port, _ = get_ip_port_afi(text)
    except ValueError:
        raise _unusable(f'bootstrap_servers: expected "host:port", found "{text}"') from None
    return host, port


def _unusable(detail: str) -> DisabledError:
    return DisabledError(Reason.UNUSABLE, detail)
