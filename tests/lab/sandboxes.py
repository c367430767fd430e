"""
Sandboxes that are removed as soon as they have ended, several at a time, and the answer to "why?" about each, asked the
moment its end is known.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

from collector.web.api.client import ApiClient
from tests.lab.box import Box
from tests.lab.lab import Lab
from tests.lab.short_lives import Life

_AT_A_TIME: Final = 8
_LIMIT_MIB: Final = 12
_WAIT: Final = "30s"
# Half of them lose a child.
_ORDER: Final = (
    *(Life.CHILD_KILLED, Life.MAIN_KILLED, Life.CHILD_KILLED_137, Life.EXITED_137),
    *(Life.CHILD_KILLED_0, Life.EXITED_0, Life.CHILD_KILLED, Life.EXITED_7),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """
    A sandbox and the answer about it.

    Attributes:
        answered_s: seconds from the end of the sandbox to the answer.
    """

    box: Box
    life: Life
    status: int
    answer: Mapping[str, Any]
    answered_s: float

    def mistakes(self) -> Iterator[str]:
        """
        Yield the differences between the answer and the truth, in words.
        """
        ending, death = self.life.value, self.answer.get("death") or {}
        details = death.get("data", {}).get("exit137", {})
        if self.status != 200 or not self.answer["settled"]:
            yield f"status {self.status}, {self.answer}"
        found = details.get("cause"), details.get("death", {}).get("exit_code")
        if found != (ending.cause, ending.exit_code):
            yield f"the cause was {ending.cause} ({ending.exit_code}), the answer was {found}"
        victims = [
            victim["container_id"]
            for kill in self.answer.get("kills", ())
            for victim in kill["data"]["exit137"]["oom"]["victims"]
        ]
        if victims != ([] if ending.main_killed is None else [self.box.id]):
            yield f"main killed: {ending.main_killed}, the answer has kills in {victims}"


def run_sandboxes(lab: Lab, socket: Path, count: int) -> list[Asked]:
    """
    Run so many sandboxes, eight at a time, and ask about each as soon as it has ended.
    """
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        return list(pool.map(lambda life: _asked(lab, socket, life), islice(cycle(_ORDER), count)))


def percentile_s(asked: Sequence[Asked], percent: int) -> float:
    """
    Return how fast so many percent of the answers came.
    """
    return sorted(one.answered_s for one in asked)[(len(asked) - 1) * percent // 100]


def _asked(lab: Lab, socket: Path, life: Life) -> Asked:
    box = lab.run(*life.value.script, limit_mib=_LIMIT_MIB, auto_remove=True)
    box.wait(life.value.exit_code)
    ended_s = time.monotonic()
    status, answer = ApiClient(socket).get("/v1/why", container=box.id, wait=_WAIT)
    return Asked(box=box, life=life, status=status, answer=answer, answered_s=time.monotonic() - ended_s)
