"""
The OTLP receiver of the OpenTelemetry Collector takes every event, and its own library reads them back.

The receiver is built from the Go proxy, which takes two minutes of CPU. So this is no part of CI:

    pytest -m long tests/otlp
"""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from click.testing import CliRunner

from collector.cli import main
from sinks.otlp import OtlpConfig, OtlpSink
from sinks.secret import Secret
from tests.shared.any_event import sample
from tests.shared.delivering import delivering
from tests.shared.numbered import events
from tests.shared.ports import free_ports
from tests.shared.server import Server, accepts_connections
from tests.shared.settings import switched_off
from tests.unit.sinks.chat.scenes import leak, outgoing, recorded

pytestmark = [
    pytest.mark.broker,
    pytest.mark.long,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(shutil.which("go") is None, reason="no Go here"),
]

SOURCE: Final = Path(__file__).parent / "collector"
BINARY: Final = Path(__file__).parents[2] / ".cache/otlp/receiver"
READY_S: Final = 60.0
OFF: Final = switched_off()


class Collector(Server):
    """
    The receiver, and the file to which it writes each request as OTLP JSON.
    """

    def __init__(self, home: Path) -> None:
        super().__init__()
        (self.port,) = free_ports(1)
        self._file = home / "requests"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """
        Start the receiver, and wait until it accepts connections.
        """
        command = [BINARY, f"127.0.0.1:{self.port}", self._file]
        self._run(command, self._file.with_name("log"), lambda: accepts_connections(self.port), READY_S)

    def records(self) -> dict[str, dict[str, Any]]:
        """
        Return the records that have arrived by their ids.
        """
        found = {}
        for line in self._file.read_bytes().splitlines():
            for logs in orjson.loads(line)["resourceLogs"]:
                for record in logs["scopeLogs"][0]["logRecords"]:
                    attributes = {item["key"]: item["value"] for item in record["attributes"]}
                    found[attributes["log.record.uid"]["stringValue"]] = record
        return found


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Collector]:
    if not BINARY.exists():
        BINARY.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["go", "build", "-o", BINARY, "."], cwd=SOURCE, check=True)
    found = Collector(tmp_path)
    try:
        found.start()
        yield found
    finally:
        found.kill()


async def test_every_event_is_taken(there: Collector) -> None:
    """
    Those of the recordings, of a scene, and generated ones.
    """
    batch = [*outgoing(recorded()), *leak(), *outgoing(sample(200))]
    sink = OtlpSink(OtlpConfig(name="o", type="otlp", url=Secret(there.url), gzip=True))
    await sink.open()
    await sink.send(batch)
    await sink.aclose()
    records = there.records()
    assert records.keys() == {item.id for item in batch}
    assert all(records[item.id]["eventName"] == item.type for item in batch)


async def test_a_collector_that_is_killed_and_comes_back_gets_everything(there: Collector, tmp_path: Path) -> None:
    """
    Events that were stored while it was away arrive afterwards.
    """
    config = OtlpConfig(name="bus", type="otlp", url=Secret(there.url), timeout_s=5)
    async with delivering(tmp_path, config) as to:
        await to.put(events(range(200)))
        assert await to.courier.drain(60)
        there.kill()
        await to.put(events(range(200, 400)))
        assert not await to.courier.drain(2)
        there.start()
        assert await to.courier.drain(60)
    assert sorted(there.records()) == [item.id for item in events(range(400))]


def test_a_test_event_arrives(there: Collector, tmp_path: Path) -> None:
    """
    `exit137 check --send-test` says that it was sent, and the collector has it.
    """
    path = tmp_path / "config.toml"
    path.write_text(f'{OFF}[[sinks]]\nname = "otel"\ntype = "otlp"\nurl = "{there.url}"\n')
    result = CliRunner().invoke(main, ["check", "--config", str(path), "--send-test"])
    assert (result.exit_code, "sink otel: a test event was sent" in result.stdout) == (0, True)
    (record,) = there.records().values()
    assert record["body"]["stringValue"].startswith("A test event")
