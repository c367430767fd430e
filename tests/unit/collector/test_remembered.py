"""
From stored events back to facts.
"""

from dataclasses import replace

import orjson
import pytest

from collector.remembered import kills, warnings
from collector.store import PastEvent
from sinks.event import Killer, Scope, rfc3339, to_json
from tests.unit.collector.correlate.scene import LIMIT_BYTES, MAIN_PID, A, Scene, killed, line, ns, report


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


def test_a_kill_that_was_told_is_known_again() -> None:
    """
    From the very bytes that were stored.
    """
    scene = Scene()
    scene.run(A)
    scene.tell(*report(MAIN_PID, A, at_s=1), at_s=1)
    (event,) = scene.wait(0.01)
    (fact,) = kills(past(to_json(event)))
    assert (fact.event_id, fact.container_id, fact.at_ns, fact.pid) == ("kill", A, ns(1), MAIN_PID)
    assert (fact.comm, fact.main_process, fact.killer) == ("hog", True, Killer.KERNEL)
    assert (fact.scope, fact.limit_bytes) == (Scope.CONTAINER, LIMIT_BYTES)


def test_a_victim_of_no_container_is_nobodys() -> None:
    """
    It explains no death.
    """
    scene = Scene()
    scene.tell(line(killed(10), 1), at_s=1)
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
def test_a_body_in_a_strange_form_gives_nothing(body: bytes) -> None:
    """
    Another version may have written it.
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


def test_a_warning_that_had_not_passed_is_known_again() -> None:
    """
    At its latest level, since when it rose; also one about the host.
    """
    found = warnings([warned("warning", 1), warned("critical", 1), warned("warning", 2, "host_limits", None)])
    assert [(fact.container_id, fact.kind, fact.level, fact.since_ns) for fact in found] == [
        (A, "limit", "critical", ns(1)),
        (None, "host_limits", "warning", ns(2)),
    ]


def test_a_warning_that_had_passed_is_over() -> None:
    """
    Until it rises again.
    """
    assert warnings([warned("warning", 1), warned("resolved", 1)]) == []
    assert len(warnings([warned("warning", 1), warned("resolved", 1), warned("warning", 9)])) == 1


@pytest.mark.parametrize("change", [{"kind": "boredom"}, {"level": "none"}, {"since": "yesterday"}, {"since": 7}])
def test_a_strange_warning_is_passed_over(change: dict[str, object]) -> None:
    """
    Another version may have written it.
    """
    body = orjson.loads(warned("warning", 1).body)
    body["data"]["exit137"]["pressure"] |= change
    assert warnings([replace(warned("warning", 1), body=orjson.dumps(body))]) == []
