"""
A storm: many containers lose children to the kernel's OOM killer at once, most of them children that live a few
milliseconds. What truly happened is what the parents saw; the containers share the host's pids, so they see the same.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from sinks.event import EventType
from tests.live.lab.box import Box
from tests.live.lab.lab import Lab

_LIMIT_MIB: Final = 12
_LOST: Final = re.compile(rb"^lost ([0-9]+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributed:
    """
    How much of a storm was told rightly.

    Attributes:
        kills: how many the parents saw.
        right: told once, in the right container.
        wrong: told in another container.
        nowhere: told, but in no container.
        untold: not told.
        twice: told more than once.
        invented: told of these containers and not true.
    """

    kills: int
    right: int
    wrong: int
    nowhere: int
    untold: int
    twice: int
    invented: int

    @property
    def share(self) -> float:
        """
        Kills in the right container, of all.
        """
        return self.right / self.kills


Truth = Counter[tuple[int, str]]


def make_storm(lab: Lab, containers: int, children: int) -> Truth:
    """
    Let it happen; gives the pid and the container of each process that was killed.
    """
    with ThreadPoolExecutor(8) as pool:
        boxes = list(pool.map(lambda _: _box(lab, children), range(containers)))
    for box in boxes:
        box.hold()
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
    Compare what was told since a moment with the truth, pid by pid: one may have been used more than once.
    """
    told = Counter(
        (victim["pid"], victim.get("container_id"))
        for event in events
        if event["type"] == EventType.OOM_KILL and event["time"] >= began
        for victim in event["data"]["exit137"]["oom"]["victims"]
    )
    ours = {container for _, container in truth}
    pids = {pid for pid, _ in truth}
    found = [_of_pid(_part(truth, pid), _part(told, pid)) for pid in pids]
    names = ("right", "wrong", "nowhere", "untold", "twice")
    invented = sum(count for (pid, container), count in told.items() if pid not in pids and container in ours)
    return Attributed(
        kills=truth.total(), invented=invented, **dict(zip(names, map(sum, zip(*found, strict=True)), strict=True))
    )


def _part(kills: Counter[Any], pid: int) -> Counter[str | None]:
    return Counter({container: count for (of, container), count in kills.items() if of == pid})


def _of_pid(truth: Counter[str | None], told: Counter[str | None]) -> tuple[int, int, int, int, int]:
    """
    Of the kills of one pid: right, wrong, nowhere, untold, twice.
    """
    missing, more = (truth - told).total(), told - truth
    nowhere = min(more.pop(None, 0), missing)
    wrong = min(more.total(), missing - nowhere)
    twice = more.total() - wrong
    return (truth & told).total(), wrong, nowhere, missing - nowhere - wrong, twice
