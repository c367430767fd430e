"""
Containers that are removed as soon as they have ended, within about 100 ms of their start, several at a time.

Such a container is gone before Docker can be asked about it, and Docker may stamp its start after its end.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from itertools import cycle, islice
from typing import Any, Final

from sinks.event import Cause, EventType
from tests.lab.box import Box
from tests.lab.lab import Lab

_AT_A_TIME: Final = 4
_LIMIT_MIB: Final = 12
_SIGKILL_CODE: Final = 137

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """
    What a container does, and what is true of its death.

    Attributes:
        script: for hog.
        main_killed: whether its only OOM kill is of the main process; None if nothing is killed.
    """

    script: tuple[str, ...]
    exit_code: int
    cause: Cause
    main_killed: bool | None = None


class Life(Enum):
    """
    The short lives. Every third container loses its main process, every third a child.
    """

    MAIN_KILLED = Ending(script=("eat:64",), exit_code=_SIGKILL_CODE, cause=Cause.OOM_KILL, main_killed=True)
    CHILD_KILLED = Ending(script=("lose:1", "exit:3"), exit_code=3, cause=Cause.OOM_KILL_CHILD, main_killed=False)
    CHILD_KILLED_137 = Ending(
        script=("lose:1", "exit:137"), exit_code=_SIGKILL_CODE, cause=Cause.OOM_KILL_CHILD, main_killed=False
    )
    CHILD_KILLED_0 = Ending(script=("lose:1", "exit:0"), exit_code=0, cause=Cause.EXIT, main_killed=False)
    EXITED_0 = Ending(script=("exit:0",), exit_code=0, cause=Cause.EXIT)
    EXITED_137 = Ending(script=("exit:137",), exit_code=_SIGKILL_CODE, cause=Cause.APP_ERROR)
    EXITED_7 = Ending(script=("exit:7",), exit_code=7, cause=Cause.APP_ERROR)


_ORDER: Final = (
    *(Life.MAIN_KILLED, Life.CHILD_KILLED, Life.EXITED_0),
    *(Life.MAIN_KILLED, Life.CHILD_KILLED_137, Life.EXITED_137),
    *(Life.MAIN_KILLED, Life.CHILD_KILLED_0, Life.EXITED_7),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortLife:
    """
    One container that has lived and is gone.

    Attributes:
        comm: the name of its processes, which no other container has.
    """

    box: Box
    life: Life
    comm: str


def live_shortly(lab: Lab, containers: int) -> list[ShortLife]:
    """
    Run so many containers, a few at a time, and return them when all have ended.
    """
    lives = islice(cycle(_ORDER), containers)
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        return list(pool.map(lambda numbered: _live(lab, *numbered), enumerate(lives)))


def mistakes(events: Iterable[Event], lives: Sequence[ShortLife], began: str) -> dict[ShortLife, list[str]]:
    """
    Return the differences between the events since a time and the truth, in words; nothing of a container without any.
    """
    deaths: defaultdict[str | None, list[Event]] = defaultdict(list)
    kills: defaultdict[str, list[Event]] = defaultdict(list)
    for event in events:
        if event["time"] < began:
            continue  # earlier containers had the same names of processes
        if event["type"] == EventType.CONTAINER_DEATH:
            deaths[event["data"]["container"].get("id")].append(event["data"])
        elif event["type"] == EventType.OOM_KILL:
            for victim in event["data"]["exit137"]["oom"]["victims"]:
                kills[victim.get("name", "")].append(victim)
    found = {short: list(_mistakes_of(short, deaths[short.box.id], kills[short.comm])) for short in lives}
    return {short: mistakes for short, mistakes in found.items() if mistakes}


def _live(lab: Lab, number: int, life: Life) -> ShortLife:
    comm = f"life-{number}"
    box = lab.run(f"name:{comm}", *life.value.script, limit_mib=_LIMIT_MIB, auto_remove=True)
    box.wait(life.value.exit_code)
    return ShortLife(box=box, life=life, comm=comm)


def _mistakes_of(short: ShortLife, deaths: Sequence[Event], kills: Sequence[Event]) -> Iterator[str]:
    ending = short.life.value
    if len(deaths) != 1:
        yield f"died once, published were {[data['message'] for data in deaths]}"
    for data in deaths:
        found = data["exit137"]["cause"], data["exit137"]["death"].get("exit_code")
        if found != (ending.cause, ending.exit_code):
            yield f"the cause was {ending.cause} ({ending.exit_code}), published was {found}: {data['message']}"
    expected = [] if ending.main_killed is None else [short.box.id]
    found_ids = [victim.get("container_id") for victim in kills]
    if found_ids != expected:
        yield f"the kills were in {expected}, published were {found_ids}"
    for victim in kills:  # the role is not known where the kernel has suppressed the report
        if victim.get("main_process") not in (ending.main_killed, None):
            yield f"main process: {ending.main_killed}, published was {victim.get('main_process')}"
