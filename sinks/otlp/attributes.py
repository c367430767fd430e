"""
An event's fields under the names of OpenTelemetry's semantic conventions; pure.

What OpenTelemetry has a name for gets that name; every other field keeps its path in the event, such as
`exit137.cause`. So no field is lost.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

# Fields of the event, by their attribute. Those of the resource say where the event comes from.
_RESOURCE: Final[Mapping[str, str]] = {
    "host.id": "host.id",
    "host.hostname": "host.name",
    "host.os.kernel": "os.version",
    "container.id": "container.id",
    "container.name": "container.name",
    "container.image.tag": "container.image.tags",
    "container.runtime": "container.runtime.name",
    "service.name": "service.name",
    "service.version": "service.version",
    "orchestrator.namespace": "service.namespace",
}
_RECORD: Final[Mapping[str, str]] = {
    "process.pid": "process.pid",
    "process.name": "process.executable.name",
    "process.command_line": "process.command_line",
    "process.start": "process.creation.time",
    "process.parent.pid": "process.parent_pid",
    "exit137.death.exit_code": "process.exit.code",
    "exit137.death.finished_at": "process.exit.time",
}
_POD: Final[Mapping[str, str]] = {
    "orchestrator.resource.name": "k8s.pod.name",
    "orchestrator.resource.id": "k8s.pod.uid",
    "orchestrator.namespace": "k8s.namespace.name",
}
_KUBERNETES: Final = "kubernetes"
_KUBERNETES_CONTAINER: Final = "io.kubernetes.container.name"
# The body, the time and the labels of the record have places of their own.
_ELSEWHERE: Final = frozenset(
    {"@timestamp", "message", "container.labels", "exit137.labels", "container.image.name", "container.image.hash.all"}
)
_LABEL: Final = "container.label."
_AGENT: Final = "exit137"


@dataclass(frozen=True, slots=True)
class Attributes:
    """
    The attributes of an event: of the resource that it comes from, and of its record.
    """

    resource: Mapping[str, Any]
    record: Mapping[str, Any]


def attributes_of(data: Mapping[str, Any]) -> Attributes:
    """
    Return the attributes of an event.

    Args:
        data: `data` of the event.
    """
    fields = dict(_fields(data))
    names = {**_RESOURCE, **(_POD if fields.get("orchestrator.type") == _KUBERNETES else {})}
    resource = {"os.type": "linux", **{names[path]: value for path, value in fields.items() if path in names}}
    resource |= _image(fields)
    resource |= _labels(fields.get("exit137.labels", ()))
    if "container.id" not in fields:
        resource.setdefault("service.name", _AGENT)
    known = names.keys() | _ELSEWHERE
    return Attributes(resource, {_RECORD.get(path, path): value for path, value in fields.items() if path not in known})


def _fields(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """
    Yield every field with its path; lists are whole, and so are labels.
    """
    for name, item in value.items():
        path = f"{prefix}{name}"
        if isinstance(item, Mapping) and path not in _ELSEWHERE:
            yield from _fields(item, f"{path}.")
        else:
            yield path, item


def _image(fields: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return the image: its name without the tag, its own digest as its id, and the digest by which it was requested.
    """
    found: dict[str, Any] = {}
    name = fields.get("container.image.name")
    if isinstance(name, str):
        repository, at, digest = name.partition("@")
        folder, slash, last = repository.rpartition("/")
        found["container.image.name"] = f"{folder}{slash}{last.partition(':')[0]}"
        if at:
            found["container.image.repo_digests"] = [f"{found['container.image.name']}@{digest}"]
    digests = fields.get("container.image.hash.all")
    if digests:
        found["container.image.id"] = digests[0]
    return found


def _labels(labels: Any) -> dict[str, Any]:  # noqa: ANN401 (JSON)
    pairs = [str(label).partition("=") for label in labels]
    found = {f"{_LABEL}{key}": value for key, _, value in pairs}
    container = {key: value for key, _, value in pairs}.get(_KUBERNETES_CONTAINER)
    return found | ({"k8s.container.name": container} if container is not None else {})
