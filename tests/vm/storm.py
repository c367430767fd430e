"""
A storm of OOM kills on a machine: what the agent published, compared with what really happened.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any, Final

from sinks.event import EventType, GapKind
from tests.lab.storm import Attributed, Truth, attributed

_ALARMS: Final = frozenset({GapKind.KILLS_UNEXPLAINED, GapKind.KILL_UNCONFIRMED})

Event = dict[str, Any]


class Storm:
    """
    What a machine published in a storm, and what happened.

    Args:
        out: the folder with the results: .cache/vm/SUITE/SCRIPT/out.

    Attributes:
        suite: of Debian.
        truth: how often each pid of each container was killed.
        events: what the agent published until it had caught up.
        lost_by_docker: containers whose main process has ended, and of which Docker says that they are running.
    """

    def __init__(self, out: Path) -> None:
        self.suite = out.parents[1].name
        self.out = out
        lines = [line.split() for line in self.read("storm-truth").splitlines()]
        self.truth: Truth = Counter((int(pid), container_id) for pid, container_id in lines)
        lost = out / "lost-by-docker"
        self.lost_by_docker = {line.split()[0] for line in lost.read_text().splitlines()} if lost.exists() else set()
        self.events = read_events(self.read("storm-events.jsonl"))

    def read(self, name: str) -> str:
        """
        Return the text of one of the files.
        """
        return (self.out / name).read_text(encoding="utf-8")

    def attributed(self) -> Attributed:
        """
        Compare the published kills with the truth, pid by pid.
        """
        return attributed(self.events, self.truth, began="")

    def containers(self) -> frozenset[str]:
        """
        Return the containers that lost processes.
        """
        return frozenset(container for _, container in self.truth)

    def causes(self) -> dict[str, list[str]]:
        """
        Return the causes of the published deaths of each container of the storm.
        """
        causes: dict[str, list[str]] = {container: [] for container in self.containers()}
        for event in self.events:
            if event["type"] == EventType.CONTAINER_DEATH and event["data"]["container"]["id"] in causes:
                causes[event["data"]["container"]["id"]].append(event["data"]["exit137"]["cause"])
        return causes

    def lives(self) -> list[list[str]]:
        """
        Return of each published death the times of its start, its kills and its end, as far as known.
        """
        killed = {event["id"]: event["time"] for event in self.events if event["type"] == EventType.OOM_KILL}
        deaths = [
            event["data"]["exit137"]["death"] for event in self.events if event["type"] == EventType.CONTAINER_DEATH
        ]
        return [
            [
                *filter(None, [death.get("started_at")]),
                *sorted(killed[kill] for kill in death["oom_kill_ids"] if kill in killed),
                *filter(None, [death.get("finished_at")]),
            ]
            for death in deaths
        ]

    def alarms(self) -> list[str]:
        """
        Return the messages that call kills lost or forged.
        """
        found = [event["data"] for event in self.events if event["type"] == EventType.AGENT]
        return [data["message"] for data in found if (data["exit137"].get("gap") or {}).get("what") in _ALARMS]

    def catch_up_s(self) -> int:
        """
        Return how many seconds after the storm the last event was written.
        """
        return int(self.read("last-event")) - int(self.read("storm-ended"))


def read_events(text: str) -> list[Event]:
    """
    Return published events, one per line.
    """
    return [json.loads(line) for line in text.splitlines()]
