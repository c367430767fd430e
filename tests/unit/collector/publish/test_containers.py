"""
The service and the digests of a container, as they are published.
"""

import pytest

from collector.correlate.container_record import ContainerRecord
from collector.publish.containers import (
    container_of_record,
    engine_of,
    labels_of,
    orchestrator_of,
    service_of,
)
from parsers.docker_inspect import ContainerSnapshot
from parsers.engine import ContainerEngine, EngineName
from sinks.event import Engine, Orchestrator, OrchestratorResource, Service

DIGEST = "sha256:" + "a" * 64
REQUESTED = "sha256:" + "b" * 64


def record(image: str | None = None, image_id: str | None = None, **labels: str) -> ContainerRecord:
    names = {key.replace("__", "/").replace("_", "."): value for key, value in labels.items()}
    snapshot = ContainerSnapshot(id="c", labels=names, image_name=image, image_id=image_id)
    return ContainerRecord(id="c", snapshot=snapshot)


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        ({"com_docker_compose_service": "api", "com_docker_compose_project": "shop"}, "api"),
        ({"com_docker_swarm_service_name": "shop_api", "com_docker_stack_namespace": "shop"}, "shop_api"),
        ({"app_kubernetes_io__name": "api", "io_kubernetes_container_name": "main"}, "api"),
        ({"io_kubernetes_container_name": "main"}, "main"),
    ],
)
def test_the_service_is_the_one_of_the_orchestrator(labels: dict[str, str], name: str) -> None:
    """
    Compose, swarm and Kubernetes each name it in a label.
    """
    service = service_of(record(**labels))
    assert service is not None
    assert service.name == name


@pytest.mark.parametrize(
    ("image", "labels", "version"),
    [
        ("ghcr.io/shop/api:1.42", {}, "1.42"),
        ("localhost:5000/api", {}, None),
        (f"shop/api:1.42@{REQUESTED}", {}, "1.42"),
        (DIGEST, {}, None),
        ("shop/api:latest", {"org_opencontainers_image_version": "1.43"}, "1.43"),
        ("shop/api:1.42", {"org_opencontainers_image_version": "22.04"}, "1.42"),
        ("shop/api:1.42", {"app_kubernetes_io__version": "2"}, "2"),
    ],
)
def test_the_version_is_the_most_specific_one(image: str, labels: dict[str, str], version: str | None) -> None:
    """
    The label of an image may be that of its base image, and the tag `latest` names no version.
    """
    service = service_of(record(image, com_docker_compose_service="api", **labels))
    assert service is not None
    assert service.version == version


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("shop/api:1.42", "shop/api"),
        ("localhost:5000/shop/api", "localhost:5000/shop/api"),
        (f"ghcr.io/shop/api:1.42@{REQUESTED}", "ghcr.io/shop/api"),
        ("docker.io/library/redis:7", "redis"),
    ],
)
def test_without_a_label_the_repository_names_the_service(image: str, name: str) -> None:
    """
    A container's own name may be that of one host alone.
    """
    service = service_of(record(image))
    assert service is not None
    assert service.name == name


def test_a_bare_digest_names_no_service() -> None:
    """
    It would be another service with each version.
    """
    assert service_of(record(DIGEST)) is None


@pytest.mark.parametrize(
    ("image", "image_id", "digests"),
    [
        ("shop/api:1", DIGEST, (DIGEST,)),
        (f"shop/api:1@{REQUESTED}", DIGEST, (DIGEST, REQUESTED)),
        (f"shop/api@{DIGEST}", DIGEST, (DIGEST,)),
    ],
)
def test_the_first_digest_is_the_images_own(image: str, image_id: str, digests: tuple[str, ...]) -> None:
    """
    It is the same on every host, however the image was requested.
    """
    published = container_of_record(record(image, image_id)).image
    assert published is not None
    assert published.hash is not None
    assert published.hash.all == digests


def test_an_event_that_names_an_image_by_its_id_has_its_digest() -> None:
    """
    Docker's events have the id where the image has lost its name.
    """
    published = container_of_record(ContainerRecord(id="c", image=DIGEST)).image
    assert published is not None
    assert published.hash is not None
    assert published.hash.all == (DIGEST,)


@pytest.mark.parametrize(("unit", "name"), [("web.service", "web"), ("web@2.service", "web"), ("db.slice", "db.slice")])
def test_the_unit_of_podman_names_the_service(unit: str, name: str) -> None:
    """
    A Quadlet file names its unit, and all instances of a template are one service. Docker has no such label.
    """
    snapshot = ContainerSnapshot(id="c", labels={"PODMAN_SYSTEMD_UNIT": unit}, image_name="shop/api:1")
    known = ContainerRecord(id="c", snapshot=snapshot)
    assert service_of(known) == Service(name="shop/api", version="1")
    known.engine = ContainerEngine(name=EngineName.PODMAN, version="5.4.2", uid=0)
    assert service_of(known) == Service(name=name, version="1")
    assert engine_of(known) == Engine(name="podman", version="5.4.2", unit=unit)


def test_a_pod_of_podman_is_the_orchestrators_resource() -> None:
    """
    Its id and name come with the events; neither is a label.
    """
    known = ContainerRecord(id="a" * 64, engine=ContainerEngine(name=EngineName.PODMAN))
    known.attributes.update({"podId": "f" * 64, "podName": "web"})
    pod = OrchestratorResource(type="pod", name="web", id="f" * 64)
    assert orchestrator_of(known) == Orchestrator(type="podman", resource=pod)
    assert labels_of(known) == {}
