"""
What a recording keeps of a host's kernel log.
"""

import asyncio
from pathlib import Path

import pytest

from collector.host.clock import HostIdentity
from collector.recordings import Recorder, recorder
from collector.recordings.replay import load, play
from sinks.event import EventType
from tests.unit.collector.correlate.scene import BOOT_ID, killed
from tests.unit.collector.sources.devices import Kmsg, record

HOST = HostIdentity(machine_id="1" * 32, hostname="node-7", boot_id=BOOT_ID, booted_ns=0, kernel="6.1.0")


async def recorded(folder: Path, *records: bytes) -> Path:
    """
    Record a kernel log, on a host without Docker.
    """
    stop = asyncio.Event()
    stop.set()
    with Kmsg(folder / "kmsg") as device:
        for raw in records:
            device.write(raw)
        await Recorder(folder / "recording", HOST, f"unix://{folder}/docker.sock", str(device.path)).run(stop)
    (folder / "recording" / "vmstat").unlink()  # what really happened on this host
    return folder / "recording"


@pytest.fixture(autouse=True)
def no_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Leave out the journal of this host, which may be large.
    """
    monkeypatch.setattr(recorder, "copy_journal", lambda *_: 0)


async def test_of_a_record_that_a_program_wrote_only_the_number_is_kept(tmp_path: Path) -> None:
    """
    Its text may be confidential and is no evidence; without its number it would be taken for lost.
    """
    secret = record(2, "token=hunter2", priority=14)
    folder = await recorded(tmp_path, record(1, killed(10)), secret, record(3, killed(11)))
    assert b"hunter2" not in (folder / "kmsg.raw").read_bytes()
    assert [event.type for event in play(load(folder))] == [EventType.OOM_KILL] * 2


async def test_a_number_that_is_missing_is_a_hole(tmp_path: Path) -> None:
    """
    The records were overwritten before the recorder could read them.
    """
    events = play(load(await recorded(tmp_path, record(1, killed(10)), record(5, killed(11)))))
    gaps = [event.exit137.gap for event in events if event.exit137.gap is not None]
    assert [(gap.source, gap.count) for gap in gaps] == [("kmsg", 3)]
