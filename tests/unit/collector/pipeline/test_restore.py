"""
From stored events back to facts, after a restart.
"""

from dataclasses import replace

import orjson
import pytest

from collector.pipeline.restore import deaths, kills, warnings
from collector.store import PastEvent
from sinks.event import Killer, Scope, rfc3339, to_json
from tests.unit.collector.correlate.scene import (
    DIE,
    LIMIT_BYTES,
    MAIN_PID,
    VERDICT_WAIT_S,
    A,
    Scene,
    docker,
    ended,
    killed,
    line,
    ns,
    report,
)


def past(body: bytes) -> PastEvent:
    return PastEvent(
        seq=1,
        id="kill",
        type="exit137.oom_kill",
        subject=f"container/{A}",
        container_id=A,
        time_ns=ns(1),
        body=body,
    )


def test_a_published_kill_is_restored() -> None:
    """
    The victim of a kill is read back from the bytes that were stored.
    """
    scene = Scene()
    scene.run(A)
    scene.feed(*report(MAIN_PID, A, at_s=1), at_s=1)
    (event,) = scene.wait(0.01)
    (fact,) = kills(past(to_json(event)))
    assert (fact.event_id, fact.container_id, fact.at_ns, fact.pid) == ("kill", A, ns(1), MAIN_PID)
    assert (fact.comm, fact.main_process, fact.killer) == ("hog", True, Killer.KERNEL)
    assert (fact.scope, fact.limit_bytes) == (Scope.CONTAINER, LIMIT_BYTES)


def test_a_victim_outside_of_containers_is_not_restored() -> None:
    """
    A victim that was in no container cannot explain the death of one.
    """
    scene = Scene()
    scene.feed(line(killed(10), 1), at_s=1)
    (event,) = scene.flush()
    assert list(kills(past(to_json(event)))) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"data":{"exit137":{"oom":null}}}',
        b'{"data":{"exit137":{"oom":{"killer":"kernel","victims":[{"container_id":"c"}]}}}}',
        b'{"data":{"exit137":{"oom":{"killer":"nobody","victims":[{"container_id":"c","pid":1}]}}}}',
    ],
    ids=["nothing", "a list", "an empty object", "no oom", "no pid", "unknown killer"],
)
def test_a_body_that_cannot_be_read_yields_nothing(body: bytes) -> None:
    """
    A body that another version wrote yields no kill and no error.
    """
    assert list(kills(past(body))) == []


def warned(level: str, since_s: int, kind: str = "limit", container_id: str | None = A) -> PastEvent:
    pressure = {"kind": kind, "level": level, "since": rfc3339(ns(since_s))}
    return PastEvent(
        seq=1,
        id="warning",
        type="exit137.memory_pressure",
        subject="",
        container_id=container_id,
        time_ns=ns(since_s),
        body=orjson.dumps({"data": {"exit137": {"pressure": pressure}}}),
    )


def test_an_open_warning_is_restored() -> None:
    """
    The latest level of a warning is restored with the time at which it rose, for containers and for the host.
    """
    found = warnings([warned("warning", 1), warned("critical", 1), warned("warning", 2, "host_limits", None)])
    assert [(fact.container_id, fact.kind, fact.level, fact.since_ns) for fact in found] == [
        (A, "limit", "critical", ns(1)),
        (None, "host_limits", "warning", ns(2)),
    ]


def test_a_resolved_warning_is_not_restored() -> None:
    """
    A resolved warning is restored only if it rose again afterwards.
    """
    assert warnings([warned("warning", 1), warned("resolved", 1)]) == []
    assert len(warnings([warned("warning", 1), warned("resolved", 1), warned("warning", 9)])) == 1


@pytest.mark.parametrize("change", [{"kind": "boredom"}, {"level": "none"}, {"since": "yesterday"}, {"since": 7}])
def test_a_warning_that_cannot_be_read_is_skipped(change: dict[str, object]) -> None:
    """
    A warning that another version wrote is skipped without an error.
    """
    body = orjson.loads(warned("warning", 1).body)
    body["data"]["exit137"]["pressure"] |= change
    assert warnings([replace(warned("warning", 1), body=orjson.dumps(body))]) == []


def test_a_published_death_is_restored_with_the_stamps_of_its_end() -> None:
    """
    Both stamps of an end are read back: State.FinishedAt, and that of Docker's `die`.
    """
    scene = Scene()
    scene.run(A)
    scene.feed(docker(DIE, 12.5, exit_code=3), ended(finished_s=12, exit_code=3), at_s=13)
    (event,) = scene.wait(VERDICT_WAIT_S)
    (fact,) = deaths([past(to_json(event))])
    assert (fact.container_id, set(fact.ended_us)) == (A, {ns(12) // 1000, ns(12.5) // 1000})


def test_a_death_of_another_version_is_restored_without_stamps() -> None:
    """
    A body that cannot be read, or that has no times, hides no death.
    """
    bodies = (b"", b"[]", b'{"data":{"exit137":{"death":{"finished_at":"yesterday"},"evidence":[{"text":"die"}]}}}')
    assert [fact.ended_us for fact in deaths(map(past, bodies))] == [(), (), ()]
