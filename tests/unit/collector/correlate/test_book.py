"""
What is known of each container before it dies, and which of it is of which run.
"""

from dataclasses import replace

from collector.correlate.book import ContainerBook
from collector.correlate.runs import ContainerRecord, KillInRun, Run
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


def restarted() -> tuple[ContainerBook, ContainerRecord, Run, Run]:
    """
    A container whose first run ended at 10 s, and whose second began at 10.2 s.
    """
    book = ContainerBook()
    record = book.open(A, 0)
    first = record.begin(Run(container_id=A, started_at_ns=ns(0), main_pid=100, die_event_ns=ns(10)))
    second = record.begin(Run(container_id=A, started_at_ns=ns(10.2), main_pid=200))
    return book, record, first, second


def test_the_main_process_tells_the_run_before_the_time_does() -> None:
    """
    A kill whose stamp is in the next run, of the pid of the last.
    """
    book, record, first, second = restarted()
    late = kill(10.3, pid=100)
    book.keep_kill(A, late)
    assert [found.pid for found in book.kills_of(record, first)] == [100]
    assert book.kills_of(record, second) == ()


def test_a_kill_of_the_main_pid_is_marked_so_once_the_pid_is_known() -> None:
    """
    The kill may have been told before Docker was asked.
    """
    book, record, first, _ = restarted()
    book.keep_kill(A, kill(5, pid=100))
    book.keep_kill(A, kill(5, pid=101))
    assert [found.main_process for found in book.kills_of(record, first)] == [True, None]


def test_a_kill_is_kept_once() -> None:
    """
    Two sources tell of it, and the store remembers it.
    """
    book, record, first, _ = restarted()
    book.keep_kill(A, kill(5))
    book.keep_kill(A, kill(5))
    assert len(book.kills_of(record, first)) == 1


def test_of_very_many_kills_the_first_and_the_latest_are_kept() -> None:
    """
    A worker that is killed again and again must not fill the memory.
    """
    book, record, first, _ = restarted()
    for number in range(500):
        book.keep_kill(A, kill(5, pid=1000 + number, event_id=str(number)))
    kept = [found.event_id for found in book.kills_of(record, first)]
    assert len(kept) == 64
    assert (kept[0], kept[-1]) == ("0", "499")


def test_a_kill_is_kept_before_docker_has_told_of_its_container() -> None:
    """
    The kernel is faster.
    """
    book = ContainerBook()
    book.keep_kill(A, kill(5))
    record = book.open(A, 0)
    run = record.begin(Run(container_id=A, started_at_ns=ns(0)))
    assert len(book.kills_of(record, run)) == 1


def test_names_and_labels_are_held_before_they_are_needed() -> None:
    """
    Every event carries them; what inspect says is the truth.
    """
    book = ContainerBook()
    event = docker(DockerAction.CREATE, 0, attributes={"name": "of-event", "image": "i", "team": "shop"})
    assert book.learn_event(event, 0).name == "of-event"
    record = book.learn_snapshot(snapshot(name="of-inspect"), 0)
    assert (record.name, record.attributes["team"]) == ("of-inspect", "shop")


def test_a_container_that_was_removed_is_forgotten_after_ten_minutes() -> None:
    """
    By then all its events are out; one that only stopped is kept.
    """
    book = ContainerBook()
    record = book.open(A, now_ns=0)
    book.keep_kill(A, kill(5))
    book.keep_exit(A, exited(MAIN_PID, at_s=5, signal=9))
    book.forget(10_000 * 10**9)
    assert book.get(A) is record
    record.destroyed = True
    book.forget(601 * 10**9)
    assert book.get(A) is None
    record = book.open(A, now_ns=0)
    run = record.begin(Run(container_id=A, main_pid=MAIN_PID))
    assert (book.kills_of(record, run), book.main_exit_of(record, run)) == ((), None)


def test_kills_and_ends_of_2048_containers_are_kept() -> None:
    """
    Also of those that Docker never tells of; who was heard of last stays.
    """
    book = ContainerBook()
    for number in (0, 1, *range(2, 2048), 0, 2048):
        book.keep_kill(str(number), kill(5))
        book.keep_exit(str(number), exited(MAIN_PID, at_s=5, signal=9))
    kept = []
    for number in range(2049):
        record = book.open(str(number), 0)
        run = record.begin(Run(container_id=record.id, main_pid=MAIN_PID))
        kept.append((len(book.kills_of(record, run)), book.main_exit_of(record, run) is not None))
    assert kept[0] == kept[2048] == (1, True)
    assert kept[1] == (0, False)


def test_the_end_of_the_main_process_is_the_end_of_the_run() -> None:
    """
    Known by its pid, near the end that Docker reported.
    """
    book = ContainerBook()
    record = book.open(A, 0)
    run = record.begin(Run(container_id=A, started_at_ns=ns(0), main_pid=MAIN_PID, die_event_ns=ns(10)))
    book.keep_exit(A, exited(MAIN_PID, at_s=4, signal=9))
    assert book.main_exit_of(record, run) is None
    own = exited(MAIN_PID, at_s=9.9, signal=9)
    book.keep_exit(A, own)
    book.keep_exit(A, exited(MAIN_PID + 1, at_s=9.9, code=1))
    assert book.main_exit_of(record, run) is own


def test_under_an_init_the_process_that_it_ran_tells() -> None:
    """
    The init ends with exit code 137 when its child was killed: the child's wait status has the truth.
    """
    book = ContainerBook()
    record = book.learn_snapshot(snapshot(init=True), 0)
    run = record.begin(Run(container_id=A, started_at_ns=ns(0), main_pid=50, die_event_ns=ns(10), exit_code=137))
    child = exited(51, at_s=9.8, signal=9, parent_pid=50)
    for fact in (child, exited(52, at_s=9.8, code=0, parent_pid=50), exited(50, at_s=9.9, code=137)):
        book.keep_exit(A, fact)
    assert book.main_exit_of(record, run) is child


def test_an_init_that_ended_before_anyone_asked_for_its_pid() -> None:
    """
    The process that nobody in the container had started is the init; what it ran tells, as ever.
    """
    book = ContainerBook()
    record = book.learn_snapshot(snapshot(init=True), 0)
    run = record.begin(Run(container_id=A, started_at_ns=ns(0), die_event_ns=ns(1), exit_code=134))
    child = replace(exited(51, at_s=0.01, signal=6, parent_pid=50), ancestors=("docker-init",))
    init = replace(exited(50, at_s=0.02, code=134), ancestors=())
    for fact in (child, init):
        book.keep_exit(A, fact)
    assert book.main_exit_of(record, run) is child
