"""
TLS as every client of ours speaks it, and words for connections that fail.

The server is always verified; certificates and keys come from files.
"""

import errno
import os
import socket
import ssl

from sinks.base import SinkConfig
from sinks.errors import DisabledError, Reason
from sinks.secret import read_secret


class TlsConfig(SinkConfig, frozen=True, kw_only=True):
    """
    A sink that may speak TLS.

    Attributes:
        ca_file: PEM; who may sign the server's certificate, instead of those whom the system trusts.
        cert_file: PEM; the client's certificate and those above it.
        key_file: PEM; its key, where `cert_file` does not hold it.
        key_password_file: a file that holds the password of the key.
    """

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    key_password_file: str | None = None

    def check(self) -> None:
        """
        A key belongs to a certificate.
        """
        if self.key_file is not None and self.cert_file is None:
            raise _unusable("key_file needs cert_file")


def client_context(config: TlsConfig) -> ssl.SSLContext:
    """
    How a server is verified, and who the client is. Blocks: it reads files.

    Raises:
        DisabledError: a file cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=config.ca_file)
    except (OSError, ValueError) as error:
        raise _unusable(f"ca_file {config.ca_file}: {type(error).__name__}") from None
    if config.cert_file is None:
        return context
    password = ""
    if config.key_password_file is not None:
        password = read_secret("key_password_file", config.key_password_file).reveal()
    try:
        # Without any password OpenSSL would ask the terminal for that of an encrypted key.
        context.load_cert_chain(config.cert_file, config.key_file, password)
    except (OSError, ValueError) as error:
        raise _unusable(f"cert_file {config.cert_file} with its key: {type(error).__name__}") from None
    return context


def plain_words(error: BaseException) -> str:
    """
    The system's and OpenSSL's words for why a connection failed, else the name of a class.
    """
    match error:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted: {error.verify_message}"
        case ssl.SSLError(reason=str(reason)):
            return f"TLS: {reason.replace('_', ' ').lower()}"
        case socket.gaierror():
            return "its name is not known"
        case OSError(errno=int(number)) if number in errno.errorcode:
            return os.strerror(number)
        case _:
            return type(error).__name__


def _unusable(detail: str) -> DisabledError:
    return DisabledError(Reason.UNUSABLE, detail)
