"""
What happened on this host, where exit137 was not running: from the journal and from what Docker still knows.

The same correlator as in the agent, over the kernel log of this boot and the one before, the containers that there
still are, and the events that Docker remembers. Reads only; what cannot be read is left out, and said.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from collector.correlate.facts import Fact, KernelFact
from collector.hostclock import HostIdentity
from collector.replay import Recording, play, snapshot_facts
from collector.sources.base import SourceError
from collector.sources.docker_client import DockerClient
from collector.sources.journal_reader import JournalReader
from collector.sources.settings import DockerConfig, JournaldConfig
from parsers.docker_event import DockerEvent, parse_event
from parsers.docker_inspect import ContainerSnapshot, parse_inspect
from parsers.errors import ParseError
from parsers.journal import kernel_line, parse_entry
from parsers.killers import parse_killer
from parsers.oom_window import OomWindow
from sinks.event import Event, EvidenceSource

_BATCH: Final = 1024
_MOST_CONTAINERS: Final = 1000
_DAY_NS: Final = 86_400_000_000_000
_EVENTS_BACK_NS: Final = 30 * _DAY_NS

TimedFact = tuple[int, Fact]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPast:
    """
    What a host still tells.

    Attributes:
        events: oldest first.
        read: the inputs that could be read.
        refused: why others could not.
    """

    events: tuple[Event, ...]
    read: tuple[str, ...]
    refused: tuple[str, ...]


def past_of_host(journald: JournaldConfig, docker: DockerConfig, identity: HostIdentity, now_ns: int) -> HostPast:
    """
    Read the journal and Docker once.

    Args:
        journald: which journal; a source that is switched off is not read.
        docker: which engine; the same.
        identity: this host.
        now_ns: the wall clock.
    """
    facts: list[TimedFact] = []
    read: list[str] = []
    refused: list[str] = []
    inputs: dict[str, Callable[[], Iterator[TimedFact]]] = {}
    if journald.enabled is not False:
        inputs["journal"] = lambda: _journal(journald.path, identity)
    if docker.enabled is not False:
        inputs["Docker"] = lambda: _docker(docker.url, now_ns)
    for name, facts_of in inputs.items():
        try:
            facts += list(facts_of())
            read.append(name)
        except (SourceError, OSError) as error:
            refused.append(str(error))
    facts.sort(key=lambda item: item[0])
    recording = Recording(host=identity.published(), facts=tuple(facts), kernel_log="journal" in read)
    events = tuple(play(recording)) if facts else ()
    return HostPast(events=events, read=tuple(read), refused=tuple(refused))


def _journal(path: str | None, identity: HostIdentity) -> Iterator[TimedFact]:
    """
    The kernel's OOM reports, and what user-space killers and systemd wrote.
    """
    reader = JournalReader(path, identity.boot_id)
    window = OomWindow()
    try:
        reader.open(None)
        while entries := reader.read(_BATCH):
            for fields in entries:
                try:
                    entry = parse_entry(fields)
                except ParseError:
                    continue
                line = kernel_line(entry)
                if line is None:
                    fact = parse_killer(entry)
                    if fact is not None and fact.at_ns is not None:
                        yield fact.at_ns, fact
                elif line.at_ns is not None and window.wants(line.text, line.monotonic_us):
                    yield line.at_ns, KernelFact(source=EvidenceSource.JOURNALD, line=line)
    finally:
        reader.close()


def _docker(url: str, now_ns: int) -> Iterator[TimedFact]:
    client = DockerClient(url)
    try:
        events = [event for event in map(_event, client.past_events(now_ns - _EVENTS_BACK_NS, now_ns)) if event]
        ids = client.container_ids(running_only=False)[:_MOST_CONTAINERS]
        snapshots = [snapshot for found in ids if (snapshot := _snapshot(client, found)) is not None]
    finally:
        client.close()
    yield from ((event.time_ns, event) for event in events)
    yield from snapshot_facts(snapshots, events, ended_unseen=True)


def _event(message: object) -> DockerEvent | None:
    try:
        return parse_event(message) if isinstance(message, dict) else None
    except ParseError:
        return None


def _snapshot(client: DockerClient, container_id: str) -> ContainerSnapshot | None:
    answer = client.inspect(container_id)
    try:
        return parse_inspect(answer) if answer is not None else None
    except ParseError:
        return None
