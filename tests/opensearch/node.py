"""
OpenSearch itself: one node with a heap of 512 MB on loopback ports, from the jars that Maven fetches.

The node has no security plugin: no TLS and no users.
"""

import contextlib
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from tests.shared.maven import Jars
from tests.shared.ports import free_ports
from tests.shared.server import Server

DOCS: Final = Path(__file__).parents[2] / "docs/opensearch"
JARS: Final = Jars(name="opensearch", pom=Path(__file__).with_name("pom.xml"))
_MAIN: Final = Path(__file__).with_name("TestNode.java")
_READY_S: Final = 300.0
_POLL_S: Final = 0.2
_REQUEST_S: Final = 60.0
_JAVA: Final = ("java", "-Xmx512m", "-Xms128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


class Node(Server):
    """
    One node, which a test can start and kill.

    Args:
        home: an empty directory.
    """

    def __init__(self, home: Path) -> None:
        super().__init__()
        self._home = home.resolve()
        (self.port, transport) = free_ports(2)
        self._settings = self._home / "opensearch.yml"
        self._settings.write_text(_settings(self._home, self.port, transport))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        """
        Start the node, and wait until it can index.
        """
        command = [*_JAVA, "-cp", f"{JARS.fetch()}/*", str(_MAIN), str(self._settings)]
        self._run(command, self._home / "node.log", self._can_index, _READY_S)

    def _can_index(self) -> bool:
        with contextlib.suppress(OSError):
            self.ask("GET", "_cluster/health?wait_for_status=yellow&timeout=30s")
            return True
        return False

    def ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 (JSON)
        """
        Send a request and return the answer.

        Raises:
            OSError: the node cannot be reached, or refuses the request.
        """
        data = body if isinstance(body, bytes) else orjson.dumps(body) if body is not None else None
        request = urllib.request.Request(  # noqa: S310 (our own node)
            f"{self.url}{path}", data, {"content-type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=_REQUEST_S) as answer:  # noqa: S310 (our own node)
            return orjson.loads(answer.read())

    def refused(self, index: str, documents: Mapping[str, Mapping[str, Any]]) -> list[Any]:
        """
        Index documents by their ids; return the errors.
        """
        lines: list[bytes] = []
        for name, document in documents.items():
            lines += [orjson.dumps({"create": {"_index": index, "_id": name}}), orjson.dumps(document)]
        answer = self.ask("POST", "_bulk?refresh=true", b"\n".join([*lines, b""]))
        return [error for item in answer["items"] if (error := item["create"].get("error")) is not None]

    def found(self, index: str, query: str = "*") -> list[str]:
        """
        Return the ids of the documents that match a query in Lucene's syntax, sorted.
        """
        self.ask("POST", f"{index}/_refresh")
        body = {"query": {"query_string": {"query": query}}, "size": 10_000, "_source": False}
        return sorted(hit["_id"] for hit in self.ask("POST", f"{index}/_search", body)["hits"]["hits"])

    def documents(self, index: str) -> list[Any]:
        """
        Return all documents.
        """
        self.ask("POST", f"{index}/_refresh")
        return [hit["_source"] for hit in self.ask("POST", f"{index}/_search?size=10000")["hits"]["hits"]]

    def fields(self, index: str, names: Sequence[str]) -> set[str]:
        """
        Return which of these fields can be searched.
        """
        found = self.ask("GET", f"{index}/_field_caps?fields={','.join(names)}")["fields"]
        return {name for name, kinds in found.items() if any(kind["searchable"] for kind in kinds.values())}

    def install(self, templates: Iterable[tuple[str, Path]]) -> None:
        """
        Put templates: the path of each in the API, and its file.
        """
        for path, file in templates:
            self.ask("PUT", path, file.read_bytes())


@contextlib.contextmanager
def node(home: Path) -> Iterator[Node]:
    """
    Run a node for the duration of the context.
    """
    found = Node(home)
    try:
        found.start()
        yield found
    finally:
        found.kill()


def _settings(home: Path, http: int, transport: int) -> str:
    settings = {
        "node.name": "node",
        "cluster.name": f"tests-{http}",
        "discovery.type": "single-node",
        "path.home": home,
        "path.data": home / "data",
        "http.host": "127.0.0.1",
        "http.port": http,
        "transport.host": "127.0.0.1",
        "transport.port": transport,
        "node.processors": 2,
        # A test must not depend on how full this disk is.
        "cluster.routing.allocation.disk.threshold_enabled": "false",
        # As where an operator wants every index to be made on purpose.
        "action.auto_create_index": "-never-*,+*",
    }
    return "".join(f"{key}: {value}\n" for key, value in settings.items())
