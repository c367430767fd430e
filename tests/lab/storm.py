"""
A storm: the OOM killer kills children in many containers at once; most of the children live a few milliseconds.

The parents log what really happened. The containers share the host's pid namespace, so they log the host's pids.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

from sinks.event import EventType
from tests.lab.box import Box
from tests.lab.lab import Lab

_LIMIT_MIB: Final = 12
_LOST: Final = re.compile(rb"^lost ([0-9]+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributed:
    """
    How many kills of a storm were published correctly.

    Attributes:
        kills: how many kills the parents saw.
        right: published once, in the right container.
        wrong: published in another container.
        unattributed: published without a container.
        missing: not published.
        duplicate: published more than once.
        invented: published for these containers, but did not happen.
    """

    kills: int
    right: int
    wrong: int
    unattributed: int
    missing: int
    duplicate: int
    invented: int

    @property
    def share(self) -> float:
        """
        The share of kills that were published in the right container.
        """
        return self.right / self.kills


Truth = Counter[tuple[int, str]]


def make_storm(
    lab: Lab, containers: int, children: int, during: Callable[[], AbstractContextManager[None]] = nullcontext
) -> Truth:
    """
    Make a storm; return how often each pid of each container was killed.

    Args:
        lab: runs the containers.
        containers: how many.
        children: how many each of them loses.
        during: a context that is entered when all containers run and left when they have ended.
    """
    with ThreadPoolExecutor(8) as pool:
        boxes = list(pool.map(lambda _: _box(lab, children), range(containers)))
    for box in boxes:
        box.hold()
    with during():
        with ThreadPoolExecutor(containers) as pool:
            list(pool.map(Box.go, boxes))
        for box in boxes:
            box.wait(0)
    return Counter(
        (int(pid), box.id) for box in boxes for pid in _LOST.findall(box.container.logs(stdout=True, stderr=False))
    )


def _box(lab: Lab, children: int) -> Box:
    return lab.run("hold", f"lose:{children}", limit_mib=_LIMIT_MIB, pid_mode="host")


def attributed(events: Sequence[Mapping[str, Any]], truth: Truth, began: str) -> Attributed:
    """
    Compare the kills published since a time with the truth, pid by pid; a pid may have been used more than once.
    """
    published = Counter(
        (victim["pid"], victim.get("container_id"))
        for event in events
        if event["type"] == EventType.OOM_KILL and event["time"] >= began
        for victim in event["data"]["exit137"]["oom"]["victims"]
    )
    ours = {container for _, container in truth}
    pids = {pid for pid, _ in truth}
    found = [_of_pid(_part(truth, pid), _part(published, pid)) for pid in pids]
    names = ("right", "wrong", "unattributed", "missing", "duplicate")
    invented = sum(count for (pid, container), count in published.items() if pid not in pids and container in ours)
    return Attributed(
        kills=truth.total(), invented=invented, **dict(zip(names, map(sum, zip(*found, strict=True)), strict=True))
    )


def _part(kills: Counter[Any], pid: int) -> Counter[str | None]:
    return Counter({container: count for (of, container), count in kills.items() if of == pid})


def _of_pid(truth: Counter[str | None], published: Counter[str | None]) -> tuple[int, int, int, int, int]:
    """
    Count the kills of one pid: right, wrong, unattributed, missing, duplicate.
    """
    not_found, extra = (truth - published).total(), published - truth
    unattributed = min(extra.pop(None, 0), not_found)
    wrong = min(extra.total(), not_found - unattributed)
    duplicate = extra.total() - wrong
    return (truth & published).total(), wrong, unattributed, not_found - unattributed - wrong, duplicate
