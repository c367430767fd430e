"""
The published fields of a container: its name, image and labels, its orchestrator and its service.
"""

import re
from collections.abc import Mapping
from typing import Final

from collector.correlate.container_record import ContainerRecord
from sinks.event import Container, Engine, Image, ImageHash, Orchestrator, OrchestratorResource, Service

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
# Labels that name a service, in the order in which they are believed; the pod's container is the last resort.
_SERVICE_NAMES: Final = (
    "com.docker.swarm.service.name",
    "com.docker.compose.service",
    "app.kubernetes.io/name",
    "k8s-app",
    "io.kubernetes.container.name",
)
_KUBERNETES_VERSION: Final = "app.kubernetes.io/version"
# Images inherit this label from their base image, so that the tag comes first.
_IMAGE_VERSION: Final = "org.opencontainers.image.version"
_MOVING_TAG: Final = "latest"
# Docker's events carry these attributes and the labels in one map.
_ATTRIBUTES: Final = frozenset(
    {
        "image",
        "name",
        "exitCode",
        "execDuration",
        "signal",
        "execID",
        "oldName",
        "containerExitCode",
        "podId",
        "podName",
    }
)


def container_of_record(record: ContainerRecord) -> Container:
    """
    Return the container as it is published.
    """
    return Container(
        id=record.id,
        name=record.name,
        image=_image(record),
        labels=dict(labels_of(record)),
        runtime=record.runtime,
    )


def engine_of(record: ContainerRecord | None) -> Engine | None:
    """
    Return the engine that runs a container; None before it has answered, and for a container that nobody knows.
    """
    engine = record.engine if record is not None else None
    if engine is None:
        return None
    uid = engine.uid if engine.is_of_user else None
    return Engine(name=engine.name.value, version=engine.version, uid=uid, unit=record.unit if record else None)


def labels_of(record: ContainerRecord) -> Mapping[str, str]:
    """
    Return the labels: from inspect, else the attributes of events without those that Docker sets itself.
    """
    if record.snapshot is not None:
        return record.snapshot.labels
    return {key: value for key, value in record.attributes.items() if key not in _ATTRIBUTES}


def orchestrator_of(record: ContainerRecord) -> Orchestrator | None:
    """
    Return the orchestrator of the container, from the labels that compose, swarm and Kubernetes set; Podman's pod.
    """
    labels = labels_of(record)
    if (service := labels.get("com.docker.swarm.service.name")) is not None:
        task = labels.get("com.docker.swarm.task.id")
        return _orchestrator("swarm", labels.get("com.docker.stack.namespace"), "service", service, task)
    if (project := labels.get("com.docker.compose.project")) is not None:
        return _orchestrator("compose", project, "service", labels.get("com.docker.compose.service"), None)
    if (pod := labels.get("io.kubernetes.pod.name")) is not None:
        namespace = labels.get("io.kubernetes.pod.namespace")
        return _orchestrator("kubernetes", namespace, "pod", pod, labels.get("io.kubernetes.pod.uid"))
    if not record.is_dockers and (pod_id := record.attributes.get("podId")):
        return _orchestrator("podman", None, "pod", record.attributes.get("podName"), pod_id)
    return None


def service_of(record: ContainerRecord) -> Service | None:
    """
    Return the service that the container is an instance of; None if neither a label nor the image names one.

    The name is that of Swarm, Compose or Kubernetes, else the unit that runs it, else the repository of the image. The
    version is Kubernetes' label, else the image's tag unless that is `latest`, else the version in its labels.
    """
    labels = labels_of(record)
    image = record.snapshot.image_name if record.snapshot is not None else record.image
    named = next((labels[key] for key in _SERVICE_NAMES if labels.get(key)), None)
    name = named or _unit_name(record) or _repository(image or "")
    if name is None:
        return None
    tag = _tag(image or "")
    version = labels.get(_KUBERNETES_VERSION) or tag or labels.get(_IMAGE_VERSION)
    return Service(name=name, version=version or None)


def _unit_name(record: ContainerRecord) -> str | None:
    """
    Return the name of the unit that runs a container of Podman, the same for all instances of a template.
    """
    unit = record.unit if not record.is_dockers else None
    return unit.removesuffix(".service").partition("@")[0] or None if unit is not None else None


def _repository(image: str) -> str | None:
    """
    Return the repository of an image as `docker images` shows it, without Docker Hub's own prefixes.

    None for a bare digest, which names a version of nothing.
    """
    if _whole_digest(image) is not None:
        return None
    path, slash, last = image.partition("@")[0].rpartition("/")
    name = f"{path}{slash}{last.partition(':')[0]}"
    return name.removeprefix("docker.io/").removeprefix("library/") or None


def _tag(image: str) -> str | None:
    """
    Return the tag that an image name states, also in front of a digest; None for `latest`, which names no version.
    """
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    return tag if tag and tag != _MOVING_TAG and _whole_digest(image) is None else None


def _orchestrator(
    kind: str, namespace: str | None, resource: str, name: str | None, resource_id: str | None
) -> Orchestrator:
    return Orchestrator(
        type=kind,
        namespace=namespace,
        resource=OrchestratorResource(type=resource, name=name, id=resource_id),
    )


def _image(record: ContainerRecord) -> Image | None:
    """
    Return the image. Its own digest is what `docker images --no-trunc` shows, the same on every host.
    """
    snapshot = record.snapshot
    name = snapshot.image_name if snapshot is not None else record.image
    own = snapshot.image_id if snapshot is not None else _whole_digest(name)
    if snapshot is None and name is None:
        return None
    digests = (own, _requested_digest(name)) if own is not None else ()
    return Image(
        name=name,
        tag=snapshot.image_tags if snapshot is not None else (),
        hash=ImageHash(all=tuple(filter(None, dict.fromkeys(digests)))) if digests else None,
    )


def _whole_digest(name: str | None) -> str | None:
    return name if name is not None and _DIGEST.fullmatch(name) is not None else None


def _requested_digest(name: str | None) -> str | None:
    return _whole_digest((name or "").rpartition("@")[2])
