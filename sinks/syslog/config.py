"""
The settings of a sink of the type `syslog`.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Annotated, Final
from urllib.parse import urlsplit

from msgspec import Meta

from sinks.errors import DisabledError, Reason
from sinks.tls import TlsConfig

_PORTS: Final = {"tls": 6514, "tcp": 514}
_UNIX: Final = "unix"


class Format(StrEnum):
    """
    The form of a message.
    """

    JSON = "rfc5424-json"
    CEF = "cef"
    LEEF = "leef"


class Facility(IntEnum):
    """
    The facilities of RFC 5424 for programs.
    """

    USER = 1
    DAEMON = 3
    AUTHPRIV = 10
    LOCAL0 = 16
    LOCAL1 = 17
    LOCAL2 = 18
    LOCAL3 = 19
    LOCAL4 = 20
    LOCAL5 = 21
    LOCAL6 = 22
    LOCAL7 = 23


FACILITIES: Final = {facility.name.lower(): facility for facility in Facility}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """
    Where messages go: a host and a port with or without TLS, or the path of a local socket.
    """

    host: str = ""
    port: int = 0
    tls: bool = False
    path: str | None = None

    def __str__(self) -> str:
        return self.path if self.path is not None else f"{self.host}:{self.port}"


class SyslogConfig(TlsConfig, frozen=True, kw_only=True):
    """
    A sink of the type `syslog`.

    Attributes:
        address: `tls://host:port`, `tcp://host:port` or `unix:/path`; the ports are 6514 and 514 by default.
        format: the form of the messages.
        facility: `user`, `daemon`, `authpriv` or `local0` to `local7`.
        max_bytes: of one message; a larger event is trimmed.
        timeout_s: for one connection: connect, write, and wait until the receiver has read everything.
    """

    address: str
    format: Format = Format.JSON
    facility: str = "daemon"
    max_bytes: Annotated[int, Meta(ge=2048, le=262_144)] = 8192
    timeout_s: Annotated[float, Meta(gt=0, le=25)] = 15

    def check(self) -> None:
        """
        Check the address and the facility.
        """
        super().check()
        address_of(self.address)
        if self.facility not in FACILITIES:
            raise _unusable(f"facility must be one of {', '.join(FACILITIES)}")


def address_of(text: str) -> Address:
    """
    Parse an address.

    Raises:
        DisabledError: it is not valid.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise _unusable("address has no valid port") from None
    if parts.scheme == _UNIX and parts.path.startswith("/") and not parts.netloc:
        return Address(path=parts.path)
    if parts.scheme in _PORTS and parts.hostname and not parts.path and parts.username is None:
        return Address(host=parts.hostname, port=port or _PORTS[parts.scheme], tls=parts.scheme == "tls")
    raise _unusable("address must be tls://host:port, tcp://host:port or unix:/path")


def _unusable(detail: str) -> DisabledError:
    return DisabledError(Reason.UNUSABLE, detail)
