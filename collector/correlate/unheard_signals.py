"""
Say why a container outlives a signal that was to end it: AppArmor refused it, or the main process ignores it.

Process 1 of a container ignores each signal that it has no handler for, but SIGKILL. Docker sends that after the grace
period, which may be long, or endless (`docker stop -t -1`). Of a signal that AppArmor refuses Docker reports nothing,
because its kill has failed. The container is reported if it runs 15 s later.
"""

from dataclasses import dataclass, replace
from typing import Final

from collector.correlate.container_record import ContainerRecord
from collector.correlate.findings import KernelEvent
from collector.correlate.inventory import ContainerInventory
from collector.correlate.runs import Run
from collector.correlate.stuck_stops import STUCK_NS, StopReason, StuckStop
from collector.correlate.verdict.case import signal_number
from collector.facts.lru import LruDict
from collector.facts.stops import KilledTask, MainSignalsFact
from parsers.docker_event import DockerAction, DockerEvent
from parsers.kernel import NoticeKind
from sinks.event import Confidence, Evidence

_WATCHED_AT_MOST: Final = 256
_MAINS_KEPT: Final = 1024
# The names of signals that are sent to end a process, as AppArmor writes them.
_ENDING: Final = frozenset({"kill", "term"})
_SIGKILL: Final = 9


@dataclass(slots=True, kw_only=True)
class _Unheard:
    """
    The first such signal of a run.

    Attributes:
        stuck: what is published if the run outlives it.
        signal: that Docker sent; None where AppArmor refused it.
        published: whether the container was reported.
    """

    stuck: StuckStop
    run: Run
    due_ns: int
    signal: int | None = None
    published: bool = False


class UnheardSignals:
    """
    Follows the containers that a signal was sent to.

    Args:
        inventory: the containers; read only.
    """

    def __init__(self, inventory: ContainerInventory) -> None:
        self._inventory = inventory
        self._unheard: dict[str, _Unheard] = {}
        self._mains: LruDict[str, MainSignalsFact] = LruDict(_MAINS_KEPT)

    def feed_main(self, fact: MainSignalsFact) -> None:
        """
        Take what the main process of a container does with signals.
        """
        self._mains[fact.container_id] = fact

    def feed_kernel_event(self, event: KernelEvent, now_ns: int) -> None:
        """
        Take a kernel event; only a refused signal that was to end a container matters.
        """
        at_ns, record = event.line.at_ns, event.record
        if event.notice.kind is not NoticeKind.SIGNAL_DENIED or event.notice.denied not in _ENDING:
            return
        if record is None or at_ns is None:
            return
        line = Evidence(source=event.source, time_ns=at_ns, text=event.line.text)
        stuck = _stuck(record.id, StopReason.SIGNAL_DENIED, event.attribution.confidence, at_ns)
        self._watch(record, replace(stuck, line=line), now_ns)

    def feed_docker(self, event: DockerEvent, now_ns: int) -> None:
        """
        Take an event of Docker; only the signal that asks a container to end matters.
        """
        if event.action is not DockerAction.KILL:
            return
        record = self._inventory.get(event.container_id)
        if record is None or event.signal is None or event.signal != _stop_signal(record):
            return
        stuck = _stuck(record.id, StopReason.SIGNAL_IGNORED, Confidence.CERTAIN, event.time_ns)
        self._watch(record, replace(stuck, sent_by_docker=True), now_ns, event.signal)

    def tick(self, now_ns: int) -> list[StuckStop]:
        """
        Return the containers that still run 15 s later, and those that have ended after all.
        """
        found: list[StuckStop] = []
        for container_id, unheard in list(self._unheard.items()):
            if self._has_ended(container_id, unheard):
                del self._unheard[container_id]
                ended_ns = unheard.run.ended_ns or unheard.stuck.at_ns
                found += [replace(unheard.stuck, resolved=True, at_ns=ended_ns)] if unheard.published else []
            elif not unheard.published and now_ns >= unheard.due_ns:
                explained = self._explained(unheard)
                if explained is None:
                    del self._unheard[container_id]
                    continue
                unheard.stuck, unheard.published = explained, True
                found.append(explained)
        return found

    def flush(self) -> None:
        """
        End the input: whether these containers would have run on is not known.
        """
        self._unheard.clear()

    def next_deadline_ns(self) -> int | None:
        """
        Return when `tick` should be called next.
        """
        return min((one.due_ns for one in self._unheard.values() if not one.published), default=None)

    def _watch(self, record: ContainerRecord, stuck: StuckStop, now_ns: int, signal: int | None = None) -> None:
        run = record.living
        if run is None or record.id in self._unheard or len(self._unheard) >= _WATCHED_AT_MOST:
            return
        self._unheard[record.id] = _Unheard(stuck=stuck, run=run, due_ns=now_ns + STUCK_NS, signal=signal)

    def _explained(self, unheard: _Unheard) -> StuckStop | None:
        """
        Return what is published; None where the program may be ending in its own time, or SIGKILL has followed.
        """
        stuck, run = unheard.stuck, unheard.run
        if unheard.signal is None:
            return stuck
        main = self._mains.get(stuck.container_id)
        is_killed = any(sent.signal == _SIGKILL for sent in run.signals)
        if is_killed or main is None or main.pid != run.main_pid or not main.ignores(unheard.signal):
            return None
        task = KilledTask(pid=main.pid, tid=main.pid, name=main.name, state=main.state, main=True)
        return replace(stuck, task=task, signal=unheard.signal)

    def _has_ended(self, container_id: str, unheard: _Unheard) -> bool:
        record = self._inventory.get(container_id)
        return record is None or record.living is not unheard.run


def _stuck(container_id: str, reason: StopReason, confidence: Confidence, at_ns: int) -> StuckStop:
    return StuckStop(
        container_id=container_id,
        reason=reason,
        confidence=confidence,
        resolved=False,
        since_ns=at_ns,
        at_ns=at_ns + STUCK_NS,
        task=None,
        tasks=0,
        sent_by_docker=False,
    )


def _stop_signal(record: ContainerRecord) -> int:
    named = record.snapshot.stop_signal if record.snapshot is not None else None
    return signal_number(named)
