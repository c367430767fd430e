"""
Events to a Kafka topic, as CloudEvents, keyed by container, acknowledged by all replicas in sync.

    config.py     what the sink's table may hold
    access.py     from there to what a connection needs: secrets, certificates
    records.py    an event as a record; records as batches
    cluster.py    the topic: is it there, how often is it held, make it if told to
    producer.py   one producer of aiokafka, which ends when it is told to
    shipment.py   what becomes of one `send`: order, failures, what is too large
    failures.py   what an error of aiokafka means
    sink.py       the sink
"""

from sinks.kafka.config import KafkaConfig
from sinks.kafka.sink import KafkaSink

__all__ = ["KafkaConfig", "KafkaSink"]
