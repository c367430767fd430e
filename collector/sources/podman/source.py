"""
Follows every engine of Podman on this host, each as the source `docker` follows its engine, and their files of events.

Engines come and go with the sessions of their users, which is no fault of this source: it is down only where no engine
can be read. Needs write access to the sockets; a connection starts Podman's service, which ends by itself without one.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Any, Final, Protocol

from collector.config.sources import DockerConfig, PodmanConfig
from collector.facts.observed import DockerDaemonFact, Fact, GapFact
from collector.facts.restored import RestoredRunFact
from collector.facts.watermark import WatermarkFact
from collector.host.clock import HostIdentity
from collector.sources.base import Position, Reading, SourceError, SourceMissingError
from collector.sources.docker.client import DockerClient
from collector.sources.docker.snapshots import owner_of, user_of
from collector.sources.docker.source import DockerSource
from collector.sources.podman.events_file import SCHEME as FILE
from collector.sources.podman.events_file import EventsFile
from collector.sources.podman.places import may_open, places
from collector.sources.podman.survey import survey
from parsers.engine import ROOT, ContainerEngine, EngineName

_SOURCE: Final = "podman"
# How soon a new socket is found, and an engine that ended is tried again.
_LOOK_EVERY_S: Final = 5.0
_READINGS_AHEAD: Final = 64
# Podman's service reads the events that it sends in the journal or in a file, some time after they were written.
_EVENTS_LATE_NS: Final = 1_000_000_000
_LOG: Final = logging.getLogger(__name__)
_Item = tuple[str, Reading | SourceError]


class Follower(Protocol):
    """
    What follows one engine.

    Attributes:
        is_behind: as for a source.
    """

    is_behind: bool

    @property
    def records(self) -> int:
        """Events read."""

    @property
    def garbage(self) -> int:
        """Events that could not be parsed."""

    def readings(self, position: Position | None) -> AsyncGenerator[Reading]:
        """Read from a position on, as a source does."""
        ...

    def request_watermark(self) -> None:
        """Have the time yielded until which it has been read."""
        ...


class PodmanSource:
    """
    Follows the engines of Podman.

    Args:
        config: which engines.
        follow: creates the follower of the engine at a URL; tests pass their own.
        find: returns the URLs of the sockets and files that exist now.
        look_every_s: time between two looks for sockets, in seconds.
    """

    name = _SOURCE

    def __init__(
        self,
        config: PodmanConfig,
        follow: Callable[[str], Follower],
        find: Callable[[PodmanConfig], list[str]] = places,
        look_every_s: float = _LOOK_EVERY_S,
    ) -> None:
        self._config = config
        self._follow_engine = follow
        self._find = find
        self._look_every_s = look_every_s
        self._followers: dict[str, Follower] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._positions: dict[str, Any] = {}
        self._read_until_ns: dict[str, int] = {}
        self._complaints: dict[str, str] = {}
        self._is_behind = False

    @property
    def records(self) -> int:
        """
        Events read.
        """
        return sum(follower.records for follower in self._followers.values())

    @property
    def garbage(self) -> int:
        """
        Events and answers that could not be parsed.
        """
        return sum(follower.garbage for follower in self._followers.values())

    @property
    def is_behind(self) -> bool:
        """
        Whether the agent is behind, so that log tails are left out.
        """
        return self._is_behind

    @is_behind.setter
    def is_behind(self, is_behind: bool) -> None:
        self._is_behind = is_behind
        for follower in self._followers.values():
            follower.is_behind = is_behind

    async def readings(self, position: Position | None) -> AsyncGenerator[Reading]:
        """
        Read all engines from their positions on; new ones from now.

        Raises:
            SourceMissingError: there is no socket of Podman.
            SourceError: no engine can be read.
        """
        stored = position.get("engines") if position is not None else None
        self._positions = dict(stored) if isinstance(stored, dict) else {}
        queue: asyncio.Queue[_Item] = asyncio.Queue(_READINGS_AHEAD)
        try:
            while True:
                self._look(queue)
                async for url, item in _until(queue, asyncio.get_running_loop().time() + self._look_every_s):
                    if isinstance(item, SourceError):
                        self._ended(url, item)
                    else:
                        yield self._reading(url, item)
        finally:
            tasks = list(self._tasks.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._tasks.clear()
            self._read_until_ns.clear()

    def request_watermark(self) -> None:
        """
        Have the time yielded until which the events of all engines have been read.
        """
        for follower in self._followers.values():
            follower.request_watermark()

    async def survey(self) -> str:
        """
        Return which engines there are, and why one cannot be read.
        """
        return await survey(self._find(self._config))

    def _look(self, queue: "asyncio.Queue[_Item]") -> None:
        """
        Begin to follow the engines whose sockets are new; one whose socket is gone ends by itself.
        """
        urls = self._find(self._config)
        if not urls and not self._tasks:
            raise SourceMissingError("no socket of Podman, and no file of its events")
        for url in urls:
            if url in self._tasks:
                continue
            # A follower is kept: it knows the runs of its engine when that is there again.
            if url not in self._followers:
                self._followers[url] = self._follow_engine(url)
            following = self._follow(url, self._followers[url], queue)
            self._tasks[url] = asyncio.get_running_loop().create_task(following, name=f"podman {url}")

    async def _follow(self, url: str, follower: Follower, queue: "asyncio.Queue[_Item]") -> None:
        why = SourceError(f"{url} ended")
        try:
            async with aclosing(follower.readings(self._positions.get(url))) as readings:
                async for reading in readings:
                    await queue.put((url, reading))
        except SourceError as error:
            why = error
        await queue.put((url, why))

    def _ended(self, url: str, why: SourceError) -> None:
        """
        Note that an engine cannot be read now; the next look tries it again.

        Raises:
            SourceError: no other engine is read.
        """
        del self._tasks[url]
        self._read_until_ns.pop(url, None)
        if self._complaints.get(url) != why.why:
            self._complaints[url] = why.why
            _LOG.info("an engine of Podman is not read: %s", why, extra={"source": _SOURCE})
        if not self._tasks:
            raise why

    def _reading(self, url: str, reading: Reading) -> Reading:
        self._positions[url] = reading.position
        self._complaints.pop(url, None)
        facts = [fact for found in reading.facts for fact in self._facts(url, found)]
        return Reading(facts=tuple(facts), position={"engines": dict(self._positions)})

    def _facts(self, url: str, fact: Fact) -> list[Fact]:
        """
        Return a fact of one engine as one of this source.

        Containers of Podman outlive its service, so that it does not matter when the service ends.
        """
        match fact:
            case DockerDaemonFact():
                return []
            case WatermarkFact():
                self._read_until_ns[url] = fact.read_until_ns - _EVENTS_LATE_NS
                return [WatermarkFact(source=_SOURCE, read_until_ns=min(self._read_until_ns.values()))]
            case GapFact():
                return [replace(fact, source=_SOURCE)]
            case RestoredRunFact():
                return [replace(fact, engine=ContainerEngine(name=EngineName.PODMAN, uid=owner_of(url)))]
            case _:
                return [fact]


async def _until(queue: "asyncio.Queue[_Item]", deadline_s: float) -> AsyncGenerator[_Item]:
    """
    Yield what arrives before a deadline, on the clock of the loop.
    """
    while True:
        try:
            async with asyncio.timeout_at(deadline_s):
                item = await queue.get()
        except TimeoutError:
            return
        yield item


def offered(config: PodmanConfig) -> bool:
    """
    Return whether there is a socket of Podman that the agent may open, or a file of its events.
    """
    return may_open(places(config))


def create(config: PodmanConfig, host: HostIdentity) -> PodmanSource:
    """
    Create the source for this host.
    """

    def follow(url: str) -> Follower:
        if url.startswith(FILE):
            return EventsFile(path := url.removeprefix(FILE), user_of(path) or ROOT)
        engine = DockerConfig(url=url, last_words=config.last_words)
        return DockerSource(engine, host.boot_id, partial(DockerClient, may_be_podman=True), time.time_ns)

    return PodmanSource(config, follow)
