"""
The correlator on a host where anything may happen, told by sources that are late: each keeps its own order, and they
interleave in any way. It never fails, tells every end and every kill once, and lets go of everything.
"""

from collections import Counter, deque
from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from collector.correlate.facts import EngineFact, Fact, GapFact, Origin
from parsers.docker_event import DockerAction
from sinks.event import Event, EventType, EvidenceSource
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
SOURCES = st.sampled_from(["kmsg", "journald", "docker", "inspect", "processes"])
# Docker logs an event this much later than what it tells of; between two runs it leaves at least 100 ms.
STAMP_LAG_S = 0.02
BETWEEN_RUNS_S = 0.15
LABELS = st.sampled_from([{}, {"exitCode": "0"}, {"signal": "9"}])


@dataclass
class Real:
    """
    A container as it really is.
    """

    labels: dict[str, str] = field(default_factory=dict)
    alive: bool = False
    started_s: float | None = None
    finished_s: float = 0.0
    exit_code: int = 0
    pid: int = 0


class Hosting(RuleBasedStateMachine):
    """
    Starts, kills and ends containers, and lets each source tell of it when it likes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.scene = Scene()
        self.containers = {container_id: Real() for container_id in (A, B, C)}
        self.queues: dict[str, deque[tuple[int, Fact]]] = {
            source: deque() for source in ("kmsg", "journald", "docker", "inspect", "processes")
        }
        self.happened = 0
        self.next_pid = 100
        self.ends = 0
        self.killed_pids: list[int] = []
        self.told: list[Event] = []

    def _later(self, source: str, *facts: Fact) -> None:
        """
        A source will tell these facts, in this order.
        """
        for fact in facts:
            self.happened += 1
            self.queues[source].append((self.happened, fact))

    def _deliver(self, source: str) -> None:
        """
        One fact of a source arrives; an inspection only after what Docker's stream had told before it was made.
        """
        if not self.queues[source]:
            return
        while source == "inspect" and self.queues["docker"] and self.queues["docker"][0][0] < self.queues[source][0][0]:
            self._deliver("docker")
        ordinal, fact = self.queues[source].popleft()
        self.told += self.scene.tell(fact, origin=Origin(source=source, ordinal=ordinal))

    def _die(self, container_id: str, exit_code: int) -> None:
        container, now_s = self.containers[container_id], self.scene.now_s
        container.alive, container.finished_s, container.exit_code = False, now_s, exit_code
        self.ends += 1
        signal = exit_code - 128 if exit_code > 128 else None
        code = exit_code if signal is None else None
        self._later("processes", exited(container.pid, container_id, now_s, code=code, signal=signal))
        self._later("docker", docker(DockerAction.DIE, now_s + STAMP_LAG_S, container_id, exit_code=exit_code))

    @rule(seconds=st.sampled_from([0.001, 0.1, 1.0, 3.0, 60.0, 700.0]))
    def time_passes(self, seconds: float) -> None:
        self.told += self.scene.wait(seconds)

    @rule(source=SOURCES, count=st.integers(1, 6))
    def a_source_tells(self, source: str, count: int) -> None:
        for _ in range(count):
            self._deliver(source)

    @rule(container_id=CONTAINERS, labels=LABELS)
    def start(self, container_id: str, labels: dict[str, str]) -> None:
        container = self.containers[container_id]
        if container.alive:
            return
        self.told += self.scene.wait(BETWEEN_RUNS_S)
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
        if ends:
            self._die(container_id, 128 + signal)
            if stop:
                self._later("docker", docker(DockerAction.STOP, self.scene.now_s + 0.1, container_id))

    @rule(container_id=CONTAINERS, main=st.booleans(), bare=st.booleans(), claimed=st.booleans())
    def oom_kill(self, container_id: str, main: bool, bare: bool, claimed: bool) -> None:
        container, now_s = self.containers[container_id], self.scene.now_s
        if not container.alive:
            return
        self.next_pid += 1
        pid = container.pid if main else self.next_pid
        self.killed_pids.append(pid)
        for source in (KMSG, JOURNALD):
            self._later(source.value, *_lines(pid, container_id, now_s, source, bare=bare))
        if claimed:
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
        self._later("docker", EngineFact(up=up, at_ns=ns(self.scene.now_s), text="daemon"))

    @rule(source=SOURCES, what=st.sampled_from(["source_up", "source_down", "records_lost"]))
    def a_source_changes(self, source: str, what: str) -> None:
        self._later(source, GapFact(source=source, what=what, at_ns=ns(self.scene.now_s), text=what))

    @invariant()
    @precondition(lambda self: self.told)
    def nothing_is_told_twice(self) -> None:
        """
        By the id, which is what consumers drop repetitions by.
        """
        counts = Counter(event.id for event in self.told if event.type is not EventType.AGENT)
        assert all(count == 1 for count in counts.values())

    @invariant()
    def what_is_held_was_read(self) -> None:
        """
        A position names a reading that there was, of its own source.
        """
        for source, ordinal in self.scene.correlator.held().items():
            assert not self.queues[source] or ordinal < self.queues[source][0][0]

    def teardown(self) -> None:
        """
        When all sources have told all, each end and each kill was told, and nothing is held.
        """
        for source in self.queues:
            while self.queues[source]:
                self._deliver(source)
        self.told += self.scene.flush()
        self.nothing_is_told_twice()
        assert sum(event.exit137.death is not None for event in self.told) == self.ends
        kills = (event.exit137.oom for event in self.told if event.type is EventType.OOM_KILL)
        assert sorted(victim.pid for oom in kills if oom for victim in oom.victims) == sorted(self.killed_pids)
        self.scene.tell(line("a minute later", self.scene.now_s + 61))
        self.scene.flush()
        assert self.scene.correlator.held() == {}
        assert self.scene.correlator.next_deadline_ns() is None


def _lines(pid: int, container_id: str, at_s: float, source: EvidenceSource, *, bare: bool) -> list[Fact]:
    """
    What the kernel prints of a kill: all of it, or in a storm the last line only.
    """
    if bare:
        return [line(killed(pid), at_s, source)]
    return list(report(pid, container_id, at_s, source))


TestHosting = Hosting.TestCase
