"""
How long the containers of each service ran, from one status to the next.
"""

from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from collector.correlate.inventory import ContainerInventory
from collector.correlate.runs import Run
from collector.publish.service_time import ServiceTime
from parsers.docker_inspect import ContainerSnapshot
from sinks.event import ServiceStatus
from tests.unit.collector.correlate.scene import ns

DIGEST: Final = "sha256:" + "d" * 64


def add(inventory: ContainerInventory, began_s: float, container_id: str = "a", image: str = "shop/api:1") -> Run:
    """
    A container that runs.
    """
    record = inventory.learn_snapshot(
        ContainerSnapshot(id=container_id, image_name=image, image_id=DIGEST, labels={}), 0
    )
    return record.begin(Run(container_id=container_id, started_at_ns=ns(began_s)))


def end(time: ServiceTime, inventory: ContainerInventory, run: Run, at_s: float) -> None:
    """
    Docker reports the end, and the death is published.
    """
    run.die_event_ns = ns(at_s)
    publish(time, inventory, run)


def publish(time: ServiceTime, inventory: ContainerInventory, run: Run) -> None:
    run.judged = True
    record = inventory.get(run.container_id)
    assert record is not None
    time.end(record, run)


def seconds(statuses: tuple[ServiceStatus, ...]) -> float:
    return sum(status.container_seconds for status in statuses)


def test_a_running_container_counts_from_one_status_to_the_next() -> None:
    """
    With its service, version and digest.
    """
    inventory, time = ContainerInventory(), ServiceTime(ns(0))
    add(inventory, 10)
    first, second = time.take(inventory, ns(60)), time.take(inventory, ns(120))
    expected = ServiceStatus(name="shop/api", version="1", digest=DIGEST, running=1, container_seconds=50.0)
    assert first == (expected,)
    assert seconds(second) == 60


def test_what_ran_before_the_counting_began_does_not_count() -> None:
    """
    An earlier status has counted it.
    """
    inventory, time = ContainerInventory(), ServiceTime(ns(30))
    add(inventory, 10)
    assert seconds(time.take(inventory, ns(60))) == 30


def test_runs_within_the_interval_count_whole() -> None:
    """
    Also those that are over: a crash loop runs too.
    """
    inventory, time = ContainerInventory(), ServiceTime(ns(0))
    for began_s in range(0, 50, 5):
        end(time, inventory, add(inventory, began_s), began_s + 2.5)
    (status,) = time.take(inventory, ns(60))
    assert (status.running, status.container_seconds) == (0, 25)
    assert time.take(inventory, ns(120)) == ()


def test_an_end_that_waits_for_its_verdict_counts_once() -> None:
    """
    Its death may be published after the next status.
    """
    inventory, time = ContainerInventory(), ServiceTime(ns(0))
    run = add(inventory, 10)
    run.die_event_ns = ns(59)
    (status,) = time.take(inventory, ns(60))
    assert (status.running, status.container_seconds) == (0, 49)
    publish(time, inventory, run)
    assert seconds(time.take(inventory, ns(120))) == 0


def test_each_digest_counts_on_its_own() -> None:
    """
    Mixed versions run side by side.
    """
    inventory, time = ContainerInventory(), ServiceTime(ns(0))
    add(inventory, 0, "a", "shop/api:1")
    add(inventory, 0, "b", "shop/api:2")
    assert [status.version for status in time.take(inventory, ns(1))] == ["1", "2"]


def test_a_container_without_a_service_does_not_count() -> None:
    """
    A bare digest names none.
    """
    inventory, time = ContainerInventory(), ServiceTime(ns(0))
    add(inventory, 0, "a", DIGEST)
    assert time.take(inventory, ns(60)) == ()


@given(
    runs=st.lists(st.tuples(st.integers(0, 500), st.integers(0, 100), st.integers(0, 40)), max_size=8),
    statuses=st.lists(st.integers(1, 700), max_size=8, unique=True),
)
def test_the_sum_of_all_statuses_is_what_ran(runs: list[tuple[int, int, int]], statuses: list[int]) -> None:
    """
    Wherever the statuses fall, and however late an end becomes known.
    """
    inventory, time = ContainerInventory(), ServiceTime(ns(0))
    steps: list[tuple[int, int, Run | None, int]] = [(at_s, 3, None, 0) for at_s in statuses]
    for number, (began_s, lasted_s, late_s) in enumerate(runs):
        run = Run(container_id=str(number))
        steps.append((began_s, 0, run, began_s))
        steps.append((began_s + lasted_s + late_s, 1, run, began_s + lasted_s))
    total = 0.0
    for at_s, kind, run, moment_s in [*sorted(steps, key=lambda step: step[:2]), (1000, 3, None, 0)]:
        if run is None:
            total += seconds(time.take(inventory, ns(at_s)))
        elif kind == 0:
            snapshot = ContainerSnapshot(id=run.container_id, image_name="shop/api:1", image_id=DIGEST, labels={})
            run.started_at_ns = ns(moment_s)
            inventory.learn_snapshot(snapshot, 0).begin(run)
        else:
            end(time, inventory, run, moment_s)
    # A service whose late end takes back more than it ran since is at zero, never below.
    assert total >= sum(lasted_s for _, lasted_s, _ in runs)
    assert total <= sum(lasted_s + late_s for _, lasted_s, late_s in runs)
