"""
True stories of a host: containers start, lose processes to the OOM killer and end; each source sees its part.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from hypothesis import strategies as st

from collector.facts.kernel import KernelFact, kernel_fact
from collector.facts.observed import Fact, LogTailFact, LogTailRequestedFact, SignalFact
from parsers.docker_event import DockerAction
from parsers.oom.facts import KernelLine
from sinks.event import EvidenceSource
from tests.unit.collector.correlate.scene import (
    BOOT_ID,
    A,
    B,
    C,
    by_systemd,
    docker,
    ended,
    exited,
    killed,
    line,
    marked,
    ns,
    report,
    running,
    us,
)

CONTAINERS = {"A": A, "B": B, "C": C}
KERNEL_LOGS = ("kmsg", "journald")
# Between two acts: as in a storm, and as on a quiet host.
GAPS_S = st.sampled_from([0.003, 0.05, 0.5, 3.0])
# Docker needs at least so much between a start and an end, and between two runs.
RUN_S = 0.15


@dataclass(frozen=True, slots=True)
class Record:
    """
    What one source writes down, and when.
    """

    at_s: float
    fact: Fact


@dataclass(frozen=True, slots=True)
class CountedKill:
    """
    A kill as the kernel counts it: in the cgroup of one run of a container.
    """

    at_s: float
    container_id: str
    run: int


@dataclass(slots=True)
class Life:
    """
    The present run of a container.
    """

    run: int = 0
    alive: bool = False
    main_pid: int = 0
    started_s: float = 0.0
    ended_s: float = -1.0


@dataclass(slots=True)
class Story:
    """
    What happens, and what each source writes down of it.

    Attributes:
        logs: the kernel logs that are read.
        connector: whether the process connector runs.
        trace: whether the trace runs.
        lost_exits: whether the connector has lost the ends of killed children.
        until_s: when it ends.
        streams: the records of each source, in their order.
        counted: the kills, as the kernel counts them.
        victims: pid and container of each kill.
        main_pids: the main processes of all runs.
        ends_s: per container and run, when its cgroup was removed.
    """

    logs: tuple[str, ...] = KERNEL_LOGS
    connector: bool = True
    trace: bool = True
    lost_exits: bool = False
    until_s: float = 0.05
    streams: dict[str, list[Record]] = field(default_factory=dict)
    counted: list[CountedKill] = field(default_factory=list)
    victims: list[tuple[int, str]] = field(default_factory=list)
    main_pids: set[int] = field(default_factory=set)
    ends_s: dict[tuple[str, int], float] = field(default_factory=dict)
    lives: dict[str, Life] = field(default_factory=dict)
    last_pid: int = 100

    def __post_init__(self) -> None:
        """Open the streams of the sources that run."""
        sources = [*self.logs, *["processes"] * self.connector, *["trace"] * self.trace, "docker"]
        self.streams = {source: [] for source in sources}
        for log in self.logs:
            self._write(log, 0.0, line("eth0: link up", 0.0, EvidenceSource(log)))

    def without(self, log: str, lost: set[int]) -> "Story":
        """
        Return the same story where a kernel log has lost some of its records; the first line of a boot is not lost.
        """
        kept = [
            record
            for number, record in enumerate(self.streams[log])
            if number == 0 or number - 1 not in lost or not isinstance(record.fact, KernelFact)
        ]
        copy = replace(self)
        copy.streams = {**self.streams, log: kept}
        return copy

    def act(self, container_id: str, what: str, gap_s: float, *, bare: bool) -> None:
        """
        Let something happen in a container; it is started before, where it does not run.
        """
        self.until_s += gap_s
        life = self.lives.setdefault(container_id, Life())
        if not life.alive:
            self._start(container_id, life)
        ACTS[what](self, container_id, life, bare)

    def _start(self, container_id: str, life: Life) -> None:
        at_s = self.until_s = max(self.until_s, life.ended_s + RUN_S)
        life.run, life.alive, life.main_pid, life.started_s = life.run + 1, True, self._new_pid(), at_s
        self.main_pids.add(life.main_pid)
        if life.run == 1:
            self._write("docker", at_s, docker(DockerAction.CREATE, at_s, container_id))
        self._write("docker", at_s + 0.02, docker(DockerAction.START, at_s + 0.02, container_id))
        self._write("docker", at_s + 0.05, running(container_id, at_s, pid=life.main_pid))
        self.until_s += RUN_S

    def _kill(self, container_id: str, life: Life, pid: int, *, bare: bool) -> None:
        """
        Have the OOM killer kill a process; in a storm the kernel prints only the last line of its report.
        """
        at_s = self.until_s
        self.victims.append((pid, container_id))
        self.counted.append(CountedKill(at_s, container_id, life.run))
        for log in self.logs:
            source = EvidenceSource(log)
            lines = [line(killed(pid), at_s, source)] if bare else report(pid, container_id, at_s, source)
            for number, fact in enumerate(lines):
                self._write(log, at_s + number * 1e-5, _later(fact, number * 1e-5))
        self._write("trace", at_s, marked(pid, container_id if pid % 2 else None, at_s))
        self._write("journald", at_s + 0.01, by_systemd(container_id, at_s + 0.01))
        self._write("docker", at_s + 0.1, docker(DockerAction.OOM, at_s + 0.1, container_id))

    def _kill_child(self, container_id: str, life: Life, *, bare: bool) -> None:
        pid = self._new_pid()
        self._kill(container_id, life, pid, bare=bare)
        if not self.lost_exits:
            self._exit_process(pid, container_id, life, self.until_s + 0.002, signal=9)

    def _kill_main(self, container_id: str, life: Life, *, bare: bool) -> None:
        self._kill(container_id, life, life.main_pid, bare=bare)
        self.until_s += 0.002
        self._end(container_id, life, 137, signal=9)

    def _signal(self, container_id: str, life: Life, sender: str) -> None:
        at_s, sender_pid = self.until_s, self._new_pid()
        sent = SignalFact(
            signal=9,
            code=0,
            sender_pid=sender_pid,
            sender_comm=sender,
            sender_uid=0,
            sender_container=None,
            sender_unit=None,
            target_pid=life.main_pid,
            target_comm="hog",
            at_ns=ns(at_s),
        )
        self._write("trace", at_s, sent)
        if sender == "runc":
            self._write("docker", at_s + 0.001, docker(DockerAction.KILL, at_s + 0.001, container_id, signal=9))
        self.until_s += 0.002
        self._end(container_id, life, 137, signal=9)

    def _stop(self, container_id: str, life: Life, exit_code: int) -> None:
        """
        Have `docker stop` end a container; Docker logs `stop` some time after `die`.
        """
        at_s = self.until_s
        self._write("docker", at_s, docker(DockerAction.KILL, at_s, container_id, signal=15))
        self.until_s += 0.01
        stopped_s = self.until_s + 0.19
        self._end(container_id, life, exit_code)
        self._write("docker", stopped_s, docker(DockerAction.STOP, stopped_s, container_id))

    def _end(
        self, container_id: str, life: Life, exit_code: int, signal: int | None = None, reported: int | None = None
    ) -> None:
        at_s = self.until_s
        life.alive, life.ended_s = False, at_s
        self.ends_s[container_id, life.run] = at_s
        self._exit_process(life.main_pid, container_id, life, at_s, signal=signal, code=exit_code)
        reported = exit_code if reported is None else reported
        die = docker(DockerAction.DIE, at_s + 0.02, container_id, exit_code=reported)
        requested = LogTailRequestedFact(container_id=container_id, die_event_ns=die.time_ns)
        tail = LogTailFact(container_id=container_id, die_event_ns=die.time_ns, lines=("bye",))
        after = ended(container_id, started_s=life.started_s, finished_s=at_s, exit_code=reported)
        for number, fact in enumerate((die, requested, tail, after)):
            self._write("docker", at_s + 0.02 + number * 0.01, fact)

    def _exit_process(
        self, pid: int, container_id: str, life: Life, at_s: float, *, signal: int | None, code: int | None = None
    ) -> None:
        status = code if signal is None else None
        began_s = life.started_s
        self._write("processes", at_s, exited(pid, container_id, at_s, started_s=began_s, code=status, signal=signal))

    def _new_pid(self) -> int:
        self.last_pid += 1
        return self.last_pid

    def _write(self, source: str, at_s: float, fact: Fact) -> None:
        if source in self.streams:
            self.streams[source].append(Record(at_s, fact))

    def kills_of_runs(self) -> list[tuple[str, int]]:
        """
        Return container and number of kills of each run that has ended, in the order of the runs of each container.
        """
        kills = Counter((kill.container_id, kill.run) for kill in self.counted)
        return [(container_id, kills[container_id, run]) for container_id, run in sorted(self.ends_s)]

    def finish(self) -> "Story":
        """
        Put the records of each source in the order in which they were written.
        """
        for records in self.streams.values():
            records.sort(key=lambda record: record.at_s)
        return self


def _later(fact: KernelFact, seconds: float) -> KernelFact:
    """
    Return a line of a report with its own stamp: the kernel prints it some microseconds after the first line.
    """
    at_us = (fact.line.monotonic_us or 0) + us(seconds) - us(0.0)
    at_ns = (fact.line.at_ns or 0) + ns(seconds) - ns(0.0)
    later = KernelLine(text=fact.line.text, monotonic_us=at_us, boot_id=BOOT_ID, at_ns=at_ns)
    return kernel_fact(fact.source, later)


Act = Callable[[Story, str, Life, bool], None]
ACTS: dict[str, Act] = {
    "oom_kill": lambda story, box, life, bare: story._kill_main(box, life, bare=bare),
    "oom_kill_child": lambda story, box, life, bare: story._kill_child(box, life, bare=bare),
    "docker_kill": lambda story, box, life, bare: story._signal(box, life, "runc"),
    "docker_stop": lambda story, box, life, bare: story._stop(box, life, 3),
    "signal": lambda story, box, life, bare: story._signal(box, life, "bash"),
    "exit": lambda story, box, life, bare: story._end(box, life, 0),
    "lost_code": lambda story, box, life, bare: story._end(box, life, 0, reported=255),
    "app_error": lambda story, box, life, bare: story._end(box, life, 1),
}


@dataclass(frozen=True, slots=True)
class Plot:
    """
    What makes a story.

    Attributes:
        logs: the kernel logs that are read.
        connector: whether the process connector runs; without it the kernel prints the path of each kill.
        trace: whether the trace runs.
        lost_exits: whether the connector has lost the ends of killed children: only systemd's line attributes them.
        acts: container, act, seconds since the act before, and whether a kill has only the last line of its report.
    """

    logs: tuple[str, ...]
    connector: bool
    trace: bool
    acts: list[tuple[str, str, float, bool]]
    lost_exits: bool = False

    def story(self) -> Story:
        """
        Return the story with what each source sees of it.
        """
        story = Story(logs=self.logs, connector=self.connector, trace=self.trace, lost_exits=self.lost_exits)
        for container, what, gap_s, bare in self.acts:
            story.act(CONTAINERS[container], what, gap_s, bare=bare and self.connector)
        return story.finish()


def plots(
    *, logs: tuple[str, ...] | None = None, connector: bool | None = None, trace: bool | None = None
) -> st.SearchStrategy[Plot]:
    """
    Generate what happens to a few containers.

    Args:
        logs: the kernel logs that are read; any by default.
        connector: whether the process connector runs; either by default.
        trace: whether the trace runs; either by default.
    """
    sources = [st.booleans() if given is None else st.just(given) for given in (connector, trace)]
    some_logs = st.just(logs) if logs else st.sampled_from([KERNEL_LOGS, ("kmsg",), ("journald",)])
    acts = st.tuples(st.sampled_from([*CONTAINERS]), st.sampled_from([*ACTS]), GAPS_S, st.booleans())
    return st.builds(Plot, some_logs, *sources, st.lists(acts, min_size=1, max_size=10))
