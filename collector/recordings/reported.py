"""
Collects the kills that a pasted text reports in other words than the kernel's, and drops those that the kernel's own
report or another OOM killer explains.
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from collector.facts.observed import Fact
from collector.publish.reported import ReportedKernelKill, reported_kill_event
from parsers.carriers.pasted import PastedLine
from parsers.killers import UnitOomKilled, parse_kubelet, parse_reaped
from sinks.event import Event, EvidenceSource, Host, Killer

# A unit's line and the kernel's report of the same kill stand near each other.
_NEAR_LINES: Final = 500
# systemd writes an old and a new sentence about one kill right after each other.
_REWORDED_LINES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reported:
    number: int
    kill: ReportedKernelKill


class ReportedKills:
    """
    The kills of one text that other lines than the kernel's report state.
    """

    def __init__(self) -> None:
        self._found: list[_Reported] = []

    def feed(self, pasted: PastedLine, number: int) -> None:
        """
        Take a line that is no fact of its own.

        Args:
            pasted: the line.
            number: its place in the text.
        """
        reaped = parse_reaped(pasted.line.text) if pasted.from_kernel else None
        victim = reaped or parse_kubelet(pasted.line.text)
        if victim is None:
            return
        kill = ReportedKernelKill(
            reporter="the kubelet" if reaped is None else "the OOM reaper",
            source=EvidenceSource.JOURNALD if reaped is None else EvidenceSource.KMSG,
            text=victim.text,
            at_ns=pasted.line.at_ns,
            pid=victim.pid,
            comm=victim.comm,
            host_wide=victim.host_wide,
        )
        self._found.append(_Reported(number=number, kill=kill))

    def feed_unit(self, fact: UnitOomKilled, number: int) -> None:
        """
        Take a line of systemd about a unit.
        """
        last = self._found[-1] if self._found else None
        near = last is not None and number - last.number <= _REWORDED_LINES
        if last is not None and near and last.kill.unit == fact.unit and last.kill.text != fact.text:
            return
        kill = ReportedKernelKill(
            reporter="systemd",
            source=EvidenceSource.JOURNALD,
            text=fact.text,
            at_ns=fact.at_ns,
            unit=fact.unit,
            container_id=fact.container.id if fact.container is not None else None,
            runtime=fact.container.runtime.value if fact.container is not None else None,
        )
        self._found.append(_Reported(number=number, kill=kill))

    def events(self, host: Host, explained_by: Sequence[tuple[int, Event]]) -> list[tuple[int, Event]]:
        """
        Return the events of the kills that no other event explains, each with the number of its line.

        Args:
            host: as it is published.
            explained_by: the other events of the text, each with the number of its last line.
        """
        pids = {
            pid
            for _, event in explained_by
            if event.exit137.oom is not None
            for victim in event.exit137.oom.victims
            for pid in (victim.pid, victim.thread_id)
        }
        events: list[tuple[int, Event]] = []
        for item in self._found:
            if item.kill.pid is None:
                is_known = any(_explains(number, event, item) for number, event in (*explained_by, *events))
            else:
                is_known = item.kill.pid in pids
                pids.add(item.kill.pid)
            if not is_known:
                events.append((item.number, reported_kill_event(host, item.kill)))
        return events

    def forget(self, before: int) -> None:
        """
        Forget the lines with a lower number.
        """
        self._found = [item for item in self._found if item.number >= before]


def kills_of_units(host: Host, facts: Iterable[Fact], explained: Container[str]) -> Iterator[Event]:
    """
    Yield the kills that only systemd reports, in a recording without a kernel log.

    Args:
        host: as it is published.
        facts: those of the recording.
        explained: ids of the containers with other events.
    """
    reported = ReportedKills()
    for number, fact in enumerate(facts):
        if isinstance(fact, UnitOomKilled) and (fact.container is None or fact.container.id not in explained):
            reported.feed_unit(fact, number)
    yield from (event for _, event in reported.events(host, ()))


def _explains(number: int, event: Event, reported: _Reported) -> bool:
    """
    Return whether an event is about the kill in a unit that another line reports.
    """
    oom, kill = event.exit137.oom, reported.kill
    if oom is None or oom.killer is not Killer.KERNEL or not oom.victims or abs(number - reported.number) > _NEAR_LINES:
        return False
    container_id = event.container.id if event.container is not None else None
    if kill.container_id is not None and container_id is not None:
        return container_id == kill.container_id
    # A kill without a cgroup may be this one: rather one report too few than one kill twice.
    return oom.victim_cgroup is None or (kill.unit is not None and kill.unit in oom.victim_cgroup)
