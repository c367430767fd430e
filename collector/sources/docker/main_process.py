"""
Find out in which cgroup a container runs, while its main process lives: a cgroup's name alone proves nothing.
"""

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
