"""
Three agents with host ids and stores of their own, and one hub: what dies is on its page.
"""

import json
import time
import urllib.request
from collections.abc import Iterator
from signal import SIGTERM
from typing import Any, Final

import pytest

from collector.store import History
from tests.lab.agent import Agent
from tests.lab.engine import Engine
from tests.lab.fleet import agent_of, ways_of_kill
from tests.lab.image import IMAGE
from tests.lab.lab import Lab
from tests.lab.waiting import wait_until
from tests.shared.hub_events import host_id
from tests.shared.hub_process import HubProcess

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

HOSTS: Final = (1, 2, 3)
EATS: Final = ("/bin/hog", "eat:64")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    hub = HubProcess(tmp_path_factory.mktemp("hub"))
    hub.start()
    yield hub
    hub.end(SIGTERM)


@pytest.fixture(scope="module")
def agents(engine: Engine, hub: HubProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Agent]]:
    made = []
    for host in HOSTS:
        agent = agent_of(tmp_path_factory.mktemp(f"agent-{host}"), engine.url, hub, host)
        agent.start()
        made.append(agent)
    yield made
    for agent in made:
        agent.stop()


def hosts(hub: HubProcess) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = hub.ask("v1/hosts")["hosts"]
    return found


def page(hub: HubProcess) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{hub.pages}/", timeout=10) as answer:
        text: str = answer.read().decode()
    return text


def kills(hub: HubProcess, container_id: str) -> list[dict[str, Any]]:
    """
    What the hub has stored of the kills in a container.
    """
    with History(hub.folder / "hub.db") as past:
        found = past.events(container=container_id, types=["exit137.oom_kill"])
    return [json.loads(event.body) for event in found]


def test_a_kill_on_every_host_is_on_the_page(
    hub: HubProcess, agents: list[Agent], lab: Lab, request: pytest.FixtureRequest
) -> None:
    """
    The three agents watch one engine: each reports kill and death as its host's. The id of the death is made of the
    container, and the hub keeps it for each host.
    """
    wait_until(lambda: len(hosts(hub)) == len(HOSTS), 60, "every host has reported")
    box = lab.run(*EATS, limit_mib=12)
    ways = ways_of_kill(hub, [agent.home for agent in agents], box.id, 60)
    last = max(ways, key=lambda way: way.whole_s)
    parts = ", ".join(f"{part_s:.2f} s" for part_s in last.parts_s)
    figures = (
        f"from the kill to the page of the last host: {last.whole_s:.2f} s (to the agent, the hub, the page: {parts})"
    )
    request.node.add_report_section("call", "figures", figures)
    killed = kills(hub, box.id)
    assert {kill["source"].removeprefix("urn:exit137:host:") for kill in killed} == {host_id(host) for host in HOSTS}
    wait_until(lambda: all(host["deaths_in_hour"] for host in hosts(hub)), 60, "the deaths are on the page")
    wait_until(lambda: page(hub).count('class="host bad"') == len(HOSTS), 60, "every host is shown as bad")
    assert killed[-1]["data"]["service"]["name"] in page(hub)
    assert all(agent.events() for agent in agents)


def test_a_status_counts_the_time_of_a_running_container(hub: HubProcess, agents: list[Agent], lab: Lab) -> None:
    """
    With its service and digest: two seconds of it in each interval of two seconds.
    """
    box = lab.run("sleep:60000", limit_mib=12)
    time.sleep(9)
    box.container.kill()
    with History(hub.folder / "hub.db") as past:
        bodies = [json.loads(event.body) for event in past.events(types=["exit137.host_status"])]
    of_first = [body["data"]["exit137"]["status"] for body in bodies if body["source"].endswith(host_id(1))]
    running = [service for status in of_first for service in status["services"] if service["running"] == 1]
    assert [service for service in running if service["name"] == IMAGE.partition(":")[0]] == running
    assert all(service["digest"].startswith("sha256:") for service in running)
    assert any(1.5 < service["container_seconds"] < 3.5 for service in running)
    assert agents
