"""
What is published of a container: its name, image and labels, and who orchestrates it.
"""

from collections.abc import Mapping
from typing import Final

from collector.correlate.runs import ContainerRecord
from sinks.event import Container, Image, ImageHash, Orchestrator, OrchestratorResource

_LABELS_KEPT: Final = 64
# Docker's events carry these beside the labels, in one map.
_ATTRIBUTES: Final = frozenset(
    {"image", "name", "exitCode", "execDuration", "signal", "execID", "oldName", "containerExitCode", "podId"}
)


def container_of_record(record: ContainerRecord) -> Container:
    """
    The container as it is published.
    """
    snapshot = record.snapshot
    return Container(
        id=record.id,
        name=record.name,
        image=_image(record),
        labels=dict(list(labels_of(record).items())[:_LABELS_KEPT]),
        runtime=snapshot.runtime if snapshot is not None and snapshot.runtime is not None else "docker",
    )


def labels_of(record: ContainerRecord) -> Mapping[str, str]:
    """
    The labels: inspect's, or the attributes of events less those that Docker sets itself.
    """
    if record.snapshot is not None:
        return record.snapshot.labels
    return {key: value for key, value in record.attributes.items() if key not in _ATTRIBUTES}


def orchestrator_of(record: ContainerRecord) -> Orchestrator | None:
    """
    Who runs the container, read from the labels that compose, swarm and Kubernetes set.
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
    return None


def _orchestrator(
    kind: str, namespace: str | None, resource: str, name: str | None, resource_id: str | None
) -> Orchestrator:
    return Orchestrator(
        type=kind,
        namespace=namespace,
        resource=OrchestratorResource(type=resource, name=name, id=resource_id),
    )


def _image(record: ContainerRecord) -> Image | None:
    snapshot = record.snapshot
    if snapshot is None:
        return Image(name=record.image) if record.image is not None else None
    hashes = ImageHash(all=(snapshot.image_id,)) if snapshot.image_id is not None else None
    return Image(name=snapshot.image_name, tag=snapshot.image_tags, hash=hashes)
