"""
The status of a host, as it is published.
"""

from collector.publish.host_status import AgentState
from sinks.event import EventType, document
from tests.unit.collector.correlate.scene import DIE, THIS_HOST, A, B, Scene, docker, ended, ns, validated

AGENT = AgentState(interval_s=60, version="0.1.0", sources={"kmsg": True, "docker": False})


def test_a_status_says_what_runs_and_which_sources_are_read() -> None:
    """
    The denominator of every rate of a fleet.
    """
    scene = Scene()
    scene.analyzer.count_time(ns(0))
    scene.run(A, image_id="sha256:" + "d" * 64)
    scene.run(B, at_s=20)
    scene.feed(docker(DIE, 30, exit_code=1), ended(finished_s=30, exit_code=1), at_s=30)
    scene.wait(3)
    (event,) = validated([scene.analyzer.status(AGENT, ns(60))])
    status = document(event)["data"]["exit137"]["status"]
    assert (event.type, event.subject) == (EventType.HOST_STATUS, f"host/{THIS_HOST.id}")
    assert status["sources"] == {"kmsg": "up", "docker": "down"}
    assert (status["interval_s"], status["version"]) == (60.0, "0.1.0")
    assert sum(service["container_seconds"] for service in status["services"]) == 70.0
    assert sum(service["running"] for service in status["services"]) == 1


def test_a_status_of_the_same_time_is_the_same_event() -> None:
    """
    Its id is made of the host and the time.
    """
    first, second = (Scene().analyzer.status(AGENT, ns(60)) for _ in range(2))
    assert first.id == second.id
