"""
Say whether everything that has happened to a container by a moment is known and published; change nothing.

Who asks why a container died reads the answer from the store. The store cannot say whether more is to come: that
depends on how far the sources have been read, and on what is not decided yet.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from collector.correlate.container_record import ContainerRecord
from collector.correlate.inventory import ContainerInventory
from collector.correlate.kernel_kills import KernelKills
from collector.correlate.watermarks import CAP_NS, Watermarks

# What happened before a moment has been read once each source has been read up to that moment.
_READ_LAGS_NS: Final = {"kmsg": 0, "journald": 0, "processes": 0, "trace": 0, "docker": 0, "podman": 0}
# Docker reports no start that failed; the source looks again within this time.
_START_NS: Final = 10_000_000_000


class Awaited(StrEnum):
    """
    What is awaited before everything is known, apart from sources.
    """

    KILL = "a kill that is not attributed yet"
    END = "the end of the container: its main process has ended"
    VERDICT = "the verdict of a death"
    START = "the start of the container"
    STORE = "the store"


class ContainerState(StrEnum):
    """
    The state of a container, as Docker last reported it.
    """

    CREATED = "created"
    RUNNING = "running"
    ENDED = "ended"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """
    Which container is asked for: one of the two is given.

    Attributes:
        container: its name, its id, or the beginning of its id.
        pid: one of its processes, in the host's numbering.
    """

    container: str | None = None
    pid: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """
    What is known of a container, and what is awaited.

    Attributes:
        container_id: the full id; None if no container is known by this name, id or pid.
        name: its name.
        awaited: names of sources that have not been read past the moment, and `Awaited`; empty: everything is known.
    """

    container_id: str | None
    name: str | None
    state: ContainerState
    awaited: tuple[str, ...]


class Standings:
    """
    Answers whether everything about a container is known.

    Args:
        inventory: the containers; read only.
        watermarks: how far the sources have been read; read only.
        kills: which kills are not published yet; read only.
    """

    def __init__(self, inventory: ContainerInventory, watermarks: Watermarks, kills: KernelKills) -> None:
        self._inventory = inventory
        self._watermarks = watermarks
        self._kills = kills

    def of(self, question: Question, at_ns: int) -> Standing:
        """
        Return what is known of a container, and what is awaited.

        Args:
            question: the container.
            at_ns: the moment, wall clock.
        """
        record = _find(question, self._inventory)
        awaited: list[str] = []
        if record is None or not _is_closed(record):
            awaited += self._watermarks.behind(at_ns, _READ_LAGS_NS)
            earliest_ns = _earliest_ns(record, at_ns)
            is_any_open = any(earliest_ns <= killed_ns <= at_ns for killed_ns in self._kills.unpublished_ns())
            awaited += [Awaited.KILL] if is_any_open else []
        if record is not None:
            awaited += _of_record(record, self._inventory, at_ns)
        return Standing(
            container_id=record.id if record is not None else None,
            name=record.name if record is not None else None,
            state=_state(record),
            awaited=tuple(awaited),
        )


def _find(question: Question, inventory: ContainerInventory) -> ContainerRecord | None:
    """
    Return the container that was seen last of those with this name, else of those with this id or this process.
    """
    if question.pid is not None:
        return _last(record for record in inventory if _had_process(record, question.pid, inventory))
    wanted = question.container or ""
    exact = inventory.get(wanted) or _last(record for record in inventory if record.name == wanted)
    return exact or _last(record for record in inventory if record.id.startswith(wanted))


def _last(records: Iterator[ContainerRecord]) -> ContainerRecord | None:
    found = None
    for record in records:
        found = record
    return found


def _had_process(record: ContainerRecord, pid: int, inventory: ContainerInventory) -> bool:
    is_main = any(run.main_pid == pid for run in record.runs)
    return is_main or any(end.pid == pid for end in inventory.exits_of(record.id))


def _earliest_ns(record: ContainerRecord | None, at_ns: int) -> int:
    """
    Return since when a kill matters: in the last run, or as long as a kill waits. An agent that starts for the first
    time reads the kills of the past.
    """
    return record.run.earliest_ns if record is not None and record.run is not None else at_ns - CAP_NS


def _is_closed(record: ContainerRecord) -> bool:
    """
    Return whether nothing more can happen to a container: its runs have their verdicts, and it was removed.

    With `--rm` the only run is the last: Docker removes the container at its end and accepts no restart policy.
    """
    is_removed = record.destroyed or (record.snapshot is not None and record.snapshot.auto_remove and bool(record.runs))
    return is_removed and all(run.judged for run in record.runs)


def _of_record(record: ContainerRecord, inventory: ContainerInventory, at_ns: int) -> Iterator[str]:
    if any(run.ended and not run.judged for run in record.runs):
        yield Awaited.VERDICT
    living = record.living
    if living is not None and living.main_pid is not None:
        ends = (end for end in inventory.exits_of(record.id) if end.pid == living.main_pid)
        if any(not living.is_over(end.at_ns, 0) and end.at_ns >= (living.began_ns or 0) for end in ends):
            yield Awaited.END
    created_ns = record.created_event_ns
    if created_ns is not None and not record.runs and not record.destroyed and at_ns - created_ns < _START_NS:
        yield Awaited.START


def _state(record: ContainerRecord | None) -> ContainerState:
    if record is None:
        return ContainerState.UNKNOWN
    if record.living is not None:
        return ContainerState.RUNNING
    return ContainerState.ENDED if record.runs or record.destroyed else ContainerState.CREATED
