"""
Facts in, events out: joins correlation, memory analysis and publishing.

Pure: it never reads a clock, and the same facts in the same order give the same events, byte by byte. The agent, the
replay of recordings and `exit137 explain` share it.
"""

from collections.abc import Iterable, Sequence
from typing import Final, assert_never

from collector.correlate.attribution import container_of_report
from collector.correlate.container_record import ContainerRecord
from collector.correlate.correlator import Correlator
from collector.correlate.findings import (
    CounterOnlyKill,
    Death,
    Finding,
    IncompleteReport,
    KernelEvent,
    KernelKill,
    UnconfirmedKill,
    UnexplainedCount,
    UserspaceKill,
)
from collector.correlate.replacement import replacement_of
from collector.correlate.standing import Question, Standing
from collector.correlate.stuck_stops import StuckStop, StuckStops
from collector.correlate.unheard_signals import UnheardSignals
from collector.facts.lru import LruDict
from collector.facts.memory import ContainerProcessesFact, MemoryRoundFact, MemorySample
from collector.facts.observed import Fact, GapFact, Origin
from collector.facts.restored import RestoredWarningFact
from collector.facts.stops import MainSignalsFact, OpenFilesFact, PendingKillFact
from collector.memory.history import MemoryHistory
from collector.memory.sizing import Sizing, sizing_of
from collector.memory.usage import MemoryUse
from collector.publish.agent import AgentEvents
from collector.publish.deaths import death_event, with_shed
from collector.publish.host_status import AgentState, status_event
from collector.publish.kernel_events import kernel_event
from collector.publish.kills import counter_only_kill_event, kernel_kill_event, userspace_kill_event
from collector.publish.memory_context import MemoryContext
from collector.publish.open_files import with_open_files
from collector.publish.service_time import ServiceTime
from collector.publish.stuck_stops import stuck_stop_event
from parsers.docker_event import DockerEvent
from parsers.docker_inspect import ContainerSnapshot
from parsers.oom.facts import OomReport
from sinks.event import Event, Host

_NS_PER_S: Final = 1_000_000_000
_OPEN_FILES_KEPT: Final = 1024


class Analyzer:
    """
    Turns the facts of one host into the events that are published.

    Args:
        host: as it is published.
        booted_ns: when it was booted, wall clock.
        is_pasted: the lines are of a pasted text: nothing proves who wrote it, and it may be cut anywhere. So reports
            of which only the beginning is there are published too, and no kernel event is certain.
    """

    def __init__(self, host: Host, booted_ns: int | None = None, *, is_pasted: bool = False) -> None:
        self._agent_events = AgentEvents(host=host)
        self._host = host
        self._correlator = Correlator(host, booted_ns, is_pasted=is_pasted)
        self._memory = MemoryContext(host)
        self._service_time: ServiceTime | None = None
        self._stops, self._unheard_signals = StuckStops(), UnheardSignals(self._correlator.inventory)
        self._open_files: LruDict[str, OpenFilesFact] = LruDict(_OPEN_FILES_KEPT)
        self._is_behind = False

    def feed(self, fact: Fact, now_ns: int, origin: Origin | None = None) -> list[Event]:
        """
        Take one fact; return the events that are complete because of it.

        Args:
            fact: what a source saw.
            now_ns: a clock that only goes forward; serves deadlines alone.
            origin: the reading that the fact came in; see `held`.
        """
        findings = self._correlator.feed(fact, now_ns, origin)
        events: list[Event] = []
        # Memory first: a container that dies now is published with all that is known of it.
        if isinstance(fact, DockerEvent | MemoryRoundFact | ContainerProcessesFact | RestoredWarningFact):
            events = self._memory.feed(fact, self._correlator.inventory, now_ns)
        if isinstance(fact, DockerEvent):
            self._unheard_signals.feed_docker(fact, now_ns)
        elif isinstance(fact, OpenFilesFact):
            self._open_files[fact.container_id] = fact
        elif isinstance(fact, MainSignalsFact):
            self._unheard_signals.feed_main(fact)
        elif isinstance(fact, PendingKillFact):
            record = self._correlator.inventory.get(fact.container_id)
            events = self._stuck(self._stops.feed(fact, record))
        return events + self._publish(findings, now_ns)

    def tick(self, now_ns: int) -> list[Event]:
        """
        Let time pass; return the events whose deadline has come.
        """
        return self._publish(self._correlator.tick(now_ns), now_ns)

    def flush(self) -> list[Event]:
        """
        End the input; return the events of everything that is pending, with what is known.
        """
        events = self._publish(self._correlator.flush(), 0)
        self._unheard_signals.flush()
        return events

    def set_behind(self, *, is_behind: bool) -> None:
        """
        Note whether the agent is behind: then events say that less was looked at than usual.
        """
        self._is_behind = is_behind

    def next_deadline_ns(self) -> int | None:
        """
        Return when `tick` should be called next, on the clock of `now_ns`; None when nothing waits.
        """
        deadlines = (self._correlator.next_deadline_ns(), self._unheard_signals.next_deadline_ns())
        return min((deadline_ns for deadline_ns in deadlines if deadline_ns is not None), default=None)

    def wants_watermarks(self, now_ns: int) -> bool:
        """
        Return whether something waits for sources to be read, or will soon: they are to be asked how far they are.
        """
        return self._correlator.wants_watermarks(now_ns)

    @property
    def waits_begun(self) -> int:
        """
        How often a run has ended, or its verdict has begun to wait for nothing else than sources to be read: each time
        they are to be asked at once.
        """
        return self._correlator.waits_begun

    def standing(self, question: Question, at_ns: int) -> Standing:
        """
        Return whether everything that happened to a container before a moment (wall clock) is known.
        """
        return self._correlator.standings.of(question, at_ns)

    def snapshot_of(self, container_id: str) -> ContainerSnapshot | None:
        """
        Return what Docker last said about a container.
        """
        record = self._correlator.inventory.get(container_id)
        return record.snapshot if record is not None else None

    def memory_use(self) -> list[tuple[MemoryUse, str | None]]:
        """
        Return the memory of every running container with its name, by the latest samples.
        """
        records = self._correlator.inventory
        uses = self._memory.uses()
        return [(use, record.name if (record := records.get(use.sample.container_id)) else None) for use in uses]

    def sizing(self, sample: MemorySample, history: MemoryHistory, now_ns: int) -> Sizing:
        """
        Return how much memory a running container needs.

        Args:
            sample: its memory now.
            history: its memory in stored events.
            now_ns: the wall clock.
        """
        record = self._correlator.inventory.get(sample.container_id)
        run = record.run_at(now_ns) if record is not None else None
        began_ns = run.began_ns if run is not None else None
        since_ns = min((at_ns for at_ns in (history.first_ns, began_ns) if at_ns is not None), default=now_ns)
        return sizing_of(
            sample,
            observed_s=max(0.0, (now_ns - since_ns) / _NS_PER_S),
            history=history,
            workload=self._memory.workload(sample.container_id),
            snapshot=record.snapshot if record is not None else None,
            host_bytes=self._memory.host_bytes,
        )

    def count_time(self, since_ns: int | None) -> None:
        """
        Count how long containers run, from a time on (wall clock); None: do not count.
        """
        self._service_time = ServiceTime(since_ns) if since_ns is not None else None

    def status(self, agent: AgentState, at_ns: int) -> Event:
        """
        Return the status of the host, and begin to count anew.

        Args:
            agent: the agent.
            at_ns: the time of the status, wall clock.
        """
        counted = self._service_time or ServiceTime(at_ns)
        return status_event(self._host, agent, counted.take(self._correlator.inventory, at_ns), at_ns)

    def sources_ended(self) -> None:
        """
        Wait for no source any more: none will be read.
        """
        self._correlator.sources_ended()

    def held(self) -> dict[str, int]:
        """
        Return per source the ordinal of the oldest reading that must be read again if the agent dies now.
        """
        return self._correlator.held()

    def _publish(self, findings: Sequence[Finding], now_ns: int) -> list[Event]:
        for finding in findings:
            if isinstance(finding, KernelEvent):
                self._unheard_signals.feed_kernel_event(finding, now_ns)
        events = [event for finding in findings for event in self._events_of(finding)]
        return events + self._stuck(self._unheard_signals.tick(now_ns))

    def _stuck(self, found: Iterable[StuckStop]) -> list[Event]:
        return [stuck_stop_event(stuck, self._host, self._record(stuck.container_id)) for stuck in found]

    def _kill(self, event: Event, record: ContainerRecord | None, report: OomReport | None = None) -> list[Event]:
        return self._memory.kill(event, report, record, self._correlator.inventory)

    def _events_of(self, finding: Finding) -> list[Event]:
        match finding:
            case KernelKill():
                events = self._kill(kernel_kill_event(self._host, finding), finding.record, finding.report)
            case UserspaceKill():
                events = self._kill(userspace_kill_event(self._host, finding), finding.record)
            case CounterOnlyKill():
                events = self._kill(counter_only_kill_event(self._host, finding), finding.record)
            case Death():
                events = [self._memory.death(self._death_event(finding), finding)]
                finding.run.log_tail = ()  # it is published, and large; the run is kept for minutes
            case KernelEvent():
                events = [kernel_event(self._host, finding)]
            case IncompleteReport():
                record = self._record(container_of_report(finding.report))
                events = [self._agent_events.incomplete_report(finding, record)]
            case UnexplainedCount():
                events = [self._agent_events.unexplained(finding)]
            case UnconfirmedKill():
                record = self._record(finding.kill.container_id)
                events = [self._agent_events.unconfirmed(finding, record)]
            case GapFact():
                events = [self._agent_events.gap(finding)]
            case _:
                assert_never(finding)
        return events

    def _death_event(self, death: Death) -> Event:
        if self._service_time is not None:
            self._service_time.end(death.record, death.run)
        replaced_by = replacement_of(death.record, death.run, self._correlator.inventory)
        event = death_event(self._host, death, replaced_by)
        event = with_open_files(event, self._open_files.get(death.record.id), death.run.began_ns)
        return with_shed(event, death, is_behind=self._is_behind)

    def _record(self, container_id: str | None) -> ContainerRecord | None:
        return self._correlator.inventory.get(container_id) if container_id is not None else None
