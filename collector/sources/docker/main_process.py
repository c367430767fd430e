"""
Find out in which cgroup and on which layers a container runs, while its main process lives.

A cgroup's name alone proves nothing, and with containerd's image store the engine does not name the layers.
"""

from dataclasses import replace

from collector.host.procfs import ProcFiles
from parsers.docker_inspect import ContainerSnapshot


def cgroup_of(snapshot: ContainerSnapshot, files: ProcFiles | None = None) -> str | None:
    """
    Return the cgroup of a running container, up to the component that names it.

    Args:
        snapshot: what Docker says now; it names the main process.
        files: reads /proc; None for this host's.

    Returns:
        None where /proc does not show it: the process is gone, or the agent may not see it or the whole path.
    """
    files = files or ProcFiles()
    if not snapshot.running or snapshot.pid is None or not files.in_first_cgroup_namespace():
        return None
    ref = files.container(snapshot.pid)
    named = (ref, *reversed(ref.outer)) if ref is not None else ()
    return next((container.cgroup for container in named if container.id == snapshot.id), None)


def with_layers(snapshot: ContainerSnapshot, files: ProcFiles | None = None) -> ContainerSnapshot:
    """
    Return a snapshot with the layers that its running main process has as its root, where the engine names none.

    Args:
        snapshot: what Docker says now; it names the main process.
        files: reads /proc; None for this host's.
    """
    if snapshot.layers or not snapshot.running or snapshot.pid is None:
        return snapshot
    return replace(snapshot, layers=(files or ProcFiles()).root_layers(snapshot.pid))
