"""
When people are notified about which groups.
"""

import itertools
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.delivery import NotificationPlanner, group_of
from collector.store import PendingGroup
from sinks.base import Grouping
from sinks.event import (
    Confidence,
    Container,
    EcsEvent,
    Event,
    EventType,
    Exit137,
    Host,
    Orchestrator,
    OrchestratorResource,
)


@dataclass(frozen=True, slots=True)
class Message:
    """
    One message: its time, and the numbers of the events of each group.
    """

    at_s: float
    events: dict[str, list[int]]

    @property
    def numbers(self) -> list[int]:
        return sorted(number for numbers in self.events.values() for number in numbers)


class Channel:
    """
    A chat: events come in, time passes, messages go out.
    """

    def __init__(self, interval_s: float = 300, burst: int = 4) -> None:
        self.grouping = Grouping(interval_s=interval_s, burst=burst)
        self.stored: dict[str, float] = {}
        self.planner = NotificationPlanner(self.grouping, {})
        self.pending: list[tuple[str, int, float]] = []
        self.messages: list[Message] = []
        self.now_s = 0.0

    def put(self, number: int, group: str = "api") -> None:
        self.pending.append((group, number, self.now_s))
        self.run_to(self.now_s)

    def groups(self) -> list[PendingGroup]:
        since: dict[str, float] = {}
        for group, _, at_s in self.pending:
            since.setdefault(group, at_s)
        return [PendingGroup(name=group, since_s=at_s) for group, at_s in since.items()]

    def run_to(self, end_s: float) -> None:
        """
        Act like the courier until a time.
        """
        while True:
            plan = self.planner.plan(self.groups(), self.now_s)
            if plan.groups:
                self.take(plan.groups)
            elif plan.due_s is None or plan.due_s > end_s:
                self.now_s = max(self.now_s, end_s)
                return
            else:
                self.now_s = max(self.now_s, plan.due_s)

    def take(self, groups: object) -> None:
        names = list(groups) if isinstance(groups, list | tuple) else []
        events = {name: [number for group, number, _ in self.pending if group == name] for name in names}
        self.messages.append(Message(self.now_s, events))
        self.pending = [item for item in self.pending if item[0] not in events]
        self.stored |= self.planner.record(names, self.now_s)

    def restart(self) -> None:
        self.planner = NotificationPlanner(self.grouping, self.stored)

    def times(self) -> list[float]:
        return [message.at_s for message in self.messages]


def test_the_first_event_is_sent_at_once_and_later_ones_together() -> None:
    """
    A restart loop causes one message, and then one more every five minutes.
    """
    channel = Channel()
    for number in range(10):
        channel.put(number)
        channel.run_to(channel.now_s + 30)
    channel.run_to(400)
    assert [(message.at_s, message.numbers) for message in channel.messages] == [(0, [0]), (300, list(range(1, 10)))]


def test_two_new_groups_are_both_sent_at_once() -> None:
    """
    A kill and the death after it are two messages, a second apart, as Slack requires.
    """
    channel = Channel()
    channel.put(1, "kill")
    channel.put(2, "death")
    channel.run_to(10)
    assert [(message.at_s, message.numbers) for message in channel.messages] == [(0, [1]), (1, [2])]


def test_a_storm_is_a_few_messages() -> None:
    """
    Five hundred deaths of a hundred services within a minute cause fewer than ten messages, and each event is in one.
    """
    channel = Channel()
    for number in range(500):
        channel.put(number, f"service-{number % 100}")
        channel.run_to(channel.now_s + 0.12)
    channel.run_to(3600)
    assert len(channel.messages) < 10
    assert sorted(number for message in channel.messages for number in message.numbers) == list(range(500))


def test_of_many_new_groups_the_first_is_sent_at_once() -> None:
    """
    The others follow in one message a few seconds later, so that groups of the same incident are in it.
    """
    channel = Channel()
    channel.pending += [(f"service-{number}", number, 0.0) for number in range(30)]
    channel.run_to(60)
    assert [(message.at_s, len(message.events)) for message in channel.messages] == [(0, 1), (5, 29)]


def test_new_groups_are_sent_before_digests() -> None:
    """
    A new kill does not wait behind a digest, even if the digest became due earlier.
    """
    channel = Channel(burst=3)
    for number in range(2):
        channel.put(number, "old")
    channel.now_s = 300.0
    channel.pending.append(("new", 2, 300.0))
    channel.run_to(300)
    assert [list(message.events) for message in channel.messages] == [["old"], ["new"]]
    channel.run_to(301)
    assert list(channel.messages[-1].events) == ["old"]


def test_a_digest_never_uses_the_last_message() -> None:
    """
    The last message is kept for a new group, which is then sent at once together with everything pending.
    """
    channel = Channel(burst=2)
    channel.put(1, "a")
    channel.run_to(200)
    channel.put(2, "b")
    channel.put(3, "a")
    channel.run_to(400)
    assert channel.times() == [0, 200]
    channel.put(4, "c")
    assert channel.messages[-1].events == {"a": [3], "c": [4]}
    assert channel.times() == [0, 200, 400]


def test_a_restart_of_the_agent_does_not_repeat_notifications() -> None:
    """
    The times of past notifications are read from the store.
    """
    channel = Channel()
    channel.put(1)
    channel.run_to(1)
    channel.restart()
    channel.put(2)
    channel.run_to(299)
    assert channel.times() == [0]
    channel.restart()
    channel.run_to(300)
    assert channel.times() == [0, 300]


@pytest.mark.parametrize("back_s", [2, 10, 100_000])
def test_a_clock_that_is_set_back_does_not_suppress_messages(back_s: float) -> None:
    """
    A notification in the future is ignored.
    """
    channel = Channel(burst=2)
    channel.now_s = 200_000
    channel.put(1, "a")
    channel.run_to(200_002)
    channel.put(2, "a")
    channel.now_s -= back_s
    channel.run_to(channel.now_s + 301)
    assert [message.numbers for message in channel.messages] == [[1], [2]]


def test_a_slow_message_is_recorded_whatever_the_clock_does() -> None:
    """
    Two messages were in the future when this one was planned, and none when it was delivered: the oldest is replaced.
    """
    planner = NotificationPlanner(Grouping(burst=2), {"message 0": 101, "message 1": 102})
    assert planner.plan([PendingGroup(name="a", since_s=100)], 100).groups == ["a"]
    assert planner.record(["a"], 103) == {"a": 103, "message 0": 103}


def test_a_clock_that_is_set_ahead_makes_the_digest_due() -> None:
    """
    Nothing waits for a time that has passed.
    """
    channel = Channel()
    channel.put(1)
    channel.put(2)
    channel.now_s = 90_000
    channel.run_to(90_000)
    assert [message.numbers for message in channel.messages] == [[1], [2]]


HOST = Host(id="1", hostname="node-7")
EVENT = Event(
    id="e",
    type=EventType.OOM_KILL,
    subject="process/1",
    time_ns=1,
    message="m",
    event=EcsEvent(kind="alert", category=("process",), type=("end",), action="oom-kill", severity=6),
    host=HOST,
    exit137=Exit137(confidence=Confidence.CERTAIN),
)
SERVICE = OrchestratorResource(type="service", name="api")


@pytest.mark.parametrize(
    ("fields", "owner"),
    [
        (
            {"orchestrator": Orchestrator(namespace="shop", resource=SERVICE), "container": Container(id="c")},
            "shop/api",
        ),
        ({"orchestrator": Orchestrator(resource=SERVICE)}, "api"),
        ({"orchestrator": Orchestrator(namespace="shop"), "container": Container(name="api", id="c1")}, "api"),
        ({"container": Container(id="c1")}, "c1"),
        ({"container": Container()}, "process/1"),
        ({}, "process/1"),
    ],
)
def test_a_group_has_a_type_a_severity_and_an_owner(fields: dict[str, Container | Orchestrator], owner: str) -> None:
    """
    A container that is recreated keeps its owner.
    """
    assert group_of(replace(EVENT, **fields)) == f"exit137.oom_kill oom-kill 6 {owner}"


def test_another_severity_type_or_reason_is_another_group() -> None:
    """
    An event that is more severe or has another reason is sent at once.
    """
    ecs = EVENT.event
    events = [
        EVENT,
        replace(EVENT, type=EventType.CONTAINER_DEATH),
        replace(EVENT, event=replace(ecs, reason="limit", severity=4)),
        replace(EVENT, event=replace(ecs, reason="limit", severity=5)),
        replace(EVENT, event=replace(ecs, reason="stall", severity=5)),
    ]
    assert len({group_of(event) for event in events}) == len(events)


@settings(max_examples=150)
@given(
    arrivals=st.lists(st.tuples(st.floats(0, 90), st.integers(0, 20)), max_size=60),
    burst=st.integers(2, 6),
    interval_s=st.sampled_from([1.0, 20.0, 300.0]),
)
def test_every_event_is_sent_once_in_order_in_time_and_within_the_limits(
    arrivals: list[tuple[float, int]], burst: int, interval_s: float
) -> None:
    """
    Whatever comes when: no event is left out or waits for more than two intervals, any interval has at most `burst`
    messages, and messages are at least a second apart.
    """
    channel = Channel(burst=burst, interval_s=interval_s)
    stored_s: dict[int, float] = {}
    for number, (after_s, name) in enumerate(arrivals):
        stored_s[number] = channel.now_s
        channel.put(number, f"c{name}")
        channel.run_to(channel.now_s + after_s)
    channel.run_to(1e7)
    sent = [number for message in channel.messages for numbers in message.events.values() for number in numbers]
    assert sorted(sent) == list(range(len(arrivals)))
    for group in {name for _, name in arrivals}:
        of_group = [number for number in sent if arrivals[number][1] == group]
        assert of_group == sorted(of_group)
    for message in channel.messages:
        assert all(message.at_s - stored_s[number] <= 2 * interval_s + 10 for number in message.numbers)
    times = channel.times()
    assert all(later >= early + interval_s for early, later in zip(times, times[burst:], strict=False))
    assert all(later >= early + 1 for early, later in itertools.pairwise(times))
