"""
Say why a container outlives a signal that Docker sent: AppArmor delivered it to nobody.

Docker then reports nothing: its kill has failed. The container is reported if it runs 15 s after the kernel's line.
"""

from dataclasses import dataclass, replace
from typing import Final

from collector.correlate.findings import KernelEvent
from collector.correlate.inventory import ContainerInventory
from collector.correlate.runs import Run
from collector.correlate.stuck_stops import STUCK_NS, StopReason, StuckStop
from parsers.kernel import NoticeKind
from sinks.event import Evidence

_WATCHED_AT_MOST: Final = 256
# The names of signals that are sent to end a process, as AppArmor writes them.
_ENDING: Final = frozenset({"kill", "term"})


@dataclass(slots=True, kw_only=True)
class _Refusal:
    """
    The first refused signal of a run; `published` once the container was reported.
    """

    stuck: StuckStop
    run: Run
    due_ns: int
    published: bool = False


class RefusedStops:
    """
    Follows the containers that a signal did not reach.

    Args:
        inventory: the containers; read only.
    """

    def __init__(self, inventory: ContainerInventory) -> None:
        self._inventory = inventory
        self._refusals: dict[str, _Refusal] = {}

    def feed(self, event: KernelEvent, now_ns: int) -> None:
        """
        Take a kernel event; only a refused signal that was to end a container matters.
        """
        notice, at_ns, container_id = event.notice, event.line.at_ns, event.attribution.container_id
        run = event.record.living if event.record is not None else None
        if notice.kind is not NoticeKind.SIGNAL_DENIED or notice.denied not in _ENDING or container_id is None:
            return
        if run is None or at_ns is None or container_id in self._refusals or len(self._refusals) >= _WATCHED_AT_MOST:
            return
        stuck = StuckStop(
            container_id=container_id,
            reason=StopReason.SIGNAL_DENIED,
            confidence=event.attribution.confidence,
            resolved=False,
            since_ns=at_ns,
            at_ns=at_ns + STUCK_NS,
            task=None,
            tasks=0,
            sent_by_docker=False,
            line=Evidence(source=event.source, time_ns=at_ns, text=event.line.text),
        )
        self._refusals[container_id] = _Refusal(stuck=stuck, run=run, due_ns=now_ns + STUCK_NS)

    def tick(self, now_ns: int) -> list[StuckStop]:
        """
        Return the containers that still run 15 s later, and those that have ended after all.
        """
        found: list[StuckStop] = []
        for container_id, refusal in list(self._refusals.items()):
            if self._has_ended(container_id, refusal):
                del self._refusals[container_id]
                ended_ns = refusal.run.ended_ns or refusal.stuck.at_ns
                found += [replace(refusal.stuck, resolved=True, at_ns=ended_ns)] if refusal.published else []
            elif not refusal.published and now_ns >= refusal.due_ns:
                refusal.published = True
                found.append(refusal.stuck)
        return found

    def next_deadline_ns(self) -> int | None:
        """
        Return when `tick` should be called next.
        """
        return min((one.due_ns for one in self._refusals.values() if not one.published), default=None)

    def _has_ended(self, container_id: str, refusal: _Refusal) -> bool:
        record = self._inventory.get(container_id)
        return record is None or record.living is not refusal.run
