"""
What one run on a machine came to: what the agent told beside what truly happened.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any


class Outcome:
    """
    One run.

    Args:
        out: what it left.

    Attributes:
        true_causes: per container the cause that was arranged, and those that cannot be told from it on such a machine.
        true_kills: per container how many of its processes the kernel killed.
        events: all that the agent told.
    """

    def __init__(self, out: Path) -> None:
        lines = [line.split() for line in (out / "truth").read_text(encoding="utf-8").splitlines()]
        self.out = out
        self.true_causes = {name: causes.split("/") for name, causes, _ in lines}
        self.true_kills = Counter({name: int(kills) for name, _, kills in lines if int(kills)})
        self.events: list[dict[str, Any]] = [json.loads(line) for line in self.read("events.jsonl").splitlines()]

    def read(self, name: str) -> str:
        """
        The text of one of its files.
        """
        return (self.out / name).read_text(encoding="utf-8")

    def deaths(self) -> list[str]:
        """
        The container of each death that was told.
        """
        return [death["container"]["name"] for death in self._of("container_death")]

    def misjudged(self) -> dict[str, str]:
        """
        Per container that was told to have died of something else what that is.
        """
        told = {death["container"]["name"]: death["exit137"]["cause"] for death in self._of("container_death")}
        return {name: cause for name, cause in told.items() if cause not in self.true_causes.get(name, ())}

    def death(self, name: str) -> dict[str, Any]:
        """
        The one death of a container.
        """
        [death] = [death for death in self._of("container_death") if death["container"]["name"] == name]
        return death

    def kills(self) -> Counter[str]:
        """
        Victims by container; one that was told before Docker had named its container has the id, and is named here.
        """
        names = {death["container"]["id"]: death["container"]["name"] for death in self._of("container_death")}
        found: Counter[str] = Counter()
        for kill in self._of("oom_kill"):
            container_id = kill.get("container", {}).get("id")
            found[names.get(container_id, "in no container")] += len(kill["exit137"]["oom"]["victims"])
        return found

    def _of(self, kind: str) -> list[dict[str, Any]]:
        return [event["data"] for event in self.events if event["type"] == f"exit137.{kind}"]
