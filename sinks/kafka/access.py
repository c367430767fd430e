"""
Reads what a connection needs: secrets from their files and certificates, all checked.

Every error here needs a person to fix it. Errors name settings and files, never their contents.
"""

import asyncio
import ssl
from dataclasses import dataclass
from typing import Any

from aiokafka import codec
from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import AuthenticationFailedError

from sinks.errors import DisabledError, Reason
from sinks.kafka.config import Compression, KafkaConfig, parse_server
from sinks.secret import Secret, read_secret
from sinks.tls import client_context


class TokenFile(AbstractTokenProvider):  # type: ignore[misc]
    """
    The token for OAUTHBEARER, from a file that another program keeps up to date.

    Args:
        path: the file.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    async def token(self) -> str:
        """
        Read the current token.

        Raises:
            AuthenticationFailedError: the file has no token; aiokafka expects this class while it connects.
        """
        try:
            secret = await asyncio.to_thread(read_secret, "sasl_token_file", self._path)
        except DisabledError as error:
            raise AuthenticationFailedError(error.detail) from None
        return secret.reveal()


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """
    Everything that a connection needs.

    Attributes:
        servers: host and port of the bootstrap servers.
        tls: how brokers are verified, and the client's certificate; None without TLS.
        password: for PLAIN and SCRAM.
        token: for OAUTHBEARER.
    """

    servers: tuple[tuple[str, int], ...]
    tls: ssl.SSLContext | None
    password: Secret | None
    token: TokenFile | None

    def settings(self, config: KafkaConfig) -> dict[str, Any]:
        """
        Return it as arguments for the classes of aiokafka.
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
    Read and check everything that a configuration names. Blocks, because it reads files.

    Raises:
        DisabledError: something cannot be used.
    """
    if config.compression not in (Compression.NONE, Compression.GZIP) and not codec.has_zstd():
        raise _unusable(f'compression = "{config.compression}" requires cramjam: pip install cramjam')
    config.check()
    password, token = _login(config)
    return Access(
        servers=tuple(map(parse_server, config.bootstrap_servers)),
        tls=client_context(config) if config.uses_tls else None,
        password=password,
        token=token,
    )


def _protocol(config: KafkaConfig) -> str:
    sasl = "SASL_" if config.sasl_mechanism is not None else ""
    return sasl + ("SSL" if config.uses_tls else "PLAINTEXT")


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
