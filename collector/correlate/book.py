"""
The book of the host's containers: what is known of each before it dies.

Metadata is held from the first sight of a container until a while after its end, because it is gone from Docker when
it is needed: `--rm` containers cannot be inspected after their death, and a restart policy overwrites the state of
the last run within 100 ms. Nothing here judges; it only keeps.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from collector.correlate.facts import ProcessExited
from collector.correlate.runs import ContainerRecord, KillInRun, Run
from parsers.docker_event import DockerAction, DockerEvent
from parsers.docker_inspect import ContainerSnapshot

_FORGET_AFTER_NS: Final = 600 * 1_000_000_000
_KILLS_KEPT: Final = 64
_CONTAINERS_KEPT: Final = 2048
_RUNTIME_HELPERS: Final = "runc:["
_EXITS_KEPT: Final = 64
# Docker stamps the end of a run up to a second after its main process has ended.
_EXIT_LEAD_NS: Final = 5 * 1_000_000_000


class ContainerBook:
    """
    Every container of the host that Docker told of, and the OOM kills in each: those may be known before Docker tells.
    """

    def __init__(self) -> None:
        self._records: dict[str, ContainerRecord] = {}
        self._kills: OrderedDict[str, list[KillInRun]] = OrderedDict()
        self._exits: OrderedDict[str, deque[ProcessExited]] = OrderedDict()

    def __iter__(self) -> Iterator[ContainerRecord]:
        return iter(self._records.values())

    def get(self, container_id: str) -> ContainerRecord | None:
        """
        What is known of a container, by its full id.
        """
        return self._records.get(container_id)

    def open(self, container_id: str, now_ns: int) -> ContainerRecord:
        """
        What is known of a container, or a new record.
        """
        record = self._records.get(container_id)
        if record is None:
            record = self._records[container_id] = ContainerRecord(id=container_id)
        record.last_seen_ns = now_ns
        return record

    def learn_event(self, event: DockerEvent, now_ns: int) -> ContainerRecord:
        """
        Keep the name, image and labels that every container event carries.
        """
        record = self.open(event.container_id, now_ns)
        record.name = event.name or record.name
        record.image = event.image or record.image
        record.attributes.update(event.attributes)
        if event.action in (DockerAction.CREATE, DockerAction.START):
            record.first_attributes |= event.attributes.keys()
        return record

    def learn_snapshot(self, snapshot: ContainerSnapshot, now_ns: int) -> ContainerRecord:
        """
        Keep what inspect said; the name and labels in it are the truth.
        """
        record = self.open(snapshot.id, now_ns)
        record.snapshot = snapshot
        record.name = snapshot.name or record.name
        record.image = snapshot.image_name or record.image
        return record

    def keep_kill(self, container_id: str, kill: KillInRun) -> None:
        """
        Keep a kill once; the first and the latest of a container are kept when there are very many.
        """
        kills = self._kills.setdefault(container_id, [])
        self._kills.move_to_end(container_id)
        if any(known.event_id == kill.event_id and known.pid == kill.pid for known in kills):
            return
        if len(kills) >= _KILLS_KEPT:
            del kills[_KILLS_KEPT // 2]
        kills.append(kill)
        if len(self._kills) > _CONTAINERS_KEPT:
            self._kills.popitem(last=False)

    def kills_of(self, record: ContainerRecord, run: Run) -> tuple[KillInRun, ...]:
        """
        The kills in one run of a container.
        """
        kills = (kill for kill in self._kills.get(record.id, ()) if record.run_of(kill) is run)
        return tuple(
            replace(kill, main_process=True) if kill.main_process is None and kill.pid == run.main_pid else kill
            for kill in kills
        )

    def keep_exit(self, container_id: str, exited: ProcessExited) -> None:
        """
        Keep how a process of a container ended; only the latest are kept.
        """
        self._exits.setdefault(container_id, deque(maxlen=_EXITS_KEPT)).append(exited)
        self._exits.move_to_end(container_id)
        if len(self._exits) > _CONTAINERS_KEPT:
            self._exits.popitem(last=False)

    def main_exit_of(self, record: ContainerRecord, run: Run) -> ProcessExited | None:
        """
        How the main process of a run ended; under an init: the process that init ran, if its end is the run's.
        """
        code = run.after.exit_code if run.after is not None else run.exit_code
        ends = [
            exited
            for exited in reversed(self._exits.get(record.id, ()))
            if run.had_begun(exited.at_ns) and _is_near(exited.at_ns, run.ended_ns)
        ]
        if run.main_pid is None:
            main = _first_process(ends, code)
        else:
            main = next((exited for exited in ends if exited.pid == run.main_pid), None)
        main_pid = run.main_pid if main is None else main.pid
        if main_pid is not None and record.snapshot is not None and record.snapshot.init:
            return next((exited for exited in ends if exited.parent_pid == main_pid and _gives(exited, code)), main)
        return main

    def forget(self, now_ns: int) -> None:
        """
        Let go of containers that were removed long enough ago for all their events to be out.
        """
        old = [
            record.id
            for record in self._records.values()
            if record.destroyed and now_ns - record.last_seen_ns > _FORGET_AFTER_NS
        ]
        for container_id in old:
            del self._records[container_id]
            self._kills.pop(container_id, None)
            self._exits.pop(container_id, None)


def _is_near(at_ns: int, ended_ns: int | None) -> bool:
    return ended_ns is None or -_EXIT_LEAD_NS <= ended_ns - at_ns <= _EXIT_LEAD_NS


def _first_process(ends: Iterable[ProcessExited], exit_code: int | None) -> ProcessExited | None:
    """
    The main process of a run that was over before Docker could tell its pid: the only one that nobody in the container
    had started and that ended as the run did.
    """
    found = [
        exited
        for exited in ends
        if not exited.ancestors and not (exited.comm or "").startswith(_RUNTIME_HELPERS) and _gives(exited, exit_code)
    ]
    return found[0] if len(found) == 1 else None


def _gives(exited: ProcessExited, exit_code: int | None) -> bool:
    """
    Whether an init that ends as its child did gives this exit code.
    """
    if exited.status is None or exit_code is None:
        return False
    return exit_code == (128 + exited.status.signal if exited.status.signal is not None else exited.status.exit_code)
