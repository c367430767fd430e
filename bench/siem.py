"""
Measures events per second to the sinks for SIEMs and to a file: by the sink alone, and from the store to the
acknowledgement. Receivers are the real ones where they are free.

    python bench/siem.py [opensearch|otlp|splunk_hec|syslog|file ...]

The events are those of a recorded host, repeated with new ids, from 64 containers. The receivers run on the same host.
The store is on the disk of the working directory.
"""

import asyncio
import contextlib
import logging
import sys
import tempfile
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from bench.kafka import recorded
from bench.shared.receiving import Requests
from bench.shared.receiving import receiver as in_process
from bench.shared.sending import from_store, measured, through_sink
from sinks import load
from sinks.base import Outgoing, SinkConfig
from sinks.file import FileConfig
from sinks.opensearch import OpenSearchConfig
from sinks.otlp import OtlpConfig
from sinks.secret import Secret
from sinks.splunk_hec import SplunkConfig
from sinks.syslog import SyslogConfig
from tests.opensearch.node import node
from tests.syslog.receiver import receiver as rsyslog

EVENTS: Final = 6_000
DOCS: Final = Path(__file__).parents[1] / "docs/opensearch/opensearch"

# From an empty directory and a name for what is new there to the configuration of a sink.
Receiver = Callable[[Path], contextlib.AbstractContextManager[Callable[[str], SinkConfig]]]


@contextlib.contextmanager
def opensearch(home: Path) -> Iterator[Callable[[str], SinkConfig]]:
    """
    Run a node with the template.
    """
    with node(home) as there:
        there.install(
            [
                ("_component_template/exit137", DOCS / "component-template.json"),
                ("_index_template/exit137", DOCS / "index-template.json"),
            ]
        )
        yield lambda name: OpenSearchConfig(
            name="siem", type="opensearch", url=Secret(there.url), index=f"logs-exit137-{name}"
        )


@contextlib.contextmanager
def otlp(_home: Path) -> Iterator[Callable[[str], SinkConfig]]:
    """
    Run a stand-in in another process that accepts every request and reads none.
    """
    with in_process(_accept, b"") as (port, _):
        yield lambda _name: OtlpConfig(name="siem", type="otlp", url=Secret(f"http://127.0.0.1:{port}/"))


@contextlib.contextmanager
def splunk_hec(home: Path) -> Iterator[Callable[[str], SinkConfig]]:
    """
    Run a stand-in in another process that says of each request that it is indexed, and reads none.
    """
    (home / "token").write_text("a-token", encoding="ascii")
    indexed = b'{"text":"Success","code":0,"ackId":0,"acks":{"0":true}}'
    with in_process(_accept, indexed) as (port, _):
        url = Secret(f"http://127.0.0.1:{port}/")
        yield lambda _name: SplunkConfig(name="siem", type="splunk_hec", url=url, token_file=str(home / "token"))


@contextlib.contextmanager
def syslog(home: Path) -> Iterator[Callable[[str], SinkConfig]]:
    """
    Run rsyslog with TLS, which writes each message to a file.
    """
    with rsyslog(home) as there:
        address = f"tls://127.0.0.1:{there.tls}"
        yield lambda _name: SyslogConfig(name="siem", type="syslog", address=address, ca_file=str(there.ca_file))


@contextlib.contextmanager
def file(home: Path) -> Iterator[Callable[[str], SinkConfig]]:
    """
    Name files in a folder.
    """
    yield lambda name: FileConfig(name="siem", type="file", path=str(home / name))


RECEIVERS: Final[dict[str, Receiver]] = {
    "opensearch": opensearch,
    "otlp": otlp,
    "splunk_hec": splunk_hec,
    "syslog": syslog,
    "file": file,
}


def main() -> None:
    """
    Print two lines per sink.
    """
    logging.disable(logging.WARNING)
    events = recorded(EVENTS)
    mean_bytes = sum(len(event.body) for event in events) / len(events)
    print(f"{len(events)} events of {mean_bytes:.0f} bytes on average")
    for name in sys.argv[1:] or RECEIVERS:
        with tempfile.TemporaryDirectory(dir=".") as folder:
            home = Path(folder) / "receiver"
            home.mkdir()
            with RECEIVERS[name](home) as config:
                _measure(name, config, events, Path(folder))


def _measure(name: str, config: Callable[[str], SinkConfig], events: list[Outgoing], folder: Path) -> None:
    sink = load(name)[1]
    measured(through_sink(sink(config("warm-up")), events[:2000]), 2000)
    _print_rate(f"{name}, sink alone:", *measured(through_sink(sink(config("alone")), events), EVENTS))
    stored = from_store(config("stored"), sink(config("stored")), events, folder / "s.db")
    _print_rate(f"{name}, from the store:", *measured(stored, EVENTS))


def _print_rate(what: str, per_s: float, cpu: float) -> None:
    print(f"{what:26} {per_s:7,.0f}/s  ({cpu:.2f} of a core, {per_s / cpu:,.0f}/s for a whole core)")


def _accept(port: Connection, body: bytes) -> None:
    asyncio.run(_serve(port, body))


async def _serve(port: Connection, body: bytes) -> None:
    def answer(_head: bytes, transport: asyncio.Transport) -> None:
        transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))

    server = await asyncio.get_running_loop().create_server(lambda: Requests(answer), "127.0.0.1", 0)
    port.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


if __name__ == "__main__":
    main()
