"""
Finds the container that replaces one that was stopped: a deploy, as far as it is known when the old one ends.

Compose and Swarm create the new container before they stop the old one, so that the new one is known by then. A new
container that is created only after the end, as by `docker rm` and `docker run`, is not found.
"""

from typing import Final

from collector.correlate.container_record import ContainerRecord
from collector.correlate.inventory import ContainerInventory
from collector.correlate.runs import Run

# Compose numbers the containers of a service; Swarm names a task `service.slot.id`, and `service.node.id` where it runs
# one on each node.
_COMPOSE: Final = ("com.docker.compose.project", "com.docker.compose.service", "com.docker.compose.container-number")
_SWARM_SERVICE: Final = "com.docker.swarm.service.id"
_SWARM_TASK: Final = "com.docker.swarm.task.name"
_COMPOSE_ONE_OFF: Final = "com.docker.compose.oneoff"


def replacement_of(record: ContainerRecord, run: Run, inventory: ContainerInventory) -> str | None:
    """
    Return the id of the container that takes the place of an ended one; None if none is known.

    It has the same place in the same service, and was created while the old one ran.

    Args:
        record: the container that ended.
        run: its run that ended.
        inventory: the containers of the host.
    """
    place, began_ns, ended_ns = _place(record), run.began_ns, run.ended_ns
    if place is None or began_ns is None or ended_ns is None:
        return None
    newer = (other for other in inventory if began_ns < (_created_ns(other) or 0) <= ended_ns)
    return next((other.id for other in newer if other is not record and _place(other) == place), None)


def _place(record: ContainerRecord) -> tuple[str, ...] | None:
    """
    Return which instance of which service a container is; None where no label says so.
    """
    labels = record.snapshot.labels if record.snapshot is not None else record.attributes
    if (service := labels.get(_SWARM_SERVICE)) is not None:
        slot = labels.get(_SWARM_TASK, "").rpartition(".")[0]
        return (service, slot) if slot else None
    if labels.get(_COMPOSE_ONE_OFF, "").lower() == "true" or not all(labels.get(key) for key in _COMPOSE):
        return None
    return tuple(labels[key] for key in _COMPOSE)


def _created_ns(record: ContainerRecord) -> int | None:
    if record.created_event_ns is not None:
        return record.created_event_ns
    return record.snapshot.created_at_ns if record.snapshot is not None else None
