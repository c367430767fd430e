"""
The hub's pages and `/v1`, over a real store.
"""

import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from collector.config.hub import HubConfig
from collector.config.sections import Config, StoreConfig
from collector.delivery import addressed
from collector.store import History, Store
from fleet.arrival import arrivals
from fleet.incidents import Detector, Incident, event_of
from fleet.intake import FleetIntake
from fleet.pages.server import FleetPages
from sinks.event import Event, Fleet, FleetKind, IncidentState, VersionFigures
from tests.shared.hub_events import BEGIN_NS, SECOND, body, death, host_id, status

NOW_NS = BEGIN_NS + 200 * SECOND
SCRIPT = "<script>alert(1)</script>"


def regression() -> Event:
    fleet = Fleet(
        kind=FleetKind.REGRESSION,
        state=IncidentState.OPEN,
        incident_id="i",
        service="shop",
        before=VersionFigures(version="1.0", deaths=2, container_hours=1000.0),
        after=VersionFigures(version="2.0", deaths=9, container_hours=300.0),
        rate_ratio=15.0,
        rate_ratio_low=6.0,
        e_value=5000.0,
    )
    return event_of(Incident(fleet=fleet, sequence=0, at_ns=NOW_NS))


@asynccontextmanager
async def pages(folder: Path, *incidents: Event, **hub: Any) -> AsyncIterator[str]:  # noqa: ANN401 (any setting)
    """
    A hub where one of six hosts lost four services; yields the address.

    Args:
        folder: of its store.
        incidents: what is open besides.
        hub: settings.
    """
    store = await Store.open(folder / "hub.db", wall_ns=lambda: NOW_NS)
    clock = {"ns": BEGIN_NS}
    intake = FleetIntake(store, Detector(), [], wall_ns=lambda: clock["ns"])
    events = [status(host, 150) for host in range(1, 7)]
    events += [death(1, 160 + number, name) for number, name in enumerate(("api", "db", "web", SCRIPT))]
    for event in events:
        clock["ns"] = event.time_ns or 0
        intake.offer(arrivals(body(event)))
        await intake._turn()
    await store.commit([addressed(incident, ()) for incident in incidents], {})
    config = Config(store=StoreConfig(path=str(folder / "hub.db")), hub=HubConfig(listen="127.0.0.1:0", **hub))
    served = FleetPages(config, lambda: History(folder / "hub.db"), wall_ns=lambda: NOW_NS)
    await served.load(store)
    try:
        yield await served.start()
    finally:
        await served.aclose()
        await store.aclose()


async def get(url: str, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
    async with aiohttp.ClientSession() as client, client.get(url, headers=headers) as answer:
        return answer.status, await answer.text()


async def test_the_first_page_shows_incidents_hosts_and_services(tmp_path: Path) -> None:
    """
    With every host in the grid, and nothing of a name as markup.
    """
    async with pages(tmp_path) as url:
        code, text = await get(url)
        assert code == 200
        assert "host cause" in text
        assert text.count('<a class="host ') == 6
        assert text.count('<a class="host bad"') == 1
        assert SCRIPT not in text


async def test_each_incident_leads_to_its_proof(tmp_path: Path) -> None:
    """
    To the hosts and the example events, which have pages too.
    """
    async with pages(tmp_path) as url:
        async with aiohttp.ClientSession() as client:
            answer = await (await client.get(f"{url}v1/incidents")).json()
        (incident,) = answer["events"]
        code, text = await get(f"{url}incident/{incident['id']}")
        assert code == 200
        assert f"/host?id={host_id(1)}" in text
        example = incident["data"]["exit137"]["fleet"]["examples"][0]
        assert f"/incident/{example}" in text
        assert (await get(f"{url}incident/{example}"))[0] == 200


async def test_a_regression_is_drawn_with_the_figures_of_its_test(tmp_path: Path) -> None:
    """
    On its own page and on that of its service; on that of another service it is not.
    """
    event = regression()
    async with pages(tmp_path, event) as url:
        for path in (f"incident/{event.id}", "service?name=shop"):
            code, text = await get(url + path)
            assert code == 200
            assert '<rect class="after" width="100.0"' in text
            assert '<rect class="low" x="40.0"' in text
            assert "one version in 5,000" in text
        assert '<rect class="after"' not in (await get(f"{url}service?name=api"))[1]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (f"host?id={host_id(1)}", 200),
        ("host?id=none", 404),
        ("service?name=api", 200),
        ("incidents", 200),
        ("incident/none", 404),
        ("v1/events/none", 404),
        ("static/fleet.css", 200),
        ("static/none", 404),
        ("v1/hosts", 200),
        ("v1/events", 200),
        ("v1/events?limit=x", 400),
        ("v1/events?colour=red", 400),
    ],
)
async def test_each_page_answers(tmp_path: Path, path: str, code: int) -> None:
    """
    Also for what is not there.
    """
    async with pages(tmp_path) as url:
        assert (await get(url + path))[0] == code


async def test_events_are_found_page_by_page(tmp_path: Path) -> None:
    """
    Newest first, each once, and only those that the filter wants.
    """
    async with pages(tmp_path) as url, aiohttp.ClientSession() as client:
        query, names = "type=exit137.container_death&limit=3", []
        while True:
            page = await (await client.get(f"{url}v1/events?{query}")).json()
            names += [event["data"]["service"]["name"] for event in page["events"]]
            if page["cursor"] is None:
                break
            query = f"type=exit137.container_death&limit=3&cursor={page['cursor']}"
        assert names == [SCRIPT, "web", "db", "api"]
        found = await (await client.get(f"{url}v1/events?service=db")).json()
        assert [event["data"]["service"]["name"] for event in found["events"]] == ["db"]


async def test_with_a_token_nothing_is_answered_without_it(tmp_path: Path) -> None:
    """
    A program sends it as a bearer, a browser as a password.
    """
    (tmp_path / "token").write_text("secret-1\n")
    basic = base64.b64encode(b"me:secret-1").decode()
    async with pages(tmp_path, read_token_file=str(tmp_path / "token")) as url:
        for path in ("", "v1/hosts", "static/page.js"):
            assert (await get(url + path))[0] == 401
            assert (await get(url + path, {"Authorization": "Bearer wrong"}))[0] == 401
            assert (await get(url + path, {"Authorization": "Basic !"}))[0] == 401
            assert (await get(url + path, {"Authorization": "Bearer secret-1"}))[0] == 200
            assert (await get(url + path, {"Authorization": f"Basic {basic}"}))[0] == 200


async def test_another_name_is_refused(tmp_path: Path) -> None:
    """
    A web site must not read the pages through a visitor's browser.
    """
    async with pages(tmp_path) as url:
        assert (await get(url, {"Host": "evil.example.com"}))[0] == 421


@pytest.mark.parametrize(("trusted", "code"), [(("127.0.0.1",), 200), (("192.0.2.1",), 401)])
async def test_the_header_of_a_proxy_counts_from_a_trusted_address(
    tmp_path: Path, trusted: tuple[str, ...], code: int
) -> None:
    """
    Anybody can send it from elsewhere; without a name in it nobody was let in.
    """
    async with pages(tmp_path, proxy_header="X-Forwarded-User", trusted_proxies=trusted) as url:
        assert (await get(url, {"X-Forwarded-User": "alice"}))[0] == code
        assert (await get(url, {"X-Forwarded-User": " "}))[0] == 401
        assert (await get(url))[0] == 401
