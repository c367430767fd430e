"""
Delivery from a real store to a real OpenSearch that is killed, or that refuses: nothing is lost, nothing is twice.
"""

import asyncio
from pathlib import Path
from typing import Any, Final

import msgspec
from click.testing import CliRunner

from collector.cli import main
from collector.delivery import Circuit
from collector.store.spool import Spool
from sinks.opensearch import OpenSearchConfig
from sinks.secret import decode_secret
from tests.lab.waiting import eventually
from tests.opensearch.node import Node
from tests.shared.delivering import delivering
from tests.shared.numbered import event, events
from tests.shared.settings import switched_off

_TIMEOUT_S: Final = 5
OFF: Final = switched_off()


def config(to: Node, index: str, **settings: Any) -> OpenSearchConfig:  # noqa: ANN401 (any setting)
    given = {"name": "bus", "type": "opensearch", "url": to.url, "index": index, "timeout_s": 20} | settings
    return msgspec.convert(given, OpenSearchConfig, dec_hook=decode_secret)


async def test_a_node_that_is_killed_and_comes_back_has_each_event_once(
    running: Node, index: str, tmp_path: Path
) -> None:
    """
    Events that were in flight when the node died are sent again, and found under their ids.
    """
    async with delivering(tmp_path, config(running, index, timeout_s=_TIMEOUT_S)) as to:
        await to.put(events(range(200)))
        assert await to.courier.drain(60)
        await to.put(events(range(200, 400)))
        running.kill()
        await to.put(events(range(400, 500)))
        await eventually(lambda: to.courier.health.why is not None, 60, "the delivery fails")
        await asyncio.to_thread(running.start)
        await to.put(events(range(500, 600)))
        assert await to.courier.drain(120)
        assert to.courier.health.circuit is Circuit.CLOSED
    assert running.found(index) == [item.id for item in events(range(600))]


async def test_an_event_that_the_mapping_refuses_is_a_dead_letter_with_its_reason(
    running: Node, index: str, tmp_path: Path
) -> None:
    """
    The others are indexed, and an operator reads in the spool what the mapper says.
    """
    running.ask("PUT", index, {"mappings": {"properties": {"message": {"type": "long"}}}})
    async with delivering(tmp_path, config(running, index)) as to:
        await to.put([event(1, text="7"), event(2, text="many"), event(3, text="8")])
        assert await to.courier.drain(60)
    with Spool(tmp_path / "s.db") as spool:
        (letter,) = spool.entries(dead=True)
    assert (letter.id, letter.reason) == ("e00002", "rejected")
    assert "failed to parse field [message] of type [long]" in str(letter.detail)
    assert running.found(index) == ["e00001", "e00003"]


async def test_without_the_right_to_create_an_index_the_events_wait(running: Node, tmp_path: Path) -> None:
    """
    The sink is disabled and says why; when somebody has made the index, the events arrive.
    """
    async with delivering(tmp_path, config(running, "never-made")) as to:
        await to.put(events(range(10)))
        await eventually(lambda: to.courier.health.circuit is Circuit.DISABLED, 60, "the sink is disabled")
        assert "no_such_target" in str(to.courier.health.why)
        running.ask("PUT", "never-made")
        assert await to.courier.drain(60)
    assert len(running.found("never-made")) == 10


def test_a_test_event_arrives(running: Node, index: str, tmp_path: Path) -> None:
    """
    `exit137 check --send-test` says that it was sent, and the engine has it.
    """
    path = tmp_path / "config.toml"
    path.write_text(f'{OFF}[[sinks]]\nname = "siem"\ntype = "opensearch"\nurl = "{running.url}"\nindex = "{index}"\n')
    result = CliRunner().invoke(main, ["check", "--config", str(path), "--send-test"])
    assert (result.exit_code, "sink siem: a test event was sent" in result.stdout) == (0, True)
    (document,) = running.documents(index)
    assert document["message"].startswith("A test event")
