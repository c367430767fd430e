"""
From a configuration to what a connection needs: secrets read from their files, certificates loaded, all of it checked.

Whatever is wrong here a person must mend. Errors name keys and files, never what is in them.
"""

import asyncio
import ssl
from dataclasses import dataclass
from typing import Any

from aiokafka import codec
from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import AuthenticationFailedError

from sinks.errors import DisabledError, Reason
from sinks.kafka.config import Compression, KafkaConfig, server
from sinks.secret import Secret, read_secret
from sinks.tls import client_context


class TokenFile(AbstractTokenProvider):  # type: ignore[misc]
    """
    The token of OAUTHBEARER, from a file that something else keeps up to date.

    Args:
        path: the file.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    async def token(self) -> str:
        """
        What the file holds now.

        Raises:
            AuthenticationFailedError: it holds none; the class is one that aiokafka expects while it connects.
        """
        try:
            secret = await asyncio.to_thread(read_secret, "sasl_token_file", self._path)
        except DisabledError as error:
            raise AuthenticationFailedError(error.detail) from None
        return secret.reveal()


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """
    All that a connection needs.

    Attributes:
        servers: host and port of the brokers to begin with.
        tls: how a broker is verified, and who the client is; None: no TLS.
        password: for PLAIN and SCRAM.
        token: for OAUTHBEARER.
    """

    servers: tuple[tuple[str, int], ...]
    tls: ssl.SSLContext | None
    password: Secret | None
    token: TokenFile | None

    def settings(self, config: KafkaConfig) -> dict[str, Any]:
        """
        The same as arguments of aiokafka's classes.
        """
        settings: dict[str, Any] = {
            "client_id": config.client_id,
            "security_protocol": _protocol(config),
            "ssl_context": self.tls,
        }
        if config.sasl_mechanism is not None:
            settings["sasl_mechanism"] = str(config.sasl_mechanism)
        if self.password is not None:
            settings |= {
                "sasl_plain_username": config.sasl_username,
                "sasl_plain_password": self.password.reveal(),
            }
        if self.token is not None:
            settings["sasl_oauth_token_provider"] = self.token
        return settings


def access(config: KafkaConfig) -> Access:
    """
    Read and check all that a configuration names. Blocks: it reads files.

    Raises:
        DisabledError: it cannot be used.
    """
    if config.compression not in (Compression.NONE, Compression.GZIP) and not codec.has_zstd():
        raise _unusable(f'compression = "{config.compression}" needs cramjam: pip install exit137[kafka]')
    config.check()
    password, token = _login(config)
    return Access(
        servers=tuple(map(server, config.bootstrap_servers)),
        tls=client_context(config) if config.speaks_tls else None,
        password=password,
        token=token,
    )


def _protocol(config: KafkaConfig) -> str:
    sasl = "SASL_" if config.sasl_mechanism is not None else ""
    return sasl + ("SSL" if config.speaks_tls else "PLAINTEXT")


def _login(config: KafkaConfig) -> tuple[Secret | None, TokenFile | None]:
    password = token = None
    if config.sasl_password_file is not None:
        password = read_secret("sasl_password_file", config.sasl_password_file)
    if config.sasl_token_file is not None:
        read_secret("sasl_token_file", config.sasl_token_file)
        token = TokenFile(config.sasl_token_file)
    return password, token


def _unusable(detail: str) -> DisabledError:
    return DisabledError(Reason.UNUSABLE, detail)
