"""
The address that is listened on, as the configuration writes it.
"""

from typing import Final

_PORTS: Final = range(65_536)


def address(listen: str) -> tuple[str | None, int]:
    """
    Host and port of `host:port`, `[address]:port` or `:port`; no host means all of them, port 0 any.

    Raises:
        ValueError: it has no port.
    """
    host, colon, port = listen.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or int(port[:6]) not in _PORTS:
        raise ValueError(f'expected "host:port", found "{listen}"')
    return host.strip("[]") or None, int(port)
