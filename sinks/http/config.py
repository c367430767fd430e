"""
What the table of every sink that posts may hold.
"""

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta

from sinks.base import SinkConfig
from sinks.secret import Secret


class HttpConfig(SinkConfig, frozen=True, kw_only=True):
    """
    A sink that posts to one URL. Of `url` and `url_file` one is needed, of `proxy` and `proxy_file` one at the most.

    Attributes:
        url: where to post.
        url_file: a file that holds the URL, for a URL that is a secret.
        headers: sent with each request.
        headers_files: the same, each value in a file.
        ca_file: PEM; who may sign the server's certificate, instead of those whom the system trusts.
        cert_file: PEM; the client's certificate and those above it.
        key_file: PEM; its key, where `cert_file` does not hold it.
        key_password_file: a file that holds the password of the key.
        proxy: `http://[user:password@]host:port`; the environment is not asked for one.
        proxy_file: a file that holds the same.
        timeout_s: for one request, from connecting to the head of the answer.
        gzip: compress what is sent.
    """

    url: Secret | None = None
    url_file: str | None = None
    headers: Mapping[str, Secret] = {}
    headers_files: Mapping[str, str] = {}
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    key_password_file: str | None = None
    proxy: Secret | None = None
    proxy_file: str | None = None
    timeout_s: Annotated[float, Meta(gt=0, le=25)] = 15
    gzip: bool = False
