"""
The event of a kill that does not end: the reason in its message, and what ends it.
"""

import pytest

from collector.facts.stops import KilledTask, PendingKillFact
from parsers.docker_event import DockerAction
from sinks.chat.titles import title_of
from sinks.event import Confidence, Event, EventType, to_json
from sinks.event.reader import read_event
from tests.unit.collector.correlate.scene import A, Scene, docker, ns


def stuck(task: KilledTask, *, frozen: bool | None = None, unread: tuple[str, ...] = ()) -> tuple[Event, Event]:
    """
    Return the events of a kill by Docker that lasts 20 s: that it does not end, and that it has ended.
    """
    scene = Scene()
    scene.run(A)
    scene.feed(docker(DockerAction.KILL, 10, signal=9), at_s=10)
    events: list[Event] = []
    for at_s in (11.0, 20.0, 26.0, 30.0):
        tasks = (task,) if at_s < 30 else ()
        fact = PendingKillFact(container_id=A, at_ns=ns(at_s), tasks=tasks, frozen=frozen, unread=unread)
        events += scene.feed(fact, at_s=at_s)
    begun, ended = events
    return begun, ended


def task(state: str, **fields: object) -> KilledTask:
    return KilledTask(pid=4000, tid=4000, name="hog", state=state, main=True, **fields)  # type: ignore[arg-type]


def test_a_frozen_container_and_its_end() -> None:
    """
    Both events are about the container, and the second says that it is over.
    """
    begun, ended = stuck(task("D", wchan="hrtimer_nanosleep"), frozen=True)
    assert (begun.type, begun.subject) == (EventType.CONTAINER_STUCK, f"container/{A}")
    assert begun.exit137.confidence is Confidence.CERTAIN
    assert begun.exit137.stuck is not None
    assert (begun.exit137.stuck.state, begun.exit137.stuck.reason) == ("stopping", "frozen")
    assert begun.exit137.stuck.since_ns == ns(10)
    assert begun.message.startswith(
        'Container "box-a" does not end, 16 s after Docker sent SIGKILL: its processes are fro'
    )
    assert "docker unpause" in begun.exit137.advice[0].text
    assert ended.exit137.stuck is not None
    assert ended.exit137.stuck.resolved
    assert ended.exit137.advice == ()
    assert ended.id != begun.id


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (task("D", wchan="rpc_wait_bit_killable"), "in rpc_wait_bit_killable: it waits for an NFS server"),
        (task("D", wchan="wait", stack=("wait", "fuse_do_getattr")), "it waits for a FUSE file system"),
        (task("D", wchan="strange_function"), "(state D), in strange_function."),
        (task("D"), "where it waits may not be read"),
        (task("Z", tracer_pid=7, tracer_name="gdb"), 'is held by its tracer, "gdb" (pid 7)'),
        (task("Z", parent_pid=8, parent_name="shim"), 'its parent, "shim" (pid 8), does not collect it'),
        (task("R"), "has not been given a CPU"),
        (task("S"), "/proc does not show what holds"),
    ],
)
def test_the_message_says_why(shown: KilledTask, words: str) -> None:
    """
    As far as /proc shows it.
    """
    assert words in stuck(shown)[0].message


def test_what_the_agent_may_not_read_is_evidence_too() -> None:
    """
    Whoever reads the event knows what is missing.
    """
    begun, _ = stuck(task("D"), unread=("stack", "wchan"))
    assert any("not readable for the agent: stack, wchan" in one.text for one in begun.exit137.evidence)


def test_the_titles_name_the_state() -> None:
    """
    In chats and lists.
    """
    begun, ended = stuck(task("R"))
    assert title_of(read_event(to_json(begun))) == "box-a does not end after it was killed"
    assert title_of(read_event(to_json(ended))) == "box-a has ended after all"
