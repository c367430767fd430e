"""
Delivery from a real store to a real rsyslog that is restarted, frozen or slow: what was delivered was read.
"""

import asyncio
from pathlib import Path
from typing import Final

import orjson
import pytest
from click.testing import CliRunner

from collector.cli import main
from collector.delivery import Circuit
from tests.lab.waiting import eventually
from tests.shared.delivering import delivering
from tests.shared.numbered import disordered, event, events
from tests.shared.settings import switched_off
from tests.syslog.receiver import Message, Receiver, receiver
from tests.syslog.test_messages import config

OFF: Final = switched_off()


def ids(messages: list[Message]) -> list[str]:
    return [orjson.loads(message.text)["id"] for message in messages]


@pytest.mark.parametrize("transport", ["tls", "tcp", "unix"])
async def test_a_receiver_that_is_restarted_gets_everything(there: Receiver, tmp_path: Path, transport: str) -> None:
    """
    Events that are stored while it is away arrive afterwards, those of a container in order.
    """
    async with delivering(tmp_path, config(there, transport, timeout_s=10)) as to:
        await to.put(events(range(300)))
        assert await to.courier.drain(60)
        await asyncio.to_thread(there.stop)
        await to.put(events(range(300, 600)))
        await eventually(lambda: to.courier.health.why is not None, 60, "the delivery fails")
        await asyncio.to_thread(there.start)
        await to.put(events(range(600, 700)))
        assert await to.courier.drain(60)
        assert to.courier.health.circuit is Circuit.CLOSED
    await asyncio.to_thread(there.stop)
    arrived = ids(there.messages())
    assert sorted(set(arrived)) == [item.id for item in events(range(700))]
    assert disordered((f"k{int(name[1:]) % 5}", name) for name in arrived) == []


async def test_a_frozen_receiver_has_read_nothing(there: Receiver, tmp_path: Path) -> None:
    """
    The kernel takes bytes for a receiver that reads none; they do not count as delivered.
    """
    async with delivering(tmp_path, config(there, "tls", timeout_s=2)) as to:
        with there.frozen():
            await to.put(events(range(20)))
            await eventually(lambda: to.courier.health.why is not None, 60, "the delivery fails")
            assert to.store.depth("bus") == 20
        assert await to.courier.drain(60)
    assert sorted(set(ids(there.messages(20)))) == [item.id for item in events(range(20))]


async def test_a_receiver_that_dies_with_unread_messages_gets_them_again(there: Receiver, tmp_path: Path) -> None:
    """
    What it had not read when it was killed was never delivered.
    """
    async with delivering(tmp_path, config(there, "tcp", timeout_s=2)) as to:
        with there.frozen():
            await to.put(events(range(50)))
            await eventually(lambda: to.courier.health.why is not None, 60, "the delivery fails")
            there.kill()
            there.start()
        assert await to.courier.drain(60)
    assert sorted(set(ids(there.messages(50)))) == [item.id for item in events(range(50))]


async def test_a_receiver_that_is_slow_slows_the_sink(tmp_path: Path) -> None:
    """
    A receiver with a short queue stops reading while it is full, and nothing is lost.
    """
    (tmp_path / "slow").mkdir()
    with receiver(tmp_path / "slow", queue=64) as slow:
        async with delivering(tmp_path, config(slow, "tls", max_bytes=65_536)) as to:
            await to.put([event(number, f"k{number % 5}", "x" * 30_000) for number in range(600)])
            assert await to.courier.drain(120)
        await asyncio.to_thread(slow.stop)
        assert sorted(set(ids(slow.messages()))) == [item.id for item in events(range(600))]


def test_a_test_event_arrives(there: Receiver, tmp_path: Path) -> None:
    """
    `exit137 check --send-test` says that it was sent, and the receiver has it.
    """
    path = tmp_path / "config.toml"
    sink = f'name = "siem"\ntype = "syslog"\naddress = "tls://127.0.0.1:{there.tls}"\nca_file = "{there.ca_file}"\n'
    path.write_text(f"{OFF}[[sinks]]\n{sink}")
    result = CliRunner().invoke(main, ["check", "--config", str(path), "--send-test"])
    assert (result.exit_code, "sink siem: a test event was sent" in result.stdout) == (0, True)
    (message,) = there.messages(1)
    assert "A test event" in message.text
