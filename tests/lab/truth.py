"""
What really happened to a container, and the comparison with the agent's events.

Pids and names are read from /proc while the victims still run; exit codes are Docker's answer to `wait`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sinks.event import Cause, Confidence, EventType, Killer, Scope

Event = Mapping[str, Any]
_ALARMS: Final = ("kills_unexplained", "kill_unconfirmed")
_CONFIDENCE: Final = (Confidence.POSSIBLE, Confidence.LIKELY, Confidence.CERTAIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """
    A process that an OOM killer killed.

    Attributes:
        pid: on the host.
        name: its comm.
        main: whether it was the container's main process.
    """

    pid: int
    name: str
    main: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """
    The end of one run of a container, or a start that failed.

    Attributes:
        causes: the true cause; more than one if the evidence of this host cannot distinguish them.
        exit_code: None if it cannot be known.
        at_least: the least confidence that the verdict must have.
        killer_pid: the pid that sent the signal; None if any is right.
    """

    causes: tuple[Cause, ...]
    exit_code: int | None
    at_least: Confidence = Confidence.LIKELY
    killer_pid: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """
    Everything that happened to one container.

    Attributes:
        deaths: in order.
        kills: in any order.
        scope: whose memory limit was hit by the kills.
        limit_bytes: the limit that was hit; None if any is right.
    """

    container_id: str
    container_name: str
    deaths: tuple[Death, ...] = ()
    kills: tuple[Kill, ...] = ()
    scope: Scope = Scope.CONTAINER
    killer: Killer = Killer.KERNEL
    limit_bytes: int | None = None


def is_complete(events: Iterable[Event], truth: Truth) -> bool:
    """
    Return whether as many deaths and kills of a container have been published as happened.
    """
    events = list(events)
    deaths, kills = list(_deaths(events, truth)), list(_victims(events, truth))
    return len(deaths) >= len(truth.deaths) and len(kills) >= len(truth.kills)


def compare(events: Iterable[Event], truth: Truth) -> list[str]:
    """
    Return the differences between the events and the truth, in words; an empty list if there are none.
    """
    events = list(events)
    return [*_compare_deaths(events, truth), *_compare_kills(events, truth)]


def alarms(events: Iterable[Event], began: str) -> list[str]:
    """
    Return what the agent has called lost or forged since a time, in its words.
    """
    return [
        event["data"]["message"]
        for event in events
        if event["type"] == EventType.AGENT
        and event["time"] >= began
        and (event["data"]["exit137"].get("gap") or {}).get("what") in _ALARMS
    ]


def _compare_deaths(events: list[Event], truth: Truth) -> Iterator[str]:
    deaths = sorted(_deaths(events, truth), key=lambda event: event.get("time", ""))
    if len(deaths) != len(truth.deaths):
        messages = [event["data"]["message"] for event in deaths]
        yield f"{truth.container_name} died {len(truth.deaths)} times, published were {len(messages)}: {messages}"
        return
    for event, death in zip(deaths, truth.deaths, strict=True):
        yield from _compare_death(event["data"], death)
        name = event["data"]["container"].get("name")
        if name != truth.container_name:
            yield f"the name was {truth.container_name}, published was {name}"


def _compare_death(data: Event, death: Death) -> Iterator[str]:
    ours = data["exit137"]
    if ours["cause"] not in death.causes:
        yield f"the cause was {'|'.join(death.causes)}, published was {ours['cause']}: {data['message']}"
    if ours["death"].get("exit_code") != death.exit_code:
        yield f"the exit code was {death.exit_code}, published was {ours['death'].get('exit_code')}"
    killer_pid = ours["death"].get("killer", {}).get("pid")
    if death.killer_pid not in (None, killer_pid):
        yield f"the sender was {death.killer_pid}, published was {killer_pid}: {data['message']}"
    if _CONFIDENCE.index(ours["confidence"]) < _CONFIDENCE.index(death.at_least):
        yield f"published as {ours['confidence']}, the evidence gives {death.at_least}: {data['message']}"


def _compare_kills(events: list[Event], truth: Truth) -> Iterator[str]:
    victims = sorted((victim["pid"], victim.get("name")) for _, victim in _victims(events, truth))
    killed = sorted((kill.pid, kill.name) for kill in truth.kills)
    if victims != killed:
        yield f"killed were {killed}, published were {victims}"
        return
    main = {kill.pid: kill.main for kill in truth.kills}
    for oom, victim in _victims(events, truth):
        if victim.get("main_process") != main[victim["pid"]]:
            yield f"main process: {main[victim['pid']]}, published was {victim.get('main_process')}"
        if oom.get("scope") != truth.scope:
            yield f"the limit was that of the {truth.scope}, published was {oom.get('scope')}"
        if oom["killer"] != truth.killer:
            yield f"the killer was {truth.killer}, published was {oom['killer']}"
        if truth.limit_bytes is not None and oom.get("limit_bytes") != truth.limit_bytes:
            yield f"the limit was {truth.limit_bytes}, published was {oom.get('limit_bytes')}"


def _deaths(events: Iterable[Event], truth: Truth) -> Iterator[Event]:
    for event in events:
        is_death = event["type"] == EventType.CONTAINER_DEATH
        if is_death and event["data"]["container"].get("id") == truth.container_id:
            yield event


def _victims(events: Iterable[Event], truth: Truth) -> Iterator[tuple[Event, Event]]:
    """
    Yield the victims of a container in all OOM kills, each with the `oom` object that contains it.
    """
    for event in events:
        if event["type"] != EventType.OOM_KILL:
            continue
        oom = event["data"]["exit137"]["oom"]
        for victim in oom["victims"]:
            if victim.get("container_id") == truth.container_id:
                yield oom, victim
