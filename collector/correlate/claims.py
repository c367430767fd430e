"""
Who says that a container lost a process, without saying which.

The kernel drops the cgroup of most kills in a storm, but two others name the container of each: systemd's line about
the unit (not rate limited, on cgroup v2) and Docker's `oom` event (often merged, sometimes lost). A claim that no
attributed kill explains is free to explain a kill that nobody could place.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

_SECOND: Final = 1_000_000_000
# systemd and Docker speak after the kernel: up to 1 s later in the recordings' storm.
_LAG_NS: Final = 10 * _SECOND
# Clocks of the kernel's log and of the wall differ by tens of milliseconds.
_SLACK_NS: Final = 200_000_000
_DOCKER_LAG_NS: Final = 5 * _SECOND


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
        self._unclaimed: dict[str, list[int]] = {}

    def add(self, claim: Claim) -> bool:
        """
        Take a claim; True when no kill explains it yet.
        """
        kills = self._unclaimed.get(claim.container_id, [])
        for at_ns in kills:
            if claim.at_ns - _LAG_NS <= at_ns <= claim.at_ns + _SLACK_NS:
                if claim.claimant is Claimant.SYSTEMD:
                    kills.remove(at_ns)
                return False
        if claim.claimant is Claimant.DOCKER and self._is_echo(claim):
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

    def candidates(self, at_ns: int) -> list[Claim]:
        """
        Free claims that can belong to a kill, oldest first; systemd's, where there are any.

        Docker's count only when one container claims: on cgroup v1 an ancestor's OOM makes all below it claim.
        """
        following = [claim for claim in self._free if _follows(claim, at_ns)]
        by_systemd = [claim for claim in following if claim.claimant is Claimant.SYSTEMD]
        if by_systemd:
            return by_systemd
        return following if len({claim.container_id for claim in following}) == 1 else []

    def take(self, claim: Claim) -> None:
        """
        A claim has found its kill.
        """
        self._free.remove(claim)

    def expire(self, now_ns: int) -> None:
        """
        Forget what is too old to meet its counterpart; `now_ns` is on the wall clock.
        """
        self._free = [claim for claim in self._free if claim.at_ns > now_ns - 2 * _LAG_NS]
        for container_id, kills in list(self._unclaimed.items()):
            kills[:] = [at_ns for at_ns in kills if at_ns > now_ns - 2 * _LAG_NS]
            if not kills:
                del self._unclaimed[container_id]

    def _is_echo(self, claim: Claim) -> bool:
        return any(
            other.container_id == claim.container_id and abs(other.at_ns - claim.at_ns) < _DOCKER_LAG_NS
            for other in self._free
        )


def _follows(claim: Claim, kill_at_ns: int) -> bool:
    return claim.at_ns - _LAG_NS <= kill_at_ns <= claim.at_ns + _SLACK_NS
