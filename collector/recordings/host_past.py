"""
Reconstructs what happened on this host while the agent was not running, from the journal and from Docker.

The agent's own analysis is fed the kernel log of this boot and the boot before it, the containers that still exist, and
the events that Docker remembers. Everything is read only; an input that cannot be read is left out and reported.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from collector.config.sources import DockerConfig, JournaldConfig
from collector.facts.observed import Fact
from collector.host.clock import HostIdentity
from collector.recordings.inspections import snapshot_facts
from collector.recordings.replay import Recording, play
from collector.sources.base import SourceError
from collector.sources.docker.client import DockerClient
from collector.sources.journald.entries import fact_of_entry
from collector.sources.journald.reader import JournalReader
from parsers.docker_event import DockerEvent, parse_event
from parsers.docker_inspect import ContainerSnapshot, parse_inspect
from parsers.errors import ParseError
from parsers.journal import parse_entry
from parsers.kernel import NoticeWindow
from parsers.oom.window import OomWindow
from sinks.event import Event

_BATCH: Final = 1024
_CONTAINERS_AT_MOST: Final = 1000
_NS_PER_DAY: Final = 86_400_000_000_000
_EVENTS_BACK_NS: Final = 30 * _NS_PER_DAY

TimedFact = tuple[int, Fact]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPast:
    """
    What could be reconstructed.

    Attributes:
        events: oldest first.
        read: the inputs that could be read.
        refused: the reasons why other inputs could not be read.
    """

    events: tuple[Event, ...]
    read: tuple[str, ...]
    refused: tuple[str, ...]


def past_of_host(journald: JournaldConfig, docker: DockerConfig, identity: HostIdentity, now_ns: int) -> HostPast:
    """
    Read the journal and Docker once, and return the events.

    Args:
        journald: which journal; it is not read if the source is switched off.
        docker: which engine; it is not asked if the source is switched off.
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
    Yield the kernel's OOM reports, and the messages of systemd and of user-space OOM killers.
    """
    reader = JournalReader(path, identity.boot_id)
    window, notices = OomWindow(), NoticeWindow()
    try:
        reader.open(None)
        while entries := reader.read(_BATCH):
            for fields in entries:
                try:
                    entry = parse_entry(fields)
                except ParseError:
                    continue
                fact = fact_of_entry(entry, window, notices)
                if fact is not None and (at_ns := fact.occurred_at_ns) is not None:
                    yield at_ns, fact
    finally:
        reader.close()


def _docker(url: str, now_ns: int) -> Iterator[TimedFact]:
    client = DockerClient(url)
    try:
        events = [event for event in map(_event, client.past_events(now_ns - _EVENTS_BACK_NS, now_ns)) if event]
        ids = client.container_ids(running_only=False).ids[:_CONTAINERS_AT_MOST]
        snapshots = [snapshot for found in ids if (snapshot := _snapshot(client, found)) is not None]
    finally:
        client.close()
    yield from ((event.time_ns, event) for event in events)
    yield from snapshot_facts(snapshots, events, ended_unseen=True)


def _event(line: bytes) -> DockerEvent | None:
    try:
        return parse_event(line)
    except ParseError:
        return None


def _snapshot(client: DockerClient, container_id: str) -> ContainerSnapshot | None:
    answer = client.inspect(container_id)
    try:
        return parse_inspect(answer) if answer is not None else None
    except ParseError:
        return None
