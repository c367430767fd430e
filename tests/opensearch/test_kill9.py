"""
A test in which the agent is killed with SIGKILL again and again, and sends to a real OpenSearch and a real rsyslog.
"""

from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from tests.crash.driver import JOURNAL_REMOTE, drive
from tests.opensearch.node import Node
from tests.shared.numbered import disordered
from tests.syslog.receiver import problem, receiver

_KILLS: Final = 6
_FIRST_PID: Final = 100_000
KILL: Final = "exit137.oom_kill"


def table(**settings: Any) -> str:  # noqa: ANN401 (any setting)
    """
    Return a sink as TOML.
    """
    settings["events"] = [KILL]
    return "[[sinks]]\n" + "".join(f"{key} = {orjson.dumps(value).decode()}\n" for key, value in settings.items())


@pytest.mark.skipif(not JOURNAL_REMOTE.exists(), reason="systemd-journal-remote is not installed")
@pytest.mark.skipif(problem() is not None, reason=str(problem()))
def test_neither_misses_a_kill(running: Node, index: str, tmp_path: Path) -> None:
    """
    Whatever the agent was doing when it was killed, each kill is one document, and at least one message in the order of
    its container.
    """
    for name in ("agent", "rsyslog"):
        (tmp_path / name).mkdir()
    with receiver(tmp_path / "rsyslog") as there:
        tls = f"tls://127.0.0.1:{there.tls}"
        sinks = table(name="search", type="opensearch", url=running.url, index=index)
        sinks += table(name="log", type="syslog", address=tls, ca_file=str(there.ca_file))
        outcome = drive(tmp_path / "agent", _KILLS, seed=137, sinks=sinks)
        there.stop()
        messages = [orjson.loads(message.text) for message in there.messages()]
    documents = [document["exit137"]["oom"]["victims"][0]["pid"] for document in running.documents(index)]
    happened = range(_FIRST_PID, _FIRST_PID + outcome.happened)
    assert outcome.happened > _KILLS
    assert sorted(documents) == list(happened)
    victims = [message["data"]["exit137"]["oom"]["victims"][0] for message in messages]
    assert {victim["pid"] for victim in victims} == set(happened)
    assert disordered((victim["container_id"], str(victim["pid"])) for victim in victims) == []
