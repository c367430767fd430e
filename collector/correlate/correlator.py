"""
Facts in, findings out: where the facts of all sources meet.

A pure state machine. It never reads a clock: `now_ns` is any clock that only goes forward, and serves deadlines alone;
when something happened is in the facts. The same facts in the same order give the same findings.
"""

from collections.abc import Sequence
from dataclasses import replace
from signal import SIGKILL
from typing import assert_never

from collector.correlate.counted_victims import counter_only_kill
from collector.correlate.deaths import Deaths
from collector.correlate.findings import Finding, UnexplainedCount
from collector.correlate.inventory import ContainerInventory
from collector.correlate.kernel_kills import KernelKills
from collector.correlate.kernel_notices import KernelNotices
from collector.correlate.kill_records import KillRecords, restored_kill_in_run
from collector.correlate.log_holes import LogHoles
from collector.correlate.oom_notices import OomNotices, docker_notice, systemd_notice
from collector.correlate.pending_deaths import KERNEL_SOURCES, PendingDeaths
from collector.correlate.pid_index import PidIndex
from collector.correlate.pid_observations import PidObservations
from collector.correlate.reconciliation import Reconciler
from collector.correlate.references import known_reference
from collector.correlate.standing import Standings
from collector.correlate.userspace_kills import UserspaceKills
from collector.correlate.watermarks import Watermarks
from collector.correlate.writer_limits import WriterLimits
from collector.facts.kernel import KernelFact, ThreadCrashedFact
from collector.facts.memory import ContainerProcessesFact, MemoryRoundFact
from collector.facts.observed import (
    ContainerGoneFact,
    DockerDaemonFact,
    Fact,
    GapFact,
    LogTailFact,
    LogTailRequestedFact,
    OomCountedFact,
    Origin,
    ProcessExitedFact,
    ServiceFact,
    SignalFact,
    SnapshotFact,
    VictimMarkedFact,
)
from collector.facts.restored import RestoredDeathFact, RestoredKillFact, RestoredRunFact, RestoredWarningFact
from collector.facts.stops import MainSignalsFact, OpenFilesFact, PendingKillFact, StopsFact
from collector.facts.watermark import WatermarkFact
from parsers.docker_event import DockerEvent
from parsers.killers import KillerFact, UnitOomKilled
from parsers.unit_stops import UnitStopping
from sinks.event import GapKind, Host

_DockerFact = DockerEvent | SnapshotFact | ContainerGoneFact | LogTailRequestedFact | LogTailFact | ServiceFact
_ProcessFact = ProcessExitedFact | SignalFact | VictimMarkedFact | ThreadCrashedFact | StopsFact


class Correlator:
    """
    Joins what the sources saw into OOM kills and container deaths.

    Args:
        host: part of the ids of kills.
        booted_ns: when it was booted, wall clock.
        is_pasted: as for the analyzer.

    Attributes:
        inventory: the containers; read only.
        standings: whether everything that has happened to a container is known.
    """

    def __init__(self, host: Host, booted_ns: int | None = None, *, is_pasted: bool = False) -> None:
        boot_id = host.boot.id if host.boot is not None else None
        self.inventory = ContainerInventory()
        self._host = host
        self._pids, self._notices = PidIndex(), OomNotices()
        self._observations, self._watermarks = observations, watermarks = PidObservations(), Watermarks()
        known = (self.inventory, self._pids, self._notices, observations)
        self._kernel_kills = KernelKills(host, *known, watermarks=watermarks, with_beginnings=is_pasted)
        self.standings = Standings(self.inventory, watermarks, self._kernel_kills)
        self._userspace_kills = UserspaceKills(host, self.inventory, self._pids, observations)
        self._pending = pending = PendingDeaths(self.inventory, observations, watermarks, boot_id, booted_ns)
        seen = (self.inventory, self._pids, observations)
        self._kernel_notices = KernelNotices(host, *seen, watermarks=watermarks, pending=pending, is_pasted=is_pasted)
        self._deaths = Deaths(self.inventory, self._pids, pending, boot_id)
        self._reconciler = Reconciler(watermarks)
        self._records = KillRecords(self.inventory, pending, self._reconciler)
        self._holes, self._limits = LogHoles(), WriterLimits()
        self._down: set[str] = set()
        self._wall_ns = 0  # the latest time in any fact: what is too old is forgotten by it

    def feed(self, fact: Fact, now_ns: int, origin: Origin | None = None) -> list[Finding]:
        """
        Take one fact; return the findings that are complete because of it.

        Args:
            fact: what a source saw.
            now_ns: a clock that only goes forward.
            origin: the reading that the fact came in; see `held`.
        """
        return [*self._feed(fact, now_ns, origin), *self._ended(now_ns)]

    def tick(self, now_ns: int) -> list[Finding]:
        """
        Let time pass; return the findings whose deadline has come.
        """
        findings = [*self._records.record(self._kernel_kills.tick(now_ns)), *self._discrepancies(now_ns)]
        findings += self._kernel_notices.tick(now_ns)
        self._notices.expire(self._wall_ns)
        self.inventory.forget(now_ns)
        return [*findings, *self._limits.take(now_ns), *self._ended(now_ns)]

    def flush(self) -> list[Finding]:
        """
        End the input; return everything, with what is known.
        """
        kernel = [*self._records.record(self._kernel_kills.flush()), *self._kernel_notices.flush()]
        return [*kernel, *self._deaths.flush(), *self._holes.flush(), *self._limits.flush()]

    def next_deadline_ns(self) -> int | None:
        """
        Return when `tick` should be called next, on the clock of `now_ns`; None when nothing waits.
        """
        parts = (self._kernel_kills, self._kernel_notices, self._pending, self._reconciler, self._holes, self._limits)
        deadlines = [part.next_deadline_ns() for part in parts]
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def wants_watermarks(self, now_ns: int) -> bool:
        """
        Return whether something waits for sources to be read, or will soon: they are to be asked how far they are.
        """
        parts = (self._kernel_kills, self._kernel_notices, self._pending, self._reconciler)
        return any(part.wants_watermarks(now_ns) for part in parts)

    @property
    def waits_begun(self) -> int:
        """
        How often a run has ended, or its verdict has begun to wait for nothing else than sources to be read.
        """
        return self._pending.waits_begun

    def sources_ended(self) -> None:
        """
        Wait for no source any more: none will be read.
        """
        self._watermarks.end()

    def held(self) -> dict[str, int]:
        """
        Return per source the ordinal of the oldest reading that must be read again if the agent dies now.
        """
        oldest: dict[str, int] = {}
        kills = (*self._kernel_kills.held(), *self._kernel_notices.held())
        for origin in (*kills, *self._deaths.held(self._wall_ns), *self._holes.held(), *self._limits.held()):
            oldest[origin.source] = min(origin.ordinal, oldest.get(origin.source, origin.ordinal))
        return oldest

    def _feed(self, fact: Fact, now_ns: int, origin: Origin | None) -> Sequence[Finding]:
        if isinstance(fact, KillerFact):
            return self._feed_killer(fact, now_ns, origin)
        if isinstance(fact, _DockerFact):
            return self._feed_docker(fact, now_ns, origin)
        if isinstance(fact, _ProcessFact):
            return self._feed_process(fact, now_ns)
        match fact:
            case KernelFact():
                self._note_time(fact.occurred_at_ns)
                kills = self._records.record(self._kernel_kills.feed(fact, now_ns, origin))
                return [*kills, *self._kernel_notices.feed(fact, now_ns, origin)]
            case RestoredRunFact() | RestoredKillFact() | RestoredDeathFact():
                self._restore(fact, now_ns)
            case OomCountedFact():
                self._reconciler.feed(fact, now_ns)
            case WatermarkFact():
                self._watermarks.advance(fact)
            case GapFact():
                return self._feed_gap(fact, now_ns, origin)
            case MemoryRoundFact() | ContainerProcessesFact() | RestoredWarningFact():
                self._note_time(fact.occurred_at_ns)  # the analyzer follows what they say
            case _:
                assert_never(fact)
        return ()

    def _feed_docker(self, fact: _DockerFact, now_ns: int, origin: Origin | None) -> Sequence[Finding]:
        match fact:
            case DockerEvent():
                self._note_time(fact.occurred_at_ns)
                self._notices.add(docker_notice(fact))
                self._deaths.feed_event(fact, now_ns, origin)
            case SnapshotFact():
                self._deaths.feed_snapshot(fact, now_ns, origin)
                return self._retry(now_ns)
            case ContainerGoneFact():
                self._deaths.feed_gone(fact, now_ns, origin)
            case LogTailRequestedFact() | LogTailFact():
                self._deaths.feed_log_tail(fact)
            case DockerDaemonFact() | UnitStopping():
                self._pending.feed_service(fact)
            case _:
                assert_never(fact)
        return ()

    def _feed_process(self, fact: _ProcessFact, now_ns: int) -> Sequence[Finding]:
        match fact:
            case ProcessExitedFact():
                return self._feed_exit(fact, now_ns)
            case SignalFact():
                self._observations.add(fact)
                self._pending.process_changed(fact.target_pid)
            case VictimMarkedFact():
                return self._feed_victim(fact, now_ns)
            case ThreadCrashedFact():
                return self._kernel_notices.feed_crash(fact, now_ns)
            case PendingKillFact() | MainSignalsFact() | OpenFilesFact():
                self._note_time(fact.occurred_at_ns)  # as above
            case _:
                assert_never(fact)
        return ()

    def _feed_killer(self, fact: KillerFact, now_ns: int, origin: Origin | None) -> Sequence[Finding]:
        self._note_time(fact.occurred_at_ns)
        if not self._limits.admit(fact.author, fact.at_ns, now_ns, origin):
            return ()
        if isinstance(fact, UnitOomKilled):
            self._notices.add(systemd_notice(fact, self.inventory))
            return self._records.record(self._kernel_kills.retry_waiting(now_ns))
        return self._records.record(self._userspace_kills.feed(fact))

    def _feed_exit(self, fact: ProcessExitedFact, now_ns: int) -> Sequence[Finding]:
        self._note_time(fact.occurred_at_ns)
        self._observations.add(fact)
        container = known_reference(fact.container, self.inventory)
        if container is None:
            return ()
        self.inventory.keep_exit(container_id := container.id, fact)
        self._pending.feed_exit(fact, container, now_ns)
        if fact.status is None or fact.status.signal != SIGKILL:
            return self._kernel_notices.retry(now_ns)
        self._pids.learn_exited(container_id, fact.pid, fact.started_ns, fact.at_ns)
        return self._retry(now_ns)

    def _feed_victim(self, fact: VictimMarkedFact, now_ns: int) -> Sequence[Finding]:
        self._observations.add(fact)
        container = known_reference(fact.container, self.inventory)
        if container is None:
            return ()
        self._pids.learn_marked(container.id, fact.pid, fact.at_ns)
        return self._records.record(self._kernel_kills.retry_waiting(now_ns))

    def _restore(self, fact: RestoredRunFact | RestoredKillFact | RestoredDeathFact, now_ns: int) -> None:
        if isinstance(fact, RestoredKillFact):
            self._records.keep(fact.container_id, restored_kill_in_run(fact))
        else:
            self._deaths.feed_restored(fact, now_ns)

    def _feed_gap(self, fact: GapFact, now_ns: int, origin: Origin | None) -> Sequence[Finding]:
        self._watermarks.feed_gap(fact)
        self._pending.feed_gap(fact)
        self._reconciler.feed_gap(fact)
        if self._holes.feed_gap(fact, now_ns, origin):
            return ()  # published once the counters show whether a kill is missing
        if fact.what is GapKind.SOURCE_DOWN:
            self._down.add(fact.source)
        elif fact.what is GapKind.SOURCE_UP:
            if fact.source not in self._down:
                return ()  # a source that starts is not worth an event
            self._down.discard(fact.source)
        return [fact]

    def _ended(self, now_ns: int) -> Sequence[Finding]:
        """
        Return the deaths whose evidence is complete.
        """
        return () if self._pending.is_idle(now_ns) else self._deaths.tick(now_ns, self._kernel_kills.unpublished_ns())

    def _discrepancies(self, now_ns: int) -> list[Finding]:
        """
        Compare counters with published kills.
        """
        # A kernel log that will be read again may still describe the kill.
        log_is_complete = not self._down & KERNEL_SOURCES
        findings: list[Finding] = []
        for found in self._reconciler.tick(now_ns, self._kernel_kills.unpublished_ns()):
            if not isinstance(found, UnexplainedCount):
                findings.append(found)
                continue
            record = self.inventory.get(found.container_id) if found.container_id is not None else None
            findings += [] if self._holes.explain(found) else [replace(found, record=record)]
            if log_is_complete:
                kill = counter_only_kill(found, self._observations, self.inventory, self._host)
                findings += self._records.record([kill] if kill is not None else [])
        return [*findings, *self._holes.take(self._reconciler.compared_until_ns, now_ns)]

    def _retry(self, now_ns: int) -> Sequence[Finding]:
        return [*self._records.record(self._kernel_kills.retry_waiting(now_ns)), *self._kernel_notices.retry(now_ns)]

    def _note_time(self, at_ns: int | None) -> None:
        self._wall_ns = max(self._wall_ns, at_ns or 0)
