"""
Recognize a container engine by its own words: Docker or Podman.

Podman answers the requests of Docker's API, also GET /version and GET /info (Podman, pkg/api/handlers/compat/version.go
and info.go). Its /version lists a component `Podman Engine`; only its /info has `BuildahVersion`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from parsers.untyped import fields_of, text_of

PODMANS_COMPONENT: Final = "Podman Engine"
_PODMANS_FIELD: Final = "BuildahVersion"
_VERSION_LENGTH: Final = 64
ROOT: Final = 0


class EngineName(StrEnum):
    """
    The engines whose events are read.
    """

    DOCKER = "docker"
    PODMAN = "podman"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerEngine:
    """
    An engine that runs containers.

    Attributes:
        version: as the engine states it.
        uid: the user whose engine it is; None where nobody knows, and for an engine on another host.
    """

    name: EngineName
    version: str | None = None
    uid: int | None = None

    @property
    def is_of_user(self) -> bool:
        """
        Whether it belongs to a user other than root, who can make it say anything.
        """
        return self.uid not in (None, ROOT)


def parse_engine(version: Mapping[str, Any], info: Mapping[str, Any]) -> ContainerEngine:
    """
    Recognize an engine; one that says nothing is Docker's.

    Args:
        version: the decoded answer of /version; empty where a proxy forbids it.
        info: the same of /info.
    """
    components = version.get("Components")
    names = [fields_of(item).get("Name") for item in components] if isinstance(components, list) else []
    is_podman = PODMANS_COMPONENT in names or _PODMANS_FIELD in info
    stated = text_of(version.get("Version")) or text_of(info.get("ServerVersion"))
    return ContainerEngine(
        name=EngineName.PODMAN if is_podman else EngineName.DOCKER,
        version=stated[:_VERSION_LENGTH] if stated else None,
    )
