"""
`exit137 top`: which kills it counts.
"""

import asyncio
import time
from dataclasses import replace
from pathlib import Path

from click.testing import CliRunner

from collector.cli import main
from collector.store import Store, StoredEvent
from tests.unit.collector.memory.trees import ID, v2
from tests.unit.collector.web.api.conftest import event

HOUR_NS = 3_600_000_000_000
CONFIG = """
[store]
path = "{folder}/s.db"
[sources.docker]
url = "unix://{folder}/no.sock"
[sources.memory]
cgroups = "{folder}/cgroups"
"""


def kill(number: int, hours: float) -> StoredEvent:
    """
    Return an OOM kill some hours ago.
    """
    found = event(number, container=ID, exit137={"oom": {"victims": [{"pid": number, "container_id": ID}]}})
    return replace(found, time_ns=time.time_ns() - int(hours * HOUR_NS))


def test_kills_of_the_last_24_hours_are_counted(tmp_path: Path) -> None:
    """
    Whatever the time of day is, and not those before.
    """

    async def fill() -> None:
        store = await Store.open(tmp_path / "s.db", max_bytes=2**30, keep_ns=2**62)
        await store.commit([kill(1, 30), kill(2, 23), kill(3, 13), kill(4, 0.1)], {})
        await store.aclose()

    asyncio.run(fill())
    v2(tmp_path / "cgroups")
    (tmp_path / "config.toml").write_text(CONFIG.format(folder=tmp_path), encoding="utf-8")
    shown = CliRunner().invoke(main, ["top", "--once", "--config", str(tmp_path / "config.toml")])
    assert shown.exit_code == 0, shown.output
    heading, line = shown.stdout.splitlines()
    assert heading.split()[-3:] == ["kills,", "24", "h"]
    assert line.split()[-1] == "3"
