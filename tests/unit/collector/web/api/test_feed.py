"""
The messages of the stream.
"""

from pathlib import Path

from collector.store import History, Store, StoredEvent
from collector.web.api.feed import Feed
from collector.web.api.store_reader import StoreReader


async def test_an_event_is_one_message_whatever_its_line_ends_are(tmp_path: Path) -> None:
    """
    A line of a stream ends with CR, LF or both; a hub stores events as they were sent, on several lines too.
    """
    sent = b'{\r\n"specversion": "1.0",\r"data":\n{}\r\r}'
    event = StoredEvent(
        id="e", type="t", subject="s", key="k", time_ns=1, container_id=None, body=sent, sinks=(), group=None
    )
    store, reader = await Store.open(tmp_path / "s.db"), StoreReader(lambda: History(tmp_path / "s.db"))
    try:
        await store.commit([event], {})
        messages = Feed(reader).messages(0, lambda _event: True)
        found = [await anext(messages), await anext(messages)][1]
        await messages.aclose()  # type: ignore[attr-defined]
    finally:
        reader.close()
        await store.aclose()
    assert found.splitlines() == [b"id: 1", b"event: t", b'data: {"specversion": "1.0","data":{}}', b""]
