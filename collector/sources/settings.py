"""
What can be configured of each source: `[sources.*]`.

Apart from the sources themselves, so that to read a configuration imports none of them.
"""

from typing import Annotated, Final, Literal

import msgspec

_CGROUPS: Final = "/sys/fs/cgroup"


class KmsgConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    `[sources.kmsg]`: `path` is the device; another file serves tests.
    """

    enabled: Literal["auto"] | bool = "auto"
    path: str = "/dev/kmsg"


class JournaldConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    `[sources.journald]`: `path` is a directory of journal files; without it, this host's journal.
    """

    enabled: Literal["auto"] | bool = "auto"
    path: str | None = None


class DockerConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    `[sources.docker]`: `url` as DOCKER_HOST; `last_words`: whether a death carries the last lines of the log.
    """

    enabled: Literal["auto"] | bool = "auto"
    url: Annotated[str, msgspec.Meta(pattern=r"^(unix|tcp|https?|ssh)://.")] = "unix:///var/run/docker.sock"
    last_words: bool = True


class ProcessesConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    `[sources.processes]`: `receive_buffer_bytes` is what the kernel may hold while the agent is busy.
    """

    enabled: Literal["auto"] | bool = "auto"
    receive_buffer_bytes: Annotated[int, msgspec.Meta(ge=4096, le=1 << 30)] = 4_194_304


class TraceConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    `[sources.trace]`: `tracefs` is where it is mounted; by default it is found.
    """

    enabled: Literal["auto"] | bool = "auto"
    tracefs: str | None = None


class CgroupsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    `[sources.cgroups]`: `interval_s` is from one look to the next, `path` where cgroups are mounted.
    """

    enabled: Literal["auto"] | bool = "auto"
    interval_s: Annotated[float, msgspec.Meta(ge=0.1, le=3600)] = 5
    path: str = _CGROUPS


class MemoryConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    `[sources.memory]`: `interval_s` is the usual time between two looks at a container; three times as long while it is
    far from its limit, a fifth of it near the limit. `cgroups` is where they are mounted.
    """

    enabled: Literal["auto"] | bool = "auto"
    interval_s: Annotated[float, msgspec.Meta(ge=0.5, le=300.0)] = 5.0
    cgroups: str = _CGROUPS
