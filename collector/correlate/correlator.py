"""
Facts in, events out: the one place where all sources meet.

A pure state machine. It never reads a clock: `now_ns` is any clock that only goes forward, and serves deadlines alone;
what happened when is in the facts. The same facts in the same order give the same events, byte by byte.
"""

from collections import defaultdict
from collections.abc import Iterable
from signal import SIGKILL
from typing import Final

from collector.correlate.agent_events import AgentEvents
from collector.correlate.attribution import known_reference
from collector.correlate.book import ContainerBook
from collector.correlate.claims import Claim, Claimant, Claims
from collector.correlate.counted import Counted, ToldKill
from collector.correlate.death_event import death_event
from collector.correlate.deaths import Deaths
from collector.correlate.facts import (
    ContainerGoneFact,
    EngineFact,
    ExitsRead,
    Fact,
    GapFact,
    KernelFact,
    LastWordsAsked,
    LastWordsFact,
    OomCounted,
    Origin,
    ProcessExited,
    RememberedKillFact,
    RememberedRunFact,
    SignalSeen,
    SnapshotFact,
    VictimSeen,
)
from collector.correlate.insight import Insight, NoInsight
from collector.correlate.kill_events import KillEvents, kill_in_run
from collector.correlate.kills import KernelKill, Kills
from collector.correlate.memory_facts import ContainerProcesses, MemoryRound, RememberedWarningFact
from collector.correlate.open_cases import JudgedDeath
from collector.correlate.pid_index import PidIndex
from collector.correlate.runs import KillInRun
from collector.correlate.unlogged import unlogged_kill
from collector.correlate.user_kills import UserKills, UserSpaceKill
from collector.correlate.witnesses import Witnesses
from parsers.docker_event import DockerAction, DockerEvent
from parsers.killers import UnitOomKilled
from sinks.event import Event, EvidenceSource, Host

_KERNEL_SOURCES: Final = frozenset({"kmsg", "journald"})


class Correlator:
    """
    Joins what the sources saw into OOM kills and container deaths.

    Args:
        host: the host, as it is published.
        booted_ns: when it was booted, wall clock.
        insight: what else is known of the containers; nothing without one.
    """

    def __init__(self, host: Host, booted_ns: int | None = None, insight: Insight | None = None) -> None:
        boot_id = host.boot.id if host.boot is not None else None
        self.book = ContainerBook()
        self._host = host
        self._pids = PidIndex()
        self._claims = Claims()
        self._witnesses = Witnesses()
        self._kills = Kills(self.book, self._pids, self._claims, self._witnesses)
        self._deaths = Deaths(self.book, self._pids, self._witnesses, boot_id, booted_ns)
        self._user_kills = UserKills(self.book, self._pids)
        self._counted = Counted()
        self._kill_events = KillEvents(host=host)
        self.about = AgentEvents(host=host)
        self._insight = insight or NoInsight()
        self._kernel_logs: set[str] = set()
        self._down: set[str] = set()
        self._wall_ns = 0

    def feed(self, fact: Fact, now_ns: int, origin: Origin | None = None) -> list[Event]:  # noqa: C901, PLR0912 - one case a fact
        """
        Take one fact; gives the events that are ready because of it.

        Args:
            fact: what a source saw.
            now_ns: a clock that only goes forward.
            origin: the reading that the fact came in; see `held`.
        """
        events: list[Event] = []
        match fact:
            case KernelFact():
                self._note_time(fact.line.at_ns)
                events += self._tell_kills(self._kills.feed(fact, now_ns, origin))
                events += self._tell_incomplete()
            case DockerEvent():
                self._note_time(fact.time_ns)
                self._claim_by_docker(fact)
                self._deaths.feed_event(fact, now_ns, origin)
                events += self._insight.feed(fact, self.book, now_ns)
            case SnapshotFact():
                self._deaths.feed_snapshot(fact, now_ns, origin)
                events += self._tell_kills(self._kills.settle(now_ns))
            case ContainerGoneFact():
                self._deaths.feed_gone(fact, now_ns, origin)
            case LastWordsAsked() | LastWordsFact():
                self._deaths.feed_words(fact)
            case EngineFact():
                self._deaths.cases.feed_engine(fact)
            case RememberedRunFact():
                self._deaths.feed_remembered(fact, now_ns)
            case RememberedKillFact():
                self._remember_kill(fact)
            case GapFact():
                events += self._take_gap(fact)
            case UnitOomKilled():
                self._note_time(fact.at_ns)
                self._claim_by_systemd(fact)
                events += self._tell_kills(self._kills.settle(now_ns))
            case OomCounted():
                self._counted.feed(fact, now_ns)
            case ExitsRead():
                self._kills.exits_read_ns = fact.at_ns
            case SignalSeen():
                self._witnesses.note(fact)
            case VictimSeen():
                events += self._take_victim(fact, now_ns)
            case ProcessExited():
                self._note_time(fact.at_ns)
                events += self._take_exit(fact, now_ns)
            case MemoryRound() | ContainerProcesses():
                self._note_time(fact.at_ns)
                events += self._insight.feed(fact, self.book, now_ns)
            case RememberedWarningFact():
                events += self._insight.feed(fact, self.book, now_ns)
            case _:
                self._note_time(fact.at_ns)
                events += self._tell_user_kills(self._user_kills.feed(fact))
        return events + self._judge(now_ns)

    def tick(self, now_ns: int) -> list[Event]:
        """
        Let time pass: gives the events whose time has come.
        """
        events = self._tell_kills(self._kills.tick(now_ns))
        events += self._tell_incomplete()
        events += self._tell_counted(now_ns)
        self._claims.expire(self._wall_ns)
        self.book.forget(now_ns)
        return events + self._judge(now_ns)

    def flush(self) -> list[Event]:
        """
        The input is at its end: tell everything with what is known.
        """
        events = self._tell_kills(self._kills.flush())
        events += self._tell_incomplete()
        return events + [self._death(judged) for judged in self._deaths.flush()]

    def next_deadline_ns(self) -> int | None:
        """
        When `tick` should be called next, on the clock of `now_ns`; None when nothing waits.
        """
        deadlines = (
            self._kills.next_deadline_ns(),
            self._deaths.cases.next_deadline_ns(),
            None if self._kills.waits else self._counted.next_deadline_ns(),
        )
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def held(self) -> dict[str, int]:
        """
        Per source the oldest reading that must come again if the agent dies now.
        """
        oldest: dict[str, int] = {}
        for origin in (*self._kills.held(), *self._deaths.held(self._wall_ns)):
            oldest[origin.source] = min(origin.ordinal, oldest.get(origin.source, origin.ordinal))
        return oldest

    def _note_time(self, at_ns: int | None) -> None:
        self._wall_ns = max(self._wall_ns, at_ns or 0)

    def _judge(self, now_ns: int) -> list[Event]:
        return [self._death(judged) for judged in self._deaths.tick(now_ns)]

    def _death(self, judged: JudgedDeath) -> Event:
        return self._insight.death(death_event(self._host, judged), judged)

    def _tell_kills(self, kills: Iterable[KernelKill]) -> list[Event]:
        return [event for kill in kills for event in self._tell_kill(kill)]

    def _tell_kill(self, kill: KernelKill) -> list[Event]:
        first_id = kill.victims[0].placement.container_id
        record = self.book.get(first_id) if first_id is not None else None
        event = self._kill_events.kernel_kill(kill, record)
        self._counted.note_told(_as_counted(kill, event.id))
        for placed in kill.victims:
            self._keep(placed.placement.container_id, kill_in_run(event, kill, placed))
        return self._insight.kill(event, kill.report, record)

    def _tell_counted(self, now_ns: int) -> list[Event]:
        """
        What counters and logs do not agree on; a kill that still waits for its container would seem to be unexplained.
        """
        if self._kills.waits:
            return []
        events: list[Event] = []
        for found in self._counted.tick(now_ns):
            events.append(self.about.unexplained(found, self.book))
            # The log of a source that will be back tells it yet.
            is_back_soon = bool(self._down & _KERNEL_SOURCES)
            kill = unlogged_kill(found, self._witnesses, self.book) if not is_back_soon else None
            if kill is not None:
                record = self.book.get(kill.container_id)
                events += self._insight.kill(self._kill_events.unlogged_kill(kill, record), None, record)
        return events + [self.about.unconfirmed(told) for told in self._counted.unconfirmed()]

    def _tell_user_kills(self, kills: Iterable[UserSpaceKill]) -> list[Event]:
        events: list[Event] = []
        for kill in kills:
            record = self.book.get(kill.container_id) if kill.container_id is not None else None
            event = self._kill_events.user_space_kill(kill, record)
            self._keep(kill.container_id, kill.in_run(event.id))
            events += self._insight.kill(event, None, record)
        return events

    def _keep(self, container_id: str | None, kill: KillInRun) -> None:
        if container_id is not None:
            self.book.keep_kill(container_id, kill)

    def _tell_incomplete(self) -> list[Event]:
        return [self.about.incomplete_report(report) for report in self._kills.incomplete()]

    def _take_exit(self, fact: ProcessExited, now_ns: int) -> list[Event]:
        container_id = known_reference(fact.container, self.book).id
        self._witnesses.note(fact)
        self.book.keep_exit(container_id, fact)
        if fact.status is None or fact.status.signal != SIGKILL:
            return []
        self._pids.learn_exited(container_id, fact.pid, fact.started_ns, fact.at_ns)
        return self._tell_kills(self._kills.settle(now_ns))

    def _take_victim(self, fact: VictimSeen, now_ns: int) -> list[Event]:
        self._witnesses.note(fact)
        if fact.container is None:
            return []
        self._pids.learn_marked(known_reference(fact.container, self.book).id, fact.pid, fact.at_ns)
        return self._tell_kills(self._kills.settle(now_ns))

    def _remember_kill(self, fact: RememberedKillFact) -> None:
        self._keep(
            fact.container_id,
            KillInRun(
                event_id=fact.event_id,
                at_ns=fact.at_ns,
                pid=fact.pid,
                comm=fact.comm,
                main_process=fact.main_process,
                killer=fact.killer,
                scope=fact.scope,
                limit_bytes=fact.limit_bytes,
                source=EvidenceSource.KMSG,
                text=fact.text,
            ),
        )

    def _take_gap(self, fact: GapFact) -> list[Event]:
        if fact.source == "processes" and fact.what in ("source_up", "source_down"):
            self._kills.exits_follow = fact.what == "source_up"
        if fact.source in _KERNEL_SOURCES:
            if fact.what == "source_up":
                self._kernel_logs.add(fact.source)
            elif fact.what == "source_down":
                self._kernel_logs.discard(fact.source)
            self._deaths.cases.kernel_log = bool(self._kernel_logs)
        return [self.about.gap(fact)] if self._is_news(fact) else []

    def _is_news(self, fact: GapFact) -> bool:
        """
        A source that comes up is news only after it was down.
        """
        if fact.what == "source_down":
            self._down.add(fact.source)
        elif fact.what == "source_up":
            was_down = fact.source in self._down
            self._down.discard(fact.source)
            return was_down
        return True

    def _claim_by_systemd(self, fact: UnitOomKilled) -> None:
        if fact.container is not None and fact.at_ns is not None:
            known = known_reference(fact.container, self.book)
            self._claims.add(Claim(container_id=known.id, at_ns=fact.at_ns, claimant=Claimant.SYSTEMD, text=fact.text))

    def _claim_by_docker(self, event: DockerEvent) -> None:
        if event.action is DockerAction.OOM:
            text = f"oom {event.container_id}"
            self._claims.add(
                Claim(container_id=event.container_id, at_ns=event.time_ns, claimant=Claimant.DOCKER, text=text)
            )


def _as_counted(kill: KernelKill, event_id: str) -> list[ToldKill]:
    """
    What the kernel counts for a kill, container by container; of a group it counts the first victim twice.
    """
    first = kill.victims[0]
    if first.victim.at_ns is None:
        return []
    pids: defaultdict[str | None, list[int]] = defaultdict(list)
    for placed in kill.victims:
        pids[placed.placement.container_id].append(placed.victim.pid)
    twice = first.placement.container_id if kill.report.group else ""
    return [
        ToldKill(
            event_id=event_id,
            container_id=container_id,
            at_ns=first.victim.at_ns,
            pids=frozenset(victims),
            kills=len(victims) + (container_id == twice),
            text=first.victim.text,
        )
        for container_id, victims in pids.items()
    ]
