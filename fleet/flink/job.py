"""
The job: a topic of events in, a topic of incidents out (docs/fleet/flink.md).

The source is a table, as only a table gives Python the headers of a record; everything after it is a stream.
"""

import sys
from collections.abc import Iterator, Sequence
from typing import Final

from pyflink.common import ByteArraySchema, Configuration, Row, Types
from pyflink.datastream import CheckpointingMode, DataStream, StreamExecutionEnvironment
from pyflink.datastream.connectors.base import DeliveryGuarantee
from pyflink.datastream.connectors.kafka import KafkaRecordSerializationSchema, KafkaSink
from pyflink.table import StreamTableEnvironment

from fleet.flink.events import HostEvent, host_events
from fleet.flink.functions import Incidents
from fleet.flink.options import Options, options

_BYTES: Final = Types.PRIMITIVE_ARRAY(Types.BYTE())
_HOST_EVENT: Final = Types.TUPLE([Types.STRING(), Types.STRING(), _BYTES])


def build(env: StreamExecutionEnvironment, given: Options) -> None:
    """
    Add the job to an environment.
    """
    if given.jar is not None:
        env.add_jars(given.jar.resolve().as_uri())
    if given.checkpoint_ms:
        env.enable_checkpointing(given.checkpoint_ms, CheckpointingMode.EXACTLY_ONCE)
    if given.checkpoints is not None:
        settings = Configuration()
        settings.set_string("execution.checkpointing.storage", "filesystem")
        settings.set_string("execution.checkpointing.dir", given.checkpoints)
        env.configure(settings)
    if given.parallelism:
        env.set_parallelism(given.parallelism)
    events = _records(env, given).flat_map(_read, _HOST_EVENT).name("read").uid("read")
    incidents = events.key_by(_fleet, Types.STRING()).process(Incidents(given.remember_s), _BYTES).set_parallelism(1)
    incidents.name("incidents").uid("incidents").sink_to(_sink(given)).set_parallelism(1).name("topic").uid("topic")


def main(arguments: Sequence[str]) -> None:
    """
    Submit the job; where it is bounded, wait for its end.

    Args:
        arguments: of the command line (fleet/flink/options.py).
    """
    env = StreamExecutionEnvironment.get_execution_environment()
    build(env, options(arguments))
    env.execute("exit137 fleet incidents")


def _records(env: StreamExecutionEnvironment, given: Options) -> DataStream:
    """
    Return the records of the topic as rows of value and headers, each with the time at which it was written.
    """
    tables = StreamTableEnvironment.create(env)
    settings = {
        "connector": "kafka",
        "topic": given.topic,
        "properties.bootstrap.servers": given.servers,
        "properties.group.id": given.group,
        "properties.auto.offset.reset": "earliest",
        "scan.startup.mode": "group-offsets",
        "scan.watermark.idle-timeout": f"{given.idle_ms} ms",
        "format": "raw",
        **({"scan.bounded.mode": "latest-offset"} if given.is_bounded else {}),
        **{f"properties.{key}": value for key, value in given.kafka_properties},
    }
    options_sql = ", ".join(f"{_quoted(key)} = {_quoted(value)}" for key, value in settings.items())
    tables.execute_sql(
        "CREATE TEMPORARY TABLE records (content BYTES, headers MAP<STRING, BYTES> METADATA VIRTUAL,"
        " written TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,"
        f" WATERMARK FOR written AS written - INTERVAL '{given.lateness_ms / 1000:.3f}' SECOND)"
        f" WITH ({options_sql})"
    )
    return tables.to_data_stream(tables.from_path("records"))


def _sink(given: Options) -> KafkaSink:
    """
    Return the topic of the incidents. After a failure incidents are written again, with equal ids.
    """
    schema = KafkaRecordSerializationSchema.builder().set_topic(given.incidents_topic)
    sink = (
        KafkaSink.builder()
        .set_bootstrap_servers(given.servers)
        .set_record_serializer(schema.set_value_serialization_schema(ByteArraySchema()).build())
        .set_delivery_guarantee(DeliveryGuarantee.AT_LEAST_ONCE)
    )
    for key, value in given.kafka_properties:
        sink.set_property(key, value)
    return sink.build()


def _read(record: Row) -> Iterator[HostEvent]:
    return host_events(record.content, record.headers)


def _fleet(_event: HostEvent) -> str:
    return "fleet"


def _quoted(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


if __name__ == "__main__":
    main(sys.argv[1:])
