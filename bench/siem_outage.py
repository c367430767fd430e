"""
Stores 20,000 events while the receiver of a sink cannot be reached for an hour. None may be kept in memory.

    python bench/siem_outage.py [EVENTS]

The hour is simulated as in `outage.py`: the courier's clock moves as the events are stored. Store, courier, sink and
the refused connections are real.
"""

import asyncio
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

import orjson
import uvloop

from bench.kafka import recorded
from bench.outage import STEP_S, STEPS, STORE_BYTES, SteppedClock, resident_mib
from bench.shared.sending import stored
from collector.delivery import Courier
from collector.metrics import Metrics
from collector.store import Store, StoredEvent
from sinks import load
from sinks.alertmanager import AlertmanagerConfig
from sinks.apprise import AppriseConfig
from sinks.base import Outgoing, SinkConfig
from sinks.opensearch import OpenSearchConfig
from sinks.otlp import OtlpConfig
from sinks.secret import Secret
from sinks.splunk_hec import SplunkConfig
from sinks.syslog import SyslogConfig

EVENTS: Final = 20_000
_KINDS: Final = 500
# How long a step takes in truth. A process of Apprise takes a second, so that fewer steps would end few attempts.
_PAUSE_S: Final = 0.005
_PAUSE_APPRISE_S: Final = 0.25
_CLOSED: Final = "127.0.0.1:1"
_URL: Final = Secret(f"http://{_CLOSED}/")


def configs(folder: Path) -> tuple[SinkConfig, ...]:
    """
    Return one sink of each kind, with the files that it needs.
    """
    (folder / "token").write_text("a-token", encoding="ascii")
    (folder / "url").write_text(f"json://{_CLOSED}/", encoding="ascii")
    return (
        OpenSearchConfig(name="siem", type="opensearch", url=_URL),
        OtlpConfig(name="siem", type="otlp", url=_URL),
        SplunkConfig(name="siem", type="splunk_hec", url=_URL, token_file=str(folder / "token")),
        SyslogConfig(name="siem", type="syslog", address=f"tcp://{_CLOSED}"),
        AlertmanagerConfig(name="siem", type="alertmanager", url=_URL),
        AppriseConfig(name="siem", type="apprise", url_file=str(folder / "url")),
    )


def main() -> None:
    """
    Print one line per sink.
    """
    count = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    with tempfile.TemporaryDirectory(dir=".") as folder:
        for config in configs(Path(folder)):
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(_hour(count, config, Path(folder) / f"{config.type}.db"))


async def _hour(count: int, config: SinkConfig, path: Path) -> None:
    store = await Store.open(path, max_bytes=STORE_BYTES)
    clock, metrics = SteppedClock(), Metrics(sinks=[config.name])
    courier = Courier(config, load(config.type)[1](config), store=store, metrics=metrics, clock=clock)
    events = recorded(min(count, _KINDS))
    half_mib = 0.0
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(courier.run(), name="courier")
        for step in range(STEPS):
            numbers = range(step * count // STEPS, (step + 1) * count // STEPS)
            await store.commit([_numbered(events[number % len(events)], number, config.name) for number in numbers], {})
            courier.wake()
            clock.advance(STEP_S)
            await asyncio.sleep(_PAUSE_APPRISE_S if config.type == "apprise" else _PAUSE_S)
            half_mib = resident_mib() if step == STEPS // 2 else half_mib
        pending, attempts = store.depth(config.name), metrics.value("exit137_sink_attempts", config.name)
        task.cancel()
    await store.aclose()
    print(
        f"{config.type:12} {pending:,} events pending, {attempts:.0f} attempts failed, "
        f"resident {half_mib:.0f} MiB after half an hour and {resident_mib():.0f} MiB after an hour"
    )


def _numbered(event: Outgoing, number: int, sink: str) -> StoredEvent:
    event_id = f"e{number:06}"
    body = orjson.dumps(orjson.loads(event.body) | {"id": event_id})
    return stored(replace(event, id=event_id, body=body), sink)


if __name__ == "__main__":
    main()
