"""
The options of the job, as they stand behind `flink run --python`.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """
    What the job reads and writes, and how.

    Attributes:
        servers: of Kafka, `host:port`, separated by commas.
        topic: has the events of the agents.
        incidents_topic: takes the incidents.
        group: the consumer group; a new one begins at the start of the topic.
        kafka_properties: further settings of Kafka's clients: login, TLS.
        lateness_ms: how much later a record may be than others of its partition.
        idle_ms: a partition without a record for this time is not waited for.
        remember_s: for how long an event id is known.
        checkpoint_ms: the time between two checkpoints; 0: as the cluster is configured.
        checkpoints: a directory for them, as a URI; None: as the cluster is configured.
        is_bounded: end at the records that the topic has now.
        parallelism: of everything but the detector; 0: as the cluster is configured.
        jar: Kafka's connector, where the cluster does not have it.
    """

    servers: str
    topic: str
    incidents_topic: str
    group: str
    kafka_properties: tuple[tuple[str, str], ...] = ()
    lateness_ms: int = 1000
    idle_ms: int = 60_000
    remember_s: int = 3600
    checkpoint_ms: int = 10_000
    checkpoints: str | None = None
    is_bounded: bool = False
    parallelism: int = 0
    jar: Path | None = None


def options(arguments: Sequence[str]) -> Options:
    """
    Parse the arguments of the command line; on a mistake, print the usage and exit with 2.
    """
    parser = argparse.ArgumentParser(prog="fleet.flink", description="Finds incidents of a fleet.", allow_abbrev=False)
    parser.add_argument("--servers", required=True, help="Kafka's host:port, separated by commas")
    parser.add_argument("--topic", required=True, help="the topic with the events of the agents")
    parser.add_argument("--incidents-topic", required=True, help="the topic for the incidents")
    parser.add_argument("--group", default="exit137-flink", help="the consumer group")
    parser.add_argument("--kafka-properties", type=Path, help="a file with settings of Kafka's clients, key=value")
    parser.add_argument("--lateness-ms", type=int, default=1000, help="how late a record of a partition may be")
    parser.add_argument("--idle-ms", type=int, default=60_000, help="when an idle partition is not waited for")
    parser.add_argument("--remember-s", type=int, default=3600, help="for how long an event id is known")
    parser.add_argument("--checkpoint-ms", type=int, default=10_000, help="between checkpoints; 0: the cluster's")
    parser.add_argument("--checkpoints", help="where checkpoints go, a URI; default: as the cluster is configured")
    parser.add_argument("--parallelism", type=int, default=0, help="of reading; 0: the cluster's")
    parser.add_argument("--jar", type=Path, help="Kafka's connector, where the cluster has none")
    parser.add_argument("--bounded", action="store_true", help="end at the records that the topic has now")
    given = vars(parser.parse_args(arguments))
    properties, is_bounded = given.pop("kafka_properties"), given.pop("bounded")
    read = _properties(properties.read_text()) if properties is not None else ()
    return Options(kafka_properties=read, is_bounded=is_bounded, **given)


def _properties(text: str) -> tuple[tuple[str, str], ...]:
    """
    Parse the lines `key=value` of a properties file (java.util.Properties, without escapes).
    """
    lines = (line.strip() for line in text.splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith(("#", "!")))
    return tuple((key.strip(), value.strip()) for key, _, value in pairs)
