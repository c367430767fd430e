"""
Reads what a request needs: secrets from their files and certificates, all checked.

Every error here needs a person to fix it. Errors name settings and files, never their contents.
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

# RFC 9110 5.6.2 (token), and 5.5 without obsolete bytes.
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"[\t -~]*")
# The client sets these itself.
_RESERVED: Final = frozenset({"content-encoding", "content-length", "content-type", "transfer-encoding"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """
    Everything that a request needs.

    Attributes:
        url: where to post; may be a secret.
        host: the host of the URL; the only part that errors may name.
        headers: sent with each request; names in lower case.
        proxy: the proxy, if any.
        tls: how the server is verified, and the client's certificate; None for an `http://` URL.
    """

    url: URL = field(repr=False)
    host: str
    headers: Mapping[str, str] = field(repr=False)
    proxy: URL | None = field(repr=False)
    tls: ssl.SSLContext | None


def access(config: HttpConfig) -> Access:
    """
    Read and check everything that a configuration names. Blocks, because it reads files.

    Raises:
        DisabledError: something cannot be used.
    """
    config.check()
    url = url_of("url", config.url or read_secret("url_file", config.url_file or ""), SCHEMES)
    headers = _headers(config)
    if (url.user or url.password) and "authorization" in headers:
        raise _unusable('the url has a user, and headers has "authorization": use only one')
    proxy = config.proxy if config.proxy_file is None else read_secret("proxy_file", config.proxy_file)
    return Access(
        url=url,
        host=url.host or "",
        headers=headers,
        proxy=None if proxy is None else url_of("proxy", proxy, PROXY_SCHEMES),
        # A context holds every certificate authority of the host: some 3 MiB for each sink.
        tls=client_context(config) if url.scheme == "https" else None,
    )


def _headers(config: HttpConfig) -> dict[str, str]:
    secrets = dict(config.headers)
    for name, path in config.headers_files.items():
        secrets[name] = read_secret(f"headers_files.{name}", path)
    headers = {"user-agent": "exit137", "accept-encoding": "identity"}
    for name, value in secrets.items():
        if not _HEADER_NAME.fullmatch(name) or name.lower() in _RESERVED:
            raise _unusable(f'the header "{name}" is not valid or is set by the sink')
        if not _HEADER_VALUE.fullmatch(value.reveal()):
            raise _unusable(f'the value of the header "{name}" must be printable ASCII')
        headers[name.lower()] = value.reveal()
    return headers


def _unusable(detail: str) -> DisabledError:
    return DisabledError(Reason.UNUSABLE, detail)
