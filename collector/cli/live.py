"""
What `top` and `size` share: the running containers of this host, and the stored events about them.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from collector.cli.common import fail
from collector.config.sections import Config
from collector.sources.base import SourceError
from collector.sources.docker.client import DockerClient
from collector.sources.memory.cgroups import CgroupTree, ContainerCgroup, NoCgroupsError
from collector.store import History, StoreError
from parsers.docker_inspect import ContainerSnapshot, parse_inspect
from parsers.errors import ParseError
from sinks.event import EventType
from sinks.event.reader import read_events
from sinks.event.views import EventView

SHORT_ID: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveHost:
    """
    The running containers of this host.

    Attributes:
        tree: the cgroups of the host.
        names: the names of the running containers, by id; empty if no Docker Engine answers.
        docker: None if no Docker Engine answers.
    """

    tree: CgroupTree
    names: Mapping[str, str]
    docker: DockerClient | None

    def name(self, container_id: str) -> str:
        """
        Return the name of a container; its short id if the name is not known.
        """
        return self.names.get(container_id) or container_id[:SHORT_ID]

    def find(self, wanted: str) -> list[ContainerCgroup]:
        """
        Return the containers with this name, else those whose id starts with it.
        """
        found = self.tree.containers().values()
        named = [one for one in found if self.names.get(one.container_id) == wanted]
        return named or [one for one in found if one.container_id.startswith(wanted)]

    def snapshot(self, container_id: str) -> ContainerSnapshot | None:
        """
        Inspect a container; None if the Docker Engine does not answer or does not know it.
        """
        try:
            answer = self.docker.inspect(container_id) if self.docker is not None else None
            return parse_inspect(answer) if answer is not None else None
        except (SourceError, ParseError):
            return None


def live_host(config: Config) -> LiveHost:
    """
    Find the cgroups and the Docker Engine of this host. Without cgroups, end the command; Docker is optional.
    """
    try:
        tree = CgroupTree(config.sources.memory.cgroups)
    except NoCgroupsError as error:
        fail(str(error))
    try:
        docker = DockerClient(config.sources.docker.url)
        names = docker.container_names()
    except SourceError:
        return LiveHost(tree=tree, names={}, docker=None)
    return LiveHost(tree=tree, names=names, docker=docker)


def stored(
    config: Config, *, container_id: str | None, since_ns: int | None, types: Collection[str]
) -> list[EventView]:
    """
    Return stored events, oldest first; none if there is no store.
    """
    try:
        with History(config.store_path) as past:
            events = past.events(container=container_id, since_ns=since_ns, types=types)
    except StoreError:
        return []
    return read_events(event.body for event in events)


def kills_since(config: Config, since_ns: int) -> list[EventView]:
    """
    Return the stored OOM kills since a time.
    """
    return stored(config, container_id=None, since_ns=since_ns, types=(EventType.OOM_KILL.value,))
