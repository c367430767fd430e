"""
What the Docker source remembers of the containers: which run, and which were created and never started.

The first survives a restart of the agent (it is part of the stored position): only so can a death that happened
meanwhile be found. The second exists because Docker tells of a start that failed by no event at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from collector.correlate.facts import Fact, RememberedRunFact
from parsers.docker_event import DockerAction, DockerEvent
from parsers.docker_inspect import ContainerSnapshot

# A start that fails does so within a second or two; who starts by hand later is looked after for an hour.
_LOOK_AFTER_S: Final = (1.0, 2.0, 5.0, 15.0, 60.0, 300.0, 900.0, 2400.0)
_WATCHED_AT_MOST: Final = 256


class KnownRuns:
    """
    The runs that go on, as far as this source knows.
    """

    def __init__(self) -> None:
        self._runs: dict[str, dict[str, Any]] = {}

    def __len__(self) -> int:
        return len(self._runs)

    def ids(self) -> list[str]:
        """
        The containers that run.
        """
        return list(self._runs)

    def saw(self, snapshot: ContainerSnapshot, boot_id: str | None) -> None:
        """
        Inspect has shown a container.
        """
        if snapshot.running and snapshot.started_at_ns is not None:
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

    def ended(self, container_id: str) -> Mapping[str, Any]:
        """
        A run is over; gives what was known of it.
        """
        return self._runs.pop(container_id, {})

    def stored(self) -> dict[str, dict[str, Any]]:
        """
        What the stored position keeps: per container id its run.
        """
        return dict(self._runs)

    def restore(self, position: Mapping[str, Any]) -> list[Fact]:
        """
        Take up what a position kept; entries of a strange form are left out.
        """
        facts: list[Fact] = []
        kept = position.get("runs")
        for container_id, run in kept.items() if isinstance(kept, dict) else ():
            started_at_ns = run.get("started_at_ns") if isinstance(run, dict) else None
            if not isinstance(started_at_ns, int):
                continue
            self._runs.setdefault(container_id, run)
            facts.append(
                RememberedRunFact(
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
    looks: int = 0


class UnstartedContainers:
    """
    Containers that were created and have not started yet: when to look at them again.
    """

    def __init__(self) -> None:
        self._watched: dict[str, _Watch] = {}

    def note(self, event: DockerEvent, now_s: float) -> None:
        """
        Docker told of a container.
        """
        if event.action is DockerAction.CREATE and len(self._watched) < _WATCHED_AT_MOST:
            self._watched[event.container_id] = _Watch(since_s=now_s)
        elif event.action in (DockerAction.START, DockerAction.DIE, DockerAction.DESTROY):
            self.forget(event.container_id)

    def saw(self, snapshot: ContainerSnapshot) -> None:
        """
        Inspect has shown a container: one that has run, or has failed to, needs no more looks.
        """
        if snapshot.started_at_ns is not None or snapshot.error:
            self.forget(snapshot.id)

    def forget(self, container_id: str) -> None:
        """
        Look no more.
        """
        self._watched.pop(container_id, None)

    def due(self, now_s: float) -> list[str]:
        """
        Those to look at now.
        """
        due: list[str] = []
        for container_id, watch in list(self._watched.items()):
            if now_s - watch.since_s >= _LOOK_AFTER_S[watch.looks]:
                due.append(container_id)
                watch.looks += 1
                if watch.looks == len(_LOOK_AFTER_S):
                    self.forget(container_id)
        return due
