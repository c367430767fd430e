"""
A client whose every setting is secret, the errors that it raises, and servers with certificates.
"""

import ssl
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
import trustme

from sinks.errors import SinkError
from sinks.http import HttpClient, HttpConfig
from sinks.secret import Secret
from tests.unit.sinks.http.receiver import Answer, Receiver, receiver

HIDDEN: Final = "h1dden-of-a-test"
CLOSED_PORT: Final = 1
_LENIENT_S: Final = 10.0


@asynccontextmanager
async def client(port: int, scheme: str = "http", **settings: Any) -> AsyncIterator[HttpClient]:  # noqa: ANN401
    """
    Open a client whose URL and headers are secret.
    """
    settings = {"url": Secret(f"{scheme}://127.0.0.1:{port}/{HIDDEN}"), "timeout_s": _LENIENT_S, **settings}
    headers = {"authorization": Secret(f"Bearer {HIDDEN}")}
    found = HttpClient(HttpConfig(name="w", type="webhook", headers=headers, **settings))
    try:
        await found.open()
        yield found
    finally:
        await found.aclose()


async def failure(found: HttpClient) -> SinkError:
    """
    Return the error of a post, after checking that nothing about it shows a secret.
    """
    with pytest.raises(SinkError) as caught:
        await found.post(b"{}", {"content-type": "application/json"})
    shown = [*traceback.format_exception(caught.value), repr(caught.value), repr(vars(caught.value))]
    assert HIDDEN not in "".join(shown)
    return caught.value


@asynccontextmanager
async def tls_receiver(
    certificate: trustme.LeafCert, *answers: Answer, clients: trustme.CA | None = None
) -> AsyncIterator[Receiver]:
    """
    Return the TLS context of a server with this certificate; it requires client certificates signed by `clients`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    if clients is not None:
        clients.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    async with receiver(*answers, tls=context) as found:
        yield found
