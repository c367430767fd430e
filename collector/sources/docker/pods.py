"""
The names of Podman's pods: an event of a container has only the id of its pod.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from collector.facts.lru import LruDict
from parsers.docker_event import DockerEvent
from parsers.errors import ParseError
from parsers.untyped import decoded, fields_of, text_of

_PODS_KEPT: Final = 1024
_EXPECTED: Final = "a message of Podman's event stream"


class PodNames:
    """
    The pods of one engine, the ones that were seen last.

    Args:
        listed: the pods as the engine lists them, each with `Id` and `Name`.
    """

    def __init__(self, listed: Iterable[Mapping[str, Any]] = ()) -> None:
        self._names: LruDict[str, str] = LruDict(_PODS_KEPT)
        for pod in listed:
            self._learn(pod.get("Id"), pod.get("Name"))

    def learn(self, line: bytes) -> None:
        """
        Learn the name of a pod from an event about it; other events say nothing here.
        """
        try:
            message = fields_of(decoded(line, _EXPECTED))
        except ParseError:
            return
        if message.get("Type") == "pod":
            actor = fields_of(message.get("Actor"))
            self._learn(actor.get("ID"), fields_of(actor.get("Attributes")).get("name"))

    def named(self, event: DockerEvent) -> DockerEvent:
        """
        Return an event of a container with the name of its pod, where that is known.
        """
        name = self._names.get(event.attributes.get("podId", ""))
        return replace(event, attributes={**event.attributes, "podName": name}) if name is not None else event

    def _learn(self, pod_id: object, name: object) -> None:
        known_id, known_name = text_of(pod_id), text_of(name)
        if known_id is not None and known_name is not None:
            self._names[known_id] = known_name
