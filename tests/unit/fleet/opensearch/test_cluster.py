"""
What a cluster may answer, and what the store makes of it: all of it, or an error of the store.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from aiohttp import web

from collector.config.hub import HubStoreConfig
from collector.store import StoredEvent, StoreUnavailableError
from fleet.opensearch.cluster import as_sink_config
from fleet.opensearch.store import ClusterStore
from sinks.errors import DisabledError
from sinks.secret import Secret
from tests.shared.ports import free_ports

EVENT = StoredEvent(id="e", type="t", subject="s", key="k", time_ns=1, container_id=None, body=b'{"data":{}}', sinks=())
HIT = {
    "_seq_no": 4,
    "_id": "e",
    "_source": {"hub": {"id": "e", "type": "t", "subject": "s", "time_ns": 1, "body": "{}"}},
}


@asynccontextmanager
async def answering(status: int, body: object, **config: Any) -> AsyncIterator[ClusterStore]:  # noqa: ANN401
    """
    A store whose cluster gives one answer to everything.
    """
    text = body if isinstance(body, bytes) else orjson.dumps(body)

    async def answer(request: web.Request) -> web.Response:
        del request
        return web.Response(status=status, body=text, content_type="application/json")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    (port,) = free_ports(1)
    await web.TCPSite(runner, "127.0.0.1", port).start()
    settings = {"type": "opensearch", "url": Secret(f"http://127.0.0.1:{port}/search"), "timeout_s": 2} | config
    store = ClusterStore(HubStoreConfig(**settings))
    try:
        yield store
    finally:
        await store.aclose()
        await runner.cleanup()


def shards(failed: int) -> Mapping[str, Any]:
    return {"total": 2, "successful": 2 - failed, "skipped": 0, "failed": failed}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>login</html>"),
        (200, []),
        (200, {}),
        (200, {"hits": None, "items": None, "docs": None, "aggregations": 5}),
        (200, {"hits": {"hits": [{}]}, "items": [{}], "docs": [{}], "_shards": shards(0)}),
        (200, {"hits": {"hits": [HIT]}, "items": [], "docs": [], "_shards": shards(1)}),
        (200, {"hits": {"hits": [HIT]}, "timed_out": True}),
        (200, {"hits": {"hits": [{}]}, "items": [], "docs": [{}]}),
        (200, {"items": [{"create": {"status": 429, "error": {"type": "rejected_execution_exception"}}}]}),
        (200, {"items": [{"create": {"status": 403, "error": {"type": "cluster_block_exception"}}}]}),
        (200, {"items": [{"create": {"status": 404, "error": {"type": "index_not_found_exception"}}}]}),
        (200, {"docs": [{"_id": "e", "error": {"type": "index_not_found_exception", "reason": "no such index"}}]}),
        (401, b""),
        (403, {"error": {"type": "security_exception", "reason": "no permissions"}}),
        (404, {"error": "no"}),
        (429, {"error": {"type": "circuit_breaking_exception"}}),
        (500, b"\xff\xfe"),
        (503, {"error": {"type": "search_phase_execution_exception", "reason": "all shards failed"}}),
    ],
)
async def test_whatever_is_not_a_whole_answer_is_an_error_of_the_store(status: int, body: object) -> None:
    """
    Neither the intake nor a page takes it for an answer, and neither ends.
    """
    async with answering(status, body) as store:
        with pytest.raises(StoreUnavailableError):
            await store.commit([EVENT], {})
        with pytest.raises(StoreUnavailableError):
            await store.reading.page({}, None, 10)
        with pytest.raises(StoreUnavailableError):
            await store.reading.event("e")
        with pytest.raises(StoreUnavailableError):
            await store.reading.count_by(["service"], {})


async def test_nobody_there_is_an_error_of_the_store() -> None:
    """
    The error names the host, and nothing else of the URL, which may hold a password.
    """
    (port,) = free_ports(1)
    url = Secret(f"http://user:password@127.0.0.1:{port}/")
    store = ClusterStore(HubStoreConfig(type="opensearch", url=url))
    with pytest.raises(StoreUnavailableError) as caught:
        await store.prepare()
    await store.aclose()
    assert "password" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)


@pytest.mark.parametrize("settings", [{}, {"url": Secret("ftp://x/")}, {"url": Secret("http://x/"), "user": "u"}])
async def test_settings_that_do_not_fit_together_are_refused(settings: dict[str, Any]) -> None:
    """
    Before anything is sent.
    """
    with pytest.raises(DisabledError):
        ClusterStore(HubStoreConfig(type="opensearch", **settings))


OWN = {"type", "index", "replicas", "max_bytes", "lease_s"}
GIVEN: dict[str, Any] = {
    "url_file": "/u",
    "timeout_s": 3.0,
    "user": "hub",
    "password_file": "/p",
    "headers": {"x-a": Secret("b")},
    "headers_files": {"x-c": "/h"},
    "proxy_file": "/x",
    "ca_file": "/ca",
    "cert_file": "/cert",
    "key_file": "/key",
    "key_password_file": "/kp",
}


def test_every_setting_of_the_connection_reaches_it() -> None:
    """
    Also those of TLS: a setting that is dropped would connect in another way than was asked for.
    """
    made = as_sink_config(HubStoreConfig(type="opensearch", **GIVEN))
    assert {name: getattr(made, name) for name in GIVEN} == GIVEN
    other = {"url": Secret("https://x/"), "api_key_file": "/k", "proxy": Secret("http://p:1/")}
    made = as_sink_config(HubStoreConfig(type="opensearch", **other))
    assert {name: getattr(made, name) for name in other} == other
    assert {*GIVEN, *other} == {*HubStoreConfig.__struct_fields__} - OWN
