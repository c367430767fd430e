"""
The container that a cgroup path names.
"""

import pytest

from parsers.cgroup_path import ContainerRef, Runtime, container_of, container_of_unit

ID = "4e1d" * 16
OTHER = "9f2a" * 16
POD = "58dc1221-d430-496e-951d-e8cb23caaead"
POD_UNIT = POD.replace("-", "_")
K8S_SLICE = f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{POD_UNIT}.slice"


@pytest.mark.parametrize(
    ("path", "runtime", "container_id"),
    [
        (f"/docker/{ID}", Runtime.DOCKER, ID),
        (f"/system.slice/docker-{ID}.scope", Runtime.DOCKER, ID),
        (f"/limits/{ID}", Runtime.DOCKER, ID),
        (f"/a.slice/a-b.slice/docker-{ID}.scope", Runtime.DOCKER, ID),
        (
            f"/user.slice/user-1000.slice/user@1000.service/user.slice/docker-{ID}.scope",
            Runtime.DOCKER,
            ID,
        ),
        (f"/ecs/0f3b5c/{ID}", Runtime.DOCKER, ID),
        ("/docker/4e1d4e1d", Runtime.DOCKER, "4e1d4e1d"),
        ("/docker/buildkit/k3jd93kfj20dkfj2kd93jf84j", Runtime.BUILDKIT, "k3jd93kfj20dkfj2kd93jf84j"),
        (f"/default/{ID}", Runtime.CONTAINERD, ID),
        (f"/user.slice/nerdctl-{ID}.scope", Runtime.CONTAINERD, ID),
        (f"/machine.slice/libpod-{ID}.scope/container", Runtime.PODMAN, ID),
        (f"/machine.slice/machine-libpod_pod_{OTHER}.slice/libpod-{ID}.scope", Runtime.PODMAN, ID),
        (f"/libpod_parent/libpod-{ID}", Runtime.PODMAN, ID),
        (f"/system.slice/web.service/libpod-payload-{ID}", Runtime.PODMAN, ID),
        (f"/kata_overhead/{ID}", Runtime.KATA, ID),
        ("/lxc/108/ns/.lxc", Runtime.LXC, "108"),
        ("/lxc.payload.web/init.scope", Runtime.LXC, "web"),
        (r"/machine.slice/systemd-nspawn@deb\x2d12.service/payload", Runtime.NSPAWN, "deb-12"),
    ],
)
def test_runtime_and_id(path: str, runtime: Runtime, container_id: str) -> None:
    """
    The layout of each runtime gives the runtime and the id of the container.
    """
    assert container_of(path) == ContainerRef(runtime=runtime, id=container_id)


@pytest.mark.parametrize(
    ("path", "runtime"),
    [
        (f"{K8S_SLICE}/cri-containerd-{ID}.scope", Runtime.CONTAINERD),
        (f"{K8S_SLICE}/crio-{ID}.scope", Runtime.CRIO),
        (f"{K8S_SLICE}/docker-{ID}.scope", Runtime.DOCKER),
        (f"/kubepods/burstable/pod{POD}/{ID}", Runtime.KUBERNETES),
        (f"/kubepods/pod{POD.replace('-', '')}/{ID}", Runtime.KUBERNETES),
        (f"/kubepods/besteffort/pod{POD}/kata_{ID}", Runtime.KATA),
        (
            f"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{POD_UNIT}.slice/cri-containerd-{ID}.scope",
            Runtime.CONTAINERD,
        ),
    ],
)
def test_pod(path: str, runtime: Runtime) -> None:
    """
    The pod's uid is written as by the API server, whichever driver made the path.
    """
    assert container_of(path) == ContainerRef(runtime=runtime, id=ID, pod_uid=POD)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/user.slice/user-1000.slice/session-80.scope",
        "/system.slice/docker.service",
        "/system.slice/docker-proxy.scope",
        "/docker",
        "/docker/buildkit",
        f"/kubepods/burstable/pod{POD}",
        f"/machine.slice/libpod-conmon-{ID}.scope",
        f"/system.slice/crio-conmon-{ID}.scope",
        f"/system.slice/unknown-{ID}.scope",
        "/lxc.monitor.web",
        r"/machine.slice/machine-qemu\x2d1\x2dvm.scope/libvirt/emulator",
    ],
)
def test_no_container(path: str) -> None:
    """
    The host's own cgroups, a pod as a whole, and helpers of a runtime are not containers.
    """
    assert container_of(path) is None


def test_groups_inside_a_container_are_the_container() -> None:
    """
    Cgroups that a systemd inside the container makes belong to the container.
    """
    assert container_of(f"/system.slice/docker-{ID}.scope/system.slice/web.service") == ContainerRef(
        runtime=Runtime.DOCKER, id=ID
    )


def test_innermost_container_wins_and_the_outer_ones_are_kept() -> None:
    """
    A nested path gives the innermost container and, as `outer`, those that the host's daemon knows.
    """
    ref = container_of(f"/docker/{OTHER}/kubepods/burstable/pod{POD}/{ID}")
    assert ref is not None
    assert (ref.id, ref.pod_uid, ref.outer[0].id) == (ID, POD, OTHER)
    assert ref.outer == (ContainerRef(runtime=Runtime.DOCKER, id=OTHER),)


def test_unit_of_a_container() -> None:
    """
    A container's scope names the container; a service does not.
    """
    assert container_of_unit(f"docker-{ID}.scope") == ContainerRef(runtime=Runtime.DOCKER, id=ID)
    assert container_of_unit("docker.service") is None


@pytest.mark.parametrize("mark", ["...", "[...]", "(...)", "\u2026", "<\u2026>"])
def test_an_id_may_be_shortened_with_any_mark(mark: str) -> None:
    """
    The digits before a mark of omission name the container, with or without brackets around the mark.
    """
    found = container_of(f"/docker/4e1d4e1d4e1d{mark}")
    assert found is not None
    assert found.id == "4e1d4e1d4e1d"
