"""
Which container a path or a unit means: a cgroup's name proves nothing by itself.
"""

from collector.correlate.container_record import ContainerRecord
from collector.correlate.inventory import ContainerInventory
from parsers.cgroup_path import ContainerRef, is_delegated, is_of_user
from parsers.engine import ContainerEngine


def known_reference(
    ref: ContainerRef | None, inventory: ContainerInventory, within: str | None = None
) -> ContainerRef | None:
    """
    Return, of nested containers, the one that this host's Docker knows; the innermost where it knows none.

    A cgroup's name proves nothing by itself: whoever owns a part of the tree may use the name of any container there.

    Args:
        ref: what a path or unit names; None gives None.
        inventory: the containers.
        within: the cgroup below which the container must be: a user's systemd may speak only of its own.

    Returns:
        None if Docker knows every container that is named, and runs them in other cgroups.
    """
    if ref is None:
        return None
    candidates = (ref, *reversed(ref.outer))
    inventory.drop_false_claim(candidates[-1])
    unknown = [candidate for candidate in candidates if inventory.get(candidate.id) is None]
    for candidate in candidates:
        record = inventory.get(candidate.id)
        if record is not None and _is_own_cgroup(record, candidate, within, nested=candidate is not candidates[-1]):
            return candidate
    return unknown[0] if unknown else None


def _is_own_cgroup(record: ContainerRecord, ref: ContainerRef, within: str | None, *, nested: bool) -> bool:
    """
    Return whether a cgroup is the one that a container runs in, as far as that is known.

    Where nobody saw that in time, only root can have made the cgroup: not if it is in a user's part of the tree, or in
    another container.
    """
    if record.engine is not None and record.engine.is_of_user:
        return not nested and ref.cgroup is not None and _is_of_users_engine(record, ref.cgroup, record.engine)
    if record.cgroup is None:
        return within is None and not nested and not (ref.cgroup is not None and is_delegated(ref.cgroup))
    if within is not None and not record.cgroup.startswith(f"{within}/"):
        return False
    return ref.cgroup in (None, record.cgroup)


def _is_of_users_engine(record: ContainerRecord, cgroup: str, engine: ContainerEngine) -> bool:
    """
    Return whether a cgroup can be that of a container which a user's engine runs: below that user's systemd.
    """
    return engine.uid is not None and is_of_user(cgroup, engine.uid) and record.cgroup in (None, cgroup)
