"""
The structure of each section `[sources.*]`.

They stand here and not beside the sources, so that reading a configuration imports no source.
"""

from typing import Annotated, Final, Literal

import msgspec

_CGROUPS: Final = "/sys/fs/cgroup"


class KmsgConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    `[sources.kmsg]`: `path` is the device; tests use another file.
    """

    enabled: Literal["auto"] | bool = "auto"
    path: str = "/dev/kmsg"


class JournaldConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    `[sources.journald]`: `path` is a directory of journal files; by default this host's journal is read. `history_h` is
    how much of it is read at the first start.
    """

    enabled: Literal["auto"] | bool = "auto"
    path: str | None = None
    history_h: Annotated[float, msgspec.Meta(ge=0, le=87_600)] = 24


class DockerConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    `[sources.docker]`: `url` as in DOCKER_HOST; `last_words` adds the log tail of the container to a death.
    """

    enabled: Literal["auto"] | bool = "auto"
    url: Annotated[str, msgspec.Meta(pattern=r"^(unix|tcp|https?|ssh)://.")] = "unix:///var/run/docker.sock"
    last_words: bool = True


class PodmanConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    `[sources.podman]`: `urls` are root's engines, `files` those into which root's engines write their events, `users`
    also reads sockets and files of users; `last_words` as for Docker.
    """

    enabled: Literal["auto"] | bool = "auto"
    urls: tuple[Annotated[str, msgspec.Meta(pattern=r"^(unix|tcp|https?|ssh)://.")], ...] = (
        "unix:///run/podman/podman.sock",
    )
    files: tuple[Annotated[str, msgspec.Meta(pattern=r"^/.")], ...] = ("/run/libpod/events/events.log",)
    users: bool = True
    last_words: bool = True


class ProcessesConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    `[sources.processes]`: `receive_buffer_bytes` is the kernel's buffer for events while the agent has no CPU.

    The kernel doubles it, and an event takes 832 bytes: by default 80,000 events fit in, 30 s at 2,600 events a second.
    """

    enabled: Literal["auto"] | bool = "auto"
    receive_buffer_bytes: Annotated[int, msgspec.Meta(ge=4096, le=1 << 30)] = 33_554_432


class TraceConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    `[sources.trace]`: `tracefs` is where tracefs is mounted; by default the agent finds it.
    """

    enabled: Literal["auto"] | bool = "auto"
    tracefs: str | None = None


class CgroupsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    `[sources.cgroups]`: `interval_s` is the time between two readings, `path` where cgroups are mounted.
    """

    enabled: Literal["auto"] | bool = "auto"
    interval_s: Annotated[float, msgspec.Meta(ge=0.1, le=3600)] = 5
    path: str = _CGROUPS


class MemoryConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    `[sources.memory]`: `interval_s` is the usual time between two samples of a container, `cgroups` where cgroups are
    mounted.

    A container far from its limit is sampled a third as often, one near its limit five times as often.
    """

    enabled: Literal["auto"] | bool = "auto"
    interval_s: Annotated[float, msgspec.Meta(ge=0.5, le=300.0)] = 5.0
    cgroups: str = _CGROUPS


class StopsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    `[sources.stops]`: `interval_s` is the time between two looks at the main process of a container, `cgroups` where
    cgroups are mounted.
    """

    enabled: Literal["auto"] | bool = "auto"
    interval_s: Annotated[float, msgspec.Meta(ge=0.5, le=300.0)] = 5.0
    cgroups: str = _CGROUPS
