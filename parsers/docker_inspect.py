"""
Parse the answer of `docker inspect` (GET /containers/{id}/json), reduced to what explains the end of a container.

Environment variables are never read, because they hold secrets. A value that is missing or of an unexpected type is
None.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from parsers.errors import ParseError
from parsers.untyped import (
    decoded,
    fields_of,
    flag_of,
    int_of,
    text_map_of,
    text_of,
    texts_of,
    time_ns_of,
)

_EXPECTED: Final = "the answer of docker inspect for one container"


# An overlay has at most so many (OVL_MAX_STACK in fs/overlayfs).
_LAYERS_AT_MOST: Final = 500
_MOUNTS_AT_MOST: Final = 256
_SECCOMP_OPTION: Final = re.compile(r"\Aseccomp[=:](?P<profile>.*)", re.DOTALL)


class SeccompProfile(StrEnum):
    """
    Which seccomp profile a container was created with.
    """

    DEFAULT = "default"
    UNCONFINED = "unconfined"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """
    A volume, a bind mount or a tmpfs of a container.

    Attributes:
        destination: where the container sees it; absolute.
        source: the directory or file of the host; None for a tmpfs, which ends with the container.
    """

    destination: str
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSnapshot:
    """
    A container as the engine described it at one time. Times are nanoseconds since 1970.

    Attributes:
        name: without the leading slash.
        image_name: the image name from the container's configuration.
        image_tags: the tag in that name; empty if the image was named by digest or id.
        image_id: the image's digest.
        working_dir: where the command starts, if it is not the root.
        command: `path` and `args`, quoted for a shell.
        pid: of the main process on the host; None while the container does not run.
        oom_killed: what the engine says about the last run.
        exit_code: of the last run; also 0 while the container runs and before its first run.
        error: why the container could not be started, if so.
        started_at_ns: start of the last run, if any.
        finished_at_ns: end of the last run, if any.
        restart_count: restarts by the restart policy.
        memory_limit_bytes: None if there is no limit; likewise `memory_reservation_bytes`.
        memory_swap_bytes: the limit of memory and swap together; -1 means no limit.
        layers: the directories of its file system on the host, the upper one first; empty where the engine does not
            name them, as it does for overlay2.
        mounts: what is mounted over these.
        shm_bytes: the size of its own /dev/shm; None if it shares another one.
        apparmor: the name of its AppArmor profile; None where it has none.
        seccomp: the profile that filters its system calls; the daemon's own default counts as the default.
        stop_signal: name or number of the signal that `docker stop` sends first, if it is not SIGTERM.
    """

    id: str
    name: str | None = None
    image_name: str | None = None
    image_tags: tuple[str, ...] = ()
    image_id: str | None = None
    labels: Mapping[str, str]
    created_at_ns: int | None = None
    path: str | None = None
    args: tuple[str, ...] = ()
    working_dir: str | None = None
    command: str | None = None
    pid: int | None = None
    status: str | None = None
    running: bool = False
    oom_killed: bool | None = None
    exit_code: int | None = None
    error: str | None = None
    started_at_ns: int | None = None
    finished_at_ns: int | None = None
    restart_count: int | None = None
    memory_limit_bytes: int | None = None
    memory_swap_bytes: int | None = None
    memory_reservation_bytes: int | None = None
    oom_score_adj: int | None = None
    oom_kill_disable: bool | None = None
    init: bool | None = None
    auto_remove: bool = False
    stop_signal: str | None = None
    log_driver: str | None = None
    layers: tuple[str, ...] = ()
    mounts: tuple[Mount, ...] = ()
    shm_bytes: int | None = None
    apparmor: str | None = None
    seccomp: SeccompProfile = SeccompProfile.DEFAULT


def parse_inspect(answer: bytes | Mapping[str, Any] | list[Any]) -> ContainerSnapshot:
    """
    Parse the engine's answer, or the array of one element that the command prints.

    Args:
        answer: JSON, or the same decoded.

    Raises:
        ParseError: the answer is not the description of one container.
    """
    value = decoded(answer, _EXPECTED) if isinstance(answer, bytes) else answer
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    fields = fields_of(value)
    container_id = text_of(fields.get("Id"))
    if container_id is None or not isinstance(fields.get("State"), Mapping):
        raise ParseError(_EXPECTED, str(list(fields)))
    return _snapshot(container_id, fields)


def image_tag(name: str) -> str | None:
    """
    Return the tag of an image name: `latest` if it has none, None for a digest or an id.
    """
    if "@" in name or name.startswith("sha256:"):
        return None
    _, colon, tag = name.rpartition("/")[2].partition(":")
    return tag if colon else "latest"


def _snapshot(container_id: str, fields: Mapping[str, Any]) -> ContainerSnapshot:
    state, config, host = (fields_of(fields.get(name)) for name in ("State", "Config", "HostConfig"))
    image = text_of(config.get("Image"))
    path, args = text_of(fields.get("Path")), texts_of(fields.get("Args"))
    return ContainerSnapshot(
        id=container_id,
        name=(text_of(fields.get("Name")) or "").removeprefix("/") or None,
        image_name=image,
        image_tags=_image_tags(image),
        image_id=text_of(fields.get("Image")),
        labels=text_map_of(config.get("Labels")),
        created_at_ns=time_ns_of(fields.get("Created")),
        path=path,
        args=args,
        working_dir=text_of(config.get("WorkingDir")) or None,
        command=shlex.join([path, *args]) if path is not None else None,
        pid=int_of(state.get("Pid")) or None,
        status=text_of(state.get("Status")),
        running=flag_of(state.get("Running")) or False,
        oom_killed=flag_of(state.get("OOMKilled")),
        exit_code=int_of(state.get("ExitCode")),
        error=text_of(state.get("Error")),
        started_at_ns=time_ns_of(state.get("StartedAt")),
        finished_at_ns=time_ns_of(state.get("FinishedAt")),
        restart_count=int_of(fields.get("RestartCount")),
        memory_limit_bytes=int_of(host.get("Memory")) or None,
        memory_swap_bytes=int_of(host.get("MemorySwap")) or None,
        memory_reservation_bytes=int_of(host.get("MemoryReservation")) or None,
        oom_score_adj=int_of(host.get("OomScoreAdj")),
        oom_kill_disable=flag_of(host.get("OomKillDisable")),
        init=flag_of(host.get("Init")),
        auto_remove=flag_of(host.get("AutoRemove")) or False,
        stop_signal=text_of(config.get("StopSignal")),
        log_driver=text_of(fields_of(host.get("LogConfig")).get("Type")),
        layers=_layers(fields),
        mounts=_mounts(fields, host),
        shm_bytes=_shm_bytes(host),
        apparmor=text_of(fields.get("AppArmorProfile")) or None,
        seccomp=_seccomp(host),
    )


def _image_tags(image: str | None) -> tuple[str, ...]:
    tag = image_tag(image) if image is not None else None
    return (tag,) if tag else ()


def _seccomp(host: Mapping[str, Any]) -> SeccompProfile:
    """
    Return the profile; a privileged container has none.
    """
    options = [_SECCOMP_OPTION.match(option) for option in texts_of(host.get("SecurityOpt"))]
    named = next((found["profile"] for found in options if found is not None), None)
    if named == "unconfined" or (named is None and flag_of(host.get("Privileged"))):
        return SeccompProfile.UNCONFINED
    return SeccompProfile.DEFAULT if named in (None, "builtin") else SeccompProfile.CUSTOM


def _layers(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """
    Return the directories that are mounted over each other.
    """
    data = fields_of(fields_of(fields.get("GraphDriver")).get("Data"))
    upper, lower = text_of(data.get("UpperDir")), text_of(data.get("LowerDir"))
    if upper is None or lower is None:
        return ()
    directories = [upper, *lower.split(":")[:_LAYERS_AT_MOST]]
    return tuple(directory for directory in directories if directory.startswith("/"))


def _mounts(fields: Mapping[str, Any], host: Mapping[str, Any]) -> tuple[Mount, ...]:
    """
    Return the mounts of a container; those of --tmpfs are named only in its configuration.
    """
    listed = fields.get("Mounts")
    found = [Mount(destination=path) for path in text_map_of(host.get("Tmpfs"))]
    for mount in map(fields_of, listed if isinstance(listed, list) else ()):
        source, destination = text_of(mount.get("Source")) or "", text_of(mount.get("Destination")) or ""
        found.append(Mount(destination=destination, source=source if source.startswith("/") else None))
    return tuple(mount for mount in found if mount.destination.startswith("/"))[:_MOUNTS_AT_MOST]


def _shm_bytes(host: Mapping[str, Any]) -> int | None:
    """
    Return the size of /dev/shm; with the IPC namespace of the host or of another container it is theirs.
    """
    mode = text_of(host.get("IpcMode")) or ""
    return None if mode in ("host", "none") or mode.startswith("container:") else int_of(host.get("ShmSize")) or None
