"""
The settings of every sink that posts to a URL.
"""

from collections.abc import Mapping
from typing import Annotated, Final

from msgspec import Meta
from yarl import URL

from sinks.errors import DisabledError, Reason
from sinks.secret import Secret
from sinks.tls import TlsConfig

SCHEMES: Final = ("http", "https")
# TLS to the proxy itself is not supported.
PROXY_SCHEMES: Final = ("http",)


class HttpConfig(TlsConfig, frozen=True, kw_only=True):
    """
    A sink that posts to one URL: exactly one of `url` and `url_file`, at most one of `proxy` and `proxy_file`.

    Attributes:
        url: where to post.
        url_file: a file with the URL, for a URL that is a secret.
        headers: sent with each request.
        headers_files: more headers; each value is read from a file.
        proxy: `http://[user:password@]host:port`; the environment is not consulted.
        proxy_file: a file with the proxy.
        timeout_s: for one request, from connecting to the head of the response.
        gzip: compress request bodies.
    """

    url: Secret | None = None
    url_file: str | None = None
    headers: Mapping[str, Secret] = {}
    headers_files: Mapping[str, str] = {}
    proxy: Secret | None = None
    proxy_file: str | None = None
    timeout_s: Annotated[float, Meta(gt=0, le=25)] = 15
    gzip: bool = False

    def check(self) -> None:
        """
        Check that there is one URL and at most one proxy, and that those given directly are valid.
        """
        super().check()
        if self.url is None and self.url_file is None:
            raise _unusable("url or url_file is required")
        if self.url is not None:
            _exclude_file("url", self.url_file)
            url_of("url", self.url, SCHEMES)
        if self.proxy is not None:
            _exclude_file("proxy", self.proxy_file)
            url_of("proxy", self.proxy, PROXY_SCHEMES)


def url_of(key: str, secret: Secret, schemes: tuple[str, ...]) -> URL:
    """
    Parse a URL.

    Args:
        key: the setting, named in the error.
        secret: the URL; it never appears in the error.
        schemes: the allowed schemes.

    Raises:
        DisabledError: the URL is not valid, or has another scheme.
    """
    try:
        url = URL(secret.reveal())
        host, port = url.host, url.port
    except ValueError:
        raise _unusable(f"the {key} is not valid") from None
    if url.scheme not in schemes or not host or port is None:
        expected = " or ".join(f"{scheme}://" for scheme in schemes)
        raise _unusable(f"the {key} must start with {expected} and have a host")
    return url


def _exclude_file(key: str, path: str | None) -> None:
    if path is not None:
        raise _unusable(f"{key} and {key}_file are mutually exclusive")


def _unusable(detail: str) -> DisabledError:
    return DisabledError(Reason.UNUSABLE, detail)
