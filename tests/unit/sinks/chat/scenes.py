"""
Messages made from real events: those of a scene, and those of a recording.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from collector.cli.check import trial_event
from collector.config.sections import Config, HostConfig
from collector.delivery import group_of
from collector.facts.observed import GapFact, LogTailFact, LogTailRequestedFact
from collector.recordings.replay import load, play
from parsers.docker_event import DockerAction
from sinks.base import Outgoing
from sinks.event import Event, EventType, GapKind, to_json
from tests.unit.collector.correlate.scene import MAIN_PID, A, docker, ended, ns
from tests.unit.collector.memory.watched import CHILD_PID, Watched, with_table

COMPOSE: Final = {"com.docker.compose.project": "shop", "com.docker.compose.service": "api"}
_RECORDING: Final = Path(__file__).parents[3] / "recordings/debian12-docker20-cgroup2"
_LOGS: Final = (*(f"GET /orders/{number} 200" for number in range(12)), "\x1b[31mcache:\x1b[0m 41210 entries <&>")


def outgoing(events: Sequence[Event], *, times: int | None = None) -> list[Outgoing]:
    """
    Return events as delivery hands them to a sink.
    """
    return [
        Outgoing(
            id=event.id,
            type=event.type.value,
            key=event.key,
            body=to_json(event),
            group=group_of(event),
            times_in_last_day=times,
        )
        for event in events
    ]


@cache
def recorded() -> tuple[Event, ...]:
    """
    Return all events of the recording: every cause that Docker knows, and a storm.
    """
    return tuple(play(load(_RECORDING)))


def leak() -> list[Outgoing]:
    """
    Return the death of a service that leaked until its main process was killed, the third time today.
    """
    scene = Watched()
    scene.run(A, labels=COMPOSE, memory_swap_bytes=-1, name="shop-api-1")
    scene.leak()
    scene.kill(MAIN_PID, 600)
    asked = LogTailRequestedFact(container_id=A, die_event_ns=ns(600.2))
    words = LogTailFact(container_id=A, die_event_ns=ns(600.2), lines=_LOGS)
    scene.feed(docker(DockerAction.DIE, 600.2, exit_code=137), asked, words, at_s=600.2)
    end = ended(finished_s=600.1, exit_code=137, memory_swap_bytes=-1, labels=COMPOSE, name="shop-api-1")
    events = scene.feed(end, at_s=600.3)
    return outgoing([event for event in events if event.type is EventType.CONTAINER_DEATH], times=3)


def child() -> list[Outgoing]:
    """
    Return the kill of a child process that jumped to the limit; its container survives.
    """
    scene = Watched()
    scene.run(A)
    for at_s in range(0, 300, 5):
        scene.sample(12, at_s)
    scene.feed(*with_table(300.8), at_s=300.8)
    return outgoing(scene.wait(0.01), times=1)


def warning() -> list[Outgoing]:
    """
    Return the warning about a container that comes near its limit.
    """
    scene = Watched()
    scene.run(A)
    events = scene.leak()
    return outgoing(_pressures(events)[-1:], times=1)


def resolved() -> list[Outgoing]:
    """
    Return the end of such a warning.
    """
    scene = Watched()
    scene.run(A)
    scene.leak()
    events = [event for at_s in range(600, 1500, 5) for event in scene.sample(4, at_s)]
    return outgoing(_pressures(events)[-1:], times=1)


def stuck() -> list[Outgoing]:
    """
    Return the event of a container that loses one child process after another.
    """
    scene = Watched()
    scene.run(A)
    scene.sample(10, 0)
    events = [event for number in range(3) for event in scene.kill(CHILD_PID + number, 10.0 * number + 1)]
    return outgoing([event for event in events if event.type is EventType.CONTAINER_STUCK])


def gap() -> list[Outgoing]:
    """
    Return the notice that kernel records were lost.
    """
    lost = GapFact(
        source="kmsg", what=GapKind.RECORDS_LOST, at_ns=ns(5), text="12 records of the kernel are gone.", count=12
    )
    return outgoing(Watched().feed(lost), times=2)


def digest() -> list[Outgoing]:
    """
    Return the kills of one container in the recording's storm.
    """
    of_one = [event for event in recorded() if event.container is not None and event.container.name == "storm16"]
    return outgoing([event for event in of_one if event.type is EventType.OOM_KILL][:6], times=9)


def overview() -> list[Outgoing]:
    """
    Return all events of the recording as one message.
    """
    return outgoing(recorded(), times=7)


def trial() -> list[Outgoing]:
    """
    Return what `exit137 check --send-test` sends.
    """
    return [trial_event(Config(host=HostConfig(id="1" * 32, hostname="node-7")), time_ns=ns(0))]


SCENES: Final = {
    scene.__name__: scene for scene in (leak, child, warning, resolved, stuck, gap, digest, overview, trial)
}


def _pressures(events: Sequence[Event]) -> list[Event]:
    return [event for event in events if event.type is EventType.MEMORY_PRESSURE]
