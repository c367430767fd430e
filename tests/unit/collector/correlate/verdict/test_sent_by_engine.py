"""
Verdict rules: a signal that the trace saw, and whether its sender is a program of Docker.
"""

from typing import Any

import pytest

from collector.correlate.verdict import decide
from parsers.cgroup_path import ContainerRef, Runtime
from sinks.event import Cause, Confidence
from tests.unit.collector.correlate.verdict.cases import case, main_exit, signal_from

BY_SIGKILL = main_exit(signal=9)
RUNC: dict[str, Any] = {"sender_comm": "runc", "sender_exe": "/usr/bin/runc", "unit": "containerd.service"}


@pytest.mark.parametrize(
    "sender",
    [
        RUNC,
        RUNC | {"sender_exe": None},
        RUNC | {"unit": "docker.service", "sender_comm": "containerd-shim", "sender_exe": None},
        RUNC | {"unit": None},
    ],
    ids=["runc", "file not readable", "shim", "host without systemd"],
)
def test_program_of_docker_sends_for_docker(sender: dict[str, Any]) -> None:
    """
    A signal of the engine's own program is docker kill, even where Docker's event was lost.
    """
    verdict = decide(case(main_exit=BY_SIGKILL, sender=signal_from(700, **sender)))
    assert (verdict.cause, verdict.confidence) == (Cause.DOCKER_KILL, Confidence.LIKELY)


@pytest.mark.parametrize(
    "sender",
    [
        RUNC | {"sender_uid": 65534},
        RUNC | {"sender_comm": "dockerd-x"},
        RUNC | {"unit": "session-3.scope"},
        RUNC | {"unit": "cron.service"},
        RUNC | {"sender_exe": "/home/me/kill"},
        RUNC | {"sender_container": ContainerRef(runtime=Runtime.DOCKER, id="d" * 64), "unit": None},
    ],
    ids=["nobody", "similar name", "session", "other service", "other file", "root in a container"],
)
def test_name_of_a_program_of_docker_proves_nothing(sender: dict[str, Any]) -> None:
    """
    A copy of kill with the name of an engine's program is a signal from outside Docker.
    """
    verdict = decide(case(main_exit=BY_SIGKILL, sender=signal_from(700, **sender)))
    assert (verdict.cause, verdict.confidence) == (Cause.SIGNAL, Confidence.CERTAIN)


@pytest.mark.parametrize("uid", [None, 0])
def test_sender_that_was_gone_may_be_docker(uid: int | None) -> None:
    """
    A sender with such a name that was gone too soon is neither believed nor excluded, and the verdict says so.
    """
    gone = RUNC | {"sender_uid": uid, "unit": None, "sender_exe": None, "sender_placed": False}
    verdict = decide(case(main_exit=BY_SIGKILL, sender=signal_from(700, **gone)))
    assert (verdict.cause, verdict.confidence) == (Cause.SIGNAL, Confidence.LIKELY)
    assert "was gone" in verdict.because
