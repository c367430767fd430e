"""
Scenarios in which a container is ended from outside Docker: by a process of the host, another container, earlyoom.
"""

import os
import signal
import subprocess
from typing import Final

from sinks.event import Cause, Confidence, Killer, Scope
from tests.lab.box import Box
from tests.lab.host import available_kib, earlyoom
from tests.lab.lab import Lab
from tests.lab.scenario import Scenario
from tests.lab.truth import Death, Truth

_KIB_PER_MIB: Final = 1024


def killed_from_the_host(lab: Lab) -> list[Truth]:
    """
    `kill -9` on the host.
    """
    box = lab.run("hold")
    os.kill(box.hold()[0].pid, signal.SIGKILL)
    return [_sent_by(os.getpid(), box, 137)]


def terminated_from_the_host(lab: Lab) -> list[Truth]:
    """
    `kill` on the host; the program under init has no handler.
    """
    box = lab.run("hold", init=True)
    os.kill(box.hold()[0].pid, signal.SIGTERM)
    return [_sent_by(os.getpid(), box, 143)]


def killed_by_a_shell(lab: Lab) -> list[Truth]:
    """
    A shell of the host, as a cron job has one; it is gone a moment later.
    """
    box = lab.run("hold")
    with subprocess.Popen(["/bin/sh", "-c", f"kill -9 {box.hold()[0].pid}"]) as shell:
        shell.wait()
    return [_sent_by(shell.pid, box, 137)]


def killed_from_another_container(lab: Lab) -> list[Truth]:
    """
    A container with the host's pids kills the main process of this one.
    """
    box = lab.run("hold")
    killer = lab.run("/bin/kill", "-9", str(box.hold()[0].pid), pid_mode="host")
    return [box.died(Cause.SIGNAL, 137), killer.died(Cause.EXIT, 0)]


def killed_by_earlyoom(lab: Lab) -> list[Truth]:
    """
    A process of the host acts before the kernel must: only the journal knows of it.
    """
    box = lab.run("name:glutton", "hold", "eat:1536", "sleep:60000", oom_score_adj=1000)
    held = box.hold()
    with earlyoom(prefer="glutton", act_below_kib=available_kib() - 1024 * _KIB_PER_MIB):
        box.go()
        truth = box.died(Cause.USER_SPACE_OOM, 137, kills=held, scope=Scope.HOST, killer=Killer.EARLYOOM)
    return [truth]


def _sent_by(pid: int, box: Box, exit_code: int) -> Truth:
    """
    Return the truth of a signal that a process of the host sent, and that only the trace source sees.
    """
    box.wait(exit_code)
    death = Death(causes=(Cause.SIGNAL,), exit_code=exit_code, at_least=Confidence.CERTAIN, killer_pid=pid)
    return box.truth(death)


OUTSIDE: Final[tuple[Scenario, ...]] = (
    killed_from_the_host,
    terminated_from_the_host,
    killed_by_a_shell,
    killed_from_another_container,
    killed_by_earlyoom,
)
