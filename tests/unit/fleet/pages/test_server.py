"""
The hub's pages and `/v1`, over a real store.
"""

import base64
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import orjson
import pytest

from fleet.pages.api import openapi
from tests.shared.hub_events import host_id
from tests.shared.hub_pages import SCRIPT, pages, regression


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
        ("v1/stream?after=x", 400),
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


@pytest.mark.parametrize("host", [host_id(1), "node-1"])
async def test_events_are_found_by_their_host(tmp_path: Path, host: str) -> None:
    """
    By its id or its name, in the list for people and in those for programs.
    """
    async with pages(tmp_path) as url, aiohttp.ClientSession() as client:
        for path, count in ((f"v1/events?host={host}&type=exit137.container_death", 4), ("v1/events?host=node-2", 1)):
            found = await (await client.get(url + path)).json()
            assert len(found["events"]) == count
        text = (await get(f"{url}incidents?host={host}"))[1]
        assert f'name="host" list="hosts" value="{host}"' in text
        assert text.count(f'<a class="chip" href="/host?id={host_id(1)}">node-1</a>') == 4
        assert "No incident matches" in (await get(f"{url}incidents?host=node-2"))[1]
        assert len((await (await client.get(f"{url}v1/incidents?host={host}")).json())["events"]) == 1
        assert (await (await client.get(f"{url}v1/incidents?host=node-2")).json())["events"] == []


async def test_a_stream_goes_on_where_the_client_was(tmp_path: Path) -> None:
    """
    Each message has the number of its event as its id; only the wanted types are sent.
    """
    async with pages(tmp_path) as url, aiohttp.ClientSession() as client:
        path = f"{url}v1/stream?type=exit137.container_death"
        async with client.get(path, headers={"Last-Event-ID": "0"}) as answer:
            assert answer.content_type == "text/event-stream"
            first = await _message(answer)
            second = await _message(answer)
        assert (first["event"], second["event"]) == ("exit137.container_death",) * 2
        async with client.get(f"{path}&after=0", headers={"Last-Event-ID": first["id"]}) as answer:
            assert await _message(answer) == second
        assert orjson.loads(second["data"])["data"]["service"]["name"] == "db"


async def _message(answer: aiohttp.ClientResponse) -> dict[str, str]:
    """
    The next message, without comments.
    """
    found: dict[str, str] = {}
    async for line in answer.content:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name:
            found[name] = value
        elif found:
            return found
    raise AssertionError("the stream has ended")


async def test_the_description_names_every_path_and_parameter(tmp_path: Path) -> None:
    """
    What the document names is known, and an answer to a parameter that is not names all that are.
    """
    document = orjson.loads(openapi())
    async with pages(tmp_path) as url, aiohttp.ClientSession() as client:
        for path, methods in document["paths"].items():
            named = [one["name"] for one in methods["get"]["parameters"] if one["in"] == "query"]
            answer = await client.get(f"{url}{path.removeprefix('/').replace('{id}', 'x')}?unheard_of=1")
            assert answer.status == 400
            assert (await answer.json())["error"].partition("known are ")[2] == ", ".join(named), path
        assert await (await client.get(f"{url}v1/openapi.json")).json() == document


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
