"""
What is published about a host does not depend on how late each source is.

A true story is split into what each source sees of it. Each source keeps its order, and hands its records over late: it
pauses for up to 50 s, as on a starved host, which is below the cap of the waits (docs/adr/0015). Asked how far it has
been read, it tells the truth.
"""

from dataclasses import replace

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from sinks.event import Confidence, Event, EventType
from tests.property.agent import published
from tests.property.delivery import SOURCES, Delay, Delivery, essence
from tests.property.story import GAPS_S, KERNEL_LOGS, Plot, plots

# Long on a machine that others use as well.
pytestmark = pytest.mark.timeout(300)
PROMPT = Delivery()


def deliveries(*, sources: tuple[str, ...], restarts: bool = False, kills: bool = False) -> st.SearchStrategy[Delivery]:
    """
    Generate how late each source is.

    Args:
        sources: those that may be late.
        restarts: whether one of the kernel logs may be down while it is not read.
        kills: whether the agent is killed and started again meanwhile.
    """
    one = st.tuples(st.tuples(st.sampled_from(STARTS_S), st.sampled_from([0.5, 3.0, 12.0, 50.0])))
    starts = st.lists(st.sampled_from(STARTS_S), min_size=2, max_size=2, unique=True).map(sorted)
    two = starts.map(lambda at_s: tuple((start_s, 20.0) for start_s in at_s))
    delays = st.builds(Delay, base_s=st.sampled_from([0.0, 0.004, 0.15]), pauses=st.just(()) | one | two)
    killed_at_s = st.lists(st.sampled_from(KILLED_S), min_size=1, max_size=3, unique=True).map(sorted).map(tuple)
    return st.builds(
        Delivery,
        delays=st.fixed_dictionaries(dict.fromkeys(sources, delays)),
        order=st.permutations(sources),
        ticks_first=st.booleans(),
        journald_itself_is_late=st.booleans(),
        restarted=st.sampled_from([None, "kmsg", "journald"]) if restarts else st.none(),
        killed_at_s=killed_at_s if kills else st.just(()),
    )


# Between two acts, in the middle of one, and while sources are behind.
KILLED_S = [0.0, 0.06, 0.2, 0.3005, 0.7, 1.5, 2.5, 4.0, 7.0, 13.0, 30.0]
STARTS_S = [0.0, 0.2, 0.7, 2.0, 5.0, 11.0]
# Shrinking takes minutes; the slow tests do it.
QUICK = settings(max_examples=20, derandomize=True, database=None, phases=[Phase.generate])
THOROUGH = settings(max_examples=60)


def kills_of_deaths(events: list[Event]) -> list[tuple[str, int]]:
    """
    Return container and number of kills of each death, in the order of the runs of each container.
    """
    deaths = [(event, event.exit137.death) for event in events if event.exit137.death is not None]
    deaths.sort(key=lambda item: (item[0].subject or "", item[0].time_ns or 0))
    return [((event.subject or "").removeprefix("container/"), len(death.oom_kill_ids)) for event, death in deaths]


def waiting_kills() -> st.SearchStrategy[Plot]:
    """
    Generate stories of one container whose kills are attributed only after a while, by systemd's line.
    """
    acts = st.tuples(st.just("A"), st.sampled_from(["oom_kill_child", "oom_kill_child", "exit"]), GAPS_S, st.just(True))
    acts_of_one = st.lists(acts, min_size=2, max_size=6)
    return st.builds(Plot, st.just(KERNEL_LOGS), st.just(True), st.just(False), acts_of_one, st.just(True))


def check_late_delivery(plot: Plot, late: Delivery) -> None:
    """
    Check that late sources change nothing about what is published in the end.
    """
    story, events = plot.story(), published(plot.story(), late)
    assert essence(events) == essence(published(plot.story(), PROMPT))
    assert kills_of_deaths(events) == story.kills_of_runs()
    for event in events:
        for victim in event.exit137.oom.victims if event.exit137.oom is not None else ():
            assert not victim.main_process or victim.pid in story.main_pids


def check_lossy_log(plot: Plot, late: Delivery, log: str, lost: set[int]) -> None:
    """
    Check that each kill is published once, in its container, when one kernel log has lost records.
    """
    story = plot.story()
    events = published(story.without(log, lost), replace(late, journald_itself_is_late=False))
    assert len({event.id for event in events}) == len(events)
    kills = [event.exit137.oom for event in events if event.type is EventType.OOM_KILL]
    victims = [(victim.pid, victim.container_id) for oom in kills if oom for victim in oom.victims]
    assert sorted(victims) == sorted(story.victims)


def check_killed_agent(plot: Plot, late: Delivery) -> None:
    """
    Check that an agent that is killed again and again publishes what one does that is not.

    Without the process connector and the trace, whose evidence nothing keeps, that is all of it.
    """
    assert not plot.connector
    assert not plot.trace
    assert essence(published(plot.story(), late)) == essence(published(plot.story(), PROMPT))


def check_killed_agent_with_all_sources(plot: Plot, late: Delivery) -> None:
    """
    Check that an agent that is killed publishes each kill and each death once, and claims nothing that is not true.
    """
    story = plot.story()
    events = published(story, late)
    truth = {event.id: event for event in published(plot.story(), PROMPT)}
    kinds = (EventType.OOM_KILL, EventType.CONTAINER_DEATH)
    assert {event.id for event in events if event.type in kinds} == {
        event_id for event_id, event in truth.items() if event.type in kinds
    }
    assert [event.exit137.gap for event in events if event.exit137.gap is not None] == []
    homes = dict(story.victims)
    for event in events:
        if event.exit137.confidence is Confidence.CERTAIN:
            assert event.exit137.cause == truth[event.id].exit137.cause
        for victim in event.exit137.oom.victims if event.exit137.oom is not None else ():
            assert victim.container_id in (homes[victim.pid], None)


LOST = st.sets(st.integers(0, 30), min_size=1)
LOGS = st.sampled_from(["kmsg", "journald"])


@QUICK
@given(plots(), deliveries(sources=SOURCES))
def test_late_sources_change_nothing_about_what_is_published(plot: Plot, late: Delivery) -> None:
    """
    The ids, causes, containers and confidences are those of prompt sources, and no alarm is raised.
    """
    check_late_delivery(plot, late)


@QUICK
@given(waiting_kills(), deliveries(sources=SOURCES))
def test_deaths_and_counts_wait_for_kills_that_wait(plot: Plot, late: Delivery) -> None:
    """
    A death lists every kill of its run, and no count is unexplained because of a kill that is not published yet.
    """
    story, events = plot.story(), published(plot.story(), late)
    assert kills_of_deaths(events) == story.kills_of_runs()
    assert [event.message for event in events if event.exit137.gap is not None] == []


@QUICK
@given(plots(logs=KERNEL_LOGS), deliveries(sources=SOURCES, restarts=True))
def test_a_kernel_log_that_restarts_changes_nothing_about_what_is_published(plot: Plot, late: Delivery) -> None:
    """
    The other kernel log has all records meanwhile.
    """
    check_late_delivery(plot, late)


@QUICK
@given(plots(logs=KERNEL_LOGS), deliveries(sources=SOURCES), LOGS, LOST)
def test_a_kernel_log_that_loses_records_loses_no_kill(plot: Plot, late: Delivery, log: str, lost: set[int]) -> None:
    """
    Each kill is published once, in its container, as the other kernel log has all records.
    """
    check_lossy_log(plot, late, log, lost)


@QUICK
@given(plots(connector=False, trace=False), deliveries(sources=SOURCES, kills=True))
def test_an_agent_that_is_killed_publishes_the_same(plot: Plot, late: Delivery) -> None:
    """
    The ids, causes, containers and confidences are those of an agent that lives, each once.
    """
    check_killed_agent(plot, late)


@QUICK
@given(plots(), deliveries(sources=SOURCES, kills=True))
def test_an_agent_that_is_killed_loses_nothing_and_claims_nothing_false(plot: Plot, late: Delivery) -> None:
    """
    What the process connector and the trace have said is lost with it: it may be less sure, but not wrong.
    """
    check_killed_agent_with_all_sources(plot, late)


@pytest.mark.slow
@pytest.mark.timeout(600)
@THOROUGH
@given(plots(), deliveries(sources=SOURCES))
def test_late_sources_change_nothing_in_many_plots(plot: Plot, late: Delivery) -> None:
    """
    The rule of late sources, tried on many more stories.
    """
    check_late_delivery(plot, late)


@pytest.mark.slow
@pytest.mark.timeout(600)
@THOROUGH
@given(plots(logs=KERNEL_LOGS), deliveries(sources=SOURCES), LOGS, LOST)
def test_a_lossy_kernel_log_loses_no_kill_in_many_plots(plot: Plot, late: Delivery, log: str, lost: set[int]) -> None:
    """
    The rule of a lossy kernel log, tried on many more stories.
    """
    check_lossy_log(plot, late, log, lost)


@pytest.mark.slow
@pytest.mark.timeout(600)
@THOROUGH
@given(plots(connector=False, trace=False), deliveries(sources=SOURCES, kills=True))
def test_an_agent_that_is_killed_publishes_the_same_in_many_plots(plot: Plot, late: Delivery) -> None:
    """
    The rule of an agent that is killed, tried on many more stories.
    """
    check_killed_agent(plot, late)
