"""
How fast the pages of a hub are, and how much memory it takes, with many events in its store.

    python bench/hub_pages.py [EVENTS [FOLDER]]

A simulated fleet of 500 hosts and 60 services gives the bodies; deaths and kills are stored again and again under new
ids over 90 days, with two hours of statuses (1,000,000 events unless EVENTS says otherwise). Then `exit137 hub` is
started, and each page asked for, one request after the other. In FOLDER the store is kept for another run.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from signal import SIGTERM
from typing import Final

# Not the folder of this program: it has names of packages.
sys.path[0] = str(Path(__file__).parents[1])

import orjson  # noqa: E402 (found by the line before)

from bench.pages import MIB, measure  # noqa: E402 (the same)
from collector.store import Store, StoredEvent  # noqa: E402 (the same)
from fleet.arrival import arrivals  # noqa: E402 (the same)
from fleet.incidents import Detector, event_of  # noqa: E402 (the same)
from fleet.intake import DETECTOR  # noqa: E402 (the same)
from fleet.simulation import Scenario, simulate  # noqa: E402 (the same)
from sinks.event import to_json  # noqa: E402 (the same)
from tests.hostile.memory import peak_bytes  # noqa: E402 (the same)
from tests.shared.hub_process import HubProcess  # noqa: E402 (the same)
from tests.shared.pages import stored  # noqa: E402 (the same)

_EVENTS: Final = 1_000_000
_AT_ONCE: Final = 1000
_START_S: Final = 600.0
_FLEET: Final = Scenario(seed=137, hosts=500, services=60, days=7.0, status_interval_s=7200.0, rarest_death_s=4e5)
_MOST_TEMPLATES: Final = 60_000
_STATUS: Final = "exit137.host_status"
_DEATH: Final = "exit137.container_death"
_STATUSES_PER_HOST: Final = 120
_STATUSES_NS: Final = 2 * 3600 * 1_000_000_000
_DAYS_NS: Final = 90 * 86_400_000_000_000
_PAGES: Final = (
    "/",
    "/host?id={host}",
    "/incidents",
    "/incidents?cause=oom_kill",
    "/incidents?cause=crash&span=7d",
    "/incidents?text=137",
    "/incidents?text=no-such-text",
    "/incidents?host={host}",
    "/incidents?host={host}&text=no-such-text",
    "/incidents?service={service}",
    "/incidents?image=no-such-image",
    "/incidents?span=30d&kind=oom_kill",
    "/service?name={service}",
    "/incident/{incident}",
    "/incident/{death}",
    "/v1/hosts",
    "/v1/incidents",
    "/v1/incidents?state=all",
    "/v1/events?limit=500",
    "/v1/events?host={host}&type=exit137.container_death",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """
    What the addresses of the pages name.
    """

    host: str
    service: str
    incident: str
    death: str


def main() -> None:
    """
    Fill, measure, and print one line per page.
    """
    count = int(sys.argv[1]) if sys.argv[1:] else _EVENTS
    with tempfile.TemporaryDirectory(prefix="exit137-bench-") as temporary:
        folder = Path(sys.argv[2]) if sys.argv[2:] else Path(temporary)
        folder.mkdir(exist_ok=True)
        kept = folder / "names.json"
        if not kept.exists():
            kept.write_bytes(orjson.dumps(asyncio.run(_fill(folder / "hub.db", count))))
        names = orjson.loads(kept.read_bytes())
        hub, began_s = HubProcess(folder, limits="max_bytes = 34359738368"), time.monotonic()
        hub.start(within_s=_START_S)
        try:
            size_gb = (folder / "hub.db").stat().st_size / 1e9
            print(f"{count:,} events, {size_gb:.1f} GB; answers after {time.monotonic() - began_s:.1f} s")
            for page in _PAGES:
                measure(f"http://127.0.0.1:{hub.pages}", page.format(**names), hub.pid)
            print(f"peak memory {peak_bytes(hub.pid) / MIB:.1f} MiB")
        finally:
            hub.end(SIGTERM)


async def _fill(path: Path, count: int) -> Names:
    detector, incidents = Detector(), []
    templates: dict[bool, list[StoredEvent]] = {True: [], False: []}
    for item in islice(simulate(_FLEET)[0], _MOST_TEMPLATES):
        incidents += detector.observe(item.event, item.at_ns)
        templates[item.event["type"] == _STATUS].append(arrivals(orjson.dumps(item.event))[0].stored)
    store = await Store.open(path, max_bytes=2**40, is_of_hosts=True)
    events = _events(templates, count)
    while part := list(islice(events, _AT_ONCE)):
        await store.commit(part, {})
    found = [event_of(incident) for incident in incidents]
    await store.commit([stored(to_json(event)) for event in found], {})
    state = {"seq": await store.last_seq(), "state": orjson.Fragment(detector.save())}
    await store.commit([], {DETECTOR: state})
    (death,) = await store.events(types=[_DEATH], limit=1)
    await store.aclose()
    data = orjson.loads(death.body)["data"]
    return Names(host=data["host"]["id"], service=data["service"]["name"], incident=found[-1].id, death=death.id)


def _events(templates: dict[bool, Sequence[StoredEvent]], count: int) -> Iterator[StoredEvent]:
    """
    Yield the deaths and kills over the days, and in the last two hours the statuses among them.
    """
    now_ns, statuses = time.time_ns(), min(_FLEET.hosts * _STATUSES_PER_HOST, count // 10)
    others = count - statuses
    for number, event in enumerate(islice(cycle(templates[False]), others)):
        yield _renamed(event, number, now_ns - (others - number) * (_DAYS_NS // others))
    for number, event in enumerate(islice(cycle(templates[True]), statuses)):
        yield _renamed(event, others + number, now_ns - (statuses - number) * (_STATUSES_NS // statuses))


def _renamed(event: StoredEvent, number: int, at_ns: int) -> StoredEvent:
    id_ = f"00000000-0000-5000-8000-{number:012}"
    return replace(event, id=id_, time_ns=at_ns, body=event.body.replace(event.id.encode(), id_.encode()))


if __name__ == "__main__":
    main()
