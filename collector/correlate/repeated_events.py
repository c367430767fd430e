"""
Recognizes events that two sources bring: Podman's service tells what it has read in the journal, which is read as well.
"""

from typing import Final

from collector.facts.lru import LruDict
from parsers.docker_event import DockerEvent

# Both come within seconds.
_EVENTS_KEPT: Final = 4096


class RepeatedEvents:
    """
    The latest events of engines other than the host's Docker, which has one source.
    """

    def __init__(self) -> None:
        self._seen: LruDict[tuple[str, str, int], None] = LruDict(_EVENTS_KEPT)

    def includes(self, event: DockerEvent) -> bool:
        """
        Return whether an event has come before, and note it.
        """
        if event.engine is None:
            return False
        key = (event.container_id, event.action.value, event.time_ns)
        if key in self._seen:
            return True
        self._seen[key] = None
        return False
