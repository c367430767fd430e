"""
The correlator on a host where anything may happen, with sources of any delay.

Each source keeps its own order, and the sources interleave in any way. The correlator never fails, publishes every end
and every kill once, and in the end holds nothing back.
"""

from collections import Counter, deque
from dataclasses import dataclass, field

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from collector.correlate.attribution import attribute
from collector.facts.observed import (
    DockerDaemonFact,
    Fact,
    GapFact,
    LogTailFact,
    LogTailRequestedFact,
    Origin,
    SignalFact,
)
from parsers.docker_event import DockerAction
from sinks.event import Event, EventType, EvidenceSource, GapKind
from tests.unit.collector.correlate.scene import (
    JOURNALD,
    KMSG,
    A,
    B,
    C,
    Scene,
    by_systemd,
    docker,
    ended,
    exited,
    killed,
    line,
    ns,
    report,
    running,
)

CONTAINERS = st.sampled_from([A, B, C])
SOURCES = st.sampled_from(["kmsg", "journald", "docker", "inspect", "processes", "trace"])
# Docker logs an event this much later than it happened; between two runs it leaves at least 100 ms.
STAMP_LAG_S = 0.02
BETWEEN_RUNS_S = 0.15
LABELS = st.sampled_from([{}, {"exitCode": "0"}, {"signal": "9"}])


@dataclass
class Real:
    """
    The true state of a container.
    """

    labels: dict[str, str] = field(default_factory=dict)
    alive: bool = False
    started_s: float | None = None
    finished_s: float = 0.0
    exit_code: int = 0
    pid: int = 0


class Hosting(RuleBasedStateMachine):
    """
    Starts, kills and ends containers; each source reports this with any delay.
    """

    def __init__(self) -> None:
        super().__init__()
        self.scene = Scene()
        self.containers = {container_id: Real() for container_id in (A, B, C)}
        self.queues: dict[str, deque[tuple[int, Fact]]] = {
            source: deque() for source in ("kmsg", "journald", "docker", "inspect", "processes", "trace")
        }
        self.happened = 0
        self.next_pid = 100
        self.ends = 0
        self.killed_pids: list[int] = []
        self.events: list[Event] = []

    def _later(self, source: str, *facts: Fact) -> None:
        """
        Queue facts of a source, to be delivered in this order.
        """
        for fact in facts:
            self.happened += 1
            self.queues[source].append((self.happened, fact))

    def _deliver(self, source: str) -> None:
        """
        Deliver one fact of a source; an inspection comes after the Docker events from before it was made.
        """
        if not self.queues[source]:
            return
        while source == "inspect" and self.queues["docker"] and self.queues["docker"][0][0] < self.queues[source][0][0]:
            self._deliver("docker")
        ordinal, fact = self.queues[source].popleft()
        self.events += self.scene.feed(fact, origin=Origin(source=source, ordinal=ordinal))

    def _die(self, container_id: str, exit_code: int) -> None:
        container, now_s = self.containers[container_id], self.scene.now_s
        container.alive, container.finished_s, container.exit_code = False, now_s, exit_code
        self.ends += 1
        signal = exit_code - 128 if exit_code > 128 else None
        code = exit_code if signal is None else None
        self._later("processes", exited(container.pid, container_id, now_s, code=code, signal=signal))
        end = docker(DockerAction.DIE, now_s + STAMP_LAG_S, container_id, exit_code=exit_code)
        self._later("docker", end)
        if self.ends % 2:
            self._later("docker", LogTailRequestedFact(container_id=container_id, die_event_ns=end.time_ns))
            self._later("docker", LogTailFact(container_id=container_id, die_event_ns=end.time_ns, lines=("bye",)))

    @rule(seconds=st.sampled_from([0.001, 0.1, 1.0, 3.0, 60.0, 700.0]))
    def time_passes(self, seconds: float) -> None:
        self.events += self.scene.wait(seconds)

    @rule(source=SOURCES, count=st.integers(1, 6))
    def a_source_delivers(self, source: str, count: int) -> None:
        for _ in range(count):
            self._deliver(source)

    @rule(container_id=CONTAINERS, labels=LABELS)
    def start(self, container_id: str, labels: dict[str, str]) -> None:
        container = self.containers[container_id]
        if container.alive:
            return
        self.events += self.scene.wait(BETWEEN_RUNS_S)
        self.next_pid += 1
        container.labels = container.labels or labels
        container.alive, container.started_s, container.pid = True, self.scene.now_s, self.next_pid
        self._later("docker", docker(DockerAction.START, self.scene.now_s + STAMP_LAG_S, container_id))

    @rule(container_id=CONTAINERS)
    def inspect(self, container_id: str) -> None:
        container = self.containers[container_id]
        if container.started_s is None:
            return
        if container.alive:
            seen = running(container_id, container.started_s, pid=container.pid, labels=container.labels)
        else:
            seen = ended(
                container_id,
                started_s=container.started_s,
                finished_s=container.finished_s,
                exit_code=container.exit_code,
                labels=container.labels,
            )
        self._later("inspect", seen)

    @rule(container_id=CONTAINERS, exit_code=st.sampled_from([0, 1, 127, 139, 255]))
    def exit(self, container_id: str, exit_code: int) -> None:
        if self.containers[container_id].alive:
            self._die(container_id, exit_code)

    @rule(container_id=CONTAINERS, signal=st.sampled_from([1, 9, 15]), ends=st.booleans(), stop=st.booleans())
    def signal(self, container_id: str, signal: int, ends: bool, stop: bool) -> None:
        if not self.containers[container_id].alive:
            return
        self._later("docker", docker(DockerAction.KILL, self.scene.now_s, container_id, signal=signal))
        self.next_pid += 1
        self._later("trace", _sent(signal, self.next_pid, self.containers[container_id].pid, self.scene.now_s))
        self._later("processes", exited(self.next_pid, container_id, self.scene.now_s + 0.001, code=0))
        if ends:
            self._die(container_id, 128 + signal)
            if stop:
                self._later("docker", docker(DockerAction.STOP, self.scene.now_s + 0.1, container_id))

    @rule(container_id=CONTAINERS, main=st.booleans(), bare=st.booleans(), noticed=st.booleans())
    def oom_kill(self, container_id: str, main: bool, bare: bool, noticed: bool) -> None:
        container, now_s = self.containers[container_id], self.scene.now_s
        if not container.alive:
            return
        self.next_pid += 1
        pid = container.pid if main else self.next_pid
        self.killed_pids.append(pid)
        for source in (KMSG, JOURNALD):
            self._later(source.value, *_lines(pid, container_id, now_s, source, bare=bare))
        if noticed:
            self._later("journald", by_systemd(container_id, now_s + 0.01))
            self._later("docker", docker(DockerAction.OOM, now_s + 0.1, container_id))
        if main:
            self._die(container_id, 137)
        else:
            self._later("processes", exited(pid, container_id, now_s, signal=9))

    @rule(source=st.sampled_from(["kmsg", "journald"]))
    def kernel_prints(self, source: str) -> None:
        self._later(source, line("eth0: link up", self.scene.now_s, EvidenceSource(source)))

    @rule(up=st.booleans())
    def daemon(self, up: bool) -> None:
        self._later("docker", DockerDaemonFact(up=up, at_ns=ns(self.scene.now_s), text="daemon"))

    @rule(source=SOURCES, what=st.sampled_from([GapKind.SOURCE_UP, GapKind.SOURCE_DOWN, GapKind.RECORDS_LOST]))
    def a_source_changes(self, source: str, what: GapKind) -> None:
        self._later(source, GapFact(source=source, what=what, at_ns=ns(self.scene.now_s), text=what))

    @invariant()
    @precondition(lambda self: self.events)
    def nothing_is_published_twice(self) -> None:
        """
        Check that no id is repeated: consumers deduplicate by the id.
        """
        counts = Counter(event.id for event in self.events if event.type is not EventType.AGENT)
        assert all(count == 1 for count in counts.values())

    @invariant()
    def held_positions_were_read(self) -> None:
        """
        Check that a held position is that of a delivered reading of its source.
        """
        for source, ordinal in self.scene.analyzer.held().items():
            assert not self.queues[source] or ordinal < self.queues[source][0][0]

    @invariant()
    def a_death_that_no_fact_concerned_would_not_be_published(self) -> None:
        """
        A pending death is judged again only when something about it changed: judged now, it would have to wait as well.
        """
        pending = self.scene.analyzer._correlator._pending
        for item in pending._queue:
            if not item.changed and not item.run.awaits_docker:
                pids = item.pids
                assert not pending._death(item).verdict.final
                pending._queue.update(item, pids)

    @invariant()
    def what_was_attributed_from_the_same_knowledge_is_the_same(self) -> None:
        """
        The attributions of a waiting kill are used again only while a new attempt would give the same.
        """
        kills = self.scene.analyzer._correlator._kernel_kills
        for waiting in kills._waiting:
            if waiting.attributed_from is not None and waiting.attributed_from[0] == kills._pids.revision:
                certain_only = waiting.attributed_from[1]
                assert waiting.attributions == [
                    attribute(waiting.report, victim, kills._inventory, kills._pids, certain_only=certain_only)
                    for victim in waiting.report.victims
                ]

    def teardown(self) -> None:
        """
        Check that each end and each kill is published when all sources have delivered everything, and nothing is held.
        """
        for source in self.queues:
            while self.queues[source]:
                self._deliver(source)
        self.events += self.scene.flush()
        self.nothing_is_published_twice()
        assert sum(event.exit137.death is not None for event in self.events) == self.ends
        kills = (event.exit137.oom for event in self.events if event.type is EventType.OOM_KILL)
        assert sorted(victim.pid for oom in kills if oom for victim in oom.victims) == sorted(self.killed_pids)
        self.scene.feed(line("a minute later", self.scene.now_s + 61))
        self.scene.flush()
        assert self.scene.analyzer.held() == {}
        assert self.scene.analyzer.next_deadline_ns() is None


def _sent(signal: int, sender_pid: int, target_pid: int, at_s: float) -> SignalFact:
    """
    A signal of a `kill` command, which was gone when its container was looked up.
    """
    return SignalFact(
        signal=signal,
        code=0,
        sender_pid=sender_pid,
        sender_comm="kill",
        sender_uid=0,
        sender_container=None,
        sender_unit=None,
        target_pid=target_pid,
        target_comm="hog",
        at_ns=ns(at_s),
    )


def _lines(pid: int, container_id: str, at_s: float, source: EvidenceSource, *, bare: bool) -> list[Fact]:
    """
    Return the lines of a kill: the whole report, or in a storm only the last line.
    """
    if bare:
        return [line(killed(pid), at_s, source)]
    return list(report(pid, container_id, at_s, source))


# Long on a machine that others use as well.
TestHosting = pytest.mark.timeout(300)(Hosting.TestCase)
