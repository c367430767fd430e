"""
Scenarios in which the kernel's OOM killer kills a process other than the main one.
"""

from typing import Final

from sinks.event import Cause
from tests.lab.host import nest
from tests.lab.lab import Lab
from tests.lab.scenario import Scenario
from tests.lab.truth import Truth

_LIMIT_MIB: Final = 32
_CHILD_GROWS: Final = ("fork:1", "name:worker", "hold", "eat:64", "end", "wait")


def parent_passes_137_on(lab: Lab) -> list[Truth]:
    """
    The main process ends as its child did.
    """
    box = lab.run(*_CHILD_GROWS, "mirror", limit_mib=_LIMIT_MIB)
    return [box.died(Cause.OOM_KILL_CHILD, 137, kills=box.release())]


def parent_fails(lab: Lab) -> list[Truth]:
    """
    The main process fails because its child is gone.
    """
    box = lab.run(*_CHILD_GROWS, "exit:1", limit_mib=_LIMIT_MIB)
    return [box.died(Cause.OOM_KILL_CHILD, 1, kills=box.release())]


def shell_passes_137_on(lab: Lab) -> list[Truth]:
    """
    The entry point is a shell that does not exec.
    """
    script = "/bin/hog name:worker hold eat:64; exit $?"
    box = lab.run("/bin/sh", "-c", script, limit_mib=_LIMIT_MIB)
    return [box.died(Cause.OOM_KILL_CHILD, 137, kills=box.release())]


def parent_goes_on(lab: Lab) -> list[Truth]:
    """
    The main process ignores the loss, and exits with 0 later.
    """
    box = lab.run(*_CHILD_GROWS, "sleep:500", limit_mib=_LIMIT_MIB)
    return [box.died(Cause.EXIT, 0, kills=box.release())]


def worker_respawned(lab: Lab) -> list[Truth]:
    """
    A server that loses two workers of the same name and forks new ones.
    """
    workers = ("fork:2", "name:worker", "hold", "eat:64", "end", "wait")
    box = lab.run(*workers, "fork:1", "name:worker", "sleep:200", "end", "wait", limit_mib=_LIMIT_MIB)
    return [box.died(Cause.EXIT, 0, kills=box.release(2))]


def executed_process(lab: Lab) -> list[Truth]:
    """
    The victim was started by `docker exec`; the main process does not notice.
    """
    box = lab.run("hold", "sleep:1000", limit_mib=_LIMIT_MIB)
    box.hold()
    box.container.exec_run(["/bin/hog", "name:guest", "hold", "eat:64"], detach=True)
    guest = [held for held in box.release(2) if not held.main]
    return [box.died(Cause.EXIT, 0, kills=guest)]


def nested_cgroup(lab: Lab) -> list[Truth]:
    """
    The victim is in a cgroup below the container's.
    """
    box = lab.run(*_CHILD_GROWS, "exit:5", limit_mib=_LIMIT_MIB)
    nest(box.hold()[0].pid)
    return [box.died(Cause.OOM_KILL_CHILD, 5, kills=box.release())]


def killed_by_docker_later(lab: Lab) -> list[Truth]:
    """
    A child was OOM-killed, the main process went on: what ends it later is `docker kill`.
    """
    box = lab.run("fork:1", "name:worker", "hold", "eat:64", "end", "wait", "sleep:60000", limit_mib=_LIMIT_MIB)
    kills = box.release()
    box.wait_until_gone(kills[0].pid)
    box.container.kill()
    return [box.died(Cause.DOCKER_KILL, 137, kills=kills)]


OOM_CHILD: Final[tuple[Scenario, ...]] = (
    parent_passes_137_on,
    parent_fails,
    shell_passes_137_on,
    parent_goes_on,
    worker_respawned,
    executed_process,
    nested_cgroup,
    killed_by_docker_later,
)
