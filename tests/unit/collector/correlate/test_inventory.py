"""
What is known of each container before it dies, and which of it is of which run.
"""

from dataclasses import replace

from collector.correlate.container_record import ContainerRecord
from collector.correlate.inventory import ContainerInventory
from collector.correlate.kill_in_run import KillInRun
from collector.correlate.runs import Run
from parsers.docker_event import DockerAction
from sinks.event import EvidenceSource, Killer, Scope
from tests.unit.collector.correlate.scene import MAIN_PID, A, docker, exited, ns, snapshot


def kill(at_s: float | None, pid: int = 1, event_id: str = "kill") -> KillInRun:
    return KillInRun(
        event_id=event_id,
        at_ns=ns(at_s) if at_s is not None else None,
        pid=pid,
        comm="hog",
        main_process=None,
        killer=Killer.KERNEL,
        scope=Scope.CONTAINER,
        limit_bytes=None,
        source=EvidenceSource.KMSG,
        text="",
    )


def restarted() -> tuple[ContainerInventory, ContainerRecord, Run, Run]:
    """
    A container whose first run ended at 10 s, and whose second began at 10.2 s.
    """
    inventory = ContainerInventory()
    record = inventory.get_or_add(A, 0)
    first = record.begin(Run(container_id=A, started_at_ns=ns(0), main_pid=100, die_event_ns=ns(10)))
    second = record.begin(Run(container_id=A, started_at_ns=ns(10.2), main_pid=200))
    return inventory, record, first, second


def test_the_main_process_names_the_run_before_the_time_does() -> None:
    """
    A kill of the last run's pid belongs to that run, even if its time is in the next run.
    """
    inventory, record, first, second = restarted()
    late = kill(10.3, pid=100)
    inventory.keep_kill(A, late)
    assert [found.pid for found in inventory.kills_of(record, first)] == [100]
    assert inventory.kills_of(record, second) == ()


def test_a_kill_of_the_main_pid_is_marked_so_once_the_pid_is_known() -> None:
    """
    The kill may have been published before Docker was asked; a kill of another pid is then known to be of a child.
    """
    inventory, record, first, _ = restarted()
    inventory.keep_kill(A, kill(5, pid=100))
    inventory.keep_kill(A, kill(5, pid=101))
    assert [found.main_process for found in inventory.kills_of(record, first)] == [True, False]


def test_a_kill_is_kept_once() -> None:
    """
    Two sources report it, and the store restores it.
    """
    inventory, record, first, _ = restarted()
    inventory.keep_kill(A, kill(5))
    inventory.keep_kill(A, kill(5))
    assert len(inventory.kills_of(record, first)) == 1


def test_of_very_many_kills_the_first_and_the_latest_are_kept() -> None:
    """
    A worker that is killed again and again must not fill the memory.
    """
    inventory, record, first, _ = restarted()
    for number in range(500):
        inventory.keep_kill(A, kill(5, pid=1000 + number, event_id=str(number)))
    kept = [found.event_id for found in inventory.kills_of(record, first)]
    assert len(kept) == 64
    assert (kept[0], kept[-1]) == ("0", "499")


def test_a_kill_is_kept_before_docker_has_named_its_container() -> None:
    """
    The kernel may be faster than Docker.
    """
    inventory = ContainerInventory()
    inventory.keep_kill(A, kill(5))
    record = inventory.get_or_add(A, 0)
    run = record.begin(Run(container_id=A, started_at_ns=ns(0)))
    assert len(inventory.kills_of(record, run)) == 1


def test_names_and_labels_are_kept_before_they_are_needed() -> None:
    """
    Every event carries them; those of inspect are more reliable.
    """
    inventory = ContainerInventory()
    event = docker(DockerAction.CREATE, 0, attributes={"name": "of-event", "image": "i", "team": "shop"})
    assert inventory.learn_event(event, 0).name == "of-event"
    record = inventory.learn_snapshot(snapshot(name="of-inspect"), 0)
    assert (record.name, record.attributes["team"]) == ("of-inspect", "shop")


def test_a_container_that_was_removed_is_forgotten_after_three_minutes() -> None:
    """
    By then all its events are published; a container that only stopped is kept.
    """
    inventory = ContainerInventory()
    record = inventory.get_or_add(A, now_ns=0)
    inventory.keep_kill(A, kill(5))
    inventory.keep_exit(A, exited(MAIN_PID, at_s=5, signal=9))
    inventory.forget(181 * 10**9)
    assert inventory.get(A) is record
    record.destroyed = True
    inventory.forget(362 * 10**9)
    assert inventory.get(A) is None
    record = inventory.get_or_add(A, now_ns=0)
    run = record.begin(Run(container_id=A, main_pid=MAIN_PID))
    assert (inventory.kills_of(record, run), inventory.main_exit_of(record, run).exited) == ((), None)


def test_of_very_many_containers_the_ones_that_ended_longest_ago_are_forgotten_first() -> None:
    """
    A storm of short lives does not fill the memory, and running containers are never forgotten.
    """
    inventory = ContainerInventory()
    living = inventory.get_or_add(A, now_ns=0)
    living.begin(Run(container_id=A))
    for number in range(10_000):
        record = inventory.get_or_add(f"{number:064x}", now_ns=number)
        record.begin(Run(container_id=record.id, die_event_ns=number))
        inventory.forget(number)
    assert inventory.get(A) is living
    assert inventory.get(f"{0:064x}") is None
    assert inventory.get(f"{9_999:064x}") is not None
    assert sum(1 for _ in inventory) < 9000


def test_kills_and_exits_of_2048_containers_are_kept() -> None:
    """
    Containers that Docker never names are bounded too; the latest ones are kept.
    """
    inventory = ContainerInventory()
    for number in (0, 1, *range(2, 2048), 0, 2048):
        inventory.keep_kill(str(number), kill(5))
        inventory.keep_exit(str(number), exited(MAIN_PID, at_s=5, signal=9))
    kept = []
    for number in range(2049):
        record = inventory.get_or_add(str(number), 0)
        run = record.begin(Run(container_id=record.id, main_pid=MAIN_PID))
        kept.append((len(inventory.kills_of(record, run)), inventory.main_exit_of(record, run).exited is not None))
    assert kept[0] == kept[2048] == (1, True)
    assert kept[1] == (0, False)


def test_the_exit_of_the_main_process_is_the_end_of_the_run() -> None:
    """
    It is known by its pid; on a starved host Docker reports the end of the run minutes later.
    """
    inventory = ContainerInventory()
    record = inventory.get_or_add(A, 0)
    run = record.begin(Run(container_id=A, started_at_ns=ns(0), main_pid=MAIN_PID, die_event_ns=ns(640)))
    inventory.keep_exit(A, exited(MAIN_PID, at_s=29, signal=9))
    assert inventory.main_exit_of(record, run).exited is None
    own = exited(MAIN_PID, at_s=60, signal=9)
    inventory.keep_exit(A, own)
    inventory.keep_exit(A, exited(MAIN_PID + 1, at_s=9.9, code=1))
    assert inventory.main_exit_of(record, run).exited is own


def test_under_an_init_the_process_that_it_ran_counts() -> None:
    """
    An init exits with code 137 when its child was killed; the child's wait status shows the truth.
    """
    inventory = ContainerInventory()
    record = inventory.learn_snapshot(snapshot(init=True), 0)
    run = record.begin(Run(container_id=A, started_at_ns=ns(0), main_pid=50, die_event_ns=ns(10), exit_code=137))
    child = exited(51, at_s=9.8, signal=9, parent_pid=50)
    for fact in (child, exited(52, at_s=9.8, code=0, parent_pid=50), exited(50, at_s=9.9, code=137)):
        inventory.keep_exit(A, fact)
    assert inventory.main_exit_of(record, run).exited is child


def test_an_init_that_ended_before_its_pid_was_known() -> None:
    """
    The process that nobody in the container had started is the init; the process that it ran counts, as always.
    """
    inventory = ContainerInventory()
    record = inventory.learn_snapshot(snapshot(init=True), 0)
    run = record.begin(Run(container_id=A, started_at_ns=ns(0), die_event_ns=ns(1), exit_code=134))
    child = replace(exited(51, at_s=0.01, signal=6, parent_pid=50), ancestors=("docker-init",))
    init = replace(exited(50, at_s=0.02, code=134), ancestors=())
    for fact in (child, init):
        inventory.keep_exit(A, fact)
    assert inventory.main_exit_of(record, run).exited is child


def test_layers_outlive_the_container() -> None:
    """
    What a running container showed of its layers is still known when the engine no longer names them.
    """
    inventory = ContainerInventory()
    inventory.learn_snapshot(snapshot(A, layers=("/upper", "/lower")), 0)
    record = inventory.learn_snapshot(snapshot(A, exit_code=1), 1)
    assert record.snapshot is not None
    assert (record.snapshot.layers, record.snapshot.exit_code) == (("/upper", "/lower"), 1)


def test_containers_that_ended_long_ago_are_forgotten_when_many_have_ended_since() -> None:
    """
    Nobody removes them, so that they would fill the memory; the latest ones may be started again.
    """
    inventory = ContainerInventory()
    for number in range(600):
        record = inventory.get_or_add(f"{number:064x}", number)
        record.begin(Run(container_id=record.id, die_event_ns=number), None)
    inventory.forget(179 * 10**9)
    assert len(list(inventory)) == 600
    inventory.forget(191 * 10**9)
    assert [record.id for record in inventory] == [f"{number:064x}" for number in range(88, 600)]
