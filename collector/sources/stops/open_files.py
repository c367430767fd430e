"""
Finds the main processes that have most of their files open.

How many are open is cheap to read and changes all the time; the limit is neither. So the limit is read again only once
a minute, and before anything is said.
"""

import time
from collections.abc import Callable, Container
from typing import Final

from collector.facts.stops import OpenFilesFact
from collector.sources.stops.tasks import TaskReader

# The share of its limit from which on the open files of a process are worth a fact.
_MANY: Final = 0.75
_LIMIT_EVERY_NS: Final = 60_000_000_000


class OpenFilesWatch:
    """
    Compares the open files of each container's main process with its limit.

    Args:
        wall_ns: the wall clock.
        monotonic_ns: CLOCK_MONOTONIC.
    """

    def __init__(self, wall_ns: Callable[[], int], monotonic_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns
        # By container: the process, its limit, and when that is read again.
        self._limits: dict[str, tuple[int, int | None, int]] = {}

    def keep(self, containers: Container[str]) -> None:
        """
        Forget all other containers.
        """
        self._limits = {one: known for one, known in self._limits.items() if one in containers}

    def look(self, reader: TaskReader, container_id: str, pid: int) -> OpenFilesFact | None:
        """
        Return a fact if a main process has most of its files open.
        """
        limit, open_files = self._limit(reader, container_id, pid), reader.open_files(pid)
        if limit is None or open_files is None or open_files < limit * _MANY:
            return None
        limit = self._limit(reader, container_id, pid, again=True)
        if limit is None or open_files < limit * _MANY:
            return None
        return OpenFilesFact(
            container_id=container_id, at_ns=self._wall_ns(), pid=pid, open_files=open_files, open_files_max=limit
        )

    def _limit(self, reader: TaskReader, container_id: str, pid: int, *, again: bool = False) -> int | None:
        known_pid, limit, due_ns = self._limits.get(container_id, (0, None, 0))
        now_ns = self._monotonic_ns()
        if again or known_pid != pid or now_ns >= due_ns:
            limit = reader.open_files_limit(pid)
            self._limits[container_id] = (pid, limit, now_ns + _LIMIT_EVERY_NS)
        return limit
