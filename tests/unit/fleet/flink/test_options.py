"""
The options of the job.
"""

from pathlib import Path

import pytest

from fleet.flink.options import options

NEEDED = ["--servers=k:9092", "--topic=events", "--incidents-topic=incidents"]


def test_a_cluster_needs_only_names() -> None:
    """
    Everything else has a default.
    """
    given = options(NEEDED)
    assert (given.servers, given.topic, given.incidents_topic) == ("k:9092", "events", "incidents")
    assert not given.is_bounded


def test_settings_of_kafka_come_from_a_file(tmp_path: Path) -> None:
    """
    A password does not belong on a command line.
    """
    path = tmp_path / "kafka.properties"
    path.write_text("# login\nsecurity.protocol = SASL_SSL\n\nsasl.jaas.config=a b=c;\n")
    given = options([*NEEDED, f"--kafka-properties={path}"])
    assert given.kafka_properties == (("security.protocol", "SASL_SSL"), ("sasl.jaas.config", "a b=c;"))


def test_a_missing_topic_is_refused() -> None:
    """
    With the exit code of a wrong command line.
    """
    with pytest.raises(SystemExit) as ended:
        options(NEEDED[:1])
    assert ended.value.code == 2
