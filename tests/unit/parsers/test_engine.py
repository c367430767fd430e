"""
Tests of how an engine is recognized.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.engine import ContainerEngine, EngineName, parse_engine

PODMAN: dict[str, Any] = {
    "Platform": {"Name": "linux/amd64/debian-13"},
    "Components": [
        {"Name": "Podman Engine", "Version": "5.4.2"},
        {"Name": "Conmon", "Version": "conmon version 2.1.12, commit: unknown"},
        {"Name": "OCI Runtime (crun)", "Version": "crun version 1.21"},
    ],
    "Version": "5.4.2",
    "ApiVersion": "1.41",
}
DOCKER: dict[str, Any] = {"Components": [{"Name": "Engine", "Version": "26.1.5"}], "Version": "26.1.5"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize(
    ("version", "info", "name", "number"),
    [
        (PODMAN, {}, EngineName.PODMAN, "5.4.2"),
        (DOCKER, {}, EngineName.DOCKER, "26.1.5"),
        ({}, {"BuildahVersion": "1.39.3", "ServerVersion": "5.4.2"}, EngineName.PODMAN, "5.4.2"),
        ({}, {"ServerVersion": "20.10.24"}, EngineName.DOCKER, "20.10.24"),
        ({}, {}, EngineName.DOCKER, None),
    ],
)
def test_an_engine_is_recognized(
    version: dict[str, Any], info: dict[str, Any], name: EngineName, number: str | None
) -> None:
    """
    Podman lists itself as a component of its version; a proxy may allow only /info, which has a field of Podman's.
    """
    assert parse_engine(version, info) == ContainerEngine(name=name, version=number)


@given(st.dictionaries(st.sampled_from(["Components", "Version", "ServerVersion", "BuildahVersion"]), JSON))
def test_any_answer_gives_an_engine(answer: dict[str, Any]) -> None:
    """
    Whatever the answer is, an engine is recognized, and its version is bounded.
    """
    assert len(parse_engine(answer, answer).version or "") <= 64


@pytest.mark.parametrize(("uid", "is_of_user"), [(None, False), (0, False), (1000, True)])
def test_an_engine_of_a_user_is_not_the_hosts(uid: int | None, is_of_user: bool) -> None:
    """
    Root's engine is the host's; an engine on another host has no user here.
    """
    assert ContainerEngine(name=EngineName.PODMAN, uid=uid).is_of_user is is_of_user
