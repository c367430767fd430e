"""
How many events a second the webhook of a hub takes: a process of its own, signed requests of one event each.

    python bench/hub_http.py [HOSTS [EVENTS]]

A simulated fleet (300 hosts, 20,000 events) sends as fast as the hub answers, each host over one connection. The CPU
time is that of the hub alone: HTTP, signatures, store, detector and pages.
"""

import asyncio
import base64
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from signal import SIGTERM
from typing import Final

# Not the folder of this program: it has names of packages.
sys.path[0] = str(Path(__file__).parents[1])

import orjson  # noqa: E402 (found by the line before)

from bench.shared.kills import cpu_s  # noqa: E402 (the same)
from fleet.simulation import Scenario, simulate  # noqa: E402 (the same)
from sinks.signing import Signer  # noqa: E402 (the same)
from tests.shared.hub_process import HubProcess  # noqa: E402 (the same)

_HOSTS: Final = 300
_EVENTS: Final = 20_000
_SERVICES: Final = 60
_GOAL: Final = 2000
_PREFIX: Final = "urn:exit137:host:"
_KEY: Final = b"k" * 32
_ANSWERED: Final = b"HTTP/1.1 204 "


def requests_of(hosts: int, events: int, folder: Path) -> list[list[bytes]]:
    """
    Return the requests of each host, and write its secret where the hub looks for it.
    """
    scenario = Scenario(seed=137, hosts=hosts, services=_SERVICES, days=1.0, status_interval_s=60.0)
    signer, now_s = Signer([_KEY]), int(time.time())
    found: defaultdict[str, list[bytes]] = defaultdict(list)
    for item in islice(simulate(scenario)[0], events):
        body = orjson.dumps(item.event)
        host, id_ = item.event["source"].removeprefix(_PREFIX), item.event["id"]
        found[host].append(_request(id_, now_s, signer.signature(id_, now_s, body), body))
    for host in found:
        (folder / host).write_text(f"whsec_{base64.b64encode(_KEY).decode()}\n")
    return list(found.values())


async def send(port: int, requests: Sequence[Sequence[bytes]]) -> list[float]:
    """
    Send the requests of all hosts; return how long each answer took, in seconds.
    """
    spent_s: list[float] = []

    async def of_host(mine: Sequence[bytes]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in mine:
            began_s = time.perf_counter()
            writer.write(request)
            answer = await reader.readuntil(b"\r\n\r\n")
            if not answer.startswith(_ANSWERED):
                raise RuntimeError(answer.decode())
            spent_s.append(time.perf_counter() - began_s)
        writer.close()

    await asyncio.gather(*map(of_host, requests))
    return spent_s


def main() -> None:
    """
    Measure once.
    """
    given = [int(text) for text in sys.argv[1:]]
    hosts, events = (*given, *(_HOSTS, _EVENTS)[len(given) :])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        requests = requests_of(hosts, events, folder)
        hub = HubProcess(folder)
        hub.start()
        began_s, began_cpu_s = time.perf_counter(), cpu_s(hub.pid)
        spent_s = asyncio.run(send(hub.webhook, requests))
        lasted_s, used_s = time.perf_counter() - began_s, cpu_s(hub.pid) - began_cpu_s
        hub.end(SIGTERM)
    p99 = statistics.quantiles(spent_s, n=100)[98]
    print(
        f"{hosts} hosts: {len(spent_s) / used_s:,.0f} events per CPU second of the hub (goal {_GOAL:,}), "
        f"{len(spent_s) / lasted_s:,.0f} a second beside the sender; answered in "
        f"{1000 * statistics.median(spent_s):.0f} ms at the median, {1000 * p99:.0f} ms for 99 % "
        f"(load {os.getloadavg()[0]:.0f})"
    )


def _request(id_: str, now_s: int, signature: str, body: bytes) -> bytes:
    head = (
        f"POST /v1/events HTTP/1.1\r\nhost: hub\r\ncontent-type: application/cloudevents+json\r\nwebhook-id: {id_}\r\n"
        f"webhook-timestamp: {now_s}\r\nwebhook-signature: {signature}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


if __name__ == "__main__":
    main()
