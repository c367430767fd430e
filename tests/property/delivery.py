"""
How late each source hands over its part of a story, and when the agent is killed meanwhile.
"""

from dataclasses import dataclass, field

from sinks.event import Event

SOURCES = ("kmsg", "journald", "processes", "trace", "docker", "cgroups")


@dataclass(frozen=True, slots=True)
class Delay:
    """
    How late one source is read.

    Attributes:
        base_s: at all times.
        pauses: from when, for how long nothing is read.
    """

    base_s: float = 0.0
    pauses: tuple[tuple[float, float], ...] = ()

    def read_at(self, written_s: float) -> float:
        """
        Return when what was written at a time is read.
        """
        at_s = written_s + self.base_s
        for start_s, length_s in self.pauses:
            if start_s <= at_s < start_s + length_s:
                at_s = start_s + length_s
        return at_s

    def is_paused(self, now_s: float) -> bool:
        """
        Return whether the source is not read now.
        """
        return self.read_at(now_s - self.base_s) > now_s


@dataclass(frozen=True, slots=True)
class Delivery:
    """
    How late each source is.

    Attributes:
        delays: of each source that is not prompt.
        order: the sources in the order in which the agent takes what they have at the same time.
        ticks_first: whether the agent first looks at its deadlines, then at its sources.
        journald_itself_is_late: journald is what pauses; the agent reads the journal up to its end meanwhile.
        restarted: the source that is down while it pauses.
        killed_at_s: when the agent is killed, and started again at once.
    """

    delays: dict[str, Delay] = field(default_factory=dict)
    order: tuple[str, ...] | list[str] = SOURCES
    ticks_first: bool = False
    journald_itself_is_late: bool = False
    restarted: str | None = None
    killed_at_s: tuple[float, ...] = ()

    def delay(self, source: str) -> Delay:
        """
        Return how late a source is.
        """
        return self.delays.get(source, Delay())


def essence(events: list[Event]) -> list[tuple[object, ...]]:
    """
    Return what a consumer may rely on, in no order: ids, causes, containers and confidence; not the prose.
    """
    found: list[tuple[object, ...]] = []
    for event in events:
        oom, death, gap = event.exit137.oom, event.exit137.death, event.exit137.gap
        if gap is not None and gap.what in ("source_down", "source_up"):
            continue
        victims = [(victim.pid, victim.container_id) for victim in oom.victims] if oom is not None else []
        ended = (death.exit_code, sorted(death.oom_kill_ids)) if death is not None else None
        what = gap.what if gap is not None else None
        found.append(
            (event.type, event.id, event.exit137.cause, event.exit137.confidence, event.subject, victims, ended, what)
        )
    return sorted(found, key=str)
