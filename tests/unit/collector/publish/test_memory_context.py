"""
Memory context of kills and deaths, and warnings about running containers.
"""

from collections.abc import Sequence

from collector.facts.memory import ContainerProcessesFact, RunningProcess
from collector.facts.restored import RestoredWarningFact
from parsers.docker_event import DockerAction
from sinks.event import Advice, Event, EventType
from tests.unit.collector.correlate.scene import (
    LIMIT_BYTES,
    MAIN_PID,
    A,
    docker,
    ended,
    killed,
    line,
    ns,
    running,
    scope_path,
    summary,
)
from tests.unit.collector.memory.watched import CHILD_PID, MIB, Watched, with_table


def of(events: Sequence[Event], kind: EventType) -> list[Event]:
    return [event for event in events if event.type is kind]


def kinds(advice: Sequence[Advice]) -> list[str]:
    return [one.kind for one in advice]


def test_a_kill_after_a_leak_has_the_curve_and_advice() -> None:
    """
    The sentence names the leak, the kill is the last sample, and no higher limit is advised.
    """
    scene = Watched()
    scene.run(A)
    scene.leak()
    (event,) = scene.kill(MAIN_PID, 600)
    memory = event.exit137.memory
    assert memory is not None
    assert event.message.endswith("Its memory had been growing by 5.6 MiB per minute for 10 minutes: a leak.")
    assert (memory.trend, memory.peak_bytes) == ("leak", LIMIT_BYTES)
    assert (memory.series.seconds[-1], memory.series.bytes[-1]) == (0.0, LIMIT_BYTES)
    assert kinds(event.exit137.advice) == ["leak"]
    assert "doubling the limit buys 11 minutes" in event.exit137.advice[0].reason


def test_the_death_has_the_same_context_as_the_kill() -> None:
    """
    Whoever reads only deaths misses nothing.
    """
    scene = Watched()
    scene.run(A)
    scene.leak()
    (kill,) = scene.kill(MAIN_PID, 600)
    scene.feed(docker(DockerAction.DIE, 600.2, exit_code=137), at_s=600.2)
    (death,) = scene.feed(ended(finished_s=600.1, exit_code=137), at_s=600.3) or scene.wait(2)
    assert "5.6 MiB per minute" in death.message
    assert death.exit137.memory is not None
    assert death.exit137.memory.trend == "leak"
    assert kinds(death.exit137.advice) == kinds(kill.exit137.advice)


def test_a_death_that_memory_did_not_cause_has_the_curve_and_no_advice() -> None:
    """
    The curve is a fact, but advice would be noise.
    """
    scene = Watched()
    scene.run(A)
    for at_s in range(0, 300, 5):
        scene.sample(20, at_s)
    scene.feed(docker(DockerAction.DIE, 300, exit_code=1), at_s=300)
    (death,) = scene.feed(ended(finished_s=300, exit_code=1), at_s=300.1) + scene.wait(2)
    assert death.exit137.memory is not None
    assert (death.exit137.memory.trend, death.exit137.advice) == ("steady", ())
    assert "memory" not in death.message


def test_without_samples_the_limit_alone_gives_advice() -> None:
    """
    A container that dies in its first second was never sampled.
    """
    scene = Watched()
    scene.run(A)
    (event,) = scene.kill(MAIN_PID, 1)
    assert event.exit137.memory is None
    (advice,) = event.exit137.advice
    assert (advice.kind, advice.value) == ("limit", 2 * LIMIT_BYTES)


def test_runtime_options_are_known_after_the_end() -> None:
    """
    They are read while the process runs: a heap that does not fit the limit, and settings from the inspection.
    """
    scene = Watched()
    scene.run(A, memory_swap_bytes=2 * LIMIT_BYTES)
    shell = RunningProcess(pid=MAIN_PID, executable="/bin/sh", rss_bytes=MIB)
    java = RunningProcess(pid=CHILD_PID, executable="/usr/bin/java", arguments=("java", "-Xmx1g"), rss_bytes=30 * MIB)
    scene.feed(ContainerProcessesFact(container_id=A, at_ns=ns(1), processes=(shell, java)))
    (event,) = scene.kill(MAIN_PID, 2)
    assert kinds(event.exit137.advice) == ["limit", "heap", "swap"]
    assert "400 MiB that jvm needs" in event.exit137.advice[0].reason


def test_a_host_out_of_memory_gives_no_advice_on_the_limit() -> None:
    """
    The container did not reach its limit.
    """
    scene = Watched()
    scene.run(A)
    scene.sample(20, 0)
    path = scope_path(A)
    text = (
        summary(MAIN_PID, path)
        .replace("CONSTRAINT_MEMCG", "CONSTRAINT_NONE")
        .replace(f"oom_memcg={path}", "global_oom")
    )
    scene.feed(line(text, 1), line(killed(MAIN_PID, words="Out of memory"), 1), at_s=1)
    (event,) = of(scene.wait(0.01) or scene.flush(), EventType.OOM_KILL)
    assert "limit" not in kinds(event.exit137.advice)


def test_the_choice_of_the_victim_is_explained_by_the_kernels_table() -> None:
    """
    The event names the other candidates and why the victim was chosen.
    """
    scene = Watched()
    scene.run(A)
    scene.feed(*with_table(1), at_s=1)
    (event,) = scene.wait(0.01)
    oom = event.exit137.oom
    assert oom is not None
    assert oom.choice == "hog was the largest of 2 processes with 32.3 MiB; next was sh with 400 KiB."
    assert [one.name for one in oom.candidates or ()] == ["hog", "sh"]


def test_a_warning_comes_before_the_death_with_advice() -> None:
    """
    The warning names the container.
    """
    scene = Watched()
    scene.run(A)
    (event,) = scene.sample(50, 5)
    assert (event.type, event.exit137.pressure and event.exit137.pressure.kind) == (EventType.MEMORY_PRESSURE, "limit")
    assert event.message == 'Container "box-a" uses 78 % of its memory limit, 50 MiB of 64 MiB.'
    assert kinds(event.exit137.advice) == ["limit"]


def test_a_warning_is_not_published_again_after_a_restart() -> None:
    """
    Only its end is published, with the time of its beginning.
    """
    scene = Watched()
    scene.run(A)
    scene.feed(RestoredWarningFact(container_id=A, kind="limit", level="warning", since_ns=ns(-3600)))
    assert scene.sample(50, 5) == []
    scene.sample(10, 10)
    (event,) = scene.sample(10, 80)
    assert event.exit137.pressure is not None
    assert (event.exit137.pressure.level, event.exit137.pressure.since_ns) == ("resolved", ns(-3600))


def test_a_container_that_spins_after_it_lost_a_child_is_stuck() -> None:
    """
    The event names the kill events of the container.
    """
    scene = Watched()
    scene.run(A)
    scene.sample(10, 0, cpu_s=0)
    (kill,) = scene.kill(CHILD_PID, 1)
    events = [event for at_s in range(5, 60, 5) for event in scene.sample(10, at_s, cpu_s=at_s)]
    (stuck,) = of(events, EventType.CONTAINER_STUCK)
    assert stuck.exit137.stuck is not None
    assert (stuck.exit137.stuck.state, stuck.exit137.stuck.oom_kill_ids) == ("spinning", (kill.id,))


def test_a_failing_health_check_after_the_loss_of_a_child_is_published() -> None:
    """
    The event of Docker is published once.
    """
    scene = Watched()
    scene.run(A)
    scene.sample(10, 0)
    scene.kill(CHILD_PID, 1)
    (stuck,) = scene.feed(docker(DockerAction.HEALTH_STATUS, 20, health="unhealthy"), at_s=20)
    assert stuck.exit137.stuck is not None
    assert stuck.exit137.stuck.state == "unhealthy"


def test_a_series_of_child_kills_is_published_with_the_third() -> None:
    """
    The stuck event follows the kill that caused it.
    """
    scene = Watched()
    scene.run(A)
    scene.sample(10, 0)
    events = [event for number in range(3) for event in scene.kill(CHILD_PID + number, 10.0 * number + 1)]
    assert [event.type for event in events] == [EventType.OOM_KILL] * 3 + [EventType.CONTAINER_STUCK]


def test_the_curve_is_that_of_the_run_that_ended() -> None:
    """
    A restart policy may begin the next run before the death is published.
    """
    scene = Watched()
    scene.run(A)
    scene.leak()
    for at_s in (598, 599):
        scene.sample(60, at_s, cpu_s=50)
    scene.kill(MAIN_PID, 600)
    scene.feed(docker(DockerAction.DIE, 600.1, exit_code=137), at_s=600.1)
    scene.feed(docker(DockerAction.START, 600.3), running(A, 600.3, pid=MAIN_PID + 1), at_s=600.4)
    scene.sample(3, 600.5, cpu_s=0.1)
    (death,) = of(scene.wait(3), EventType.CONTAINER_DEATH)
    assert death.exit137.memory is not None
    assert death.exit137.memory.trend == "leak"
