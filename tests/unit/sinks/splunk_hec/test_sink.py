"""
The splunk_hec sink: an event is delivered when the indexer has it, and is sent again only if it is lost.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

from sinks.base import Outgoing
from sinks.errors import DisabledError, PartialError, PermanentError, Reason, SinkError, TransientError
from sinks.secret import decode_secret
from sinks.splunk_hec import SplunkConfig, SplunkSink
from tests.unit.sinks.http.receiver import receiver, status
from tests.unit.sinks.splunk_hec.collector import TOKEN, Collector, collector

WAIT_S = 0.01


class Clock:
    """
    A clock that a test moves.
    """

    def __init__(self) -> None:
        self.time_s = 0.0

    def now_s(self) -> float:
        return self.time_s


def event(name: str, text: str = "m") -> Outgoing:
    data = {"@timestamp": "2026-11-22T03:17:04.118203Z", "message": text, "host": {"hostname": "node-7"}, "event": {}}
    return Outgoing(id=name, type="exit137.oom_kill", key="k", body=orjson.dumps({"id": name, "data": data}))


@pytest.fixture
async def there() -> AsyncIterator[Collector]:
    async with collector() as found:
        yield found


def config(port: int, folder: Path, **settings: Any) -> SplunkConfig:  # noqa: ANN401 (any setting)
    (folder / "token").write_text(TOKEN)
    given = {"name": "s", "type": "splunk_hec", "url": f"http://127.0.0.1:{port}", "token_file": str(folder / "token")}
    return msgspec.convert(given | {"ack_timeout_s": WAIT_S} | settings, SplunkConfig, dec_hook=decode_secret)


async def opened(settings: SplunkConfig, clock: Clock | None = None) -> SplunkSink:
    sink = SplunkSink(settings) if clock is None else SplunkSink(settings, clock.now_s)
    await sink.open()
    return sink


async def test_an_event_has_its_envelope(there: Collector, tmp_path: Path) -> None:
    """
    Time, host, source and index are where Splunk looks for them.
    """
    sink = await opened(config(there.port, tmp_path, index="main"))
    await sink.send([event("e1")])
    await sink.aclose()
    (envelope,) = there.events
    assert envelope["event"]["event"]["id"] == "e1"
    assert envelope["time"] == pytest.approx(1_795_317_424.118203)
    assert (envelope["host"], envelope["source"], envelope["index"]) == ("node-7", "exit137", "main")


async def test_a_body_that_is_no_event_is_sent_as_a_message(there: Collector, tmp_path: Path) -> None:
    """
    It is delivered like an event, so that it cannot hold back later ones.
    """
    sink = await opened(config(there.port, tmp_path, ack_timeout_s=20))
    await sink.send([Outgoing(id="e1", type="exit137.oom_kill", key="k", body=b"not JSON"), event("e2")])
    await sink.aclose()
    assert [envelope["event"]["message"] for envelope in there.events] == ["not JSON", "m"]


async def test_an_event_is_delivered_when_it_is_indexed(there: Collector, tmp_path: Path) -> None:
    """
    The sink asks until the indexer has it.
    """
    there.polls = 2
    sink = await opened(config(there.port, tmp_path, ack_timeout_s=20))
    await sink.send([event("e1"), event("e2")])
    await sink.aclose()
    assert there.indexed == ["e1", "e2"]
    assert there.requests == [["e1", "e2"]]


async def test_an_event_that_is_not_indexed_yet_is_not_sent_again(there: Collector, tmp_path: Path) -> None:
    """
    The next attempt asks about the request that carries it.
    """
    there.lost, clock = {0}, Clock()
    sink = await opened(config(there.port, tmp_path), clock)
    with pytest.raises(TransientError):
        await _after(sink, clock, [event("e1")])
    there.lost = set()
    await sink.send([event("e1"), event("e2")])
    await sink.aclose()
    assert there.requests == [["e1"], ["e2"]]
    assert sorted(there.indexed) == ["e1", "e2"]


async def _after(sink: SplunkSink, clock: Clock, batch: list[Outgoing]) -> None:
    """
    Send while the time for the acknowledgement runs out.
    """
    answers = sink._ask

    async def ask(ack_ids: set[int]) -> set[int]:
        clock.time_s += 1
        return await answers(ack_ids)

    sink._ask = ask  # type: ignore[method-assign]
    try:
        await sink.send(batch)
    finally:
        sink._ask = answers  # type: ignore[method-assign]


async def test_an_event_that_is_lost_is_sent_again(there: Collector, tmp_path: Path) -> None:
    """
    A request whose acknowledgement does not come for five minutes is lost.
    """
    there.lost, clock = {0}, Clock()
    sink = await opened(config(there.port, tmp_path), clock)
    with pytest.raises(TransientError):
        await _after(sink, clock, [event("e1")])
    clock.time_s += 400
    await sink.send([event("e1")])
    await sink.aclose()
    assert there.requests == [["e1"], ["e1"]]
    assert there.indexed == ["e1"]


async def test_an_event_that_is_refused_is_a_dead_letter(there: Collector, tmp_path: Path) -> None:
    """
    The collector says which one it is; the others of its request are sent without it.
    """
    there.invalid = lambda name: name in ("e2", "e4")
    sink = await opened(config(there.port, tmp_path))
    with pytest.raises(PartialError) as caught:
        await sink.send([event(f"e{number}") for number in range(1, 6)])
    await sink.aclose()
    assert {name: type(error).__mro__[1] for name, error in caught.value.failures.items()} == {
        "e2": PermanentError,
        "e4": PermanentError,
    }
    assert there.indexed == ["e1", "e3", "e5"]


async def test_a_token_without_acknowledgement_is_reported(there: Collector, tmp_path: Path) -> None:
    """
    Without it nobody knows whether an event was indexed; the operator decides.
    """
    there.acknowledges = False
    sink = await opened(config(there.port, tmp_path))
    with pytest.raises(DisabledError):
        await sink.send([event("e1")])
    await sink.aclose()
    sink = await opened(config(there.port, tmp_path, acknowledge=False))
    await sink.send([event("e1")])
    await sink.aclose()


async def test_a_wrong_token_disables_the_sink(there: Collector, tmp_path: Path) -> None:
    """
    The token itself is not in the error.
    """
    settings = config(there.port, tmp_path)
    (tmp_path / "token").write_text("another-token")
    sink = await opened(settings)
    with pytest.raises(DisabledError) as caught:
        await sink.send([event("e1")])
    await sink.aclose()
    assert caught.value.reason is Reason.UNAUTHORIZED
    assert "another-token" not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "kind"), [(503, TransientError), (429, TransientError), (404, DisabledError), (400, DisabledError)]
)
async def test_the_status_decides_where_there_is_no_code(tmp_path: Path, code: int, kind: type[SinkError]) -> None:
    """
    A busy collector gets the events again; another server gets none.
    """
    async with receiver(status(code)) as server:
        sink = await opened(config(server.port, tmp_path))
        with pytest.raises(kind):
            await sink.send([event("e1"), event("e2")])
        await sink.aclose()


async def test_an_answer_of_another_kind_is_not_an_acceptance(tmp_path: Path) -> None:
    """
    A proxy that answers 200 has received nothing.
    """
    async with receiver(status(200)) as server:
        sink = await opened(config(server.port, tmp_path, acknowledge=False))
        with pytest.raises(TransientError):
            await sink.send([event("e1")])
        await sink.aclose()


async def test_after_it_is_opened_again_a_channel_is_new(there: Collector, tmp_path: Path) -> None:
    """
    The collector numbers the requests of each channel; old numbers mean nothing there.
    """
    sink = await opened(config(there.port, tmp_path))
    await sink.send([event("e1")])
    await sink.open()
    await sink.send([event("e2")])
    await sink.aclose()
    assert len(there.channels) == 2
