"""
A recording played through the same correlator as a live host.

A recording is a folder: `kmsg.raw` (records as /dev/kmsg gives them), `events.jsonl` (Docker's event stream),
`inspect.jsonl` (docker inspect, one answer a line) and, where they are, `journal-kernel.json` (journalctl -o json),
`journal-units.export` (-o export) and `meta`. The clock of the replay is the recording's own, so that it gives the same
events each time, byte by byte. What cannot be read is counted and passed over; where nothing can be, the folder is
refused.
"""

import bisect
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeVar

from collector.correlate.correlator import Correlator
from collector.correlate.facts import Fact, GapFact, KernelFact, SnapshotFact
from collector.correlate.runs import without_state
from collector.memory.insight import MemoryInsight
from collector.recording_clock import clock_offset_ns
from parsers.docker_event import DockerAction, DockerEvent, parse_event
from parsers.docker_inspect import ContainerSnapshot, parse_inspect
from parsers.errors import ParseError
from parsers.journal import JournalEntry, kernel_line, parse_entry, parse_export
from parsers.killers import parse_killer
from parsers.kmsg import KmsgRecord, parse_record, split_dump
from parsers.oom_facts import KernelLine
from sinks.event import Boot, Event, EvidenceSource, Host, HostOs

_MS: Final = 1_000_000
_SECOND: Final = 1_000_000_000
_META_LINES: Final = 5
_EMPTY_ANSWERS: Final = (b"[]", b"{}", b"null")
_Parsed = TypeVar("_Parsed")


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

    Attributes:
        kernel_log: whether the kernel's log is part of it, so that what it does not tell did not happen.
        unreadable: per file of it how many records could not be read.
    """

    host: Host
    facts: tuple[tuple[int, Fact], ...]
    kernel_log: bool = True
    unreadable: Mapping[str, int] = field(default_factory=dict)


def play(recording: Recording) -> Iterator[Event]:
    """
    The events of a recording.
    """
    correlator = Correlator(recording.host, insight=MemoryInsight(recording.host))
    if recording.kernel_log:
        correlator.feed(GapFact(source="kmsg", what="source_up", at_ns=0, text=""), 0)
    for at_ns, fact in recording.facts:
        while (deadline_ns := correlator.next_deadline_ns()) is not None and deadline_ns < at_ns:
            yield from correlator.tick(deadline_ns)
        yield from correlator.feed(fact, at_ns)
    yield from correlator.flush()


def load(path: Path) -> Recording:
    """
    Read a recording.

    Raises:
        RecordingError: there is nothing in it that can be replayed, or a part cannot be read.
    """
    try:
        return _load(path)
    except OSError as error:
        raise RecordingError(Path(error.filename or path), f"cannot be read: {error.strerror}") from error


def _load(path: Path) -> Recording:
    if not (path / "kmsg.raw").exists() and not (path / "events.jsonl").exists():
        raise RecordingError(path, "neither kmsg.raw nor events.jsonl is there: not a recording")
    meta = _meta(path / "meta")
    files = _Files(path)
    entries = list(files.parsed("journal-kernel.json", parse_entry))
    events = [event for event in files.parsed("events.jsonl", parse_event) if event is not None]
    inspections = [known for known in files.parsed("inspect.jsonl", _inspection) if known is not None]
    lines = [line for entry in entries if (line := kernel_line(entry)) is not None]
    records, units = list(files.records("kmsg.raw")), list(files.unit_entries("journal-units.export"))
    known = [*entries, *units]
    boot_id = next((entry.boot_id for entry in known), None) or meta.get("boot_id", "").replace("-", "") or None
    offset_ns = clock_offset_ns(entries, units, records, events)
    facts = [
        *_kmsg(records, boot_id, offset_ns),
        *_journal(lines, offset_ns),
        *_units(units),
        *((event.time_ns, event) for event in events),
        *snapshot_facts(inspections, events),
    ]
    if files.unreadable and not facts:
        raise RecordingError(path, f"nothing in it can be read: {', '.join(files.unreadable)}")
    facts.sort(key=lambda item: item[0])
    host = Host(
        id=next((entry.machine_id for entry in known), None),
        hostname=next((entry.hostname for entry in known), None),
        boot=Boot(id=boot_id),
        os=HostOs(kernel=meta.get("kernel")),
    )
    return Recording(
        host=host, facts=tuple(facts), kernel_log=bool(records or lines), unreadable=dict(files.unreadable)
    )


class _Files:
    """
    The files of a recording; one that is not there is empty. What cannot be read is counted and passed over.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.unreadable: Counter[str] = Counter()

    def parsed(self, name: str, parse: Callable[[bytes], _Parsed]) -> Iterator[_Parsed]:
        """
        What each line of a file says.
        """
        for line in _lines(self._folder / name):
            with self._counting(name):
                yield parse(line)

    def records(self, name: str) -> Iterator[KmsgRecord]:
        """
        What the kernel itself wrote to its log.
        """
        for raw in split_dump(_content(self._folder / name)):
            with self._counting(name):
                record = parse_record(raw)
                if record.from_kernel:
                    yield record

    def unit_entries(self, name: str) -> Iterator[JournalEntry]:
        """
        The entries up to where the file is cut or damaged.
        """
        with self._counting(name):
            yield from map(parse_entry, parse_export(_content(self._folder / name)))

    @contextmanager
    def _counting(self, name: str) -> Iterator[None]:
        try:
            yield
        except ParseError:
            self.unreadable[name] += 1


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _lines(path: Path) -> list[bytes]:
    return [line for line in _content(path).splitlines() if line.strip()]


def _meta(path: Path) -> dict[str, str]:
    """
    Five lines: kernel, Docker's version, cgroup_v2=…, cgroup driver, boot id.
    """
    lines = [line.decode("utf-8", "replace").strip() for line in _lines(path)]
    names = ("kernel", "docker", "cgroup", "driver", "boot_id")
    return dict(zip(names, lines, strict=False)) if len(lines) >= _META_LINES else {}


def _kmsg(records: Sequence[KmsgRecord], boot_id: str | None, offset_ns: int | None) -> Iterator[tuple[int, Fact]]:
    for record in records:
        at_ns, stamp_ns = _on_the_wall(record.monotonic_us, offset_ns)
        line = KernelLine(
            text=record.text,
            monotonic_us=record.monotonic_us,
            boot_id=boot_id,
            at_ns=stamp_ns,
            seq=record.seq,
            caller=record.caller,
            fragment=record.fragment,
        )
        yield at_ns, KernelFact(source=EvidenceSource.KMSG, line=line)


def _journal(lines: list[KernelLine], offset_ns: int | None) -> Iterator[tuple[int, Fact]]:
    """
    The journal has each line a little later than the kernel's own log.
    """
    for line in lines:
        if line.monotonic_us is not None:
            at_ns, stamp_ns = _on_the_wall(line.monotonic_us, offset_ns)
            stamped = replace(line, at_ns=stamp_ns)
            yield at_ns + _MS, KernelFact(source=EvidenceSource.JOURNALD, line=stamped)


def _on_the_wall(monotonic_us: int, offset_ns: int | None) -> tuple[int, int | None]:
    """
    When a line is played, and its time, which is unknown where the clocks cannot be joined.
    """
    stamp_ns = monotonic_us * 1000 + offset_ns if offset_ns is not None else None
    return (stamp_ns if stamp_ns is not None else monotonic_us * 1000), stamp_ns


def _units(entries: Iterable[JournalEntry]) -> Iterator[tuple[int, Fact]]:
    for entry in entries:
        fact = parse_killer(entry)
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
    When an inspection was made: right after the death that it shows, and not before a start that it shows; where no
    event tells of a death, a while after the last event, and after the end that it shows.
    """
    if snapshot.finished_at_ns is not None and deaths:
        index = bisect.bisect_left(deaths, snapshot.finished_at_ns)
        return max(deaths[min(index, len(deaths) - 1)], snapshot.started_at_ns or 0) + _MS
    return max(last_ns, snapshot.finished_at_ns or 0) + _SECOND


def _inspection(line: bytes) -> ContainerSnapshot | None:
    """
    One answer of docker inspect; an empty one says nothing.
    """
    return parse_inspect(line) if line.strip() not in _EMPTY_ANSWERS else None
