"""
Who sent the signal that ended a container, where the trace source saw it.
"""

from collector.facts.observed import SignalFact
from sinks.event import Event, SignalSender
from tests.unit.collector.correlate.scene import (
    DIE,
    MAIN_PID,
    START,
    VERDICT_WAIT_S,
    Scene,
    death,
    docker,
    exited,
    ns,
    started,
)

INIT_PID = MAIN_PID
CHILD_PID = MAIN_PID + 1


def sent(target_pid: int, at_s: float, *, by_pid: int = 27095, signal: int = 9, code: int = 0) -> SignalFact:
    return SignalFact(
        signal=signal,
        code=code,
        sender_pid=by_pid,
        sender_comm="bash",
        sender_uid=1000,
        sender_container=None,
        sender_unit="session-3.scope",
        target_pid=target_pid,
        target_comm="hog",
        at_ns=ns(at_s),
    )


def sender_pid(events: list[Event]) -> int | None:
    killer = death(events).killer
    return killer.pid if killer is not None else None


def test_the_sender_is_named_with_user_and_unit() -> None:
    """
    A person who types `kill -9` on the host is found by it.
    """
    scene = started()
    scene.feed(sent(MAIN_PID, 9.9), exited(MAIN_PID, at_s=9.91, signal=9), docker(DIE, 10, exit_code=137), at_s=10)
    killer = death(scene.wait(VERDICT_WAIT_S)).killer
    assert killer == SignalSender(pid=27095, name="bash", uid=1000, unit="session-3.scope")


def test_without_a_wait_status_the_exit_code_names_the_signal() -> None:
    """
    128 and the signal; a signal of another number ended nothing.
    """
    scene = started()
    scene.feed(sent(MAIN_PID, 9.9), sent(MAIN_PID, 9.95, by_pid=7, signal=1), docker(DIE, 10, exit_code=137), at_s=10)
    assert sender_pid(scene.wait(VERDICT_WAIT_S)) == 27095


def test_a_signal_to_nobody_knows_whom_ended_nothing() -> None:
    """
    Where neither the main process nor the code is known.
    """
    scene = Scene()
    scene.feed(docker(START, 0), sent(MAIN_PID, 9.9), docker(DIE, 10, exit_code=137), at_s=10)
    assert sender_pid(scene.wait(VERDICT_WAIT_S)) is None


def test_who_ended_by_itself_was_ended_by_nobody() -> None:
    """
    A wait status with a code goes before an exit code that looks like a signal.
    """
    scene = started()
    scene.feed(sent(MAIN_PID, 9.9), exited(MAIN_PID, at_s=9.95, code=137), docker(DIE, 10, exit_code=137), at_s=10)
    assert sender_pid(scene.wait(VERDICT_WAIT_S)) is None


def test_the_kernel_is_no_sender() -> None:
    """
    Its OOM killer and its faults send signals too, with a code above 0.
    """
    scene = started()
    scene.feed(sent(MAIN_PID, 9.9, code=128), docker(DIE, 10, exit_code=137), at_s=10)
    assert sender_pid(scene.wait(VERDICT_WAIT_S)) is None


def test_a_signal_of_long_ago_ended_nothing() -> None:
    """
    It works at once, or when the process comes back from the kernel: within ten seconds.
    """
    scene = started()
    scene.feed(sent(MAIN_PID, 9.9), docker(DIE, 30, exit_code=137), at_s=30)
    assert sender_pid(scene.wait(VERDICT_WAIT_S)) is None


def test_the_kernel_says_when_the_process_ended() -> None:
    """
    A slow Docker reports the end long after the process has ended; the sender is known all the same.
    """
    scene = started()
    scene.feed(sent(MAIN_PID, 9.9), exited(MAIN_PID, at_s=9.91, signal=9), docker(DIE, 30, exit_code=137), at_s=30)
    assert sender_pid(scene.wait(VERDICT_WAIT_S)) == 27095


def under_init(*signals: SignalFact) -> list[Event]:
    """
    A container with an init, whose child ended by SIGTERM after these signals.
    """
    scene = Scene()
    scene.run(init=True)
    ends = (
        exited(CHILD_PID, at_s=9.98, signal=15, parent_pid=INIT_PID),
        exited(INIT_PID, at_s=9.99, code=143),
    )
    scene.feed(*signals, *ends, docker(DIE, 10, exit_code=143), at_s=10)
    return scene.wait(VERDICT_WAIT_S)


def test_an_init_passes_on_what_it_was_sent() -> None:
    """
    The sender is who sent it to the init.
    """
    passed_on = sent(CHILD_PID, 9.91, by_pid=INIT_PID, signal=15)
    assert sender_pid(under_init(sent(INIT_PID, 9.9, signal=15), passed_on)) == 27095


def test_an_init_that_was_sent_nothing_is_the_sender() -> None:
    """
    So it is for a program that runs others and stops them.
    """
    assert sender_pid(under_init(sent(CHILD_PID, 9.91, by_pid=INIT_PID, signal=15))) == INIT_PID
