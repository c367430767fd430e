"""
The structures that a configuration file becomes, one per section, and the defaults of each.

A sink's structure stands beside the sink, and those of the sources are in sources.py, so that reading a configuration
imports neither.
"""

import ipaddress
import os
from pathlib import Path
from typing import Annotated, Final

import msgspec

from collector.config.hub import HubConfig
from collector.config.sources import (
    CgroupsConfig,
    DockerConfig,
    JournaldConfig,
    KmsgConfig,
    MemoryConfig,
    PodmanConfig,
    ProcessesConfig,
    StopsConfig,
    TraceConfig,
)
from sinks import SinkConfig

_SYSTEM_STATE: Final = Path("/var/lib/exit137")
_DEFAULT_STORE_BYTES: Final = 268_435_456
# Four times what is stored in one transaction, or the largest event.
_LEAST_STORE_BYTES: Final = 1_048_576
# A hundred years: the store counts time in nanoseconds, and 64 bits hold three hundred years of them.
_LONGEST_DAYS: Final = 36_525
_PORTS: Final = range(65_536)
# Longer digit strings need not be converted to know that they are not a port.
_PORT_DIGITS: Final = 6


class HostConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    `[host]`: the id and name of this host in events, where /etc/machine-id and the kernel's hostname are not wanted.
    """

    id: str | None = None
    hostname: str | None = None


class StoreConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    `[store]`: where events wait for their sinks, how large the file may grow, how long delivered events are kept.
    """

    path: str | None = None
    max_bytes: Annotated[int, msgspec.Meta(ge=_LEAST_STORE_BYTES)] = _DEFAULT_STORE_BYTES
    keep_days: Annotated[float, msgspec.Meta(gt=0, le=_LONGEST_DAYS)] = 90


class HttpConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    `[http]`: the address that serves /metrics, /healthz and /readyz, and the socket; without them nothing is served.

    Attributes:
        listen: the address.
        api: serve /v1 at the address too.
        token_file: has the token that clients of /v1 at the address send; needed unless the address is loopback.
        socket: a Unix socket that serves all of it to root and to members of the group exit137.
    """

    listen: str | None = None
    api: bool = False
    token_file: str | None = None
    socket: str | None = None

    @property
    def is_local(self) -> bool:
        """
        Whether only programs of this host reach the address.
        """
        return self.listen is not None and is_loopback(self.listen)


class WebConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    `[web]`: the loopback address of the pages, and the names under which a proxy in front of them is asked.
    """

    listen: str = "127.0.0.1:9138"
    hosts: tuple[str, ...] = ()


class StatusConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    `[status]`: how often the agent reports what runs on this host; without `interval_s` it does not.
    """

    interval_s: Annotated[float, msgspec.Meta(ge=1, le=3600)] | None = None


class SourcesConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    `[sources.*]`: which sources run, and what each of them reads.
    """

    kmsg: KmsgConfig = KmsgConfig()
    journald: JournaldConfig = JournaldConfig()
    docker: DockerConfig = DockerConfig()
    podman: PodmanConfig = PodmanConfig()
    processes: ProcessesConfig = ProcessesConfig()
    trace: TraceConfig = TraceConfig()
    cgroups: CgroupsConfig = CgroupsConfig()
    memory: MemoryConfig = MemoryConfig()
    stops: StopsConfig = StopsConfig()


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """
    The whole configuration.

    Attributes:
        sinks: for each sink the structure of its type.
    """

    host: HostConfig = HostConfig()
    store: StoreConfig = StoreConfig()
    sources: SourcesConfig = SourcesConfig()
    http: HttpConfig = HttpConfig()
    web: WebConfig = WebConfig()
    status: StatusConfig = StatusConfig()
    hub: HubConfig = HubConfig()
    sinks: tuple[SinkConfig, ...] = ()

    @property
    def store_path(self) -> Path:
        """
        The store's file: the configured one, else `exit137.db` in the state directory of systemd, root or the user.
        """
        if self.store.path is not None:
            return Path(self.store.path)
        return _state_directory() / "exit137.db"


def parse_address(listen: str) -> tuple[str | None, int]:
    """
    Return host and port of `host:port`, `[address]:port` or `:port`.

    No host means all interfaces, port 0 any free port.

    Raises:
        ValueError: the text has no valid port.
    """
    host, colon, port = listen.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or int(port[:_PORT_DIGITS]) not in _PORTS:
        raise ValueError(f'expected "host:port", found "{listen}"')
    return host.strip("[]") or None, int(port)


def is_loopback(listen: str) -> bool:
    """
    Return whether only programs of this host reach an address.

    Raises:
        ValueError: the text has no valid port.
    """
    host, _ = parse_address(listen)
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _state_directory() -> Path:
    given = os.environ.get("STATE_DIRECTORY")
    if given:
        return Path(given.split(":")[0])  # systemd separates several directories with colons
    if os.geteuid() == 0:
        return _SYSTEM_STATE
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local/state")
    return Path(base) / "exit137"
