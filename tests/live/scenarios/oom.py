"""
Scenarios in which the kernel's OOM killer kills the main process.
"""

from dataclasses import replace
from typing import Final

from sinks.event import Cause, Scope
from tests.lab.box import Held, death
from tests.lab.host import CGROUP_V2, kill_as_group, limited_parent
from tests.lab.lab import Lab
from tests.lab.scenario import Scenario
from tests.lab.truth import Truth

_MIB: Final = 1 << 20
_LIMIT_MIB: Final = 32
# Twice the limit: an allocation that cannot succeed.
GROW: Final = ("hold", "eat:64")


def main_process(lab: Lab) -> list[Truth]:
    """
    The main process grows past the limit of its container.
    """
    box = lab.run(*GROW, limit_mib=_LIMIT_MIB)
    return [box.died(Cause.OOM_KILL, 137, kills=box.release(), limit_bytes=_LIMIT_MIB * _MIB)]


def process_under_init(lab: Lab) -> list[Truth]:
    """
    With --init the program is a child of PID 1, but still counts as the main process.
    """
    box = lab.run(*GROW, limit_mib=_LIMIT_MIB, init=True)
    kills = [replace(held, main=True) for held in box.release()]
    return [box.died(Cause.OOM_KILL, 137, kills=kills)]


def removed_at_once(lab: Lab) -> list[Truth]:
    """
    --rm: gone before anyone can inspect it.
    """
    box = lab.run(*GROW, limit_mib=_LIMIT_MIB, auto_remove=True)
    return [box.died(Cause.OOM_KILL, 137, kills=box.release())]


def restarted_by_policy(lab: Lab) -> list[Truth]:
    """
    on-failure:2: three runs, three deaths, each with the pid of its own run.
    """
    box = lab.run(*GROW, limit_mib=_LIMIT_MIB, restart_policy={"Name": "on-failure", "MaximumRetryCount": 2})
    kills: list[Held] = []
    for _ in range(3):
        kills += box.release()
        box.wait_until_gone(kills[-1].pid)
    box.wait(137)
    return [box.truth(*[death(Cause.OOM_KILL, 137)] * 3, kills=kills)]


def host_pid_namespace(lab: Lab) -> list[Truth]:
    """
    The container sees the host's pids.
    """
    box = lab.run(*GROW, limit_mib=_LIMIT_MIB, pid_mode="host")
    return [box.died(Cause.OOM_KILL, 137, kills=box.release())]


def name_with_punctuation(lab: Lab) -> list[Truth]:
    """
    A process may have any name, with spaces, parentheses, commas and equals signs.
    """
    return _named(lab, "a (b), c=d")


def name_beyond_ascii(lab: Lab) -> list[Truth]:
    """
    The kernel writes such bytes escaped.
    """
    return _named(lab, "процесс")


def name_cut_within_a_letter(lab: Lab) -> list[Truth]:
    """
    A name has 15 bytes, and may end in half a letter.
    """
    return _named(lab, "éééééééé")


def name_with_newline(lab: Lab) -> list[Truth]:
    """
    A newline in a name does not end the line.
    """
    return _named(lab, "two\nlines")


def name_like_the_report(lab: Lab) -> list[Truth]:
    """
    A name that continues like the kernel's own sentence.
    """
    return _named(lab, ") total-vm:1kB,")


def name_like_the_kill_line(lab: Lab) -> list[Truth]:
    """
    A name that begins like the kernel's own sentence.
    """
    return _named(lab, "Killed process")


def labels_named_as_attributes(lab: Lab) -> list[Truth]:
    """
    Docker copies labels over the attributes of its events; the agent must not believe them.
    """
    labels = {"exitCode": "0", "signal": "15", "name": "liar", "image": "liar", "execID": "1"}
    box = lab.run(*GROW, limit_mib=_LIMIT_MIB, labels=labels)
    return [box.died(Cause.OOM_KILL, 137, kills=box.release())]


def adjusted_score(lab: Lab) -> list[Truth]:
    """
    oom_score_adj 500.
    """
    box = lab.run(*GROW, limit_mib=_LIMIT_MIB, oom_score_adj=500)
    return [box.died(Cause.OOM_KILL, 137, kills=box.release())]


def lowered_limit(lab: Lab) -> list[Truth]:
    """
    `docker update` lowers the limit under a process that then grows.
    """
    box = lab.run("eat:40", "hold", "eat:80", limit_mib=256)
    box.hold()
    box.container.update(mem_limit=64 * _MIB, memswap_limit=64 * _MIB)
    return [box.died(Cause.OOM_KILL, 137, kills=box.release(), limit_bytes=64 * _MIB)]


def stopped_when_dead(lab: Lab) -> list[Truth]:
    """
    `docker stop` on a container that an OOM kill has ended already proves nothing.
    """
    box = lab.run(*GROW, limit_mib=_LIMIT_MIB)
    truth = box.died(Cause.OOM_KILL, 137, kills=box.release())
    box.container.stop()
    return [truth]


def parent_limit(lab: Lab) -> list[Truth]:
    """
    The container has no limit, the cgroup above it has.
    """
    with limited_parent(lab.client, _LIMIT_MIB * _MIB) as parent:
        box = lab.run(*GROW, cgroup_parent=parent)
        truth = box.died(Cause.OOM_KILL, 137, kills=box.release(), scope=Scope.PARENT, limit_bytes=_LIMIT_MIB * _MIB)
        box.container.remove()
    return [truth]


def innocent_neighbour(lab: Lab) -> list[Truth]:
    """
    Two containers under one limit: one grows, the larger one dies, the other goes on.
    """
    with limited_parent(lab.client, 96 * _MIB) as parent:
        large = lab.run("eat:64", "hold", "sleep:60000", cgroup_parent=parent)
        killed = large.hold()
        growing = lab.run("hold", "eat:48", cgroup_parent=parent)
        growing.release()
        truths = [
            large.died(Cause.OOM_KILL, 137, kills=killed, scope=Scope.PARENT, limit_bytes=96 * _MIB),
            growing.died(Cause.EXIT, 0),
        ]
        large.container.remove()
        growing.container.remove()
    return truths


def killed_as_a_group(lab: Lab) -> list[Truth]:
    """
    memory.oom.group: all processes of the container die of one OOM; the kernel prints the first one twice.
    """
    box = lab.run("fork:1", *GROW, "end", "hold", "wait", limit_mib=_LIMIT_MIB)
    kill_as_group(box.main_pid())
    return [box.died(Cause.OOM_KILL, 137, kills=box.release(2))]


def _named(lab: Lab, name: str) -> list[Truth]:
    box = lab.run(f"name:{name}", *GROW, limit_mib=_LIMIT_MIB)
    return [box.died(Cause.OOM_KILL, 137, kills=box.release())]


# Only the first ten kills in 5 s have a complete report, and only that contains the limit of a parent cgroup. So the
# scenarios that need it come first.
OOM: Final[tuple[Scenario, ...]] = (
    parent_limit,
    innocent_neighbour,
    main_process,
    process_under_init,
    removed_at_once,
    restarted_by_policy,
    host_pid_namespace,
    name_with_punctuation,
    name_beyond_ascii,
    name_cut_within_a_letter,
    name_with_newline,
    name_like_the_report,
    name_like_the_kill_line,
    labels_named_as_attributes,
    adjusted_score,
    lowered_limit,
    stopped_when_dead,
    *((killed_as_a_group,) if CGROUP_V2 else ()),
)
