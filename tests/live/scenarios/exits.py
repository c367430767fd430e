"""
Scenarios of containers that end by themselves, crash, or never start.
"""

from typing import Any, Final

import docker

from sinks.event import Cause, Confidence
from tests.lab.box import death
from tests.lab.lab import Lab
from tests.lab.scenario import Scenario
from tests.lab.truth import Truth


def exits_with_zero(lab: Lab) -> list[Truth]:
    """
    The program is done.
    """
    return [lab.run("exit:0").died(Cause.EXIT, 0)]


def exits_with_one(lab: Lab) -> list[Truth]:
    """
    The program fails.
    """
    return [lab.run("exit:1").died(Cause.APP_ERROR, 1)]


def exits_with_forty_two(lab: Lab) -> list[Truth]:
    """
    The program fails with a code of its own.
    """
    return [lab.run("exit:42").died(Cause.APP_ERROR, 42)]


def exits_with_137_by_itself(lab: Lab) -> list[Truth]:
    """
    The program calls exit(137). Without a source that sees the wait status this looks like a signal: any of three
    uncertain verdicts is right, but not an OOM kill.
    """
    return [_looks_like_a_signal(lab, 137)]


def exits_with_143_by_itself(lab: Lab) -> list[Truth]:
    """
    The program calls exit(143), which looks like a SIGTERM.
    """
    return [_looks_like_a_signal(lab, 143)]


def segmentation_fault(lab: Lab) -> list[Truth]:
    """
    The main process reads an address that is not mapped.
    """
    return [lab.run("raise:11").died(Cause.CRASH, 139)]


def bus_error(lab: Lab) -> list[Truth]:
    """
    The main process reads a mapped file beyond its end.
    """
    return [lab.run("raise:7").died(Cause.CRASH, 135)]


def abort(lab: Lab) -> list[Truth]:
    """
    The program aborts; init passes its signal on.
    """
    return [lab.run("raise:6", init=True).died(Cause.CRASH, 134)]


def illegal_instruction(lab: Lab) -> list[Truth]:
    """
    SIGILL.
    """
    return [lab.run("raise:4", init=True).died(Cause.CRASH, 132)]


def arithmetic_error(lab: Lab) -> list[Truth]:
    """
    SIGFPE.
    """
    return [lab.run("raise:8", init=True).died(Cause.CRASH, 136)]


def trap(lab: Lab) -> list[Truth]:
    """
    SIGTRAP.
    """
    return [lab.run("raise:5", init=True).died(Cause.CRASH, 133)]


def forbidden_system_call(lab: Lab) -> list[Truth]:
    """
    SIGSYS, as a seccomp filter sends it.
    """
    return [lab.run("raise:31", init=True).died(Cause.CRASH, 159)]


def command_not_found(lab: Lab) -> list[Truth]:
    """
    The command does not exist: the container never runs, and Docker reports 127.
    """
    return [_fails_to_start(lab, 127, "/bin/no-such-program")]


def command_not_executable(lab: Lab) -> list[Truth]:
    """
    The command is not executable: the container never runs, and Docker reports 126.
    """
    return [_fails_to_start(lab, 126, "/bin/plain-file")]


def start_refused(lab: Lab) -> list[Truth]:
    """
    The runtime cannot set up the container, which never runs: Docker reports 128.
    """
    return [_fails_to_start(lab, 128, "exit:0", sysctls={"net.ipv4.ip_forward": "not-a-number"})]


def _looks_like_a_signal(lab: Lab, code: int) -> Truth:
    box = lab.run(f"exit:{code}")
    box.wait(code)
    return box.truth(death(Cause.APP_ERROR, code, Cause.SIGNAL, Cause.UNKNOWN, at_least=Confidence.POSSIBLE))


def _fails_to_start(lab: Lab, code: int, *command: str, **options: Any) -> Truth:  # noqa: ANN401 (Docker's own)
    box = lab.create(*command, **options)
    try:
        box.container.start()
    except docker.errors.APIError:
        return box.died(Cause.START_FAILED, code)
    raise AssertionError(f"{box.name} started")


EXITS: Final[tuple[Scenario, ...]] = (
    exits_with_zero,
    exits_with_one,
    exits_with_forty_two,
    exits_with_137_by_itself,
    exits_with_143_by_itself,
    segmentation_fault,
    bus_error,
    abort,
    illegal_instruction,
    arithmetic_error,
    trap,
    forbidden_system_call,
    command_not_found,
    command_not_executable,
    start_refused,
)
