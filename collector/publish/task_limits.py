"""
Add to the event of a refused fork the limit that was reached, and who leaves zombies behind.
"""

from dataclasses import replace
from typing import Final

from sinks.event import Advice, Event, TaskLimit
from sinks.text import printable

_KIND: Final = "pids"
# From this share of the limit on, zombies are the first thing to look at.
_MANY_ZOMBIES: Final = 0.25


def with_task_limit(event: Event, limit: TaskLimit) -> Event:
    """
    Return the event with the figures.

    Args:
        event: of a fork that was refused.
        limit: the tasks right after it.
    """
    kernel = event.exit137.kernel
    if kernel is None:
        return event
    parent = limit.zombies_of
    left_by = f', {limit.zombies} of them zombies of "{printable(parent.name)}" (pid {parent.pid})' if parent else ""
    own = limit.cgroup == kernel.cgroup
    whose = "" if own else f" of {printable(limit.cgroup)}"
    many = limit.zombies >= limit.tasks_max * _MANY_ZOMBIES
    return replace(
        event,
        message=f"{event.message} It has {limit.tasks} of {limit.tasks_max} tasks{whose}{left_by}.",
        exit137=replace(
            event.exit137,
            kernel=replace(kernel, task_limit=limit),
            advice=(_of_zombies(limit),) if many else event.exit137.advice,
        ),
    )


def _of_zombies(limit: TaskLimit) -> Advice:
    return Advice(
        kind=_KIND,
        text="Have the parent wait for its children; or run the container with --init, which reaps those whose"
        " parent has ended.",
        reason=f"{limit.zombies} of {limit.tasks_max} tasks are zombies: they have ended, and count until reaped.",
    )
