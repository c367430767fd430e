"""
Finds the events in a pasted text: the output of dmesg or journalctl, from any machine.

The analysis is the agent's own. Nothing proves who wrote such a text. Journal records say which host they are from, so
that a kill gets the same id as from the agent on that host.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from collector.facts.kernel import KernelFact, core_dump_fact, kernel_fact
from collector.facts.observed import Fact
from collector.recordings.copies import Occurrences
from collector.recordings.hosts import Hosts
from collector.recordings.notice_copies import NoticeCopies
from collector.recordings.reported import ReportedKills
from parsers.carriers.pasted import Bounds, PastedLine, lines
from parsers.kernel import NoticeWindow, is_coredump_sentence
from parsers.killers import UnitOomKilled, parse_killer_text, sentence_of_node_problem
from parsers.killers.earlyoom import NohangLog
from sinks.event import Event, EvidenceSource, Killer, Oom

# A bound on memory: events that are held.
_EVENTS_AT_MOST: Final = 512
# The programs that read the kernel's audit records and write them to a log.
_DUMPER: Final = "systemd-coredump"
_AUDIT: Final = ("audit[", "audit:", "auditd", "audispd", "audisp-")


def events_of(text: bytes | Iterable[bytes]) -> list[Event]:
    """
    Return all that `events_in` yields.
    """
    return list(events_in(text))


def events_in(text: bytes | Iterable[bytes], bounds: Bounds | None = None) -> Iterator[Event]:
    """
    Yield the kills that a text reports, and its incomplete reports, in the order of the text.

    Args:
        text: any bytes, or pieces of them; lines that are not of the kernel or of an OOM killer are skipped.
        bounds: how much of the text is held at once.
    """
    found = _Found()
    for index, line in enumerate(lines(text, bounds)):
        yield from found.feed(line, line.number or index)
    yield from found.end()


class _Found:
    """
    Hold the latest events of a text: a line that follows may say more of them, or the same kill once more.
    """

    def __init__(self) -> None:
        self._hosts, self._facts = Hosts(), _Facts()
        self._printed, self._reported = Occurrences(), ReportedKills()
        self._notices, self._window = NoticeCopies(), NoticeWindow()
        self._events: list[Event] = []

    def feed(self, line: PastedLine, number: int) -> list[Event]:
        """
        Add a line; return the events that no line can change any more.
        """
        fact = self._facts.of(line)
        if fact is not None and self._is_wanted(fact, line):
            self._events += self._hosts.feed(fact, line)
        if isinstance(fact, UnitOomKilled):
            self._reported.feed_unit(fact, number)
        elif fact is None or isinstance(fact, KernelFact):
            self._reported.feed(line, number)
        self._printed.add(line, number)
        is_full = self._printed.is_full or len(self._events) >= _EVENTS_AT_MOST
        return self._final(self._printed.middle()) if is_full else []

    def _is_wanted(self, fact: Fact, line: PastedLine) -> bool:
        if not isinstance(fact, KernelFact):
            return True
        is_of_oom, is_of_notice = self._hosts.wants(line), self._window.wants(line.line.text)
        if fact.notice is not None:
            return not self._notices.is_copy(line)
        return is_of_oom or (is_of_notice and fact.detail is not None)

    def end(self) -> list[Event]:
        """
        End the text; return the events that are left.
        """
        self._events += self._hosts.flush()
        return self._final(None)

    def _final(self, before: int | None) -> list[Event]:
        """
        Return the events whose last line has a lower number, and forget all that is before it.
        """
        numbered = _with_one_killer(self._printed.distinct(self._events))
        numbered += self._reported.events(self._hosts.only(), numbered)
        numbered.sort(key=lambda item: item[0])
        final = [(number, event) for number, event in numbered if before is None or number < before]
        timed = [self._printed.with_times(event, number) for number, event in final]
        if before is not None:
            self._events = [event for event in self._events if self._printed.number(event) >= before]
            self._printed.forget(final, before)
            self._reported.forget(before)
        return timed


class _Facts:
    """
    Turns the lines of a text into facts.
    """

    def __init__(self) -> None:
        self._nohang = NohangLog()

    def of(self, pasted: PastedLine) -> Fact | None:
        """
        Return the fact that a line states, if any.
        """
        dumped = _core_dump(pasted)
        if dumped is not None:
            return dumped
        sentence = sentence_of_node_problem(pasted.line.text)
        if sentence is not None:
            return _kernel_fact(replace(pasted, line=replace(pasted.line, text=sentence)))
        if pasted.from_kernel and pasted.identifier is not None:
            return _kernel_fact(pasted)
        if not pasted.from_kernel and (pasted.identifier or "").startswith(_AUDIT):
            return _kernel_fact(pasted)
        text, at_ns = pasted.line.text, pasted.line.at_ns
        name = (pasted.identifier or "").partition("[")[0]
        by_nohang = self._nohang.feed(text, at_ns) if name in ("", "nohang") else None
        by_killer = by_nohang or parse_killer_text(text, pasted.identifier, at_ns)
        return _kernel_fact(pasted) if by_killer is None and pasted.from_kernel else by_killer


def _with_one_killer(numbered: Sequence[tuple[int, Event]]) -> list[tuple[int, Event]]:
    """
    Return the events without kills by a program of a process that the kernel killed too: its line becomes evidence.
    """
    by_program = {oom.victims[0].pid: event for _, event in numbered if (oom := _kill_by_program(event)) is not None}
    merged: list[tuple[int, Event]] = []
    repeated: set[str] = set()
    for number, event in numbered:
        oom = event.exit137.oom
        pids = [victim.pid for victim in oom.victims] if oom is not None and oom.killer is Killer.KERNEL else []
        others = [by_program[pid] for pid in pids if pid in by_program]
        repeated.update(other.id for other in others)
        lines_before = (item for other in others for item in other.exit137.evidence)
        evidence = (*lines_before, *event.exit137.evidence)
        merged.append((number, replace(event, exit137=replace(event.exit137, evidence=evidence))))
    return [(number, event) for number, event in merged if event.id not in repeated]


def _kill_by_program(event: Event) -> Oom | None:
    """
    Return the kill of a process by an OOM killer other than the kernel's, if the event is one.
    """
    oom = event.exit137.oom
    return oom if oom is not None and oom.killer is not Killer.KERNEL and oom.victims else None


def _core_dump(pasted: PastedLine) -> KernelFact | None:
    """
    Return the core dump that a message reports: with its fields, or with the sentence of systemd-coredump.
    """
    name = (pasted.identifier or _DUMPER).partition("[")[0]
    is_sentence = name == _DUMPER and is_coredump_sentence(pasted.line.text)
    return core_dump_fact(pasted.line, pasted.coredump or {}) if is_sentence or pasted.coredump is not None else None


def _kernel_fact(pasted: PastedLine) -> KernelFact:
    source = EvidenceSource.JOURNALD if pasted.machine_id is not None else EvidenceSource.KMSG
    return kernel_fact(source, pasted.line)
