"""
What every sink owes delivery, for sinks whose messages people read: a batch is one message.

The rules are those of test_sinks.py, except that a message about many events does not name them all.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from sinks.apprise import AppriseSink
from sinks.secret import Secret
from sinks.slack import SlackConfig, SlackSink
from tests.contract.test_sinks import (  # noqa: F401 (pytest runs them with the fixture of this module)
    CLOSED_PORT,
    Place,
    test_a_sink_may_be_opened_again,
    test_an_empty_batch_sends_nothing,
    test_closing_is_always_safe,
    test_events_arrive_in_order,
    test_what_cannot_be_reached_is_an_error_that_says_what_to_do,
)
from tests.shared.people import apprise, ntfy
from tests.unit.sinks.http.receiver import receiver


def named(text: str) -> list[str]:
    """
    Return the containers that a message names in its rows, or else in its title.
    """
    return re.findall(r"• (e\d+):", text) or re.findall(r"\b(e\d+): ", text)[:1]


@asynccontextmanager
async def slack_place(_: Path) -> AsyncIterator[Place]:
    async with receiver() as server:

        async def arrived(_: int) -> list[str]:
            return [name for request in server.requests for name in named(texts(orjson.loads(request.body)))]

        def sink(address: str) -> SlackSink:
            return SlackSink(SlackConfig(name="s", type="slack", url=Secret(f"http://{address}/")))

        yield Place(sink=sink(f"127.0.0.1:{server.port}"), unreachable=sink(CLOSED_PORT), arrived=arrived)


def texts(message: dict[str, Any]) -> str:
    return "\n".join(block["text"]["text"] for block in message["blocks"] if "text" in block)


@asynccontextmanager
async def apprise_place(directory: Path) -> AsyncIterator[Place]:
    (directory / "away").mkdir()
    async with ntfy() as server:

        async def arrived(_: int) -> list[str]:
            shown = [f"{message['title']}\n{message['message']}" for message in server.messages]
            return [name for text in shown for name in named(text)]

        yield Place(
            sink=AppriseSink(apprise(directory, server.url)),
            unreachable=AppriseSink(apprise(directory / "away", f"ntfy://{CLOSED_PORT}/t")),
            arrived=arrived,
        )


@pytest.fixture(params=[slack_place, pytest.param(apprise_place, marks=pytest.mark.slow)])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    async with request.param(tmp_path) as found:
        yield found
        await found.unreachable.aclose()
        await found.sink.aclose()
