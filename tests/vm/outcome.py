"""
The outcome of a run on a machine: what the agent published, compared with what really happened.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any, Final

NO_CONTAINER: Final = "-"


class Outcome:
    """
    One run.

    Args:
        out: the folder with its results.

    Attributes:
        true_causes: per container the cause that was arranged, and causes that look the same on such a machine.
        true_kills: per container how many of its processes the kernel killed; `-` is in no container.
        events: everything that the agent published, each id once.
    """

    def __init__(self, out: Path) -> None:
        lines = [line.split() for line in (out / "truth").read_text(encoding="utf-8").splitlines()]
        self.out = out
        self.true_causes = {name: causes.split("/") for name, causes, _ in lines if name != NO_CONTAINER}
        self.true_kills = Counter({name: int(kills) for name, _, kills in lines if int(kills)})
        # What was sent just before the agent was killed comes again with the same id.
        published = (json.loads(line) for line in self.read("events.jsonl").splitlines())
        self.events: list[dict[str, Any]] = list({event["id"]: event for event in published}.values())

    def read(self, name: str) -> str:
        """
        Return the text of one of the run's files.
        """
        return (self.out / name).read_text(encoding="utf-8")

    def deaths(self) -> list[str]:
        """
        Return the container of each published death.
        """
        return [death["container"]["name"] for death in self._of("container_death") if "name" in death["container"]]

    def published_deaths(self) -> list[dict[str, Any]]:
        """
        Return the data of each published death.
        """
        return self._of("container_death")

    def misjudged(self) -> dict[str, str]:
        """
        Return the published cause of each container whose cause is wrong.
        """
        deaths = (death for death in self._of("container_death") if "name" in death["container"])
        published = {death["container"]["name"]: death["exit137"]["cause"] for death in deaths}
        return {name: cause for name, cause in published.items() if cause not in self.true_causes.get(name, ())}

    def death(self, name: str) -> dict[str, Any]:
        """
        Return the single death of a container.
        """
        [death] = [death for death in self._of("container_death") if death["container"].get("name") == name]
        return death

    def kills(self) -> Counter[str]:
        """
        Return the number of victims by container name; an event before Docker named the container has only the id,
        which is resolved here.
        """
        names = {death["container"]["id"]: death["container"].get("name") for death in self._of("container_death")}
        found: Counter[str] = Counter()
        for kill in self._of("oom_kill"):
            container_id = kill.get("container", {}).get("id")
            found[names.get(container_id) or NO_CONTAINER] += len(kill["exit137"]["oom"]["victims"])
        return found

    def of_container(self, kind: str, name: str) -> list[dict[str, Any]]:
        """
        Return the events of a kind about a container, by the name that its death has.
        """
        container_id = self.death(name)["container"]["id"]
        return [data for data in self._of(kind) if data.get("container", {}).get("id") == container_id]

    def _of(self, kind: str) -> list[dict[str, Any]]:
        return [event["data"] for event in self.events if event["type"] == f"exit137.{kind}"]
