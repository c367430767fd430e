"""
Connections to an engine that is not on a socket of this host: TCP, TLS and SSH, made by the Docker SDK.

The SDK would read answers without a limit; here each has a budget (bounded.py).
"""

from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final

from docker.api.client import APIClient
from requests.adapters import BaseAdapter

from collector.sources.docker.bounded import HEAD_S, BoundedReader, BoundedResponse

# The SDK asks the engine for its version unless one is given; the paths of requests name their own.
_ANY_VERSION: Final = "1.24"


class SdkAnswer:
    """
    An answer, of which only the head was read.

    Attributes:
        status: the HTTP status.
        encoding: how the body is compressed.
        reader: reads the socket.
    """

    def __init__(self, response: Any) -> None:  # noqa: ANN401 (requests.Response)
        self.status: int = response.status_code
        self.encoding: str = response.headers.get("content-encoding", "identity")
        self.reader: BoundedReader = response.raw._original_response.reader  # noqa: SLF001 (as the SDK does)
        self._response = response

    def header(self, name: str) -> str | None:
        """
        Return a header; None if the answer has none of that name.
        """
        value: str | None = self._response.headers.get(name)
        return value

    def read(self, at_most: int) -> bytes:
        """
        Return the next bytes of the body; nothing at its end.
        """
        piece: bytes = self._response.raw.read1(at_most, decode_content=False)
        return piece

    def release(self) -> None:
        """
        Close the connection if the body was not read to its end.
        """
        self._response.close()


class SdkSession:
    """
    Asks an engine through the SDK.

    Args:
        url: as in DOCKER_HOST.
    """

    def __init__(self, url: str) -> None:
        self._session = _Session(base_url=url, version=_ANY_VERSION)
        self._session.headers["Accept-Encoding"] = "identity"
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def ask(self, target: str) -> SdkAnswer:
        """
        Return the answer to a GET.

        Raises:
            OSError: there is no proper answer; requests, urllib3 and the SDK raise others too.
        """
        address = f"{self._session.base_url}{target}"
        return SdkAnswer(self._session.get(address, stream=True, timeout=HEAD_S, allow_redirects=False))

    def close(self) -> None:
        """
        Close the connections.
        """
        self._session.close()


class _Session(APIClient):
    """
    The SDK's connections; each has answers with a budget.
    """

    def mount(self, prefix: str | bytes, adapter: BaseAdapter) -> None:
        find = adapter.get_connection_with_tls_context  # type: ignore[attr-defined]
        adapter.get_connection_with_tls_context = lambda *args, **kwargs: _bounded(find(*args, **kwargs))  # type: ignore[attr-defined]
        super().mount(prefix, adapter)


def _bounded(pool: Any) -> Any:  # noqa: ANN401 (urllib3's pools and the SDK's)
    if "_new_conn" not in vars(pool):
        connect = pool._new_conn  # noqa: SLF001 (the one place where all pools make connections)

        def bounded_connection() -> Any:  # noqa: ANN401
            connection = connect()
            connection.response_class = BoundedResponse
            return connection

        pool._new_conn = bounded_connection  # noqa: SLF001
    return pool
