"""
The webhook receiver, posted to by the agents' own sink.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from collector.config.hub import HubWebhookConfig
from collector.store import Store
from fleet.incidents.detector import Detector
from fleet.inputs.webhook import PATH, WebhookInput
from fleet.intake import BusyError, FleetIntake
from sinks.base import Outgoing
from sinks.errors import DisabledError, PermanentError, TransientError
from sinks.event import Event
from sinks.secret import Secret
from sinks.webhook import WebhookConfig, WebhookSink
from tests.shared.hub_events import body, death, secret_file


class Receiver:
    """
    A receiver over a store, and how many events it stored.
    """

    def __init__(self, store: Store, intake: FleetIntake, port: int) -> None:
        self.store, self.intake, self.url = store, intake, f"http://127.0.0.1:{port}{PATH}"

    async def ids(self) -> set[str]:
        return {event.id for event in await self.store.events(limit=-1)}


@asynccontextmanager
async def receiving(
    folder: Path, skew_s: float = 0, most_bytes: int = 262_144, token: Path | None = None
) -> AsyncIterator[Receiver]:
    store = await Store.open(folder / "hub.db")
    intake = FleetIntake(store, Detector(), [])
    config = HubWebhookConfig(
        listen="127.0.0.1:0",
        keys_dir=str(folder),
        max_body_bytes=most_bytes,
        write_token_file=str(token) if token is not None else None,
    )
    server = WebhookInput(config, intake, now_s=lambda: time.time() + skew_s)
    port = await server.start()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(intake.run())
        try:
            yield Receiver(store, intake, port)
        finally:
            task.cancel()
            await server.aclose()
            await store.aclose()


@asynccontextmanager
async def sending(url: str, key: Path, *, gzip: bool = False) -> AsyncIterator[WebhookSink]:
    config = WebhookConfig(
        name="hub", type="webhook", url=Secret(url), signing_secrets_files=(str(key),), gzip=gzip, timeout_s=5
    )
    sink = WebhookSink(config)
    await sink.open()
    try:
        yield sink
    finally:
        await sink.aclose()


def outgoing(*events: Event) -> list[Outgoing]:
    return [Outgoing(id=event.id, type=event.type.value, key=event.key, body=body(event)) for event in events]


@pytest.mark.parametrize("gzip", [False, True])
async def test_what_the_sink_sends_is_stored_once(tmp_path: Path, gzip: bool) -> None:
    """
    However often it is sent, compressed or not.
    """
    events = [death(1, number) for number in range(20)]
    async with receiving(tmp_path) as hub, sending(hub.url, secret_file(tmp_path, 1), gzip=gzip) as sink:
        await sink.send(outgoing(*events))
        await sink.send(outgoing(*events[:3]))
        assert await hub.ids() == {event.id for event in events}


async def test_a_host_with_the_key_of_another_is_refused(tmp_path: Path) -> None:
    """
    The sink stops and says so; a person has to look.
    """
    secret_file(tmp_path, 1)
    async with receiving(tmp_path) as hub, sending(hub.url, secret_file(tmp_path, 2)) as sink:
        with pytest.raises(DisabledError):
            await sink.send(outgoing(death(1, 1)))
        assert await hub.ids() == set()


@pytest.mark.parametrize("skew_s", [-301, 301])
async def test_an_old_request_is_refused(tmp_path: Path, skew_s: float) -> None:
    """
    What somebody recorded cannot be sent again later. The agent signs anew when it tries again.
    """
    async with receiving(tmp_path, skew_s) as hub, sending(hub.url, secret_file(tmp_path, 1)) as sink:
        with pytest.raises(DisabledError):
            await sink.send(outgoing(death(1, 1)))


async def test_while_the_hub_is_behind_the_agent_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    429: its events stay in its own outbox.
    """

    def busy(*_: object) -> None:
        raise BusyError

    async with receiving(tmp_path) as hub, sending(hub.url, secret_file(tmp_path, 1)) as sink:
        monkeypatch.setattr(hub.intake, "offer", busy)
        with pytest.raises(TransientError) as caught:
            await sink.send(outgoing(death(1, 1)))
        assert caught.value.retry_after_s == 1


async def test_what_is_no_event_becomes_a_dead_letter(tmp_path: Path) -> None:
    """
    It would be refused for ever.
    """
    wrong = Outgoing(id="1", type="t", key="k", body=b'{"specversion": "1.0"}')
    async with receiving(tmp_path) as hub, sending(hub.url, secret_file(tmp_path, 1)) as sink:
        with pytest.raises(PermanentError):
            await sink.send([wrong])


async def test_a_large_body_is_refused_also_if_it_is_compressed(tmp_path: Path) -> None:
    """
    The limit holds for what comes out.
    """
    large = Outgoing(id="1", type="t", key="k", body=b"[" + b" " * 300_000 + b"]")
    async with receiving(tmp_path) as hub, sending(hub.url, secret_file(tmp_path, 1), gzip=True) as sink:
        with pytest.raises(PermanentError):
            await sink.send([large])


async def test_a_request_without_a_signature_is_refused(tmp_path: Path) -> None:
    """
    Nothing is open.
    """
    secret_file(tmp_path, 1)
    headers = {"webhook-id": "1", "webhook-timestamp": str(int(time.time()))}
    async with receiving(tmp_path) as hub, aiohttp.ClientSession() as client:
        for extra in ({}, {"webhook-signature": ""}, {"webhook-signature": "v1,"}, {"webhook-signature": "v1a,x"}):
            async with client.post(hub.url, data=body(death(1, 1)), headers={**headers, **extra}) as answer:
                assert answer.status == 401


@pytest.mark.parametrize(
    ("header", "code"), [("Bearer secret-1", 204), ("Bearer secret-2", 401), ("Bearer ", 401), (None, 401)]
)
async def test_with_the_token_nothing_needs_a_signature(tmp_path: Path, header: str | None, code: int) -> None:
    """
    One request may then have the events of several hosts, as a relay sends them.
    """
    token = tmp_path / "token"
    token.write_text("secret-1\n")
    events = b"[" + b",".join((body(death(1, 1)), body(death(2, 1)))) + b"]"
    async with receiving(tmp_path, token=token) as hub, aiohttp.ClientSession() as client:
        headers = {"Authorization": header} if header is not None else {}
        async with client.post(hub.url, data=events, headers=headers) as answer:
            assert answer.status == code
        assert len(await hub.ids()) == (2 if code == 204 else 0)


async def test_without_a_token_file_no_token_is_valid(tmp_path: Path) -> None:
    """
    The default takes signed requests alone.
    """
    async with receiving(tmp_path) as hub, aiohttp.ClientSession() as client:
        async with client.post(hub.url, data=body(death(1, 1)), headers={"Authorization": "Bearer "}) as answer:
            assert answer.status == 401
        assert await hub.ids() == set()
