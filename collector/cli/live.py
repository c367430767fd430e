"""
What `top` and `size` share: the containers of this host with their names, and what the store remembers of them.
"""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from collector.cli.common import fail
from collector.config import Config
from collector.memory.cgroups import CgroupTree, ContainerCgroup, NoCgroupsError
from collector.sources.base import SourceError
from collector.sources.docker_client import DockerClient
from collector.store import History, StoreError
from parsers.docker_inspect import ContainerSnapshot, parse_inspect
from parsers.errors import ParseError
from sinks.event import EventType

SHORT_ID: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """
    A look at this host.

    Attributes:
        names: of the containers that run, by id; empty where no engine answers.
        docker: None where no engine answers.
    """

    tree: CgroupTree
    names: Mapping[str, str]
    docker: DockerClient | None

    def name(self, container_id: str) -> str:
        """
        The name of a container, or its short id.
        """
        return self.names.get(container_id) or container_id[:SHORT_ID]

    def find(self, wanted: str) -> list[ContainerCgroup]:
        """
        The containers of this name, or whose id begins so.
        """
        found = self.tree.containers().values()
        named = [one for one in found if self.names.get(one.container_id) == wanted]
        return named or [one for one in found if one.container_id.startswith(wanted)]

    def snapshot(self, container_id: str) -> ContainerSnapshot | None:
        """
        What the engine says of a container; None where nothing is to be had.
        """
        try:
            answer = self.docker.inspect(container_id) if self.docker is not None else None
            return parse_inspect(answer) if answer is not None else None
        except (SourceError, ParseError):
            return None


def live(config: Config) -> Live:
    """
    Look at this host; ends the command where there are no cgroups. An engine that does not answer is no failure.
    """
    try:
        tree = CgroupTree(config.sources.memory.cgroups)
    except NoCgroupsError as error:
        fail(str(error))
    try:
        docker = DockerClient(config.sources.docker.url)
        names = docker.container_names()
    except SourceError:
        return Live(tree=tree, names={}, docker=None)
    return Live(tree=tree, names=names, docker=docker)


def stored(config: Config, *, container_id: str | None, since_ns: int | None, types: Collection[str]) -> list[Any]:
    """
    The documents of stored events, oldest first; none where there is no store.
    """
    try:
        with History(config.store_path) as past:
            events = past.events(container=container_id, since_ns=since_ns, types=types)
    except StoreError:
        return []
    return [orjson.loads(event.body) for event in events]


def kills_since(config: Config, since_ns: int) -> list[Any]:
    """
    The documents of OOM kills since a moment.
    """
    return stored(config, container_id=None, since_ns=since_ns, types=(EventType.OOM_KILL.value,))


def midnight_ns(now_s: float) -> int:
    """
    When today began, in the local time zone.
    """
    today = time.localtime(now_s)
    return int(time.mktime((today.tm_year, today.tm_mon, today.tm_mday, 0, 0, 0, 0, 0, -1))) * 1_000_000_000
