"""
Find the container that a cgroup path names, in the layouts of Docker, podman, Kubernetes, LXC and others.

Only the text is read; nothing here knows whether a container with this id exists. Slices, services and sessions of the
host are not containers, and neither are the helper processes of a runtime (conmon, the monitor of LXC).

    /system.slice/docker-4e1d….scope
    /kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod58dc….slice/cri-containerd-9f2a….scope
"""

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from typing import Final


class Runtime(StrEnum):
    """
    The runtime of a container, as far as the path shows it; `KUBERNETES` if only a pod is named.
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
    BALENA = "balena"
    NOMAD = "nomad"
    OPENVZ = "openvz"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerRef:
    """
    A container that a path names.

    Attributes:
        id: usually 64 hex digits, fewer in a text that was shortened; the name for LXC and systemd-nspawn; the
            allocation for Nomad.
        pod_uid: the Kubernetes pod, with dashes as the API server writes it.
        outer: the containers around this one, the outermost first; their own `outer` is empty.
        cgroup: the path up to the component that names the container; None where the text has no whole path.
    """

    runtime: Runtime
    id: str
    pod_uid: str | None = None
    outer: tuple["ContainerRef", ...] = ()
    cgroup: str | None = field(default=None, compare=False)


# A report names the same few paths again and again, and so does each walk through the cgroups of a host: a host with
# more of them than are remembered would gain nothing. Each takes half a kilobyte.
_PATHS_REMEMBERED: Final = 1024
_ID: Final = r"(?P<id>[0-9a-f]{8,64})"
_PREFIXED: Final = re.compile(
    rf"(?P<prefix>docker|cri-containerd|nerdctl|crio|libpod(?:-payload)?|balena)-{_ID}(?:\.scope)?", re.ASCII
)
# `<slice>:<prefix>:<id>` is what runc makes of systemd's notation where it does not use systemd.
_IN_SLICE: Final = re.compile(
    rf"(?P<slice>[^/:]*):(?P<prefix>cri-containerd|nerdctl|crio|docker|balena|libpod):{_ID}", re.ASCII
)
_RUNTIME_OF_PREFIX: Final = {
    "docker": Runtime.DOCKER,
    "cri-containerd": Runtime.CONTAINERD,
    "nerdctl": Runtime.CONTAINERD,
    "crio": Runtime.CRIO,
    "libpod": Runtime.PODMAN,
    "libpod-payload": Runtime.PODMAN,
    "balena": Runtime.BALENA,
}
_FULL_ID: Final = re.compile(r"[0-9a-f]{64}")
_SHORT_ID: Final = re.compile(r"[0-9a-f]{8,64}")
_BUILD_ID: Final = re.compile(r"[0-9a-z]{12,64}")
_RUNTIME_OF_PARENT: Final = {
    "docker": Runtime.DOCKER,
    "balena": Runtime.BALENA,
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
# Nomad names the cgroup of a task by its allocation: /nomad/<allocation>, nomad.slice/…/<allocation>.<task>.scope.
_NOMAD_PARENTS: Final = frozenset({"nomad", "nomad.slice", "share.slice", "reserve.slice"})
_NOMAD: Final = re.compile(
    r"(?P<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:[.-](?P<task>.+?))?(?:\.scope)?", re.DOTALL
)
# People and pagers shorten a path and leave such a mark.
_ELISION: Final = re.compile(r"[\[(<]?(?:\.{3,}|…).*", re.DOTALL)
# systemd delegates this cgroup to the manager of a user (user@.service, Delegate=).
_USER_MANAGER: Final = re.compile(r"user@[0-9]{1,10}\.service")
_USERS_PART: Final = re.compile(r"/user\.slice/user-(?P<uid>[0-9]{1,10})\.slice/user@(?P=uid)\.service/")
_UNIT_ESCAPE: Final = re.compile(r"\\x(?P<code>[0-7][0-9a-f])")


@lru_cache(maxsize=_PATHS_REMEMBERED)
def container_of(path: str) -> ContainerRef | None:
    """
    Return the innermost container that a path names, if any.

    Args:
        path: as in `task_memcg=` or /proc/<pid>/cgroup, from the root of the hierarchy.
    """
    found: list[ContainerRef] = []
    pod_uid: str | None = None
    parent = ""
    components = path.split("/")
    for number, component in enumerate(components, 1):
        in_slice = _IN_SLICE.fullmatch(component)
        pod = _POD.fullmatch(in_slice["slice"] if in_slice is not None else component)
        if pod is not None and in_slice is not None:
            pod_uid = _with_dashes(pod["uid"])
        if in_slice is not None:
            runtime = _RUNTIME_OF_PREFIX[in_slice["prefix"]]
            cgroup = _joined(components[:number])
            found.append(ContainerRef(runtime=runtime, id=in_slice["id"], pod_uid=pod_uid, cgroup=cgroup))
        elif pod is not None:
            pod_uid = _with_dashes(pod["uid"])
        else:
            match = _container(component, parent, in_pod=pod_uid is not None) or _shortened(component, parent)
            if match is not None:
                runtime, container_id = match
                cgroup = _joined(components[:number])
                found.append(ContainerRef(runtime=runtime, id=container_id, pod_uid=pod_uid, cgroup=cgroup))
        parent = component
    if not found:
        return None
    *outer, inner = found
    return replace(inner, outer=tuple(outer))


def container_of_unit(unit: str) -> ContainerRef | None:
    """
    Return the container whose unit a systemd unit is; None for the host's own services, scopes and slices.
    """
    ref = container_of(f"/{unit}") if "/" not in unit else None
    return replace(ref, cgroup=None) if ref is not None else None


def is_delegated(path: str) -> bool:
    """
    Return whether a path is in a part of the tree that a user manages, and where that user may name cgroups.
    """
    return any(_USER_MANAGER.fullmatch(component) is not None for component in path.split("/"))


def user_of(path: str) -> int | None:
    """
    Return the user to whom systemd has delegated the part of the tree that a path is in; None elsewhere.
    """
    users = _USERS_PART.match(path)
    return int(users["uid"]) if users is not None else None


def is_of_user(path: str, uid: int) -> bool:
    """
    Return whether a path is in the part of the tree that systemd has delegated to a user.
    """
    return path.startswith(f"/user.slice/user-{uid}.slice/user@{uid}.service/")


def doubtfulness(path: str) -> tuple[bool, int]:
    """
    Return how doubtful it is that a path is the container's own, to compare several that name one container.

    A path in a user's part of the tree is more doubtful than any other, and a deep path more than one near the root:
    root in a container makes its cgroups below its own.
    """
    return is_delegated(path), path.count("/")


def is_shortened(path: str) -> bool:
    """
    Return whether a part of a path was left out, so that a container may be named in it.
    """
    return _ELISION.search(path) is not None


def is_nested(limit: str | None, victim: str | None) -> bool:
    """
    Return whether a victim's cgroup is at or below the one at its limit, as the kernel's are: else the text is damaged.
    """
    if limit is None or victim is None or is_shortened(limit) or is_shortened(victim):
        return True
    return f"{victim}/".startswith(f"{limit.rstrip('/')}/")


def _container(component: str, parent: str, *, in_pod: bool) -> tuple[Runtime, str] | None:
    """
    Return the container that one component names, given the component before it.
    """
    prefixed = _PREFIXED.fullmatch(component)
    if prefixed is not None:
        return _RUNTIME_OF_PREFIX[prefixed["prefix"]], prefixed["id"]
    kata = _KATA.fullmatch(component)
    if kata is not None:
        return Runtime.KATA, kata["id"]
    return _by_parent(component, parent, in_pod=in_pod) or _by_name(component, parent)


def _shortened(component: str, parent: str) -> tuple[Runtime, str] | None:
    """
    Return the container of which a shortened component has the first digits of its id.
    """
    beginning = _ELISION.sub("", component)
    if beginning == component or not beginning:
        return None
    prefixed = _PREFIXED.fullmatch(beginning)
    if prefixed is not None:
        return _RUNTIME_OF_PREFIX[prefixed["prefix"]], prefixed["id"]
    runtime = _RUNTIME_OF_PARENT.get(parent)
    return (runtime, beginning) if runtime is not None and _SHORT_ID.fullmatch(beginning) else None


def _by_parent(component: str, parent: str, *, in_pod: bool) -> tuple[Runtime, str] | None:
    """
    Return the container of a bare id by its parent; an unknown parent was given to Docker with --cgroup-parent.
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
    Return the container of a runtime that uses names instead of ids.
    """
    if parent in _LXC_PARENTS and component:
        return Runtime.LXC, component
    nomad = _NOMAD.fullmatch(component) if parent in _NOMAD_PARENTS else None
    if nomad is not None:
        return Runtime.NOMAD, nomad["id"]
    payload = _LXC_PAYLOAD.fullmatch(component)
    if payload is not None:
        return Runtime.LXC, payload["name"]
    machine = _NSPAWN.fullmatch(component)
    if machine is not None:
        return Runtime.NSPAWN, _unescaped(machine["service"] or machine["scope"])
    return None


def _joined(components: list[str]) -> str | None:
    """
    Return a path from the root; None where a part of it was left out.
    """
    path = "/".join(components)
    return f"/{path.removeprefix('/')}" if not is_shortened(path) else None


def _with_dashes(uid: str) -> str:
    digits = uid.replace("-", "").replace("_", "")
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _unescaped(name: str) -> str:
    r"""
    Return a unit's name without systemd's escapes (`\x2d` is a dash).
    """
    return _UNIT_ESCAPE.sub(lambda escape: chr(int(escape["code"], 16)), name)
