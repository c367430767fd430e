"""
The mock brokers of librdkafka, which fail on request (rdkafka_mock.h).

They listen on loopback and speak Kafka's protocol. They check no sequence numbers, and support neither TLS nor SASL.
"""

import contextlib
import ctypes
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import Final

import confluent_kafka

_PRODUCER: Final = 0
_NO_LEADER: Final = -1


class Api(IntEnum):
    """
    Requests that can be made to fail (Kafka protocol, "Api Keys").
    """

    PRODUCE = 0
    METADATA = 3
    INIT_PRODUCER_ID = 22


class Code(IntEnum):
    """
    Error codes that a broker can return (Kafka protocol, "Error Codes").
    """

    UNKNOWN = -1
    CORRUPT_MESSAGE = 2
    NOT_LEADER = 6
    REQUEST_TIMED_OUT = 7
    MESSAGE_TOO_LARGE = 10
    NOT_ENOUGH_REPLICAS = 19
    TOPIC_AUTHORIZATION_FAILED = 29
    CLUSTER_AUTHORIZATION_FAILED = 31
    INVALID_TIMESTAMP = 32
    UNSUPPORTED_VERSION = 35
    UNSUPPORTED_FOR_MESSAGE_FORMAT = 43
    OUT_OF_ORDER_SEQUENCE_NUMBER = 45
    INVALID_PRODUCER_EPOCH = 47
    UNSUPPORTED_COMPRESSION_TYPE = 76
    INVALID_RECORD = 87
    OF_A_LATER_VERSION = 9999


class Cluster:
    """
    Mock brokers that run while the process holds this object.

    Args:
        library: librdkafka.
        handle: its cluster.
    """

    def __init__(self, library: ctypes.CDLL, handle: ctypes.c_void_p) -> None:
        self._library = library
        self._handle = handle

    @property
    def servers(self) -> tuple[str, ...]:
        """
        Return `host:port` of each broker.
        """
        servers: bytes = self._library.rd_kafka_mock_cluster_bootstraps(self._handle)
        return tuple(servers.decode().split(","))

    def create(self, topic: str, partitions: int = 1, replication: int = 1) -> None:
        """
        Create a topic.
        """
        assert self._library.rd_kafka_mock_topic_create(self._handle, topic.encode(), partitions, replication) == 0

    def fail(self, api: Api, *codes: Code) -> None:
        """
        Answer the next requests of a kind with these codes.
        """
        errors = (ctypes.c_int * len(codes))(*codes)
        self._library.rd_kafka_mock_push_request_errors_array(
            self._handle, ctypes.c_int16(api), ctypes.c_size_t(len(codes)), errors
        )

    def recover(self, api: Api) -> None:
        """
        Forget the remaining answers of `fail`.
        """
        self._library.rd_kafka_mock_clear_request_errors(self._handle, ctypes.c_int16(api))

    def lead(self, topic: str, partition: int, broker: int) -> None:
        """
        Make another broker the leader of a partition.
        """
        answer = self._library.rd_kafka_mock_partition_set_leader(
            self._handle, topic.encode(), ctypes.c_int32(partition), ctypes.c_int32(broker)
        )
        assert answer == 0

    @contextlib.contextmanager
    def without_leader(self, topic: str, partition: int = 0) -> Iterator[None]:
        """
        Leave a partition without a leader for a while.
        """
        self.lead(topic, partition, _NO_LEADER)
        try:
            yield
        finally:
            self.lead(topic, partition, 1)

    @contextlib.contextmanager
    def down(self, broker: int = 1) -> Iterator[None]:
        """
        Make a broker refuse connections for a while, and close those that it has.
        """
        assert self._library.rd_kafka_mock_broker_set_down(self._handle, broker) == 0
        try:
            yield
        finally:
            assert self._library.rd_kafka_mock_broker_set_up(self._handle, broker) == 0


@contextlib.contextmanager
def cluster(brokers: int = 1) -> Iterator[Cluster]:
    """
    Start a number of brokers.
    """
    library = _library()
    words = ctypes.create_string_buffer(256)
    client = ctypes.c_void_p(library.rd_kafka_new(_PRODUCER, None, words, len(words)))
    assert client, words.value
    handle = ctypes.c_void_p(library.rd_kafka_mock_cluster_new(client, brokers))
    try:
        yield Cluster(library, handle)
    finally:
        library.rd_kafka_mock_cluster_destroy(handle)
        library.rd_kafka_destroy(client)


def _library() -> ctypes.CDLL:
    """
    Load librdkafka from the wheel of confluent-kafka, else from the system.
    """
    (folder,) = {Path(path).parent for path in confluent_kafka.__path__}
    bundled = sorted(folder.glob("confluent_kafka.libs/librdkafka*"))
    library = ctypes.CDLL(str(bundled[0]) if bundled else "librdkafka.so.1")
    library.rd_kafka_new.restype = ctypes.c_void_p
    library.rd_kafka_mock_cluster_new.restype = ctypes.c_void_p
    library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    return library
