"""
What the Docker source keeps between inspections: running containers, and containers to inspect again.

The running ones are part of the stored position: after a restart of the agent they show which containers died in the
meantime. The others are inspected again after a while, because Docker sends no event for a start that failed.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from collector.facts.observed import Fact
from collector.facts.restored import RestoredRunFact
from parsers.docker_event import DockerAction, DockerEvent
from parsers.docker_inspect import ContainerSnapshot

# A failed start shows within a second or two; a container that is started by hand later is watched for 40 minutes.
_INSPECT_AFTER_S: Final = (1.0, 2.0, 5.0, 15.0, 60.0, 300.0, 900.0, 2400.0)
# An engine that is shutting down refuses, and one that starts a container does not answer for it.
_AGAIN_AFTER_S: Final = (1.0, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
_WATCHED_AT_MOST: Final = 256
# Far more than one host runs. They are part of each position.
_RUNS_AT_MOST: Final = 10_000


class KnownRuns:
    """
    The runs that this source believes to be running, by container id; the oldest is forgotten when they are too many.
    """

    def __init__(self) -> None:
        self._runs: dict[str, dict[str, Any]] = {}

    def __len__(self) -> int:
        return len(self._runs)

    def ids(self) -> list[str]:
        """
        Return the ids of the running containers.
        """
        return list(self._runs)

    def observe(self, snapshot: ContainerSnapshot, boot_id: str | None) -> None:
        """
        Record an inspection: keep a running container, forget one that is not running.
        """
        if snapshot.running and snapshot.started_at_ns is not None:
            if len(self._runs) >= _RUNS_AT_MOST and snapshot.id not in self._runs:
                del self._runs[next(iter(self._runs))]
            self._runs[snapshot.id] = {
                "name": snapshot.name,
                "image": snapshot.image_name,
                "boot_id": boot_id,
                "started_at_ns": snapshot.started_at_ns,
                "main_pid": snapshot.pid,
                "log_driver": snapshot.log_driver,
            }
        else:
            self._runs.pop(snapshot.id, None)

    def remove(self, container_id: str) -> Mapping[str, Any]:
        """
        Forget a run that has ended, and return what was known about it.
        """
        return self._runs.pop(container_id, {})

    def to_position(self) -> dict[str, dict[str, Any]]:
        """
        Return the runs in the form in which the position stores them.
        """
        return dict(self._runs)

    def restore(self, position: Mapping[str, Any]) -> list[Fact]:
        """
        Take over the runs of a stored position; skip malformed entries.
        """
        facts: list[Fact] = []
        stored = position.get("runs")
        for container_id, run in stored.items() if isinstance(stored, dict) else ():
            started_at_ns = run.get("started_at_ns") if isinstance(run, dict) else None
            if not isinstance(started_at_ns, int):
                continue
            self._runs.setdefault(container_id, run)
            facts.append(
                RestoredRunFact(
                    container_id=container_id,
                    name=run.get("name"),
                    image=run.get("image"),
                    boot_id=run.get("boot_id"),
                    started_at_ns=started_at_ns,
                    main_pid=run.get("main_pid"),
                )
            )
        return facts


@dataclass(slots=True, kw_only=True)
class _Watch:
    since_s: float
    inspections: int = 0


class UnstartedContainers:
    """
    Containers that were created and have not started yet, with the times at which to inspect them again.
    """

    def __init__(self) -> None:
        self._watched: dict[str, _Watch] = {}

    @property
    def waiting(self) -> bool:
        """
        Whether a container is watched, so that `due` is to be asked every second.
        """
        return bool(self._watched)

    def observe_event(self, event: DockerEvent, now_s: float) -> None:
        """
        Begin to watch a container that was created; forget one that has started or is gone.
        """
        if event.action is DockerAction.CREATE and len(self._watched) < _WATCHED_AT_MOST:
            self._watched[event.container_id] = _Watch(since_s=now_s)
        elif event.action in (DockerAction.START, DockerAction.DIE, DockerAction.DESTROY):
            self.forget(event.container_id)

    def observe(self, snapshot: ContainerSnapshot) -> None:
        """
        Forget a container whose inspection shows that it has run, or failed to start.
        """
        if snapshot.started_at_ns is not None or snapshot.error:
            self.forget(snapshot.id)

    def forget(self, container_id: str) -> None:
        """
        Stop watching a container.
        """
        self._watched.pop(container_id, None)

    def due(self, now_s: float) -> list[str]:
        """
        Return the containers to inspect now.
        """
        due: list[str] = []
        for container_id, watch in list(self._watched.items()):
            if now_s - watch.since_s >= _INSPECT_AFTER_S[watch.inspections]:
                due.append(container_id)
                watch.inspections += 1
                if watch.inspections == len(_INSPECT_AFTER_S):
                    self.forget(container_id)
        return due


@dataclass(slots=True, kw_only=True)
class _Failure:
    due_s: float
    tries: int = 0


class FailedInspections:
    """
    Containers whose inspection the engine refused or did not answer, with the times at which to inspect them again.
    """

    def __init__(self) -> None:
        self._failed: dict[str, _Failure] = {}

    @property
    def waiting(self) -> bool:
        """
        Whether a container is to be tried again, so that `due` is to be asked every second.
        """
        return bool(self._failed)

    def add(self, container_id: str, now_s: float) -> bool:
        """
        Note a failure. Return False if the container is not tried again.
        """
        failure = self._failed.setdefault(container_id, _Failure(due_s=now_s))
        if failure.tries >= len(_AGAIN_AFTER_S) or len(self._failed) > _WATCHED_AT_MOST:
            self.forget(container_id)
            return False
        failure.due_s = now_s + _AGAIN_AFTER_S[failure.tries]
        failure.tries += 1
        return True

    def forget(self, container_id: str) -> None:
        """
        Stop trying: the container was inspected.
        """
        self._failed.pop(container_id, None)

    def due(self, now_s: float) -> list[str]:
        """
        Return the containers to inspect now, each once per failure.
        """
        due = [container_id for container_id, failure in self._failed.items() if now_s >= failure.due_s]
        for container_id in due:
            self._failed[container_id].due_s = math.inf
        return due
