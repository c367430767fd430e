"""
A recording played through the same correlator as a live host.

A recording is a folder: `kmsg.raw` (records as /dev/kmsg gives them), `events.jsonl` (Docker's event stream),
`inspect.jsonl` (docker inspect, one answer a line) and, where they are, `journal-kernel.json` (journalctl -o json),
`journal-units.export` (-o export) and `meta`. The clock of the replay is the recording's own, so that it gives the same
events each time, byte by byte.
"""

import bisect
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import orjson

from collector.correlate.correlator import Correlator
from collector.correlate.facts import Fact, GapFact, KernelFact, SnapshotFact
from collector.correlate.runs import without_state
from collector.memory.insight import MemoryInsight
from parsers.docker_event import DockerAction, DockerEvent, parse_event
from parsers.docker_inspect import ContainerSnapshot, parse_inspect
from parsers.errors import ParseError
from parsers.journal import JournalEntry, kernel_line, parse_entry, parse_export
from parsers.killers import parse_killer
from parsers.kmsg import parse_record, split_dump
from parsers.oom_facts import KernelLine
from sinks.event import Boot, Event, EvidenceSource, Host, HostOs

_MS: Final = 1_000_000
_SECOND: Final = 1_000_000_000
_META_LINES: Final = 5


class RecordingError(Exception):
    """
    Raised when a folder is no recording.

    Args:
        path: the folder.
        why: what is missing or wrong.
    """

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """
    The facts of a recording, in the order of their time.
    """

    host: Host
    facts: tuple[tuple[int, Fact], ...]


def play(recording: Recording) -> Iterator[Event]:
    """
    The events of a recording.
    """
    correlator = Correlator(recording.host, insight=MemoryInsight(recording.host))
    for source in ("kmsg", "journald"):
        correlator.feed(GapFact(source=source, what="source_up", at_ns=0, text=""), 0)
    for at_ns, fact in recording.facts:
        while (deadline_ns := correlator.next_deadline_ns()) is not None and deadline_ns < at_ns:
            yield from correlator.tick(deadline_ns)
        yield from correlator.feed(fact, at_ns)
    yield from correlator.flush()


def load(path: Path) -> Recording:
    """
    Read a recording.

    Raises:
        RecordingError: there is nothing in it that can be replayed.
    """
    if not (path / "kmsg.raw").exists() and not (path / "events.jsonl").exists():
        raise RecordingError(path, "neither kmsg.raw nor events.jsonl is there: not a recording")
    meta = _meta(path / "meta")
    entries = [entry for line in _lines(path / "journal-kernel.json") if (entry := _entry(line)) is not None]
    events = [event for line in _lines(path / "events.jsonl") if (event := _event(line)) is not None]
    lines = [line for entry in entries if (line := kernel_line(entry)) is not None]
    boot_id = next((entry.boot_id for entry in entries), None) or meta.get("boot_id", "").replace("-", "") or None
    offset_ns = _offset_ns(path, entries, events)
    facts = [
        *_kmsg(path / "kmsg.raw", boot_id, offset_ns),
        *_journal(lines, offset_ns),
        *_units(path / "journal-units.export"),
        *((event.time_ns, event) for event in events),
        *snapshot_facts(_inspections(path / "inspect.jsonl"), events),
    ]
    facts.sort(key=lambda item: item[0])
    host = Host(
        id=next((entry.machine_id for entry in entries), None),
        hostname=next((entry.hostname for entry in entries), None),
        boot=Boot(id=boot_id),
        os=HostOs(kernel=meta.get("kernel")),
    )
    return Recording(host=host, facts=tuple(facts))


def _lines(path: Path) -> list[bytes]:
    return [line for line in path.read_bytes().splitlines() if line.strip()] if path.exists() else []


def _meta(path: Path) -> dict[str, str]:
    """
    Five lines: kernel, Docker's version, cgroup_v2=…, cgroup driver, boot id.
    """
    lines = [line.decode("utf-8", "replace").strip() for line in _lines(path)]
    names = ("kernel", "docker", "cgroup", "driver", "boot_id")
    return dict(zip(names, lines, strict=False)) if len(lines) >= _META_LINES else {}


def _entry(line: bytes) -> JournalEntry | None:
    try:
        return parse_entry(line)
    except ParseError:
        return None


def _event(line: bytes) -> DockerEvent | None:
    try:
        return parse_event(line)
    except ParseError:
        return None


def _offset_ns(path: Path, entries: list[JournalEntry], events: list[DockerEvent]) -> int:
    """
    From the kernel's clock to the wall clock: an entry is received after it was written, so the least delay is the
    best; without a journal Docker's first event after a kill in its container serves as well.
    """
    delays = [
        entry.realtime_ns - entry.source_monotonic_us * 1000
        for entry in entries
        if entry.realtime_ns is not None and entry.source_monotonic_us is not None
    ]
    if delays:
        return min(delays)
    first_kill_us: dict[str, int] = {}
    for record in split_dump((path / "kmsg.raw").read_bytes() if (path / "kmsg.raw").exists() else b""):
        if b"oom-kill:" in record:
            _note_containers(record, first_kill_us)
    first_event_ns: dict[str, int] = {}
    for event in events:
        if event.action in (DockerAction.OOM, DockerAction.DIE):
            first_event_ns.setdefault(event.container_id, event.time_ns)
    both = first_kill_us.keys() & first_event_ns.keys()
    return min((first_event_ns[key] - first_kill_us[key] * 1000 for key in both), default=0)


def _note_containers(record: bytes, first_kill_us: dict[str, int]) -> None:
    try:
        parsed = parse_record(record)
    except ParseError:
        return
    path = parsed.text.rpartition("task_memcg=")[2]
    for part in path.replace("/", ".").replace("-", ".").split(".")[:32]:
        identifier = part.partition(",")[0]
        if len(identifier) == 64:  # noqa: PLR2004 (a container id)
            first_kill_us.setdefault(identifier, parsed.monotonic_us)


def _kmsg(path: Path, boot_id: str | None, offset_ns: int) -> Iterator[tuple[int, Fact]]:
    for record in split_dump(path.read_bytes() if path.exists() else b""):
        try:
            parsed = parse_record(record)
        except ParseError:
            continue
        if not parsed.from_kernel:
            continue
        at_ns = offset_ns + parsed.monotonic_us * 1000
        line = KernelLine(
            text=parsed.text,
            monotonic_us=parsed.monotonic_us,
            boot_id=boot_id,
            at_ns=at_ns,
            seq=parsed.seq,
            caller=parsed.caller,
            fragment=parsed.fragment,
        )
        yield at_ns, KernelFact(source=EvidenceSource.KMSG, line=line)


def _journal(lines: list[KernelLine], offset_ns: int) -> Iterator[tuple[int, Fact]]:
    """
    The journal has each line a little later than the kernel's own log.
    """
    for line in lines:
        if line.monotonic_us is not None:
            at_ns = offset_ns + line.monotonic_us * 1000
            stamped = replace(line, at_ns=at_ns)
            yield at_ns + _MS, KernelFact(source=EvidenceSource.JOURNALD, line=stamped)


def _units(path: Path) -> Iterator[tuple[int, Fact]]:
    if not path.exists():
        return
    entries = parse_export(path.read_bytes())
    while True:
        try:
            fields = next(entries, None)
            if fields is None:
                return
            fact = parse_killer(parse_entry(fields))
        except ParseError:
            return
        if fact is not None and fact.at_ns is not None:
            yield fact.at_ns, fact


def snapshot_facts(
    snapshots: Iterable[ContainerSnapshot], events: Sequence[DockerEvent], *, ended_unseen: bool = False
) -> Iterator[tuple[int, Fact]]:
    """
    Each inspection twice: its configuration when the container was created, all of it after the death it shows.

    Args:
        snapshots: one of each container.
        events: what Docker told.
        ended_unseen: whether an end that no event tells of is one all the same.
    """
    created: dict[str, int] = {}
    deaths: defaultdict[str, list[int]] = defaultdict(list)
    last: dict[str, int] = {}
    for event in events:
        last[event.container_id] = event.time_ns
        if event.action is DockerAction.CREATE:
            created.setdefault(event.container_id, event.time_ns)
        elif event.action is DockerAction.DIE:
            deaths[event.container_id].append(event.time_ns)
    for snapshot in snapshots:
        begin_ns = created.get(snapshot.id) or snapshot.created_at_ns or 0
        known = without_state(snapshot)
        yield begin_ns, SnapshotFact(snapshot=known, seen_at_ns=begin_ns)
        unseen = ended_unseen and not deaths[snapshot.id] and not snapshot.running
        seen_ns = _seen_ns(snapshot, deaths[snapshot.id], last.get(snapshot.id, begin_ns))
        if unseen and snapshot.finished_at_ns is not None:
            seen_ns = snapshot.finished_at_ns + _SECOND
        yield seen_ns, SnapshotFact(snapshot=snapshot, seen_at_ns=seen_ns, ended_unseen=unseen)


def _seen_ns(snapshot: ContainerSnapshot, deaths: list[int], last_ns: int) -> int:
    """
    When an inspection was made: right after the death that it shows; a while after the last event where there is none.
    """
    if snapshot.finished_at_ns is not None and deaths:
        index = bisect.bisect_left(deaths, snapshot.finished_at_ns)
        return deaths[min(index, len(deaths) - 1)] + _MS
    return last_ns + _SECOND


def _inspections(path: Path) -> Iterator[ContainerSnapshot]:
    for line in _lines(path):
        try:
            answer = orjson.loads(line)
            if answer:
                yield parse_inspect(answer)
        except (ParseError, orjson.JSONDecodeError):
            continue
