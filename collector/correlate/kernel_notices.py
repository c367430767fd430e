"""
From kernel notices to kernel events with their container: one finding per line, and one per minute while it repeats.

A notice whose container is certain is returned at once. Another one waits for better evidence: `ATTRIBUTION_WAIT_NS`,
and on until the sources that can have evidence have been read past the line.
"""

from dataclasses import replace
from typing import Final

from collector.correlate.attribution import UNATTRIBUTED
from collector.correlate.crash_in_run import CrashInRun
from collector.correlate.crash_reasons import signals_of
from collector.correlate.findings import KernelEvent
from collector.correlate.held_repetitions import HeldRepetitions
from collector.correlate.host_events import HostEvent
from collector.correlate.inventory import ContainerInventory
from collector.correlate.kernel_kills import ATTRIBUTION_WAIT_NS
from collector.correlate.known_ends import KnownEnds
from collector.correlate.notice_attribution import NoticeAttribution, Placed
from collector.correlate.pending_deaths import PendingDeaths
from collector.correlate.pid_index import PidIndex
from collector.correlate.pid_observations import PidObservations
from collector.correlate.repetitions import Repetitions
from collector.correlate.waiting_notices import (
    SuppressedLines,
    WaitingNotice,
    add_detail,
    add_owner,
    is_same_task,
    with_core_dump,
)
from collector.correlate.watermarks import ASK_AHEAD_NS, ATTRIBUTION_LAGS_NS, CAP_NS, Watermarks
from collector.facts.kernel import KernelFact, ThreadCrashedFact
from collector.facts.lru import LruDict
from collector.facts.observed import Origin
from parsers.kernel import KernelNotice, NoticeKind
from sinks.event import Confidence, Host
from sinks.event.ids import kernel_event_id

# The kernel prints the owner of the lock, or the registers, right after the first line.
_DETAIL_WAIT_NS: Final = 500_000_000
_WAITING_AT_MOST: Final = 256
_WAITING_AT_MOST_PASTED: Final = 16
_SEEN_KEPT: Final = 8192


class KernelNotices:
    """
    The kernel notices of one host.

    Args:
        host: where; part of the events' ids.
        inventory: the containers; crashes are kept there.
        pids: pids that are known to belong to containers; read only.
        observations: the ends of processes; read only.
        watermarks: how far the sources have been read; read only, but for sources that are given up.
        pending: the ended runs that a crash may explain.
        is_pasted: the lines are of a pasted text: nothing is certain, no better evidence will come, and the first of
            several lines is counted together with the others.
    """

    def __init__(
        self,
        host: Host,
        inventory: ContainerInventory,
        pids: PidIndex,
        observations: PidObservations,
        *,
        watermarks: Watermarks,
        pending: PendingDeaths,
        is_pasted: bool = False,
    ) -> None:
        self._host = host
        self._inventory = inventory
        self._attribution = NoticeAttribution(inventory, pids, observations)
        self._watermarks = watermarks
        self._pending = pending
        self._is_pasted = is_pasted
        self._waiting_at_most = _WAITING_AT_MOST_PASTED if is_pasted else _WAITING_AT_MOST
        self._repetitions = Repetitions()
        self._held_repetitions = HeldRepetitions()
        self._waiting: list[WaitingNotice] = []
        self._suppressed = SuppressedLines()
        self._seen: LruDict[str, None] = LruDict(_SEEN_KEPT)
        self._ends = KnownEnds(is_pasted=is_pasted)

    def feed(self, fact: KernelFact, now_ns: int, origin: Origin | None) -> list[KernelEvent]:
        """
        Take a line; return the events that are certain because of it.
        """
        self._suppressed.feed(fact)
        if add_detail(self._waiting, fact):
            return self.retry(now_ns)
        notice = fact.notice
        if notice is None or (_is_unimportant(notice) and not self._is_pasted):
            return []
        notice = self._suppressed.added_to(notice, fact)
        event_id = self._id(fact, notice)
        if (
            self._was_seen(event_id, fact, notice)
            or self._repeats_end(notice, fact)
            or add_owner(self._waiting, fact, notice)
        ):
            return []
        self._inventory.printed_lines.add(notice, fact.line.at_ns)
        waiting = WaitingNotice(
            id=event_id,
            notice=notice,
            fact=fact,
            deadline_ns=now_ns + ATTRIBUTION_WAIT_NS,
            latest_ns=now_ns + CAP_NS,
            origin=origin,
        )
        if waiting.is_incomplete:
            waiting.deadline_ns = now_ns + _DETAIL_WAIT_NS
        self._waiting.append(waiting)
        return self.retry(now_ns)

    def feed_crash(self, fact: ThreadCrashedFact, now_ns: int) -> list[KernelEvent]:
        """
        Take the crash of a thread; return the events whose container is certain because of it.
        """
        self._attribution.crashes.add(fact)
        return self.retry(now_ns)

    def tick(self, now_ns: int) -> list[KernelEvent]:
        """
        Stop waiting where the time is up, and return the repetitions whose window is over.
        """
        return [*self.retry(now_ns), *self._repetitions.tick(now_ns)]

    def retry(self, now_ns: int) -> list[KernelEvent]:
        """
        Attribute the waiting notices again; return those whose container is certain now or whose time is up.
        """
        events: list[KernelEvent] = []
        for waiting in list(self._waiting):
            placed = self._attribution.attribute(waiting.fact, waiting.notice, by_name=False)
            if self._must_wait(waiting, placed, now_ns) and len(self._waiting) <= self._waiting_at_most:
                continue
            if placed is None:  # the last resort, and a costly one
                placed = self._attribution.attribute(waiting.fact, waiting.notice, by_name=True)
            self._waiting.remove(waiting)
            event = self._event(waiting, self._doubted(placed or Placed(pid=None, attribution=UNATTRIBUTED)))
            self._keep_crash(event)
            self._keep_host_event(event)
            if self._is_pasted:
                events += self._held_repetitions.admit(event)
            else:
                events += self._repetitions.admit(event, now_ns, waiting.origin)
        return events

    def flush(self) -> list[KernelEvent]:
        """
        End the input: return everything, with what is known.
        """
        for waiting in self._waiting:
            waiting.deadline_ns = waiting.latest_ns = 0
        return [*self.retry(0), *self._repetitions.flush(), *self._held_repetitions.flush()]

    def next_deadline_ns(self) -> int | None:
        """
        Return when `tick` should be called next.
        """
        deadlines = (self._repetitions.next_deadline_ns(), *(waiting.deadline_ns for waiting in self._waiting))
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def wants_watermarks(self, now_ns: int) -> bool:
        """
        Return whether a notice waits for sources to be read, or will soon.
        """
        return any(now_ns >= waiting.deadline_ns - ASK_AHEAD_NS for waiting in self._waiting)

    def held(self) -> list[Origin]:
        """
        Return the readings that must be read again if the agent dies now.
        """
        waiting = (waiting.origin for waiting in self._waiting if waiting.origin is not None)
        return [*waiting, *self._repetitions.held()]

    def _must_wait(self, waiting: WaitingNotice, placed: Placed | None, now_ns: int) -> bool:
        """
        Return whether better evidence may still come.
        """
        if now_ns < waiting.deadline_ns:
            return waiting.is_incomplete or placed is None or placed.attribution.confidence is not Confidence.CERTAIN
        if placed is not None and placed.attribution.confidence is Confidence.CERTAIN:
            return False
        self._watermarks.extend(waiting, now_ns, waiting.fact.line.at_ns, ATTRIBUTION_LAGS_NS)
        return now_ns < waiting.deadline_ns

    def _doubted(self, placed: Placed) -> Placed:
        """
        Lower what is certain to likely if nothing proves who wrote the lines.
        """
        attribution = placed.attribution
        if not self._is_pasted or attribution.confidence is not Confidence.CERTAIN:
            return placed
        return replace(placed, attribution=replace(attribution, confidence=Confidence.LIKELY))

    def _event(self, waiting: WaitingNotice, placed: Placed) -> KernelEvent:
        notice, fact, container_id = waiting.notice, waiting.fact, placed.attribution.container_id
        owner = self._attribution.find(notice.owner, fact.line.at_ns, fact.owner) if notice.owner is not None else None
        owner_id = owner.attribution.container_id if owner is not None else None
        return KernelEvent(
            id=waiting.id,
            notice=notice,
            line=fact.line,
            source=fact.source,
            attribution=placed.attribution,
            record=self._inventory.get(container_id) if container_id is not None else None,
            pid=notice.task.id if notice.is_process and notice.task is not None else placed.pid,
            owner=owner.attribution if owner is not None else None,
            owner_record=self._inventory.get(owner_id) if owner_id is not None else None,
        )

    def _keep_crash(self, event: KernelEvent) -> None:
        """
        Keep the line about a crash for the death that may follow it.
        """
        container_id, at_ns = event.attribution.container_id, event.line.at_ns
        is_by_run = event.pid is None and event.attribution.confidence is Confidence.POSSIBLE
        is_placed = container_id is not None and (event.pid is not None or is_by_run)
        if container_id is None or not is_placed or at_ns is None or not signals_of(event.notice):
            return
        crash = CrashInRun(
            pid=event.pid,
            at_ns=at_ns,
            notice=event.notice,
            text=event.line.text,
            source=event.source,
            confidence=event.attribution.confidence,
        )
        self._inventory.keep_crash(container_id, crash)
        self._pending.container_changed(container_id)

    def _keep_host_event(self, event: KernelEvent) -> None:
        """
        Keep an error of the host for the deaths that may follow it.
        """
        line = event.line
        if event.attribution.container_id is None and line.at_ns is not None:
            known = HostEvent(event_id=event.id, at_ns=line.at_ns, text=line.text, source=event.source)
            self._inventory.host_events.add(event.notice, known)

    def _repeats_end(self, notice: KernelNotice, fact: KernelFact) -> bool:
        """
        Return whether a line repeats an end that is known; what a core dump adds to it is kept.
        """
        is_known = self._ends.has(notice, fact.clock_ns)
        if is_known and notice.is_reported:
            self._add_core_dump(notice, fact)
        return is_known

    def _add_core_dump(self, notice: KernelNotice, fact: KernelFact) -> None:
        """
        Add a core dump to the line about the crash: to its event if that waits; its frames also to the death.
        """
        for waiting in self._waiting:
            if waiting.notice.fatal and is_same_task(waiting.notice.task, notice.task):
                waiting.notice = with_core_dump(waiting.notice, notice, takes_cgroup=self._is_pasted)
                return
        placed = self._attribution.attribute(fact, notice, by_name=False)
        container_id = placed.attribution.container_id if placed is not None else None
        if container_id is not None and notice.task is not None and notice.task.id is not None:
            self._inventory.add_frames(container_id, notice.task.id, notice.frames)
            self._pending.container_changed(container_id)

    def _was_seen(self, event_id: str, fact: KernelFact, notice: KernelNotice) -> bool:
        """
        Return whether another source has handed over the line before; without a stamp it may as well be another line.
        """
        if fact.line.monotonic_us is None and notice.audit_id is None:
            return False
        known = event_id in self._seen
        self._seen[event_id] = None
        return known

    def _id(self, fact: KernelFact, notice: KernelNotice) -> str:
        line = fact.line
        boot_id = line.boot_id or (self._host.boot.id if self._host.boot is not None else None)
        stamp = line.monotonic_us if line.monotonic_us is not None else line.at_ns or line.text
        moment = notice.audit_id if notice.audit_id is not None else stamp
        about = notice.task.id if notice.task is not None else notice.component or notice.cgroup
        return kernel_event_id(self._host.id, boot_id, moment, notice.kind.value, about)


def _is_unimportant(notice: KernelNotice) -> bool:
    """
    Return whether nothing happened: a filter that only logs system calls writes a line for each.
    """
    return notice.is_harmless and notice.kind is NoticeKind.SECCOMP
