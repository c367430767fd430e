"""
Compares what arrived with what happened.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.crash.receiver import Arrival

# More than a batch of the courier.
_MOST_IN_FLIGHT: Final = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """
    The result at one sink.

    Attributes:
        missing: OOM kills that never arrived.
        repeated: repeated arrivals.
        wrongly_repeated: repeated arrivals that were not in flight when the agent was killed.
        disordered: first arrivals after a later event of their container.
        changed: ids that arrived with different contents.
    """

    missing: int
    repeated: int
    wrongly_repeated: int
    disordered: int
    changed: int

    @property
    def sound(self) -> bool:
        """
        Whether only events in flight arrived twice, and nothing else went wrong.
        """
        return (self.missing, self.wrongly_repeated, self.disordered, self.changed) == (0, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """
    The result of a run.

    Attributes:
        kills: how often the agent was killed.
        at_a_step: how many of these kills happened at the named step; the others happened after a timeout.
        happened: OOM kills in the journal.
        missing_in_file: OOM kills that are missing in the file.
        hook: the result at the HTTP server.
        bus: the result at the Kafka broker, if there is one.
    """

    kills: int
    at_a_step: int
    happened: int
    missing_in_file: int
    hook: Delivered
    bus: Delivered | None


def delivered(arrivals: Sequence[Arrival], pids: range) -> Delivered:
    """
    Compare the arrivals at a sink with the victims.

    Args:
        arrivals: the arrivals, those of one container in their order.
        pids: the pids of all victims.
    """
    latest: dict[str, tuple[int, Arrival]] = {}
    newest_pid: Counter[str] = Counter()
    repeated, wrongly, disordered, changed = 0, 0, 0, 0
    for arrival in arrivals:
        if arrival.id not in latest:
            disordered += arrival.pid < newest_pid[arrival.container_id]
            newest_pid[arrival.container_id] = arrival.pid
        else:
            known_before, before = latest[arrival.id]
            repeated += 1
            changed += before.digest != arrival.digest
            wrongly += before.run == arrival.run or len(latest) - known_before > _MOST_IN_FLIGHT
        # Compare with the last arrival, because an event in flight may arrive in several lives before it is recorded.
        latest[arrival.id] = (len(latest), arrival)
    return Delivered(
        missing=len(set(pids) - {arrival.pid for arrival in arrivals}),
        repeated=repeated,
        wrongly_repeated=wrongly,
        disordered=disordered,
        changed=changed,
    )
