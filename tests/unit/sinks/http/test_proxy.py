"""
Requests through a real proxy on loopback.
"""

import pytest
import trustme

from sinks.errors import DisabledError, Reason, SinkError, TransientError
from sinks.secret import Secret
from tests.unit.sinks.http.probe import CLOSED_PORT, HIDDEN, client, failure, tls_receiver
from tests.unit.sinks.http.receiver import Receiver, receiver, status, tunnel


def through(proxy: Receiver) -> Secret:
    """
    Return the setting of a proxy that requires a password.
    """
    return Secret(f"http://agent:{HIDDEN}@127.0.0.1:{proxy.port}")


async def test_a_proxy_passes_requests_on() -> None:
    """
    A proxy gets the whole URL and its own password.
    """
    async with receiver() as proxy, client(8, url=Secret("http://far.example/hook"), proxy=through(proxy)) as found:
        await found.post(b"{}", {})
    request = proxy.requests[0]
    assert request.line == "POST http://far.example/hook HTTP/1.1"
    assert request.headers["proxy-authorization"].startswith("Basic ")


async def test_a_proxy_sees_nothing_of_what_tls_protects(authority: trustme.CA, ca_file: str) -> None:
    """
    A proxy is asked for a tunnel, and the server does not learn the proxy's password.
    """
    async with (
        tls_receiver(authority.issue_cert("127.0.0.1")) as server,
        receiver(tunnel(server.port)) as proxy,
        client(server.port, "https", ca_file=ca_file, proxy=through(proxy)) as found,
    ):
        await found.post(b"{}", {})
    (connect,) = proxy.requests
    assert connect.line == f"CONNECT 127.0.0.1:{server.port} HTTP/1.1"
    assert "authorization" not in connect.headers
    assert server.requests[0].body == b"{}"
    assert "proxy-authorization" not in server.requests[0].headers


@pytest.mark.parametrize(
    ("code", "kind", "reason"),
    [
        (407, DisabledError, Reason.UNAUTHORIZED),
        (403, DisabledError, Reason.UNAUTHORIZED),
        (400, TransientError, Reason.UNREACHABLE),
        (502, TransientError, Reason.UNREACHABLE),
    ],
)
async def test_what_a_proxy_refuses_is_not_the_events_fault(code: int, kind: type[SinkError], reason: Reason) -> None:
    """
    A refusal by a proxy never makes an event a dead letter.
    """
    async with receiver(status(code)) as proxy, client(1, "https", proxy=through(proxy)) as found:
        error = await failure(found)
    assert (type(error), error.reason) == (kind, reason)
    assert error.detail == f"the proxy 127.0.0.1 answered {code}"


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_an_unreachable_proxy_is_named(scheme: str) -> None:
    """
    The error names the proxy and not the server, which may be fine.
    """
    url = Secret(f"{scheme}://far.example/{HIDDEN}")
    async with client(1, url=url, proxy=Secret(f"http://agent:{HIDDEN}@127.0.0.1:{CLOSED_PORT}")) as found:
        assert (await failure(found)).detail == "the proxy 127.0.0.1: Connection refused"


async def test_the_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Only the configuration names a proxy; the environment is ignored.
    """
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{CLOSED_PORT}")
    async with receiver() as server, client(server.port) as found:
        await found.post(b"{}", {})
    assert len(server.requests) == 1
