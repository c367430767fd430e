"""
What other sources saw of a process at its end: its wait status, the signal and its sender, the OOM killer's choice.

Kept by pid for a while, the oldest forgotten first; processes that had the same pid are distinguished by time.
"""

from dataclasses import replace
from signal import SIGKILL
from typing import Final

from collector.correlate.pid_index import CLOCKS_NS, SLACK_NS
from collector.facts.lru import LruQueues
from collector.facts.observed import ProcessExitedFact, SignalFact, VictimMarkedFact
from sinks.event import Evidence, EvidenceSource

_PIDS_KEPT: Final = 4096
_SEEN_KEPT: Final = 8
# A signal ends a running process at once; a process inside a system call ends when it returns from the kernel.
_WORKS_WITHIN_NS: Final = 10_000_000_000

Seen = ProcessExitedFact | SignalFact | VictimMarkedFact


class PidObservations:
    """
    The observations of processes, by their pid on the host.
    """

    def __init__(self) -> None:
        self._seen: LruQueues[int, Seen] = LruQueues(_PIDS_KEPT, of_each=_SEEN_KEPT)

    def add(self, fact: Seen) -> None:
        """
        Keep an observation.
        """
        pid = fact.target_pid if isinstance(fact, SignalFact) else fact.pid
        self._seen.add(pid, fact)

    def ends(self, pid: int) -> tuple[ProcessExitedFact, ...]:
        """
        Return how the processes ended that had a pid, the latest first.
        """
        return tuple(fact for fact in reversed(self._seen.get(pid, ())) if isinstance(fact, ProcessExitedFact))

    def ended_between(self, from_ns: int, to_ns: int) -> list[ProcessExitedFact]:
        """
        Return the processes that ended in a span of time.
        """
        facts = (fact for seen in self._seen.values() for fact in seen if isinstance(fact, ProcessExitedFact))
        return [fact for fact in facts if from_ns <= fact.at_ns <= to_ns]

    def of_kill(self, pid: int, at_ns: int | None) -> tuple[Evidence, ...]:
        """
        Return what confirms that the OOM killer killed a process at this time.
        """
        if at_ns is None:
            return ()
        from_ns, until_ns = self._life(pid, at_ns)
        of_life = (fact for fact in self._seen.get(pid, ()) if from_ns < fact.at_ns <= until_ns)
        return tuple(evidence for fact in of_life if (evidence := evidence_of(fact)) is not None)

    def _life(self, pid: int, at_ns: int) -> tuple[int, int]:
        """
        Return the time span in which observations of a pid concern the killed process, not another that had its pid.
        """
        ends = [fact for fact in self._seen.get(pid, ()) if isinstance(fact, ProcessExitedFact)]
        for end in ends:
            if end.started_ns - CLOCKS_NS <= at_ns <= end.at_ns + CLOCKS_NS:
                return max(end.started_ns, at_ns - _WORKS_WITHIN_NS) - CLOCKS_NS, end.at_ns
        before_ns = max((end.at_ns for end in ends if end.at_ns < at_ns), default=0)
        after_ns = min((end.started_ns for end in ends if end.started_ns > at_ns), default=at_ns + _WORKS_WITHIN_NS)
        return max(before_ns, at_ns - _WORKS_WITHIN_NS), min(after_ns, at_ns + _WORKS_WITHIN_NS)

    def killed_between(self, from_ns: int, to_ns: int) -> list[VictimMarkedFact | ProcessExitedFact]:
        """
        Return the processes that the OOM killer chose, and those that SIGKILL ended although no process had sent it.
        """
        return [
            fact
            for pid, facts in self._seen.items()
            for fact in facts
            if not isinstance(fact, SignalFact)
            and from_ns - SLACK_NS <= fact.at_ns <= to_ns + SLACK_NS
            and (isinstance(fact, VictimMarkedFact) or self._was_killed(pid, fact))
        ]

    def _was_killed(self, pid: int, end: ProcessExitedFact) -> bool:
        by_signal = end.status is not None and end.status.signal == SIGKILL
        return by_signal and self.sender(pid, SIGKILL, end.at_ns) is None

    def sender(self, pid: int, signal: int, ended_ns: int | None) -> SignalFact | None:
        """
        Return the last signal of this number that a process, not the kernel, had sent to a process before its end.
        """
        for fact in reversed(self._seen.get(pid, ())):
            if isinstance(fact, SignalFact) and fact.signal == signal and fact.code <= 0:
                until_end_ns = ended_ns - fact.at_ns if ended_ns is not None else 0
                if -SLACK_NS <= until_end_ns <= _WORKS_WITHIN_NS:
                    return self._with_container(fact)
        return None

    def may_be_sent(self, pid: int, signal: int, from_ns: int, ended_ns: int) -> bool:
        """
        Return whether a process may have sent a signal that `sender` does not find: to a thread, whose process nobody
        knows, or long before the end, while the process was stopped or frozen.

        Args:
            pid: the process that the signal has ended.
            signal: the signal.
            from_ns: when the process began.
            ended_ns: when it ended.
        """
        sent = (fact for seen in self._seen.values() for fact in seen if isinstance(fact, SignalFact))
        by_others = [
            fact for fact in sent if fact.signal == signal and fact.code <= 0 and fact.sender_pid != fact.target_pid
        ]
        return any(
            from_ns - SLACK_NS <= fact.at_ns <= ended_ns + SLACK_NS
            if fact.target_pid == pid
            else -SLACK_NS <= ended_ns - fact.at_ns <= _WORKS_WITHIN_NS and not self._is_process(fact)
            for fact in by_others
        )

    def _is_process(self, sent: SignalFact) -> bool:
        """
        Return whether a signal was sent to a process that was seen to end, and not to a thread.
        """
        ends = self.ends(sent.target_pid)
        return any(end.started_ns - CLOCKS_NS <= sent.at_ns <= end.at_ns + CLOCKS_NS for end in ends)

    def sent_to(self, pid: int, from_ns: int, ended_ns: int | None) -> tuple[SignalFact, ...]:
        """
        Return the signals that processes had sent to a process before its end, the first first.

        Args:
            pid: the process.
            from_ns: when it began.
            ended_ns: when it ended; None where nobody knows.
        """
        until_ns = ended_ns + SLACK_NS if ended_ns is not None else None
        return tuple(
            self._with_container(fact)
            for fact in self._seen.get(pid, ())
            if isinstance(fact, SignalFact)
            and fact.code <= 0
            and fact.at_ns >= from_ns - SLACK_NS
            and (until_ns is None or fact.at_ns <= until_ns)
        )

    def _with_container(self, sent: SignalFact) -> SignalFact:
        """
        Add the container of a sender that was gone when it was looked up, if its exit names one.
        """
        if sent.sender_container is not None:
            return sent
        ends = (fact for fact in self._seen.get(sent.sender_pid, ()) if isinstance(fact, ProcessExitedFact))
        near = (end for end in ends if 0 <= end.at_ns - sent.at_ns + SLACK_NS <= _WORKS_WITHIN_NS)
        end = next(near, None)
        return replace(sent, sender_container=end.container) if end is not None else sent


def evidence_of(fact: Seen) -> Evidence | None:
    """
    Return an observation as evidence of a kill; None where it proves nothing.
    """
    match fact:
        case ProcessExitedFact():
            if fact.status is None:
                return None
            how = f"signal {fact.status.signal}" if fact.status.signal is not None else f"code {fact.status.exit_code}"
            text = f"pid {fact.pid} ended: wait status {how}"
            return Evidence(source=EvidenceSource.PROCESS, time_ns=fact.at_ns, text=text)
        case VictimMarkedFact():
            return Evidence(source=EvidenceSource.TRACE, time_ns=fact.at_ns, text=f"mark_victim: pid={fact.pid}")
        case SignalFact():
            text = f"signal_generate: sig={fact.signal} code={fact.code} pid={fact.target_pid} by {described(fact)}"
            return Evidence(source=EvidenceSource.TRACE, time_ns=fact.at_ns, text=text)


def described(sent: SignalFact) -> str:
    """
    Describe who sent a signal.
    """
    if sent.code > 0:
        return "the kernel"
    where = f" in container {sent.sender_container.id[:12]}" if sent.sender_container is not None else ""
    unit = f" in {sent.sender_unit}" if sent.sender_unit is not None and not where else ""
    user = f", uid {sent.sender_uid}" if sent.sender_uid is not None else ""
    return f'"{sent.sender_comm or "?"}" (pid {sent.sender_pid}{user}){where or unit}'
