"""
Replays a recording through the same analysis as on a live host.

A recording is a folder with at least one of these files: `kmsg.raw` (records as /dev/kmsg returns them), `events.jsonl`
(Docker's event stream), `inspect.jsonl` (docker inspect, one answer per line), `journal-kernel.json` (journalctl -o
json) and `journal-units.export` (-o export). It may have the files `meta` and `vmstat` (the kernel's count of OOM kills
at the end). The replay uses the recording's clock, so that
it gives the same events each time, byte for byte. What cannot be read is counted and skipped; a folder in which nothing
can be read is refused.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeVar

from collector.analyzer import Analyzer
from collector.correlate.reconciliation import COMPARE_AFTER_NS
from collector.facts.kernel import kernel_fact
from collector.facts.observed import Fact, GapFact
from collector.recordings.clock import clock_offset_ns
from collector.recordings.inspections import snapshot_facts
from collector.recordings.losses import counted_kills, journal_holes, kmsg_holes
from collector.recordings.reported import kills_of_units
from collector.sources.journald.entries import reported_notice
from parsers.cgroup_memory import parse_oom_kills
from parsers.docker_event import parse_event
from parsers.docker_inspect import ContainerSnapshot, parse_inspect
from parsers.errors import ParseError
from parsers.journal import JournalEntry, kernel_line, parse_entry
from parsers.journal_export import parse_export
from parsers.killers import parse_killer
from parsers.kmsg import KmsgRecord, parse_record, split_dump
from parsers.oom.facts import KernelLine
from sinks.event import Boot, Event, EvidenceSource, GapKind, Host, HostOs

_NS_PER_MS: Final = 1_000_000
_NS_PER_S: Final = 1_000_000_000
_NS_PER_US: Final = 1000
# By then the kernel's counter has been compared with the log.
_COMPARED_NS: Final = 2 * COMPARE_AFTER_NS
_FILES: Final = ("kmsg.raw", "events.jsonl", "inspect.jsonl", "journal-kernel.json", "journal-units.export")
_META_LINES: Final = 5
_EMPTY_ANSWERS: Final = (b"[]", b"{}", b"null")
_Parsed = TypeVar("_Parsed")


class RecordingError(Exception):
    """
    Raised when a folder is not a recording that can be replayed.

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
        kernel_log: whether the kernel log is part of it; then a kill that it does not contain did not happen.
        unreadable: per file, how many records could not be read.
    """

    host: Host
    facts: tuple[tuple[int, Fact], ...]
    kernel_log: bool = True
    unreadable: Mapping[str, int] = field(default_factory=dict)


def play(recording: Recording) -> Iterator[Event]:
    """
    Replay a recording, and yield its events.
    """
    containers: set[str] = set()
    for event in _events(recording):
        if event.container is not None and event.container.id is not None:
            containers.add(event.container.id)
        yield event
    if not recording.kernel_log:
        yield from kills_of_units(recording.host, (fact for _, fact in recording.facts), containers)


def _events(recording: Recording) -> Iterator[Event]:
    analyzer = Analyzer(recording.host)
    if recording.kernel_log:
        analyzer.feed(GapFact(source="kmsg", what=GapKind.SOURCE_UP, at_ns=0, text=""), 0)
    at_ns = 0
    for at_ns, fact in recording.facts:
        yield from _let_pass(analyzer, at_ns)
        yield from analyzer.feed(fact, at_ns)
    yield from _let_pass(analyzer, at_ns + _COMPARED_NS)
    yield from analyzer.flush()


def _let_pass(analyzer: Analyzer, until_ns: int) -> Iterator[Event]:
    while (deadline_ns := analyzer.next_deadline_ns()) is not None and deadline_ns < until_ns:
        yield from analyzer.tick(deadline_ns)


def load(path: Path) -> Recording:
    """
    Read a recording.

    Raises:
        RecordingError: nothing in it can be replayed, or a file cannot be read.
    """
    try:
        return _load(path)
    except OSError as error:
        raise RecordingError(Path(error.filename or path), f"cannot be read: {error.strerror}") from error


def _load(path: Path) -> Recording:
    if not any((path / name).exists() for name in _FILES):
        raise RecordingError(path, f"not a recording: it contains none of {', '.join(_FILES)}")
    files = _Files(path)
    meta, vmstat = files.meta(), files.vmstat()
    entries = list(files.parsed("journal-kernel.json", parse_entry))
    events = [event for event in files.parsed("events.jsonl", parse_event) if event is not None]
    inspections = [known for known in files.parsed("inspect.jsonl", _inspection) if known is not None]
    lines = [line for entry in entries if (line := kernel_line(entry)) is not None]
    records, units = list(files.records("kmsg.raw")), list(files.unit_entries("journal-units.export"))
    known = [*entries, *units]
    boot_id = next((entry.boot_id for entry in known), None) or meta.get("boot_id", "").replace("-", "") or None
    offset_ns = clock_offset_ns(entries, units, (record for record in records if record.from_kernel), events)
    facts = [
        *_kmsg((record for record in records if record.from_kernel), boot_id, offset_ns),
        *kmsg_holes(records, offset_ns),
        *_journal(lines, offset_ns),
        *_units(units),
        *journal_holes([*entries, *units], lines),
        *((event.time_ns, event) for event in events),
        *snapshot_facts(inspections, events),
    ]
    if +files.unreadable and not facts:
        raise RecordingError(path, f"nothing in it can be read: {', '.join(+files.unreadable)}")
    first = [log[0].text for log in (records, lines) if log]
    ended_ns = max((at_ns for at_ns, _ in facts), default=None)
    facts += counted_kills(vmstat, first, offset_ns, ended_ns)
    facts.sort(key=lambda item: item[0])
    host = Host(
        id=next((entry.machine_id for entry in known), None),
        hostname=next((entry.hostname for entry in known), None),
        boot=Boot(id=boot_id),
        os=HostOs(kernel=meta.get("kernel")),
    )
    return Recording(
        host=host, facts=tuple(facts), kernel_log=bool(records or lines), unreadable=dict(+files.unreadable)
    )


class _Files:
    """
    Reads the files of a recording. A missing file counts as empty; what cannot be parsed is counted and skipped.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.unreadable: Counter[str] = Counter()

    def parsed(self, name: str, parse: Callable[[bytes], _Parsed]) -> Iterator[_Parsed]:
        """
        Yield each line of a file, parsed.
        """
        for line in _lines(self._folder / name):
            with self._counting(name):
                yield parse(line)

    def records(self, name: str) -> Iterator[KmsgRecord]:
        """
        Yield the records of the kernel log, those of programs included.
        """
        for raw in split_dump(_content(self._folder / name)):
            with self._counting(name):
                yield parse_record(raw)

    def unit_entries(self, name: str) -> Iterator[JournalEntry]:
        """
        Yield the entries up to the point where the file is cut or damaged.
        """
        with self._counting(name):
            yield from map(parse_entry, parse_export(_content(self._folder / name)))

    def meta(self) -> dict[str, str]:
        """
        Return the five lines of `meta`: kernel, Docker's version, cgroup_v2=…, cgroup driver, boot id.
        """
        lines = [line.decode("utf-8", "replace").strip() for line in _lines(self._folder / "meta")]
        names = ("kernel", "docker", "cgroup", "driver", "boot_id")
        if len(lines) >= _META_LINES:
            return dict(zip(names, lines, strict=False))
        self.unreadable["meta"] += (self._folder / "meta").exists()
        return {}

    def vmstat(self) -> bytes:
        """
        Return `vmstat`; one without the count of OOM kills cannot be read.
        """
        content = _content(self._folder / "vmstat")
        self.unreadable["vmstat"] += bool(content) and parse_oom_kills(content) is None
        return content

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


def _kmsg(records: Iterable[KmsgRecord], boot_id: str | None, offset_ns: int | None) -> Iterator[tuple[int, Fact]]:
    for record in records:
        at_ns, stamp_ns = _times(record.monotonic_us, offset_ns)
        line = KernelLine(
            text=record.text,
            monotonic_us=record.monotonic_us,
            boot_id=boot_id,
            at_ns=stamp_ns,
            seq=record.seq,
            caller=record.caller,
            fragment=record.fragment,
        )
        yield at_ns, kernel_fact(EvidenceSource.KMSG, line)


def _journal(lines: list[KernelLine], offset_ns: int | None) -> Iterator[tuple[int, Fact]]:
    """
    Yield the journal's lines a millisecond late, as the journal has them a little later than the kernel's own log.
    """
    for line in lines:
        if line.monotonic_us is not None:
            at_ns, stamp_ns = _times(line.monotonic_us, offset_ns)
            stamped = replace(line, at_ns=stamp_ns)
            yield at_ns + _NS_PER_MS, kernel_fact(EvidenceSource.JOURNALD, stamped)


def _times(monotonic_us: int, offset_ns: int | None) -> tuple[int, int | None]:
    """
    Return when a line is replayed, and its wall clock time, which is None if the offset of the clocks is unknown.
    """
    since_boot_ns = monotonic_us * _NS_PER_US
    stamp_ns = since_boot_ns + offset_ns if offset_ns is not None else None
    return (stamp_ns if stamp_ns is not None else since_boot_ns), stamp_ns


def _units(entries: Iterable[JournalEntry]) -> Iterator[tuple[int, Fact]]:
    """
    Yield what programs report; a core dump when its entry was written, which is some time after the crash.
    """
    for entry in entries:
        notice = reported_notice(entry)
        at_ns = entry.realtime_ns if entry.realtime_ns is not None else entry.at_ns
        if notice is not None and at_ns is not None:
            yield at_ns, notice
        fact = parse_killer(entry) if notice is None else None
        if fact is not None and fact.at_ns is not None:
            yield fact.at_ns, fact


def _inspection(line: bytes) -> ContainerSnapshot | None:
    """
    Parse one answer of docker inspect; None for an empty one.
    """
    return parse_inspect(line) if line.strip() not in _EMPTY_ANSWERS else None
