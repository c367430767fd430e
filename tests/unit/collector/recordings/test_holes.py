"""
A recorded storm is replayed whose kernel logs have holes: 64 KB of records that were overwritten before they were read.

Each kill that a log still has is published once. Each hole is one event, which says how many kills are in no log.
"""

import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner

from collector.cli import main
from parsers.journal import KERNEL_MISSED
from parsers.journal_export import parse_export
from parsers.kmsg import parse_record, split_dump

STORM = Path(__file__).parents[3] / "recordings" / "debian12-docker20-cgroup2"
RING_BYTES = 64 * 1024
Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Hole:
    """
    What was overwritten, by the kernel's clock, in microseconds.
    """

    from_us: int
    to_us: int

    def has(self, monotonic_us: int) -> bool:
        return self.from_us <= monotonic_us < self.to_us


def replayed(folder: Path) -> list[Event]:
    """
    Return what `exit137 replay` prints.
    """
    result = CliRunner().invoke(main, ["replay", str(folder)])
    assert result.exit_code == 0, result.output
    return [orjson.loads(line) for line in result.stdout.splitlines()]


def records() -> list[bytes]:
    return list(split_dump((STORM / "kmsg.raw").read_bytes()))


def hole_at(share: float) -> Hole:
    """
    Return a hole as large as the ring, which begins at this share of all records.
    """
    left, size = records()[int(len(records()) * share) :], 0
    for raw in left:
        size += len(raw)
        if size > RING_BYTES:
            return Hole(parse_record(left[0]).monotonic_us, parse_record(raw).monotonic_us)
    raise AssertionError("the hole is not within the recording")


def without_records(folder: Path, holes: Iterable[Hole]) -> None:
    kept = [raw for raw in records() if not any(hole.has(parse_record(raw).monotonic_us) for hole in holes)]
    (folder / "kmsg.raw").write_bytes(b"\n".join(kept) + b"\n")


def without_entries(folder: Path, holes: Iterable[Hole]) -> None:
    """
    Remove kernel lines from the journal, and add the entry that journald writes when it has missed records.
    """
    path, units = folder / "journal-kernel.json", folder / "journal-units.export"
    for hole in holes:
        lines = path.read_bytes().splitlines(keepends=True)
        missed = [line for line in lines if hole.has(int(orjson.loads(line)["_SOURCE_MONOTONIC_TIMESTAMP"]))]
        path.write_bytes(b"".join(line for line in lines if line not in missed))
        last = orjson.loads(missed[-1])
        fields = {name: last[name] for name in ("__REALTIME_TIMESTAMP", "_BOOT_ID", "_MACHINE_ID", "_HOSTNAME")}
        fields |= {"_TRANSPORT": "driver", "MESSAGE_ID": KERNEL_MISSED}
        fields["MESSAGE"] = f"Missed {len(missed)} kernel messages"
        entry = "".join(f"{name}={value}\n" for name, value in fields.items()).encode() + b"\n"
        units.write_bytes(units.read_bytes() + entry)


def victims(events: Iterable[Event]) -> list[tuple[int, str]]:
    """
    Return pid and container of each kill.
    """
    kills = [event for event in events if event["type"] == "exit137.oom_kill"]
    return sorted(
        (victim["pid"], victim.get("container_id", ""))
        for event in kills
        for victim in event["data"]["exit137"]["oom"]["victims"]
    )


def causes(events: Iterable[Event]) -> list[tuple[str, str]]:
    deaths = [event for event in events if event["type"] == "exit137.container_death"]
    return sorted((event["id"], event["data"]["exit137"]["cause"]) for event in deaths)


def gaps(events: Iterable[Event]) -> list[tuple[str, str]]:
    """
    Return source and kind of each agent event.
    """
    found = [event["data"]["exit137"]["gap"] for event in events if event["type"] == "exit137.agent"]
    return sorted((gap["source"], gap["what"]) for gap in found)


def counted(events: Sequence[Event]) -> list[int]:
    """
    Return how many kills each hole states that no log describes.
    """
    found = [re.search(r"counted (\d+) OOM kill", event["data"]["message"]) for event in events]
    return [int(match[1]) for match in found if match is not None]


@pytest.fixture(scope="module")
def whole() -> list[Event]:
    """
    Return the events of the recording without holes.
    """
    return replayed(STORM)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """
    Return a copy of the recording.
    """
    return Path(shutil.copytree(STORM, tmp_path / "recording"))


HOLES = (hole_at(0.45), hole_at(0.75))


def test_the_recording_has_no_hole(whole: list[Event]) -> None:
    """
    Its numbers are complete, and the kernel's counter agrees with its lines.
    """
    assert gaps(whole) == []
    assert len(victims(whole)) == 120


def test_what_the_kernels_own_log_has_lost_is_in_the_journal(folder: Path, whole: list[Event]) -> None:
    """
    Every kill and every cause is as before, and each hole is one event: no kill is missing.
    """
    without_records(folder, HOLES)
    events = replayed(folder)
    assert (victims(events), causes(events)) == (victims(whole), causes(whole))
    assert gaps(events) == [("kmsg", "records_lost")] * 2
    assert counted(events) == []


def test_what_the_journal_has_lost_is_in_the_kernels_own_log(folder: Path, whole: list[Event]) -> None:
    """
    journald was too late for records, and says so.
    """
    without_entries(folder, HOLES)
    events = replayed(folder)
    assert (victims(events), causes(events)) == (victims(whole), causes(whole))
    assert gaps(events) == [("journald", "records_lost")] * 2
    assert counted(events) == []


def test_what_both_logs_have_lost_is_counted(folder: Path, whole: list[Event]) -> None:
    """
    Kills that no log describes are not published; each hole states how many the kernel has counted. The kills that one
    log still has are published once.
    """
    first, second = HOLES
    middle = (first.from_us + first.to_us) // 2
    without_records(folder, HOLES)
    without_entries(folder, [Hole(middle, second.from_us)])
    events = replayed(folder)
    lost = set(victims(whole)) - set(victims(events))
    assert len(victims(events)) == len(set(victims(events))) == len(victims(whole)) - len(lost)
    assert 0 < len(lost) < len(victims(whole))
    assert gaps(events) == [("journald", "records_lost"), *[("kmsg", "records_lost")] * 2]
    assert set(counted(events)) == {len(lost)}
    ids = [event["id"] for event in events]
    assert len(set(ids)) == len(ids)


def test_journald_alone_can_say_what_it_has_missed(folder: Path, whole: list[Event]) -> None:
    """
    Every sender may write such an entry to the journal, but only journald has the transport `driver`.
    """
    units = folder / "journal-units.export"
    before = units.read_bytes()
    without_entries(folder, HOLES)
    forged = units.read_bytes()[len(before) :].replace(b"=driver", b"=journal")
    shutil.copy(STORM / "journal-kernel.json", folder)
    units.write_bytes(before + forged)
    assert len(list(parse_export(forged))) == len(HOLES)
    assert gaps(replayed(folder)) == gaps(whole)
