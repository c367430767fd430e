"""
One node for all tests of a process: those of this folder, and those that run over every store.
"""

from collections.abc import Iterator

import pytest

from tests.opensearch.node import DOCS, JARS, Node, node
from tests.shared.maven import NoJarsError


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """
    A node with the templates of docs/opensearch.
    """
    try:
        JARS.fetch()
    except NoJarsError as error:
        pytest.skip(str(error))
    with node(tmp_path_factory.mktemp("opensearch")) as found:
        templates = DOCS / "opensearch"
        found.install(
            [
                ("_component_template/exit137", templates / "component-template.json"),
                ("_index_template/exit137", templates / "index-template.json"),
            ]
        )
        yield found
