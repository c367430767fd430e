"""
TLS for all sinks, and the reasons why connections fail.

The server is always verified; certificates and keys are read from files.
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
    A sink that may use TLS.

    Attributes:
        ca_file: PEM; the CA certificates that are trusted instead of the system's.
        cert_file: PEM; the client's certificate chain.
        key_file: PEM; the client's key, if `cert_file` does not contain it.
        key_password_file: a file with the password of the key.
    """

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    key_password_file: str | None = None

    def check(self) -> None:
        """
        Check that a key has a certificate.

        Raises:
            DisabledError: it has none.
        """
        if self.key_file is not None and self.cert_file is None:
            raise _unusable("key_file requires cert_file")


def client_context(config: TlsConfig) -> ssl.SSLContext:
    """
    Create the TLS context of a client. Blocks, because it reads files.

    Raises:
        DisabledError: a file cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=config.ca_file)
    except (OSError, ValueError) as error:
        raise _unusable(f"ca_file {config.ca_file} cannot be loaded: {type(error).__name__}") from None
    if config.cert_file is None:
        return context
    password = ""
    if config.key_password_file is not None:
        password = read_secret("key_password_file", config.key_password_file).reveal()
    try:
        # Without any password OpenSSL would ask on the terminal for the password of an encrypted key.
        context.load_cert_chain(config.cert_file, config.key_file, password)
    except (OSError, ValueError) as error:
        raise _unusable(f"cert_file {config.cert_file} and its key cannot be loaded: {type(error).__name__}") from None
    return context


def reason_of(error: BaseException) -> str:
    """
    Return why a connection failed, in the words of the system or of OpenSSL; else the name of the error's class.
    """
    match error:
        case ssl.SSLCertVerificationError():
            return f"certificate verification failed: {error.verify_message}"
        case ssl.SSLError(reason=str(reason)):
            return f"TLS: {reason.replace('_', ' ').lower()}"
        case socket.gaierror():
            return "the host name cannot be resolved"
        case OSError(errno=int(number)) if number in errno.errorcode:
            return os.strerror(number)
        case _:
            return type(error).__name__


def _unusable(detail: str) -> DisabledError:
    return DisabledError(Reason.UNUSABLE, detail)
