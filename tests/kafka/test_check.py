"""
Tests of `exit137 check --send-test` with a real broker.
"""

from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from click.testing import CliRunner, Result

from collector.cli import main
from tests.kafka.broker import PASSWORD, USER
from tests.kafka.target import Target
from tests.shared.settings import switched_off

OFF: Final = switched_off()


def check(folder: Path, target: Target, listener: str = "plain", **settings: Any) -> Result:  # noqa: ANN401 (any setting)
    given = {"name": "bus", "type": "kafka", "topic": target.topic, "timeout_s": 5}
    given |= {"bootstrap_servers": [target.broker.address(listener)]} | settings
    sink = "".join(f"{key} = {orjson.dumps(value).decode()}\n" for key, value in given.items())
    path = folder / "config.toml"
    path.write_text(f"{OFF}[[sinks]]\n{sink}")
    return CliRunner().invoke(main, ["check", "--config", str(path), "--send-test"])


def test_a_test_event_arrives(target: Target, tmp_path: Path) -> None:
    """
    The test event arrives, and its message says that it is a test.
    """
    result = check(tmp_path, target)
    assert (result.exit_code, "sink bus: a test event was sent" in result.stdout) == (0, True)
    (record,) = target.arrived(1)
    assert orjson.loads(record.value)["message"].startswith("A test event")


@pytest.mark.parametrize(
    ("listener", "settings", "words"),
    [
        ("plain", {"topic": "no-such-topic"}, "no_such_target: the topic no-such-topic does not exist"),
        ("plain", {"bootstrap_servers": ["127.0.0.1:1"]}, "unreachable: 127.0.0.1:1: Connection refused"),
        ("plain", {"bootstrap_servers": ["no.such.host.invalid:9092"]}, "the host name cannot be resolved"),
        ("sasl", {}, "the connection was closed; the broker may require TLS or authentication"),
        ("tls", {"tls": True}, "certificate verification failed"),
    ],
)
def test_each_failure_is_explained(
    target: Target, tmp_path: Path, listener: str, settings: dict[str, Any], words: str
) -> None:
    """
    Each failure is explained on the line of the sink, and the exit code is 1.
    """
    result = check(tmp_path, target, listener, **settings)
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("sink bus: ")]
    assert words in line
    assert result.exit_code == 1


def test_a_wrong_password_is_reported_and_not_shown(target: Target, tmp_path: Path) -> None:
    """
    A wrong password is reported without printing the wrong password or the right one.
    """
    secret = tmp_path / "password"
    secret.write_text("battery-staple")
    login = {"sasl_mechanism": "SCRAM-SHA-512", "sasl_username": USER, "sasl_password_file": str(secret)}
    result = check(tmp_path, target, "sasl", **login)
    assert "unauthorized" in result.stdout
    assert "the broker refuses the credentials" in result.stdout
    assert not {"battery-staple", PASSWORD} & set(result.output.split())
