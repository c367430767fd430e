"""
Parses the lines of the event stream, and recognizes events that the engine repeats after a new subscription.
"""

import re
from collections.abc import Callable
from typing import Final

from collector.facts.lru import LruDict
from collector.sources.docker.pods import PodNames
from parsers.docker_event import DockerEvent, parse_event
from parsers.engine import ContainerEngine
from parsers.errors import ParseError

# Far more than the 256 events that the engine can repeat.
_EVENTS_KEPT: Final = 4096
# An engine on another host may have another clock.
_CLOCK_NS: Final = 60_000_000_000
_CONTAINER_ID: Final = re.compile(r"[0-9a-f]{64}")


class NewEvents:
    """
    The events of one engine, each once.

    Args:
        wall_ns: the wall clock.

    Attributes:
        records: lines so far.
        garbage: lines that are no events.
        resumed_ns: time of the last event before the agent's start, from the stored position.
        last_ns: time of the newest event, or from when on events are asked for; None at first.
        engine: the engine of the events, where it is not the host's Docker.
        pods: the pods of an engine of Podman.
    """

    def __init__(self, wall_ns: Callable[[], int]) -> None:
        self._wall_ns = wall_ns
        self.records = 0
        self.garbage = 0
        self.resumed_ns: int | None = None
        self.last_ns: int | None = None
        self.engine: ContainerEngine | None = None
        self.pods: PodNames | None = None
        self._seen: LruDict[tuple[str, str, int], None] = LruDict(_EVENTS_KEPT)

    def resume(self, since_ns: int) -> None:
        """
        Continue after the last event before the agent's start.
        """
        self.last_ns = self.resumed_ns = since_ns

    def parse(self, line: bytes) -> DockerEvent | None:
        """
        Return a new event of a container; None for anything else.
        """
        self.records += 1
        try:
            event = parse_event(line, self.engine)
        except ParseError:
            self.garbage += 1
            return None
        if event is None:
            if self.pods is not None:
                self.pods.learn(line)
            return None
        if not _CONTAINER_ID.fullmatch(event.container_id):
            self.garbage += 1
            return None
        key = (event.container_id, event.action.value, event.time_ns)
        if key in self._seen or event.time_ns == self.resumed_ns:
            return None  # `since` includes its own instant: the engine repeats the event at the stored position
        self._seen[key] = None
        # An event of the future would hide all events until then from the next subscription.
        self.last_ns = max(self.last_ns or 0, min(event.time_ns, self._wall_ns() + _CLOCK_NS))
        return event if self.pods is None else self.pods.named(event)
