"""
A whole agent whose engine or whose destinations are hostile: it stays alive, small and truthful, and does its work.
"""

from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from tests.hostile.agent import Agent, agent, until
from tests.hostile.engine import Responder, engine
from tests.hostile.engine_modes import EVERYWHERE, modes, then_silent
from tests.hostile.memory import peak_bytes
from tests.hostile.peers import CONNECTED, SINKS, http_peers, peers

MIB: Final = 1_048_576
# MemoryMax of the unit is 192 MiB (systemd/exit137.service).
_AGENT_BYTES: Final = 150 * MIB
# What an engine may do that is worst for the agent, by route and mode.
ATTACKS: Final = (
    ("list", "300 MB"),
    ("list", "number in the list"),
    ("inspect", "nested"),
    ("events", "endless chunk"),
    ("events", "lines without end"),
    ("version", "endless 100 Continue"),
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def is_sound(found: Agent) -> None:
    """
    Check what holds under every attack.
    """
    assert found.process.poll() is None
    assert peak_bytes(found.process.pid) < _AGENT_BYTES
    assert found.log().count("Traceback") <= 1
    assert found.metric("exit137_loop_lag_seconds") < 5


def says_the_truth(found: Agent) -> bool:
    """
    Return whether /metrics and /readyz agree about Docker; in between the source may have come up or gone down.
    """
    is_up = found.metric('exit137_source_up{source="docker"}') == 1
    is_ready, text = found.ready()
    return is_up is is_ready is ("source docker is down" not in text)


@pytest.mark.parametrize(("route", "mode"), ATTACKS, ids=[f"{route}: {mode}" for route, mode in ATTACKS])
def test_an_agent_outlives_a_hostile_engine(route: str, mode: str, tmp_path: Path) -> None:
    """
    Under attack the kernel's kills are still published, /readyz says whether Docker is read, and a flood is one gap.
    """
    attack = dict(modes(route))[mode]
    with engine(tmp_path / "engine", **{route: attack}) as hostile, agent(tmp_path / "agent", hostile.url) as found:
        until(lambda: hostile.asked.get(route, 0) > 0)
        for number in range(1, 4):
            found.kill_is_published(number, 70_000 + number)
        is_up = found.metric('exit137_source_up{source="docker"}') == 1
        is_ready, text = found.ready()
        assert (
            is_up
            or (not is_ready and "source docker is down" in text)
            or found.metric('exit137_source_up{source="docker"}') == 1
        )
        assert found.said("records_lost", "docker") <= 1
        is_sound(found)


def test_an_engine_that_hangs_is_said_once(tmp_path: Path) -> None:
    """
    An engine that stops answering is down within half a minute: in the metrics, in /readyz and in one event; and up
    again once.
    """
    with engine(tmp_path / "engine") as hanging, agent(tmp_path / "agent", hanging.url) as found:
        until(lambda: found.ready()[0] and hanging.listening())
        before = found.said("source_up", "docker")
        for route in ("ping", "version", "list"):
            hanging.replaced[route] = then_silent(b"")
        until(lambda: not found.ready()[0])
        assert "source docker is down" in found.ready()[1]
        assert found.metric('exit137_source_up{source="docker"}') == 0
        found.kill_is_published(1, 70_001)
        hanging.heal()
        until(lambda: found.ready()[0])
        until(lambda: found.said("source_up", "docker") == before + 1)
        assert found.said("source_down", "docker") == 1
        is_sound(found)


def test_an_agent_outlives_hostile_destinations(tmp_path: Path) -> None:
    """
    With dozens of hostile destinations at once, the good one gets every event, and /readyz names those that fail.
    """
    with ExitStack() as stack:
        http = stack.enter_context(http_peers(SINKS))
        wire: dict[str, Responder] = CONNECTED
        ports = {name: stack.enter_context(peers(answer)).port for name, answer in wire.items()}
        urls = [f"http://127.0.0.1:{http.port}/{number}" for number in range(len(SINKS))]
        urls += [f"https://127.0.0.1:{port}/" for port in ports.values()]
        sinks = [
            f'name = "w{number}"\ntype = "webhook"\nurl = "{url}"\ntimeout_s = 5' for number, url in enumerate(urls)
        ]
        sinks += [
            f'name = "k{number}"\ntype = "kafka"\nbootstrap_servers = ["127.0.0.1:{port}"]\ntopic = "t"\ntimeout_s = 5'
            for number, port in enumerate(ports.values())
        ]
        sinks.append(f'name = "chat"\ntype = "slack"\nurl = "{urls[list(SINKS).index("endless 100 Continue")]}"')
        found = stack.enter_context(agent(tmp_path / "agent", None, sinks))
        for number in range(1, 4):
            found.kill_is_published(number, 70_000 + number)
        until(lambda: set(http.asked) == set(SINKS))
        until(lambda: "sink chat does not take events" in found.ready()[1])
        for number in range(4, 7):
            found.kill_is_published(number, 70_000 + number)
        is_ready, text = found.ready()
        assert is_ready
        assert all(f"sink k{number} does not take events" in text for number in range(len(ports)))
        is_sound(found)


def test_the_modes_are_as_many_as_were_promised() -> None:
    """
    Every known attack stays in the collection.
    """
    assert len(EVERYWHERE) >= 22
    assert len(SINKS) + len(CONNECTED) >= 31
