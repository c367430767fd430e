"""
When a person is told of what: messages of a sink that people read.
"""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.delivery import Teller, group_of
from collector.store import PendingEvent
from sinks.base import Grouping, Outgoing

DEATH, KILL = "exit137.container_death", "exit137.oom_kill"


def waiting(number: int, name: str = "api", kind: str = DEATH, at_s: float = 0) -> PendingEvent:
    """
    An event about the container of that name.
    """
    body = orjson.dumps({"type": kind, "subject": "container/c", "data": {"container": {"name": name}}})
    outgoing = Outgoing(id=str(number), type=kind, key=name, body=body)
    return PendingEvent(outgoing=outgoing, attempts=0, stored_s=at_s)


class Channel:
    """
    A person's channel: events come in, time passes, messages go out.
    """

    def __init__(self, **grouping: float) -> None:
        self.teller = Teller(Grouping(**grouping), {})
        self.waiting: list[PendingEvent] = []
        self.messages: list[tuple[float, list[str]]] = []
        self.now_s = 0.0

    def put(self, *events: PendingEvent) -> None:
        self.waiting += events

    def run_to(self, end_s: float) -> None:
        """
        Do as the courier does until a time.
        """
        while True:
            plan = self.teller.plan(self.waiting, self.now_s)
            if plan.events:
                self.teller.note(plan, self.now_s)
                self.messages.append((self.now_s, [event.outgoing.id for event in plan.events]))
                self.waiting = [event for event in self.waiting if event not in plan.events]
            elif plan.due_s is None or plan.due_s > end_s:
                self.now_s = end_s
                return
            else:
                self.now_s = max(self.now_s, plan.due_s)


def test_the_first_goes_at_once_and_what_follows_together() -> None:
    """
    A restart loop is one message, and one more every five minutes.
    """
    channel = Channel()
    for number in range(10):
        channel.put(waiting(number, at_s=channel.now_s))
        channel.run_to(channel.now_s + 30)
    channel.run_to(400)
    assert channel.messages == [(0, ["0"]), (300, [str(number) for number in range(1, 10)])]


def test_a_kill_and_the_death_after_it_are_told_both_at_once() -> None:
    """
    They are two things that happened; a second lies between, as Slack asks.
    """
    channel = Channel()
    channel.put(waiting(1, kind=KILL), waiting(2, kind=DEATH))
    channel.run_to(10)
    assert channel.messages == [(0, ["1"]), (1, ["2"])]


def test_a_storm_is_a_few_messages_and_one_that_tells_all_the_rest() -> None:
    """
    Five hundred deaths in a hundred services within a minute: fewer than ten messages, and each event in one of them.
    """
    channel = Channel()
    for number in range(500):
        channel.put(waiting(number, f"service-{number % 100}", at_s=channel.now_s))
        channel.run_to(channel.now_s + 0.12)
    channel.run_to(3600)
    assert len(channel.messages) < 10
    assert sorted(int(each) for _, ids in channel.messages for each in ids) == list(range(500))


def test_a_restart_of_the_agent_does_not_tell_more() -> None:
    """
    What was told is read from the store.
    """
    channel = Channel()
    channel.put(waiting(1))
    channel.run_to(1)
    channel.teller = Teller(Grouping(), channel.teller.plan([], 0).told | {"exit137.container_death api": 0.0})
    channel.put(waiting(2))
    channel.run_to(200)
    assert len(channel.messages) == 1


def test_a_clock_that_was_put_back_does_not_silence() -> None:
    """
    A message from the future is none.
    """
    teller = Teller(Grouping(), {"exit137.container_death api": 9000.0, "message 0": 9000.0})
    assert teller.plan([waiting(1)], 100).events


@pytest.mark.parametrize(
    ("data", "owner"),
    [
        ({"orchestrator": {"namespace": "shop", "resource": {"name": "api"}}, "container": {"name": "x"}}, "shop/api"),
        ({"orchestrator": {"resource": {"name": "api"}}}, "api"),
        ({"container": {"name": "api", "id": "c1"}}, "api"),
        ({"container": {"id": "c1"}}, "c1"),
        ({}, "process/1"),
    ],
)
def test_a_group_is_what_happened_to_whom(data: dict[str, object], owner: str) -> None:
    """
    A container that is made anew keeps its owner.
    """
    assert group_of(orjson.dumps({"type": KILL, "subject": "process/1", "data": data})) == f"{KILL} {owner}"


@settings(max_examples=80, deadline=None)
@given(
    arrivals=st.lists(st.tuples(st.floats(0, 90), st.integers(0, 12), st.sampled_from([DEATH, KILL])), max_size=60),
    burst=st.integers(2, 6),
    interval_s=st.sampled_from([1.0, 20.0, 300.0]),
)
def test_every_event_is_told_once_in_order_and_no_more_often_than_allowed(
    arrivals: list[tuple[float, int, str]], burst: int, interval_s: float
) -> None:
    """
    Whatever comes when: nothing is left out, and any interval has at most `burst` messages.
    """
    channel = Channel(burst=burst, interval_s=interval_s)
    for number, (after_s, name, kind) in enumerate(arrivals):
        channel.put(waiting(number, f"c{name}", kind, channel.now_s))
        channel.run_to(channel.now_s + after_s)
    channel.run_to(1e7)
    told = [int(each) for _, ids in channel.messages for each in ids]
    assert sorted(told) == list(range(len(arrivals)))
    keys = [f"{name} {kind}" for _, name, kind in arrivals]
    for key in set(keys):
        assert [each for each in told if keys[each] == key] == [n for n, other in enumerate(keys) if other == key]
    times = [time_s for time_s, _ in channel.messages]
    assert all(later >= early + interval_s for early, later in zip(times, times[burst:], strict=False))
