"""
A real rsyslog reads the messages as they were meant, on each transport and in each form.
"""

from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest
import trustme
import uvloop

from sinks.base import Outgoing
from sinks.errors import TransientError
from sinks.syslog import SyslogConfig, SyslogSink
from tests.shared.numbered import event
from tests.syslog.receiver import Receiver, receiver
from tests.unit.sinks.chat.scenes import leak, outgoing, recorded

TRANSPORTS = ["tls", "tcp", "unix"]


def config(to: Receiver, transport: str = "tls", **settings: Any) -> SyslogConfig:  # noqa: ANN401 (any setting)
    addresses = {
        "tls": f"tls://127.0.0.1:{to.tls}",
        "tcp": f"tcp://127.0.0.1:{to.tcp}",
        "unix": f"unix:{to.socket}",
    }
    given = {"name": "bus", "type": "syslog", "address": addresses[transport]} | settings
    if transport == "tls":
        given = {"ca_file": str(to.ca_file)} | given
    return msgspec.convert(given, SyslogConfig)


async def send(settings: SyslogConfig, *batch: Outgoing) -> None:
    """
    Open a sink, send a batch, and close it.
    """
    sink = SyslogSink(settings)
    try:
        await sink.open()
        await sink.send(batch)
    finally:
        await sink.aclose()


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_message_has_the_parts_of_its_event(there: Receiver, transport: str) -> None:
    """
    Priority, time, host, program and kind are in the header, and the text is the event.
    """
    (death,) = leak()
    await send(config(there, transport, facility="local3"), death)
    (message,) = there.messages(1)
    sent = orjson.loads(death.body)
    assert (message.facility, message.severity) == ("local3", "crit")
    assert (message.app, message.kind) == ("exit137", "exit137.container_death")
    assert message.time == sent["time"]
    assert orjson.loads(message.text)["data"]["message"] == sent["data"]["message"]


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_all_recorded_events_arrive_in_order(there: Receiver, transport: str) -> None:
    """
    Each message is whole, however long it is.
    """
    batch = outgoing(recorded())
    await send(config(there, transport, max_bytes=65_536), *batch)
    texts = [orjson.loads(message.text) for message in there.messages(len(batch))]
    assert texts == [orjson.loads(item.body) for item in batch]


def test_a_message_is_sent_on_the_agents_event_loop(there: Receiver) -> None:
    """
    The agent runs on uvloop, whose connections and local sockets are its own.
    """
    for transport in TRANSPORTS:
        uvloop.run(send(config(there, transport), event(1), event(2)))
    assert len(there.messages(6)) == 6


@pytest.mark.parametrize(("form", "begins"), [("cef", "CEF:0|exit137|exit137|"), ("leef", "LEEF:2.0|exit137|exit137|")])
async def test_the_forms_of_siems_arrive(there: Receiver, form: str, begins: str) -> None:
    """
    The text begins with the form's header and names the container.
    """
    (death,) = leak()
    await send(config(there, format=form), death)
    (message,) = there.messages(1)
    assert message.text.startswith(begins)
    assert "shop-api-1" in message.text


async def test_a_receiver_that_is_not_trusted_gets_nothing(there: Receiver, tmp_path: Path) -> None:
    """
    The certificate is verified against the configured authority.
    """
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    with pytest.raises(TransientError) as caught:
        await send(config(there, ca_file=str(other)), event(1))
    assert "certificate" in caught.value.detail
    assert there.messages() == []


async def test_a_receiver_may_ask_for_a_certificate(tmp_path: Path) -> None:
    """
    With its own certificate the sink is let in; without one nothing is delivered, and nothing is said to be.
    """
    with receiver(tmp_path, auth="x509/certvalid") as strict:
        await send(config(strict, cert_file=str(strict.client_file)), event(1))
        with pytest.raises(TransientError):
            await send(config(strict, timeout_s=5), event(2))
        assert [orjson.loads(message.text)["id"] for message in strict.messages(1)] == ["e00001"]
