"""
Which container a cgroup path names: the layouts of Docker, podman, Kubernetes, LXC and the others.

Only the text is looked at: that a container of this id exists, or existed, is for others to know. Slices,
services and sessions of the host are no containers, and neither are the helpers beside one (conmon, the
monitor of LXC).

    /system.slice/docker-4e1d….scope
    /kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod58dc….slice/cri-containerd-9f2a….scope
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Runtime(StrEnum):
    """
    Who made the container, as far as the path tells; `KUBERNETES` where only a pod is named.
    """

    DOCKER = "docker"
    CONTAINERD = "containerd"
    CRIO = "cri-o"
    PODMAN = "podman"
    KUBERNETES = "kubernetes"
    BUILDKIT = "buildkit"
    KATA = "kata"
    LXC = "lxc"
    NSPAWN = "systemd-nspawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerRef:
    """
    A container that a path names.

    Attributes:
        id: mostly 64 hex digits; the name for LXC and systemd-nspawn.
        pod_uid: the Kubernetes pod, with dashes as the API server writes it.
        outer: the containers around this one, that of the host's daemon first; their own `outer` is empty.
    """

    runtime: Runtime
    id: str
    pod_uid: str | None = None
    outer: tuple["ContainerRef", ...] = ()


_ID: Final = r"(?P<id>[0-9a-f]{8,64})"
_PREFIXED: Final = re.compile(
    rf"(?P<prefix>docker|cri-containerd|nerdctl|crio|libpod(?:-payload)?)-{_ID}(?:\.scope)?", re.ASCII
)
_RUNTIME_OF_PREFIX: Final = {
    "docker": Runtime.DOCKER,
    "cri-containerd": Runtime.CONTAINERD,
    "nerdctl": Runtime.CONTAINERD,
    "crio": Runtime.CRIO,
    "libpod": Runtime.PODMAN,
    "libpod-payload": Runtime.PODMAN,
}
_FULL_ID: Final = re.compile(r"[0-9a-f]{64}")
_SHORT_ID: Final = re.compile(r"[0-9a-f]{8,64}")
_BUILD_ID: Final = re.compile(r"[0-9a-z]{12,64}")
_RUNTIME_OF_PARENT: Final = {
    "docker": Runtime.DOCKER,
    "default": Runtime.CONTAINERD,
    "k8s.io": Runtime.CONTAINERD,
    "kata_overhead": Runtime.KATA,
}
_KATA: Final = re.compile(rf"kata_{_ID}")
_POD: Final = re.compile(
    r"(?:[a-z-]+-)?pod(?P<uid>[0-9a-f]{8}(?P<dash>[-_]?)(?:[0-9a-f]{4}(?P=dash)){3}[0-9a-f]{12})(?:\.slice)?"
)
_LXC_PARENTS: Final = frozenset({"lxc", "lxc.payload"})
_LXC_PAYLOAD: Final = re.compile(r"lxc\.payload\.(?P<name>.+)", re.DOTALL)
_NSPAWN: Final = re.compile(
    r"systemd-nspawn@(?P<service>.+)\.service|machine-(?!qemu\\x2d|lxc\\x2d)(?P<scope>.+)\.scope", re.DOTALL
)
_UNIT_ESCAPE: Final = re.compile(r"\\x(?P<code>[0-7][0-9a-f])")


def container_of(path: str) -> ContainerRef | None:
    """
    The innermost container that a path names; None where it names none.

    Args:
        path: as in `task_memcg=` or /proc/<pid>/cgroup, from the root of the hierarchy.
    """
    found: list[ContainerRef] = []
    pod_uid: str | None = None
    parent = ""
    for component in path.split("/"):
        pod = _POD.fullmatch(component)
        if pod is not None:
            pod_uid = _with_dashes(pod["uid"])
        else:
            match = _container(component, parent, in_pod=pod_uid is not None)
            if match is not None:
                runtime, container_id = match
                found.append(ContainerRef(runtime=runtime, id=container_id, pod_uid=pod_uid))
        parent = component
    if not found:
        return None
    *outer, inner = found
    return ContainerRef(runtime=inner.runtime, id=inner.id, pod_uid=inner.pod_uid, outer=tuple(outer))


def container_of_unit(unit: str) -> ContainerRef | None:
    """
    The container that a unit of systemd is; None for the host's own services, scopes and slices.
    """
    return container_of(f"/{unit}") if "/" not in unit else None


def _container(component: str, parent: str, *, in_pod: bool) -> tuple[Runtime, str] | None:
    """
    The container that one component names, given the component before it.
    """
    prefixed = _PREFIXED.fullmatch(component)
    if prefixed is not None:
        return _RUNTIME_OF_PREFIX[prefixed["prefix"]], prefixed["id"]
    kata = _KATA.fullmatch(component)
    if kata is not None:
        return Runtime.KATA, kata["id"]
    return _by_parent(component, parent, in_pod=in_pod) or _by_name(component, parent)


def _by_parent(component: str, parent: str, *, in_pod: bool) -> tuple[Runtime, str] | None:
    """
    A bare id: the parent tells whose it is; any other parent was given to Docker with --cgroup-parent.
    """
    if parent == "buildkit" and _BUILD_ID.fullmatch(component):
        return Runtime.BUILDKIT, component
    runtime = _RUNTIME_OF_PARENT.get(parent)
    if runtime is not None and _SHORT_ID.fullmatch(component):
        return runtime, component
    if _FULL_ID.fullmatch(component):
        return (Runtime.KUBERNETES if in_pod else Runtime.DOCKER), component
    return None


def _by_name(component: str, parent: str) -> tuple[Runtime, str] | None:
    """
    The runtimes that name their containers.
    """
    if parent in _LXC_PARENTS and component:
        return Runtime.LXC, component
    payload = _LXC_PAYLOAD.fullmatch(component)
    if payload is not None:
        return Runtime.LXC, payload["name"]
    machine = _NSPAWN.fullmatch(component)
    if machine is not None:
        return Runtime.NSPAWN, _unescaped(machine["service"] or machine["scope"])
    return None


def _with_dashes(uid: str) -> str:
    digits = uid.replace("-", "").replace("_", "")
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _unescaped(name: str) -> str:
    r"""
    A unit's name without systemd's escapes (`\x2d` is a dash).
    """
    return _UNIT_ESCAPE.sub(lambda escape: chr(int(escape["code"], 16)), name)
