"""
`exit137 check --send-test` with a real broker: what a person is told before the agent is started.
"""

from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from click.testing import CliRunner, Result

from collector.cli import main
from tests.kafka.broker import PASSWORD, USER
from tests.kafka.place import Place

OFF: Final = "".join(
    f"[sources.{name}]\nenabled = false\n"
    for name in ("kmsg", "journald", "docker", "processes", "trace", "cgroups", "memory")
)


def check(folder: Path, place: Place, listener: str = "plain", **settings: Any) -> Result:  # noqa: ANN401 (any setting)
    given = {"name": "bus", "type": "kafka", "topic": place.topic, "timeout_s": 5}
    given |= {"bootstrap_servers": [place.broker.address(listener)]} | settings
    sink = "".join(f"{key} = {orjson.dumps(value).decode()}\n" for key, value in given.items())
    path = folder / "config.toml"
    path.write_text(f"{OFF}[[sinks]]\n{sink}")
    return CliRunner().invoke(main, ["check", "--config", str(path), "--send-test"])


def test_a_test_event_arrives(place: Place, tmp_path: Path) -> None:
    """
    And says what it is.
    """
    result = check(tmp_path, place)
    assert (result.exit_code, "sink bus: a test event was sent" in result.stdout) == (0, True)
    (record,) = place.arrived(1)
    assert orjson.loads(record.value)["message"].startswith("A test event")


@pytest.mark.parametrize(
    ("listener", "settings", "words"),
    [
        ("plain", {"topic": "no-such-topic"}, "no_such_target: the topic no-such-topic is not there"),
        ("plain", {"bootstrap_servers": ["127.0.0.1:1"]}, "unreachable: 127.0.0.1:1: Connection refused"),
        ("plain", {"bootstrap_servers": ["no.such.host.invalid:9092"]}, "its name is not known"),
        ("sasl", {}, "the connection was closed; it may need TLS or a login"),
        ("tls", {"tls": True}, "its certificate is not trusted"),
    ],
)
def test_each_failure_is_told_in_words_that_help(
    place: Place, tmp_path: Path, listener: str, settings: dict[str, Any], words: str
) -> None:
    """
    On the line of the sink; the exit code is 1.
    """
    result = check(tmp_path, place, listener, **settings)
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("sink bus: ")]
    assert words in line
    assert result.exit_code == 1


def test_a_wrong_password_is_told_and_not_shown(place: Place, tmp_path: Path) -> None:
    """
    Neither the one that is wrong nor the one that would have been right.
    """
    secret = tmp_path / "password"
    secret.write_text("battery-staple")
    login = {"sasl_mechanism": "SCRAM-SHA-512", "sasl_username": USER, "sasl_password_file": str(secret)}
    result = check(tmp_path, place, "sasl", **login)
    assert "unauthorized" in result.stdout
    assert "the broker refuses the credentials" in result.stdout
    assert not {"battery-staple", PASSWORD} & set(result.output.split())
