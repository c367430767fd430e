"""
Recognizes one kill that a pasted text reports twice: from dmesg and from a file, or in two time zones.

Two reports are copies if their victims have the same pids, names and sizes, nothing says that their containers or hosts
differ, and their clocks agree. Wall clocks agree if they differ by whole quarters of an hour, as time zones do.
"""

import re
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from parsers.carriers.pasted import PastedLine
from parsers.kernel import concerns_notice
from parsers.oom.window import concerns_oom
from sinks.event import Confidence, Event, Evidence

# Bounds on memory: lines that are remembered, their characters, and kills that were final.
_LINES_AT_MOST: Final = 20_000
_LENGTH_AT_MOST: Final = 4 * 1024 * 1024
_FINAL_AT_MOST: Final = 20_000
_EVIDENCE: Final = ("Task in", "Memory cgroup stats", "memory", "kmem", "swap", "[", "CPU: ", "Pid: ")
_COMPARED_AT_MOST: Final = 50
_SAME_US: Final = 1000
_ZONE_S: Final = 900
_SKEW_S: Final = 2
_NS_PER_S: Final = 10**9
_CLOCK: Final = re.compile(r"([0-9]{1,2}):([0-9]{2}):([0-9]{2})")
_RANKS: Final = {Confidence.CERTAIN: 2, Confidence.LIKELY: 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sighting:
    """
    What decides whether another event is about the same kill.

    Attributes:
        texts: the evidence, where the victims have no sizes.
        has_line: the line of the kill is in the text.
    """

    container_id: str | None
    machine_id: str | None
    host: str | None
    monotonic_us: int | None
    at_ns: int | None
    clock_s: int | None
    texts: frozenset[str] | None
    has_line: bool


@dataclass(slots=True)
class Occurrences:
    """
    Where and when the lines of a text stand that can be evidence, and which kills were final already.
    """

    _lines: dict[str, list[tuple[int, PastedLine]]] = field(default_factory=dict)
    _numbers: deque[int] = field(default_factory=deque)
    _length: int = 0
    _final: dict[int, list[_Sighting]] = field(default_factory=dict)

    @property
    def is_full(self) -> bool:
        """
        Whether so many lines are remembered that the older ones are to be forgotten.
        """
        return len(self._numbers) >= _LINES_AT_MOST or self._length >= _LENGTH_AT_MOST

    def add(self, line: PastedLine, number: int) -> None:
        """
        Remember a line and its place in the text.
        """
        text = line.line.text
        if not line.from_kernel or text.startswith(_EVIDENCE) or concerns_oom(text) or concerns_notice(text):
            self._lines.setdefault(text, []).append((number, line))
            self._numbers.append(number)
            self._length += len(text)

    def middle(self) -> int:
        """
        Return the number of the line in the middle of those that are remembered.
        """
        return sorted(self._numbers)[len(self._numbers) // 2] if self._numbers else 0

    def distinct(self, events: Sequence[Event]) -> list[tuple[int, Event]]:
        """
        Return the events in the order of the text, each kill once, and the number of its last line.
        """
        once: dict[str, Event] = {}
        for event in events:
            once.setdefault(event.id, event)
        found: list[tuple[Event, _Sighting]] = []
        by_victims: dict[int, list[int]] = {}
        used: dict[str, int] = {}
        for event in sorted(once.values(), key=self.number):
            sighting, key = _sighting(event, self._proof(event, used)), _victims(event)
            if any(_are_copies(final, sighting) for final in self._final.get(key, ())):
                continue
            same = by_victims.setdefault(key, [])
            copy = next((at for at in same[-_COMPARED_AT_MOST:] if _are_copies(found[at][1], sighting)), None)
            if copy is None:
                same.append(len(found))
                found.append((event, sighting))
            elif _rank(event) > _rank(found[copy][0]):
                found[copy] = (event, sighting)
        return [(self.number(event), event) for event, _ in found]

    def forget(self, final: Sequence[tuple[int, Event]], before: int) -> None:
        """
        Forget the lines with a lower number; of the kills that they are about only what decides about copies is kept.
        """
        used: dict[str, int] = {}
        for _, event in final:
            sightings = self._final.setdefault(_victims(event), [])
            if len(sightings) < _COMPARED_AT_MOST:
                sightings.append(_sighting(event, self._proof(event, used)))
        while len(self._final) > _FINAL_AT_MOST:
            del self._final[next(iter(self._final))]
        kept = {text: [place for place in places if place[0] >= before] for text, places in self._lines.items()}
        self._lines = {text: places for text, places in kept.items() if places}
        self._numbers = deque(number for number in self._numbers if number >= before)
        self._length = sum(len(text) * len(places) for text, places in self._lines.items())

    def with_times(self, event: Event, number: int) -> Event:
        """
        Return an event with the printed times of its lines, where these are not points in time.

        Args:
            event: an event.
            number: the number of its last line.
        """
        evidence = tuple(self._with_time(item, number) for item in event.exit137.evidence)
        return replace(event, exit137=replace(event.exit137, evidence=evidence))

    def _with_time(self, item: Evidence, number: int) -> Evidence:
        if item.time_ns is not None or item.text not in self._lines:
            return item
        places = self._lines[item.text]
        if len(places) > _COMPARED_AT_MOST:
            at = bisect_left(places, number, key=lambda place: place[0])
            places = places[max(0, at - 1) : at + 1] or places[-1:]
        _, line = min(places, key=lambda place: abs(place[0] - number))
        return replace(item, printed_time=line.pasted_time)

    def number(self, event: Event) -> int:
        """
        Return the number of an event's last line; its other lines may be identical to those of an earlier kill.
        """
        places = (self._lines[item.text][0][0] for item in event.exit137.evidence if item.text in self._lines)
        return max(places, default=0)

    def _proof(self, event: Event, used: dict[str, int]) -> PastedLine | None:
        """
        Return the line of the kill; where the text has it several times, the events take them in turn.
        """
        for item in reversed(event.exit137.evidence):
            places = self._lines.get(item.text)
            if places:
                at = used.get(item.text, 0)
                used[item.text] = at + 1
                return places[min(at, len(places) - 1)][1]
        return None


def _victims(event: Event) -> int:
    """
    Return a number that is the same for events with the same victims.
    """
    oom = event.exit137.oom
    if oom is None or not oom.victims:
        return hash((event.type, tuple(item.text for item in event.exit137.evidence)))
    victims = ((victim.pid, victim.name, victim.anon_rss_bytes, victim.total_vm_bytes) for victim in oom.victims)
    return hash((oom.killer, tuple(victims)))


def _sighting(event: Event, line: PastedLine | None) -> _Sighting:
    oom = event.exit137.oom
    without_sizes = oom is not None and any(victim.total_vm_bytes is None for victim in oom.victims)
    return _Sighting(
        container_id=event.container.id if event.container is not None else None,
        machine_id=line.machine_id if line is not None else None,
        host=_host(line) if line is not None else None,
        monotonic_us=line.line.monotonic_us if line is not None else None,
        at_ns=line.line.at_ns if line is not None else None,
        clock_s=clock_s_of(line) if line is not None else None,
        texts=frozenset(item.text for item in event.exit137.evidence) if without_sizes else None,
        has_line=line is not None,
    )


def _are_copies(one: _Sighting, other: _Sighting) -> bool:
    if not (one.has_line and other.has_line) or not clocks_agree(one, other):
        return False
    pairs = (
        (one.container_id, other.container_id),
        (one.machine_id, other.machine_id),
        (one.host, other.host),
    )
    if any(a is not None and b is not None and a != b for a, b in pairs):
        return False
    texts = (one.texts or frozenset(), other.texts or frozenset())
    return texts[0] <= texts[1] or texts[1] <= texts[0]


def _host(line: PastedLine) -> str | None:
    name = line.hostname or line.host
    return name.partition(".")[0] if name else None


def clock_s_of(line: PastedLine) -> int | None:
    """
    Return the time of day that a line prints, in seconds.
    """
    clock = _CLOCK.search(line.pasted_time or "")
    return int(clock[1]) * 3600 + int(clock[2]) * 60 + int(clock[3]) if clock is not None else None


class _Clocked(Protocol):
    """
    A line with the clocks that it shows.
    """

    @property
    def monotonic_us(self) -> int | None: ...
    @property
    def at_ns(self) -> int | None: ...
    @property
    def clock_s(self) -> int | None: ...


def clocks_agree(one: _Clocked, other: _Clocked) -> bool:
    """
    Return whether two lines may have been printed at one time, as far as both say one.
    """
    if one.monotonic_us is not None and other.monotonic_us is not None:
        return abs(one.monotonic_us - other.monotonic_us) <= _SAME_US
    if one.at_ns is not None and other.at_ns is not None:
        return _is_zone(abs(one.at_ns - other.at_ns) // _NS_PER_S)
    if one.clock_s is None or other.clock_s is None:
        return one.monotonic_us is None or other.monotonic_us is None
    return _is_zone(abs(one.clock_s - other.clock_s))


def _is_zone(seconds: int) -> bool:
    return seconds % _ZONE_S <= _SKEW_S or _ZONE_S - seconds % _ZONE_S <= _SKEW_S


def _rank(event: Event) -> tuple[int, bool, int]:
    return _RANKS.get(event.exit137.confidence, 0), event.container is not None, len(event.exit137.evidence)
