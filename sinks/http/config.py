"""
What the table of every sink that posts may hold.
"""

from collections.abc import Mapping
from typing import Annotated, Final

from msgspec import Meta
from yarl import URL

from sinks.errors import DisabledError, Reason
from sinks.secret import Secret
from sinks.tls import TlsConfig

SCHEMES: Final = ("http", "https")
# To a proxy itself there is no TLS.
PROXY_SCHEMES: Final = ("http",)


class HttpConfig(TlsConfig, frozen=True, kw_only=True):
    """
    A sink that posts to one URL. Of `url` and `url_file` one is needed, of `proxy` and `proxy_file` one at the most.

    Attributes:
        url: where to post.
        url_file: a file that holds the URL, for a URL that is a secret.
        headers: sent with each request.
        headers_files: the same, each value in a file.
        proxy: `http://[user:password@]host:port`; the environment is not asked for one.
        proxy_file: a file that holds the same.
        timeout_s: for one request, from connecting to the head of the answer.
        gzip: compress what is sent.
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
        One URL, and one proxy at the most; those that are no files are valid.
        """
        super().check()
        if self.url is None and self.url_file is None:
            raise _unusable("one of url and url_file is needed")
        if self.url is not None:
            _alone("url", self.url_file)
            url_of("url", self.url, SCHEMES)
        if self.proxy is not None:
            _alone("proxy", self.proxy_file)
            url_of("proxy", self.proxy, PROXY_SCHEMES)


def url_of(key: str, secret: Secret, schemes: tuple[str, ...]) -> URL:
    """
    A URL that can be sent to.

    Args:
        key: of the configuration, named in the error.
        secret: its text, which no error tells.
        schemes: of these one.

    Raises:
        DisabledError: it is none.
    """
    try:
        url = URL(secret.reveal())
        host, port = url.host, url.port
    except ValueError:
        raise _unusable(f"the {key} is not valid") from None
    if url.scheme not in schemes or not host or port is None:
        expected = " or ".join(f"{scheme}://" for scheme in schemes)
        raise _unusable(f"the {key} must begin with {expected} and name a host")
    return url


def _alone(key: str, path: str | None) -> None:
    if path is not None:
        raise _unusable(f"{key} and {key}_file are both there")


def _unusable(detail: str) -> DisabledError:
    return DisabledError(Reason.UNUSABLE, detail)
