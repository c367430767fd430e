"""
A storm: many containers lose children to the kernel's OOM killer at once, most of them children that live a few
milliseconds. What truly happened is what the parents saw; the containers share the host's pids, so they see the same.
"""

import re
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


def make_storm(lab: Lab, containers: int, children: int) -> Mapping[int, str]:
    """
    Let it happen; gives the container of each process that was killed, by pid.
    """
    with ThreadPoolExecutor(8) as pool:
        boxes = list(pool.map(lambda _: _box(lab, children), range(containers)))
    for box in boxes:
        box.hold()
    with ThreadPoolExecutor(containers) as pool:
        list(pool.map(Box.go, boxes))
    for box in boxes:
        box.wait(0)
    return {int(pid): box.id for box in boxes for pid in _LOST.findall(box.container.logs(stdout=True, stderr=False))}


def _box(lab: Lab, children: int) -> Box:
    return lab.run("hold", f"lose:{children}", limit_mib=_LIMIT_MIB, pid_mode="host")


def attributed(events: Sequence[Mapping[str, Any]], truth: Mapping[int, str], began: str) -> Attributed:
    """
    Compare what was told since a moment with the truth.
    """
    told: dict[int, list[str | None]] = {}
    for event in events:
        if event["type"] == EventType.OOM_KILL and event["time"] >= began:
            for victim in event["data"]["exit137"]["oom"]["victims"]:
                told.setdefault(victim["pid"], []).append(victim.get("container_id"))
    of_truth = {pid: told.get(pid, []) for pid in truth}
    ours = set(truth.values())
    return Attributed(
        kills=len(truth),
        right=sum(containers == [truth[pid]] for pid, containers in of_truth.items()),
        wrong=sum(any(found not in (None, truth[pid]) for found in containers) for pid, containers in of_truth.items()),
        nowhere=sum(containers == [None] for containers in of_truth.values()),
        untold=sum(not containers for containers in of_truth.values()),
        twice=sum(len(containers) > 1 for containers in of_truth.values()),
        invented=sum(bool(ours & set(containers)) for pid, containers in told.items() if pid not in truth),
    )
