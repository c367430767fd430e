"""
From a configuration to what a request needs: secrets read from their files, certificates loaded, all of it checked.

Whatever is wrong here a person must mend. Errors name keys and files, never what is in them.
"""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from yarl import URL

from sinks.errors import DisabledError, Reason
from sinks.http.config import PROXY_SCHEMES, SCHEMES, HttpConfig, url_of
from sinks.secret import read_secret
from sinks.tls import client_context

# RFC 9110 5.6.2 (a token), and 5.5 without what is obsolete.
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"[\t -~]*")
# What frames the request is the client's own.
_RESERVED: Final = frozenset({"content-encoding", "content-length", "content-type", "transfer-encoding"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """
    All that a request needs.

    Attributes:
        url: where to post.
        host: of the URL; what errors may name.
        headers: sent with each request; names in lower case.
        proxy: asked to pass the requests on, if any.
        tls: how the server is verified, and who the client is.
    """

    url: URL = field(repr=False)
    host: str
    headers: Mapping[str, str] = field(repr=False)
    proxy: URL | None = field(repr=False)
    tls: ssl.SSLContext


def access(config: HttpConfig) -> Access:
    """
    Read and check all that a configuration names. Blocks: it reads files.

    Raises:
        DisabledError: it cannot be used.
    """
    config.check()
    url = url_of("url", config.url or read_secret("url_file", config.url_file or ""), SCHEMES)
    headers = _headers(config)
    if (url.user or url.password) and "authorization" in headers:
        raise _unusable('the url names a user, and "authorization" is among the headers')
    proxy = config.proxy if config.proxy_file is None else read_secret("proxy_file", config.proxy_file)
    return Access(
        url=url,
        host=url.host or "",
        headers=headers,
        proxy=None if proxy is None else url_of("proxy", proxy, PROXY_SCHEMES),
        tls=client_context(config),
    )


def _headers(config: HttpConfig) -> dict[str, str]:
    secrets = dict(config.headers)
    for name, path in config.headers_files.items():
        secrets[name] = read_secret(f"headers_files.{name}", path)
    headers = {"user-agent": "exit137", "accept-encoding": "identity"}
    for name, value in secrets.items():
        if not _HEADER_NAME.fullmatch(name) or name.lower() in _RESERVED:
            raise _unusable(f'"{name}" cannot be a header of your own')
        if not _HEADER_VALUE.fullmatch(value.reveal()):
            raise _unusable(f'the value of the header "{name}" holds more than printable ASCII')
        headers[name.lower()] = value.reveal()
    return headers


def _unusable(detail: str) -> DisabledError:
    return DisabledError(Reason.UNUSABLE, detail)
