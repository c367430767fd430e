"""
Events to a Kafka topic, as CloudEvents, keyed by container, acknowledged by all in-sync replicas.

    config.py     the settings of the sink
    access.py     what a connection needs: secrets and certificates, read and checked
    records.py    an event as a record; records as batches
    cluster.py    the topic: does it exist, how is it replicated, create it if configured
    producer.py   one producer of aiokafka, which can be closed in bounded time
    shipment.py   the progress of one `send`: order, failures, records that are too large
    failures.py   what an error of aiokafka means
    sink.py       the sink
"""

from sinks.kafka.config import KafkaConfig
from sinks.kafka.sink import KafkaSink

__all__ = ["KafkaConfig", "KafkaSink"]
