"""
Ended runs that await their verdict; each gets one.

The verdict waits for late evidence and for the log tail: `VERDICT_WAIT_NS`, and on until the sources have been read
past the end of the run. It waits less when no evidence that may still come can change it: then only until the sources
have been read as far as they could bring such evidence. A run is judged again only when a fact concerns it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from collector.correlate.cases import CaseBuilder
from collector.correlate.container_record import ContainerRecord
from collector.correlate.daemon_outage import DaemonOutage
from collector.correlate.findings import Death
from collector.correlate.inventory import ContainerInventory
from collector.correlate.pending_queue import PendingQueue, PendingRun
from collector.correlate.pid_observations import PidObservations
from collector.correlate.runs import CLOCK_SLACK_NS, Run
from collector.correlate.spans import is_any_between
from collector.correlate.unreported_ends import UnreportedEnds
from collector.correlate.verdict import decide
from collector.correlate.verdict.settling import open_until_ns
from collector.correlate.watermarks import ASK_AHEAD_NS, CAP_NS, RETRY_NS, VERDICT_LAGS_NS, Watermarks
from collector.facts.observed import GapFact, Origin, ProcessExitedFact, ServiceFact
from parsers.cgroup_path import ContainerRef
from parsers.unit_stops import UnitStopping
from sinks.event import Cause, GapKind

# Docker's `oom` and `stop` come up to 0.2 s after `die` in the recordings; twice the second that docker.md names.
VERDICT_WAIT_NS: Final = 2_000_000_000
# On a slow host Podman removes a container seconds after its end.
_PODMAN_WAIT_NS: Final = 15_000_000_000
_STOPS: Final = frozenset({Cause.DOCKER_STOP, Cause.DOCKER_STOP_TIMEOUT})
KERNEL_SOURCES: Final = frozenset({"kmsg", "journald"})


class PendingDeaths:
    """
    The ended runs of one host that await their verdict.

    Args:
        inventory: the containers, their kills and the ends of their processes; read only.
        observations: who sent which signal; read only.
        watermarks: how far the sources have been read.
        boot_id: this boot of the host.
        booted_ns: when it began, wall clock.
    """

    def __init__(
        self,
        inventory: ContainerInventory,
        observations: PidObservations,
        watermarks: Watermarks,
        boot_id: str | None,
        booted_ns: int | None,
    ) -> None:
        self._watermarks = watermarks
        self._cases = CaseBuilder(
            inventory=inventory,
            observations=observations,
            watermarks=watermarks,
            boot_id=boot_id,
            booted_ns=booted_ns,
        )
        self._queue = PendingQueue()
        self._unreported = UnreportedEnds(inventory, boot_id)
        # What the settled verdicts were last compared with: how far the sources have been read, and the open kills.
        self._compared: tuple[int, tuple[int, ...]] | None = None

    def add(self, record: ContainerRecord, run: Run, now_ns: int, origin: Origin | None) -> None:
        """
        Queue an ended run for its verdict.
        """
        if origin is not None:
            run.origins.append(origin)
        self._queue.add(
            PendingRun(record=record, run=run, deadline_ns=now_ns + VERDICT_WAIT_NS, latest_ns=now_ns + CAP_NS)
        )

    def container_changed(self, container_id: str) -> None:
        """
        Judge the runs of a container again: something new is known of it.
        """
        self._queue.mark_container(container_id)

    def feed_exit(self, fact: ProcessExitedFact, container: ContainerRef, now_ns: int) -> None:
        """
        Note the end of a process in a container: a verdict may depend on it, and no engine may report it.
        """
        self._unreported.feed_exit(fact, container, now_ns)
        self.container_changed(container.id)
        self.process_changed(fact.pid)

    def process_changed(self, pid: int) -> None:
        """
        Judge the runs again whose verdict depends on a process: its end, or a signal to it, was seen.
        """
        self._queue.mark_process(pid)

    def feed_service(self, fact: ServiceFact) -> None:
        """
        Note that the Docker daemon stopped answering or answers again, or that systemd began to stop a service.
        """
        if isinstance(fact, UnitStopping):
            self._cases.unit_stops.add(fact)
            for item in self._queue:
                if item.record.unit == fact.unit:
                    self._queue.mark_container(item.record.id)
            return
        if fact.up:
            self._cases.outage = replace(self._cases.outage, up_ns=fact.at_ns)
        else:
            self._cases.outage = DaemonOutage(down_ns=fact.at_ns)
        self._queue.mark_all()

    def feed_gap(self, fact: GapFact) -> None:
        """
        Note whether a source reads the kernel log: without one, its silence proves nothing.
        """
        if fact.source not in KERNEL_SOURCES:
            return
        if fact.what is GapKind.SOURCE_UP:
            self._cases.kernel_logs.add(fact.source)
        elif fact.what is GapKind.SOURCE_DOWN:
            self._cases.kernel_logs.discard(fact.source)
        self._queue.mark_all()

    @property
    def waits_begun(self) -> int:
        """
        How often a run has ended, or its verdict has begun to wait only for sources to be read.
        """
        return self._queue.waits_begun

    def is_idle(self, now_ns: int) -> bool:
        """
        Return whether no run is pending, so that `tick` has nothing to do.
        """
        due_ns = self._unreported.next_deadline_ns()
        return self._queue.is_empty and (due_ns is None or now_ns < due_ns)

    def tick(self, now_ns: int, unpublished_ns: Sequence[int] = ()) -> list[Death]:
        """
        Judge the runs that have changed and those whose deadline has come; return those with a final verdict.

        Args:
            now_ns: a clock that only goes forward.
            unpublished_ns: the times of kills that are not published yet, wall clock, sorted: any run of that time may
                have lost the process.
        """
        for record, run in self._unreported.take(now_ns):
            self.add(record, run, now_ns, None)
        deaths: list[Death] = []
        while items := self._take_due(now_ns, unpublished_ns):
            for item in items:
                death = self._judge(item, now_ns, unpublished_ns)
                if death is not None:
                    self._queue.remove(item)
                    item.run.origins.clear()
                    item.run.judged = True
                    deaths.append(death)
        return deaths

    def flush(self) -> list[Death]:
        """
        End the input: judge everything, with what is known.
        """
        for item in self._queue:
            self._queue.postpone(item, 0)
            item.latest_ns = 0
        return self.tick(0)

    def next_deadline_ns(self) -> int | None:
        """
        Return when `tick` should be called next.
        """
        deadlines = (self._queue.next_deadline_ns(), self._unreported.next_deadline_ns())
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def wants_watermarks(self, now_ns: int) -> bool:
        """
        Return whether a verdict waits for sources to be read, or will soon.
        """
        deadline_ns = self._queue.next_deadline_ns()
        return self._queue.has_settled or (deadline_ns is not None and now_ns >= deadline_ns - ASK_AHEAD_NS)

    def held(self) -> list[Origin]:
        """
        Return the oldest readings that must be read again if the agent dies now.
        """
        return self._queue.oldest_origins()

    def _take_due(self, now_ns: int, unpublished_ns: Sequence[int]) -> list[PendingRun]:
        """
        Return the runs to look at: settled ones only if what they wait for has changed.
        """
        compared = (self._watermarks.version, tuple(unpublished_ns))
        with_settled, self._compared = compared != self._compared, compared
        return self._queue.take_due(now_ns, with_settled=with_settled)

    def _judge(self, item: PendingRun, now_ns: int, unpublished_ns: Sequence[int]) -> Death | None:
        """
        Return the death once no awaited evidence can change its verdict; None until then.
        """
        overdue = now_ns >= item.deadline_ns or (item.awaits_podman and item.changed)
        if item.changed and (overdue or not item.run.awaits_docker):
            self._settle(item)
        settled = item.settled
        if not overdue and (settled is None or not self._is_early(item, settled)):
            return None
        behind = self._watermarks.behind(item.run.ended_ns, self._lags_ns(settled, overdue=overdue))
        waits_for_kill = is_any_between(unpublished_ns, item.run.earliest_ns, item.run.ended_ns or 0)
        if (behind or waits_for_kill) and now_ns < item.latest_ns:
            if overdue:
                self._queue.postpone(item, max(item.deadline_ns, now_ns + RETRY_NS))
            return None
        death = settled or self._death(item)
        item.awaits_podman = _awaits_podman(death) and now_ns < item.latest_ns - CAP_NS + _PODMAN_WAIT_NS
        if item.awaits_podman:
            self._queue.postpone(item, item.latest_ns - CAP_NS + _PODMAN_WAIT_NS)
            return None
        self._watermarks.give_up(behind)
        return replace(death, unread=behind)

    def _settle(self, item: PendingRun) -> None:
        """
        Judge a run; keep the death if only unread evidence can change its verdict.
        """
        death = self._death(item)
        item.open_until_ns = open_until_ns(death.case, death.verdict)
        is_settled = death.verdict.final or item.open_until_ns is not None
        self._queue.settle(item, death if is_settled else None)

    def _lags_ns(self, settled: Death | None, *, overdue: bool) -> Mapping[str, int]:
        """
        Return what a verdict waits for that is due, or that needs no deadline.
        """
        if settled is None or not settled.verdict.final:
            return VERDICT_LAGS_NS if overdue else {}
        return VERDICT_LAGS_NS if _has_kill_after_end(settled) else self._watermarks.settled_lags_ns()

    def _is_early(self, item: PendingRun, settled: Death) -> bool:
        """
        Return whether a settled verdict needs no deadline: it is final, or all sources state that they have been read
        as far as they could bring other evidence.
        """
        if settled.verdict.final:
            return True
        is_open = item.open_until_ns is None or _has_kill_after_end(settled)
        return not is_open and self._watermarks.have_all_passed(item.run.ended_ns, item.open_until_ns or {})

    def _death(self, item: PendingRun) -> Death:
        """
        Judge a run; note on which processes its verdict depends.
        """
        case = self._cases.build(item.record, item.run)
        pids = {item.run.main_pid}
        pids |= {case.main_exit.pid} if case.main_exit is not None else set()
        pids |= {case.sender.sender_pid} if case.sender is not None else set()
        self._queue.update(item, frozenset(pid for pid in pids if pid is not None))
        return Death(record=item.record, run=item.run, case=case, verdict=decide(case))


def _awaits_podman(death: Death) -> bool:
    """
    Return whether Podman has still to say how a run ended; or that it cleaned up after it, or removed the container.

    It says one of the latter after each end. `podman rm -f` and `podman stop` send the same signals.
    """
    run = death.run
    if not death.case.is_podmans or run.is_unreported or death.record.run is not run:
        return False
    if run.die_event_ns is None:
        return run.gone or run.destroy_ns is not None
    return death.verdict.cause in _STOPS and not (run.is_cleaned_up or run.restarted)


def _has_kill_after_end(death: Death) -> bool:
    """
    Return whether a kill right after the end may belong to the next run, of which Docker has not said anything yet.
    """
    return any(death.run.is_over(kill.at_ns, CLOCK_SLACK_NS) for kill in death.case.kills)
