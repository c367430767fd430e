"""
Ended runs whose verdict is awaited: each is judged once.

The verdict waits for late evidence and for the container's last words at most `VERDICT_WAIT_NS`, less when nothing
can change it any more.
"""

from dataclasses import dataclass
from typing import Final

from collector.correlate.book import ContainerBook
from collector.correlate.case_file import EngineTimes, open_case
from collector.correlate.facts import EngineFact, Origin, ProcessExited, SignalSeen
from collector.correlate.runs import ContainerRecord, Run
from collector.correlate.verdict import Case, Verdict, decide
from collector.correlate.verdict.case import SIGNAL_BASE
from collector.correlate.witnesses import Witnesses

# Docker's `oom` and `stop` come up to 0.2 s after `die` in the recordings; twice the second that docker.md names.
VERDICT_WAIT_NS: Final = 2_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedDeath:
    """
    An ended run with its verdict.
    """

    record: ContainerRecord
    run: Run
    case: Case
    verdict: Verdict


@dataclass(slots=True, kw_only=True)
class _Open:
    record: ContainerRecord
    run: Run
    deadline_ns: int


class OpenCases:
    """
    The ended runs of one host that are not judged yet.

    Args:
        book: the containers, their kills and the ends of their processes; read only.
        witnesses: who sent which signal; read only.
        boot_id: this boot of the host.
        booted_ns: when it began, wall clock.

    Attributes:
        kernel_log: whether a source reads the kernel's log.
    """

    def __init__(self, book: ContainerBook, witnesses: Witnesses, boot_id: str | None, booted_ns: int | None) -> None:
        self.kernel_log = False
        self._book = book
        self._witnesses = witnesses
        self._boot_id = boot_id
        self._booted_ns = booted_ns
        self._engine = EngineTimes()
        self._open: list[_Open] = []

    def open(self, record: ContainerRecord, run: Run, now_ns: int, origin: Origin | None) -> None:
        """
        Begin to wait for what is still to be said of the end of a run.
        """
        if origin is not None:
            run.origins.append(origin)
        self._open.append(_Open(record=record, run=run, deadline_ns=now_ns + VERDICT_WAIT_NS))

    def feed_engine(self, fact: EngineFact) -> None:
        """
        Note that the daemon went or came back.
        """
        if fact.up:
            self._engine.up_ns = fact.at_ns
        else:
            self._engine = EngineTimes(down_ns=fact.at_ns)

    def tick(self, now_ns: int) -> list[JudgedDeath]:
        """
        Judge what can be judged now.
        """
        judged: list[JudgedDeath] = []
        for item in list(self._open):
            case = self._case(item)
            overdue = now_ns >= item.deadline_ns
            if not overdue and (item.run.words_asked or not (item.run.after or item.run.gone)):
                continue
            verdict = decide(case)
            if overdue or verdict.settled:
                self._open.remove(item)
                item.run.origins.clear()
                judged.append(JudgedDeath(record=item.record, run=item.run, case=case, verdict=verdict))
        return judged

    def flush(self) -> list[JudgedDeath]:
        """
        The input is at its end: judge everything with what is known.
        """
        for item in self._open:
            item.deadline_ns = 0
        return self.tick(0)

    def next_deadline_ns(self) -> int | None:
        """
        When `tick` should be called next.
        """
        return min((item.deadline_ns for item in self._open), default=None)

    def held(self) -> list[Origin]:
        """
        Readings that must come again if the agent dies now.
        """
        return [origin for item in self._open for origin in item.run.origins]

    def _case(self, item: _Open) -> Case:
        main_exit = self._book.main_exit_of(item.record, item.run)
        return open_case(
            item.record,
            item.run,
            kills=self._book.kills_of(item.record, item.run),
            main_exit=main_exit,
            sender=self._sender(item.run, main_exit),
            engine=self._engine,
            kernel_log=self.kernel_log,
            rebooted=None not in (item.run.boot_id, self._boot_id) and item.run.boot_id != self._boot_id,
            booted_ns=self._booted_ns,
        )

    def _sender(self, run: Run, main_exit: ProcessExited | None) -> SignalSeen | None:
        """
        Who sent the signal that ended a run; an init passes on what it was sent itself.
        """
        code = run.after.exit_code if run.after is not None else run.exit_code
        by_code = code - SIGNAL_BASE if code is not None and code > SIGNAL_BASE else None
        status = main_exit.status if main_exit is not None else None
        signal = status.signal if status is not None else by_code
        pid = main_exit.pid if main_exit is not None else run.main_pid
        if signal is None or pid is None:
            return None
        sent = self._witnesses.sender(pid, signal, run.ended_ns)
        if sent is not None and sent.sender_pid == run.main_pid:
            return self._witnesses.sender(run.main_pid, signal, run.ended_ns) or sent
        return sent
