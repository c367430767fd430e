"""
What the table of every sink that posts may hold.
"""

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta

from sinks.secret import Secret
from sinks.tls import TlsConfig


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
