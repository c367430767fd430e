"""
Who says that a container lost a process, without saying which.

The kernel drops the cgroup of most kills in a storm, but two others name the container of each: systemd's line about
the unit (not rate limited, on cgroup v2) and Docker's `oom` event (often merged, sometimes lost). A claim that no
attributed kill explains is free to explain a kill that nobody could place.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from collector.correlate.alignment import align

_SECOND: Final = 1_000_000_000
# systemd and Docker speak after the kernel: up to 50 ms and 1 s later in the recordings' storm.
_LAG_NS: Final = 2 * _SECOND
# Clocks of the kernel's log and of the wall differ by tens of milliseconds.
_SLACK_NS: Final = 20_000_000
_DOCKER_LAG_NS: Final = 5 * _SECOND
_KEPT_NS: Final = 10 * _SECOND
# What systemd finds at one look it writes at once: a kill whose own line is missing was counted into the next ones.
_MERGED_NS: Final = 50_000_000


class Claimant(Enum):
    """
    Who claims.
    """

    SYSTEMD = "systemd"
    DOCKER = "docker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """
    "A process of this container was killed by an OOM killer", without the pid.
    """

    container_id: str
    at_ns: int
    claimant: Claimant
    text: str


class Claims:
    """
    Claims that nothing explains yet, and kills that no claim has followed yet.
    """

    def __init__(self) -> None:
        self._free: list[Claim] = []
        self._taken: list[Claim] = []
        self._by_systemd = False
        self._unclaimed: dict[str, list[int]] = {}

    def add(self, claim: Claim) -> bool:
        """
        Take a claim; True when no kill explains it yet.
        """
        self._by_systemd = self._by_systemd or claim.claimant is Claimant.SYSTEMD
        kills = self._unclaimed.get(claim.container_id, [])
        for at_ns in kills:
            if claim.at_ns - _LAG_NS <= at_ns <= claim.at_ns + _SLACK_NS:
                if claim.claimant is Claimant.SYSTEMD:
                    kills.remove(at_ns)
                return False
        if claim.claimant is Claimant.DOCKER and (self._by_systemd or self._is_echo(claim)):
            return False
        self._free.append(claim)
        return True

    def explain(self, container_id: str, at_ns: int) -> None:
        """
        A kill was placed in a container: the claim that belongs to it explains nothing else.
        """
        for claim in self._free:
            if claim.container_id == container_id and _follows(claim, at_ns):
                self._free.remove(claim)
                return
        self._unclaimed.setdefault(container_id, []).append(at_ns)

    def only(self, kill_at_ns: int) -> Claim | None:
        """
        The claim of a kill that happened alone, if all free claims name one container.
        """
        following = self._following(kill_at_ns)
        return following[0] if len({claim.container_id for claim in following}) == 1 else None

    def pair(self, kills_ns: list[int]) -> list[Claim | None]:
        """
        For each of these kills, in their order, the claim that fits best, if any.

        Docker's count only when one container claims, as on cgroup v1 an ancestor's OOM makes all below it claim; and
        only for a kill that is alone: of those guessed in a storm most were wrong (bench/attribution.py).
        """
        alone = len(kills_ns) == 1
        free = sorted((claim for claim in self._free if claim.claimant is Claimant.SYSTEMD), key=_moment)
        pairs = align(kills_ns, [claim.at_ns for claim in free], slack_ns=_SLACK_NS, lag_ns=_LAG_NS)
        return [
            free[index]
            if index is not None
            else self._merged_into(at_ns, free) or (self.only(at_ns) if alone else None)
            for at_ns, index in zip(kills_ns, pairs, strict=True)
        ]

    def take(self, claim: Claim) -> None:
        """
        A claim has found its kill.
        """
        if claim in self._free:
            self._free.remove(claim)
            self._taken.append(claim)

    def expire(self, now_ns: int) -> None:
        """
        Forget what is too old to meet its counterpart; `now_ns` is on the wall clock.
        """
        self._free = [claim for claim in self._free if claim.at_ns > now_ns - _KEPT_NS]
        self._taken = [claim for claim in self._taken if claim.at_ns > now_ns - _KEPT_NS]
        for container_id, kills in list(self._unclaimed.items()):
            kills[:] = [at_ns for at_ns in kills if at_ns > now_ns - _KEPT_NS]
            if not kills:
                del self._unclaimed[container_id]

    def _following(self, kill_at_ns: int) -> list[Claim]:
        return [claim for claim in self._free if _follows(claim, kill_at_ns)]

    def _merged_into(self, kill_at_ns: int, free: list[Claim]) -> Claim | None:
        """
        The last of the claims written right after a kill: it had the longest time to take in a second kill.
        """
        after = [
            claim
            for claim in (*self._taken, *free)
            if claim.claimant is Claimant.SYSTEMD and 0 <= claim.at_ns - kill_at_ns <= _MERGED_NS
        ]
        return max(after, key=_moment, default=None)

    def _is_echo(self, claim: Claim) -> bool:
        return any(
            other.container_id == claim.container_id and abs(other.at_ns - claim.at_ns) < _DOCKER_LAG_NS
            for other in self._free
        )


def _moment(claim: Claim) -> int:
    return claim.at_ns


def _follows(claim: Claim, kill_at_ns: int) -> bool:
    return claim.at_ns - _LAG_NS <= kill_at_ns <= claim.at_ns + _SLACK_NS
