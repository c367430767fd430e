"""
How full /dev/shm may have been when SIGBUS ended a container.
"""

import pytest

from collector.facts.memory import MemorySample
from collector.publish.shared_memory import with_shared_memory
from parsers.docker_inspect import ContainerSnapshot, Mount
from sinks.event import Confidence, Crash, CrashReason, EcsEvent, Event, EventType, Exit137, Host, Severity

MIB = 1 << 20
BUS_ERROR = Crash(signal=7)
A = "a" * 64


def death(crash: Crash | None) -> Event:
    """
    Return a death.
    """
    return Event(
        id="id",
        type=EventType.CONTAINER_DEATH,
        subject=f"container/{A}",
        time_ns=5,
        message="It crashed.",
        event=EcsEvent(
            kind="alert",
            category=("process",),
            type=("end",),
            action="a",
            reason="crash",
            severity=Severity.ERROR,
        ),
        host=Host(id="1" * 32),
        exit137=Exit137(confidence=Confidence.CERTAIN, crash=crash),
    )


def completed(used_bytes: int | None, crash: Crash | None = BUS_ERROR, shm_bytes: int | None = 64 * MIB) -> Event:
    """
    Return the death of a container with so much shared memory.
    """
    sample = MemorySample(
        container_id=A, cgroup="/a", at_ns=1, usage_bytes=0, working_set_bytes=0, shmem_bytes=used_bytes
    )
    return with_shared_memory(death(crash), ContainerSnapshot(id=A, labels={}, shm_bytes=shm_bytes), sample)


def test_a_full_one() -> None:
    """
    With the sample of a full /dev/shm, message and advice have the figures.
    """
    event = completed(63 * MIB)
    (advice,) = event.exit137.advice
    assert "63 MiB of shared memory, and /dev/shm has 64 MiB" in event.message
    assert (advice.kind, advice.value) == ("shm", 128 * MIB)
    crash = event.exit137.crash
    assert crash is not None
    assert (crash.shm_size_bytes, crash.shm_used_bytes, crash.reason) == (64 * MIB, 63 * MIB, None)


@pytest.mark.parametrize("used_bytes", [None, 0, 40 * MIB])
def test_one_that_was_not_seen_full(used_bytes: int | None) -> None:
    """
    Without such a sample there is general advice, and no claim in the message.
    """
    event = completed(used_bytes)
    assert event.message == "It crashed."
    assert [(advice.kind, advice.value) for advice in event.exit137.advice] == [("shm", None)]


@pytest.mark.parametrize(
    "crash", [None, Crash(signal=11), Crash(signal=7, reason=CrashReason.BROKEN_MEMORY)], ids=["none", "segv", "memory"]
)
def test_other_ends(crash: Crash | None) -> None:
    """
    An end by another signal, or one that the kernel has explained, stays as it is.
    """
    assert completed(63 * MIB, crash) == death(crash)


def test_nothing_known_of_the_container() -> None:
    """
    Without inspection and sample there is only the advice.
    """
    event = with_shared_memory(death(Crash(signal=7)), None, None)
    assert [advice.kind for advice in event.exit137.advice] == ["shm"]


def test_another_file_system_at_its_place() -> None:
    """
    What the host has mounted there is not sized by --shm-size.
    """
    event = death(Crash(signal=7))
    mounted = ContainerSnapshot(id=A, labels={}, shm_bytes=1 << 26, mounts=(Mount(destination="/dev/shm/"),))  # noqa: S108 (a name)
    assert with_shared_memory(event, mounted, None) == event
