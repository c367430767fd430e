"""
A container that outlives a signal: AppArmor refused it, or the main process ignores it.
"""

import pytest

from collector.facts.stops import MainSignalsFact
from sinks.event import Confidence, Event, EventType
from tests.unit.collector.correlate.scene import DIE, KILL, MAIN_PID, A, B, Scene, docker, ended, line, ns

DENIED = (
    'audit: type=1400 audit(1545323976.363:{number}): apparmor="DENIED" operation="signal" profile="{profile}"'
    ' pid=4648 comm="runc" requested_mask="{mask}" denied_mask="{mask}" signal={signal} peer="{peer}"'
)


def denied(profile: str = "deaf", *, mask: str = "receive", signal: str = "kill", peer: str = "unconfined") -> str:
    """
    Return the kernel's line about a refused signal.
    """
    return DENIED.format(number=355, profile=profile, mask=mask, signal=signal, peer=peer)


def scene_with(**profiles: str) -> Scene:
    """
    Return a scene in which containers with these AppArmor profiles run.
    """
    scene = Scene()
    for name, profile in profiles.items():
        scene.run({"a": A, "b": B}[name], apparmor=profile)
    return scene


def of_type(events: list[Event], event_type: EventType) -> list[Event]:
    return [event for event in events if event.type is event_type]


def test_the_only_container_with_that_profile_is_the_receiver() -> None:
    """
    The line names the sender, runc. The container is likely, and the message says which is which.
    """
    scene = scene_with(a="deaf", b="docker-default")
    (event,) = scene.feed(line(denied(), 10), at_s=10) + scene.wait(5)
    assert event.container is not None
    assert (event.container.id, event.exit137.confidence) == (A, Confidence.LIKELY)
    assert 'from process "runc" (pid 4648) to container "box-a" (likely)' in event.message


@pytest.mark.parametrize(
    "text",
    [
        denied("docker-default"),
        denied("unknown"),
        denied("deaf", mask="send"),
        denied("unconfined"),
    ],
)
def test_a_profile_of_none_or_of_several_names_no_container(text: str) -> None:
    """
    A guess between containers is none, and the profile of a sender is not that of the receiver.
    """
    scene = scene_with(a="docker-default", b="docker-default")
    (event,) = scene.feed(line(text, 10), at_s=10) + scene.wait(30)
    assert (event.container, event.exit137.confidence) == (None, Confidence.POSSIBLE)


def test_the_profile_of_a_refused_sender_is_the_peer_of_the_receiver() -> None:
    """
    Where the sender's profile refuses, the receiver's profile is the peer.
    """
    scene = scene_with(a="deaf")
    event, *_ = scene.feed(line(denied("agent", mask="send", peer="deaf"), 10), at_s=10) + scene.wait(5)
    assert event.container is not None
    assert event.container.id == A


def test_a_container_that_runs_on_is_stuck_and_its_end_is_reported() -> None:
    """
    15 s after the line the container still runs: the event says why, and another one that it has ended.
    """
    scene = scene_with(a="deaf")
    events = scene.feed(line(denied(), 10), at_s=10) + scene.wait(3) + scene.wait(10)
    assert of_type(events, EventType.CONTAINER_STUCK) == []
    (stuck,) = of_type(scene.wait(6), EventType.CONTAINER_STUCK)
    assert stuck.exit137.stuck is not None
    assert (stuck.exit137.stuck.state, stuck.exit137.stuck.reason) == ("stopping", "signal_denied")
    assert stuck.exit137.confidence is Confidence.LIKELY
    assert any('apparmor="DENIED"' in evidence.text for evidence in stuck.exit137.evidence)
    events = scene.feed(docker(DIE, 60, exit_code=0), ended(finished_s=60, exit_code=0), at_s=60) + scene.wait(10)
    (over,) = of_type(events, EventType.CONTAINER_STUCK)
    assert over.exit137.stuck is not None
    assert over.exit137.stuck.resolved is True


def test_a_container_that_ends_in_time_was_not_stuck() -> None:
    """
    SIGTERM was refused, and the SIGKILL after it was not.
    """
    scene = scene_with(a="deaf")
    events = scene.feed(line(denied(signal="term"), 10), at_s=10)
    events += scene.feed(docker(DIE, 20, exit_code=137), ended(finished_s=20, exit_code=137), at_s=20) + scene.wait(60)
    assert of_type(events, EventType.CONTAINER_STUCK) == []


def test_a_signal_that_ends_nothing_makes_nothing_stuck() -> None:
    """
    A reload that was refused is only the kernel event.
    """
    scene = scene_with(a="deaf")
    events = scene.feed(line(denied(signal="hup"), 10), at_s=10) + scene.wait(60)
    assert [event.type for event in events] == [EventType.KERNEL_EVENT]


def ignores(*signals: int, pid: int = MAIN_PID) -> MainSignalsFact:
    """
    Return what the stops source reads of the main process.
    """
    mask = sum(1 << (signal - 1) for signal in signals)
    return MainSignalsFact(container_id=A, at_ns=ns(5), pid=pid, name="sh", state="S", ignored=mask)


def after_signal(*facts: MainSignalsFact, signal: int = 15, **inspected: str) -> tuple[Scene, list[Event]]:
    """
    Return a scene in which Docker sent a signal, and what was published 16 s later.
    """
    scene = Scene()
    scene.run(A, **inspected)
    events = scene.feed(*facts, at_s=5) + scene.feed(docker(KILL, 10, signal=signal), at_s=10)
    return scene, events + scene.wait(16)


def test_a_main_process_that_ignores_the_signal_is_reported_with_its_end() -> None:
    """
    `docker stop -t -1` waits for ever: the event says why, and what ends it.
    """
    scene, (stuck,) = after_signal(ignores(15))
    assert stuck.exit137.stuck is not None
    assert (stuck.exit137.stuck.reason, stuck.exit137.confidence) == ("signal_ignored", Confidence.CERTAIN)
    assert stuck.exit137.stuck.task is not None
    assert (stuck.exit137.stuck.task.pid, stuck.exit137.stuck.task.name) == (MAIN_PID, "sh")
    assert stuck.message == (
        'Container "box-a" still runs 15 s after Docker sent SIGTERM: the main process "sh" (pid 4000) has no handler'
        " for this signal, so it has no effect."
    )
    events = scene.feed(docker(KILL, 60, signal=9), docker(DIE, 60.1, exit_code=137), at_s=60)
    events += scene.feed(ended(finished_s=60.1, exit_code=137), at_s=61) + scene.wait(10)
    (over,) = of_type(events, EventType.CONTAINER_STUCK)
    assert over.exit137.stuck is not None
    assert over.exit137.stuck.resolved is True


@pytest.mark.parametrize(
    "facts",
    [(), (ignores(2),), (ignores(15, pid=77),)],
    ids=["nothing is known", "it has a handler", "another run"],
)
def test_a_program_that_may_end_in_its_own_time_is_not_stuck(facts: tuple[MainSignalsFact, ...]) -> None:
    """
    A long grace period is there to be used.
    """
    assert after_signal(*facts)[1] == []


def test_only_the_signal_that_asks_for_the_end_counts() -> None:
    """
    A reload that has no effect makes nothing stuck; an image may have another stop signal than SIGTERM.
    """
    assert after_signal(ignores(1, 15), signal=1)[1] == []
    assert len(after_signal(ignores(3), signal=3, stop_signal="SIGQUIT")[1]) == 1
