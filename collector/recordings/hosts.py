"""
Analyzes each host of a pasted text, and each boot, by itself.

Lines that only add to a report, as those of its task table, are analyzed together with the line before: it is faster.
"""

from dataclasses import dataclass, replace
from typing import Final

from collector.analyzer import Analyzer
from collector.facts.kernel import KernelFact
from collector.facts.observed import Fact
from parsers.carriers.pasted import PastedLine
from parsers.oom.line import may_be_fact
from parsers.oom.window import is_carried
from sinks.event import Event, Host

# A clock that falls by more belongs to another boot, or to another copy of the log; CPUs differ by less.
_FALL_US: Final = 1_000_000
# Bounds on memory: hosts that are analyzed at once, and lines that one line carries.
_HOSTS_AT_MOST: Final = 256
_MACHINES_AT_MOST: Final = 2
_CARRIED_AT_MOST: Final = 256
# Lines that are printed later than this are not carried: time decides about reports.
_CARRIED_US: Final = 1_000_000
# An analyzer remembers its kills: it is replaced after so many events, where a report begins.
_PUBLISHED_AT_LEAST: Final = 1000
_PUBLISHED_AT_MOST: Final = 4000
_APART_US: Final = 1_000_000
_HEAD: Final = " invoked oom-killer: "
# Rows of a task table have none of the words of a report.
_LINES_OF_REPORT: Final = 20_000


class Hosts:
    """
    Analyze each host of a text by itself, as if its agent had read the lines.

    Lines that name no host are of the host that was read last.
    """

    def __init__(self) -> None:
        self._hosts: dict[str | None, _Host] = {}
        self._current: str | None = None
        self._lines_left = 0
        self._machines: set[tuple[str, str | None]] = set()
        self._held: tuple[KernelFact, PastedLine] | None = None
        self._carried: list[tuple[int | None, str]] = []

    def wants(self, line: PastedLine) -> bool:
        """
        Return whether a line of the kernel can belong to a report: it has words of one, or such a line came before.
        """
        if may_be_fact(line.line.text) or line.line.fragment:
            self._lines_left = _LINES_OF_REPORT
        self._lines_left -= 1
        return self._lines_left >= 0

    def feed(self, fact: Fact, line: PastedLine) -> list[Event]:
        """
        Add a fact and return the events that are complete because of it, or because of the facts before it.
        """
        if self._held is not None and self._is_carried(fact, line, self._held[1]):
            self._carried.append((line.line.monotonic_us, line.line.text))
            return []
        events = self._end_line()
        if isinstance(fact, KernelFact):
            self._held = fact, line
            return events
        return events + self._analyze(fact, line)

    def _is_carried(self, fact: Fact, line: PastedLine, before: PastedLine) -> bool:
        """
        Return whether a line only adds to a report, and has the caller and the time of the line before.
        """
        if not isinstance(fact, KernelFact) or fact.detail is not None or len(self._carried) >= _CARRIED_AT_MOST:
            return False
        return is_carried(line.line.text) and _origin(line) == _origin(before) and _are_near(line, before)

    def _end_line(self) -> list[Event]:
        """
        Analyze the line that is held, with the lines that it carries.
        """
        if self._held is None:
            return []
        (fact, line), carried = self._held, tuple(self._carried)
        self._held, self._carried = None, []
        if carried:
            fact = replace(fact, line=replace(fact.line, lines_after=carried))
        return self._analyze(fact, line)

    def _analyze(self, fact: Fact, line: PastedLine) -> list[Event]:
        key = self._key(line)
        if line.machine_id is not None and len(self._machines) < _MACHINES_AT_MOST:
            self._machines.add((line.machine_id, line.hostname))
        events: list[Event] = []
        host = self._hosts.get(key)
        if host is None:
            while len(self._hosts) >= _HOSTS_AT_MOST:
                events += self._hosts.pop(next(iter(self._hosts))).analyzer.flush()
            host = self._hosts[key] = _Host(_new_analyzer(line))
        elif host.ends_before(line):
            events = self._hosts.pop(key).analyzer.flush()
            host = self._hosts[key] = _Host(_new_analyzer(line), host.last_us)
        return events + host.feed(fact, line)

    def flush(self) -> list[Event]:
        """
        End the text and return the events of everything that is pending.
        """
        events = self._end_line()
        return events + [event for host in self._hosts.values() for event in host.analyzer.flush()]

    def _key(self, line: PastedLine) -> str | None:
        """
        Return the name under which the host of a line is analyzed.
        """
        named = line.machine_id or line.host
        if named is None:
            return self._current
        if self._current is None and None in self._hosts and line.machine_id is None:
            # The first host that is named is the one of the lines before it.
            self._hosts[named] = self._hosts.pop(None)
        self._current = named
        return named

    def only(self) -> Host:
        """
        Return the host that the text is from, if all of it is from one host.
        """
        machine_id, hostname = next(iter(self._machines)) if len(self._machines) == 1 else (None, None)
        return Host(id=machine_id, hostname=hostname)


@dataclass(slots=True)
class _Host:
    """
    What is known of one host of a text.

    Attributes:
        analyzer: of its current boot.
        last_us: the time since boot of its last line that has one.
        published: how many events the analyzer has returned.
    """

    analyzer: Analyzer
    last_us: int | None = None
    published: int = 0

    def feed(self, fact: Fact, line: PastedLine) -> list[Event]:
        """
        Add a fact and return the events that are complete because of it.
        """
        if line.line.monotonic_us is not None:
            self.last_us = line.line.monotonic_us
        found = self.analyzer.feed(fact, 0)
        self.published += len(found)
        return found

    def ends_before(self, line: PastedLine) -> bool:
        """
        Return whether a line needs a new analyzer: it is of another boot, or begins a report after many others.
        """
        now_us, last_us = line.line.monotonic_us, self.last_us
        if now_us is not None and last_us is not None and now_us < last_us - _FALL_US:
            return True
        if self.published < _PUBLISHED_AT_LEAST or _HEAD not in line.line.text:
            return False
        is_apart = now_us is None or last_us is None or now_us - last_us > _APART_US
        return is_apart or self.published >= _PUBLISHED_AT_MOST


def _new_analyzer(line: PastedLine) -> Analyzer:
    return Analyzer(Host(id=line.machine_id, hostname=line.hostname), is_pasted=True)


def _origin(line: PastedLine) -> tuple[str | None, ...]:
    return line.machine_id, line.host, line.line.boot_id, line.line.caller


def _are_near(one: PastedLine, other: PastedLine) -> bool:
    """
    Return whether two lines were printed at one time, as far as they say.
    """
    return _differs_less(one.line.monotonic_us, other.line.monotonic_us, _CARRIED_US) and _differs_less(
        one.line.at_ns, other.line.at_ns, _CARRIED_US * 1000
    )


def _differs_less(one: int | None, other: int | None, than: int) -> bool:
    return one == other or (one is not None and other is not None and abs(one - other) < than)
