"""
What arrived, compared with what happened.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.crash.receiver import Arrival

_MOST_IN_FLIGHT: Final = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """
    What came of it at one sink.

    Attributes:
        missing: OOM kills that never arrived.
        repeated: arrivals beyond the first.
        wrongly_repeated: those that were not in flight when the agent was killed.
        disordered: first arrivals before an earlier one of their container.
        changed: ids that came with different contents.
    """

    missing: int
    repeated: int
    wrongly_repeated: int
    disordered: int
    changed: int

    @property
    def sound(self) -> bool:
        """
        Whether only what was in flight came twice, and nothing else is to be said.
        """
        return (self.missing, self.wrongly_repeated, self.disordered, self.changed) == (0, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """
    What came of it.

    Attributes:
        kills: how often the agent was killed.
        at_a_step: of these, how often it had come to the named step; else its time was up.
        happened: OOM kills in the journal.
        missing_in_file: of these, how many are not in the file.
        hook: what came to the HTTP server.
        bus: what came to the Kafka broker, if there was one.
    """

    kills: int
    at_a_step: int
    happened: int
    missing_in_file: int
    hook: Delivered
    bus: Delivered | None


def delivered(arrivals: Sequence[Arrival], pids: range) -> Delivered:
    """
    Compare what came to a sink with the victims there were.

    Args:
        arrivals: in the order in which they came, at least those of one container.
        pids: of all victims.
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
        # Counted are ids: what was in flight may come again in several lives before it is noted.
        latest[arrival.id] = (len(latest), arrival)
    return Delivered(
        missing=len(set(pids) - {arrival.pid for arrival in arrivals}),
        repeated=repeated,
        wrongly_repeated=wrongly,
        disordered=disordered,
        changed=changed,
    )
