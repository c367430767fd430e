"""
What an error of aiokafka means. Its text is never shown, because brokers' messages may contain secrets.
"""

from typing import Final

from aiokafka import errors

from sinks.errors import DisabledError, Reason, TransientError
from sinks.tls import reason_of

# What aiokafka raises while it connects, also if the peer is not a broker, or not the one that it claims to be.
CONNECTING: Final = (errors.KafkaError, OSError, TimeoutError, ValueError, KeyError, AssertionError)
TOO_LARGE: Final = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)


class _InvalidRecord(errors.BrokerResponseError):  # type: ignore[misc]
    errno = 87
    message = "INVALID_RECORD"


class _UnsupportedCompressionType(errors.BrokerResponseError):  # type: ignore[misc]
    errno = 76
    message = "UNSUPPORTED_COMPRESSION_TYPE"


# aiokafka 0.14 turns a code that is not in its table into UnknownError and forgets the number.
INVALID_RECORD: Final = errors.kafka_errors.setdefault(_InvalidRecord.errno, _InvalidRecord)
_UNSUPPORTED_COMPRESSION: Final = errors.kafka_errors.setdefault(
    _UnsupportedCompressionType.errno, _UnsupportedCompressionType
)

_FOR_A_PERSON: Final[tuple[tuple[type[Exception], Reason, str], ...]] = (
    (errors.SaslAuthenticationFailed, Reason.UNAUTHORIZED, "the broker refuses the credentials"),
    (errors.UnsupportedSaslMechanismError, Reason.UNUSABLE, "the broker does not offer this sasl_mechanism"),
    (errors.IllegalSaslStateError, Reason.UNUSABLE, "this port of the broker does not accept authentication"),
    (
        errors.TopicAuthorizationFailedError,
        Reason.UNAUTHORIZED,
        "this user may not write to the topic, or may not create it",
    ),
    (
        errors.ClusterAuthorizationFailedError,
        Reason.UNAUTHORIZED,
        "this user may not create the topic, or may not write idempotently (idempotent = false needs no such right)",
    ),
    (errors.InvalidTopicError, Reason.NO_SUCH_TARGET, "the broker does not accept this topic name"),
    (errors.InvalidTimestampError, Reason.UNUSABLE, "the broker refuses the time of this host's clock"),
    (errors.InvalidReplicationFactorError, Reason.UNUSABLE, "there are fewer brokers than topic_replication"),
    (errors.InvalidPartitionsError, Reason.UNUSABLE, "the broker does not accept so many topic_partitions"),
    (errors.PolicyViolationError, Reason.UNUSABLE, "the broker's policy forbids the topic or the event"),
    (_UNSUPPORTED_COMPRESSION, Reason.UNUSABLE, "the broker or topic does not accept this compression"),
    (errors.UnsupportedForMessageFormatError, Reason.UNUSABLE, "the topic's message format is too old"),
    (errors.UnsupportedVersionError, Reason.UNUSABLE, "the broker is too old"),
    (errors.IncompatibleBrokerVersion, Reason.UNUSABLE, "the broker is too old"),
)
_FOR_LATER: Final[tuple[tuple[type[Exception], Reason, str], ...]] = (
    (errors.UnknownTopicOrPartitionError, Reason.NO_SUCH_TARGET, "the topic does not exist any more"),
    (errors.NotEnoughReplicasError, Reason.SERVER_ERROR, "too few replicas are in sync"),
    (errors.NotEnoughReplicasAfterAppendError, Reason.SERVER_ERROR, "too few replicas are in sync"),
    (TimeoutError, Reason.TIMEOUT, "no broker responded in time"),
    (errors.KafkaTimeoutError, Reason.TIMEOUT, "no broker responded in time"),
    (errors.RequestTimedOutError, Reason.TIMEOUT, "no broker responded in time"),
    (errors.NodeNotReadyError, Reason.UNREACHABLE, "the broker cannot be reached"),
    (errors.NotLeaderForPartitionError, Reason.UNREACHABLE, "a partition has no leader"),
    (errors.LeaderNotAvailableError, Reason.UNREACHABLE, "a partition has no leader"),
)
# The producer's sequence numbers are lost: the next producer starts from zero, so there is nothing to wait for.
_FOR_A_NEW_PRODUCER: Final = (
    errors.OutOfOrderSequenceNumber,
    errors.UnknownProducerId,
    errors.InvalidProducerEpoch,
    errors.InvalidProducerIdMapping,
    errors.ProducerFenced,
    errors.ProducerClosed,
)


def failure(error: Exception) -> TransientError | DisabledError:
    """
    Return the sink error for an error of aiokafka.
    """
    for kind, reason, words in _FOR_A_PERSON:
        if isinstance(error, kind):
            return DisabledError(reason, words)
    for kind, reason, words in _FOR_LATER:
        if isinstance(error, kind):
            return TransientError(reason, words)
    if isinstance(error, _FOR_A_NEW_PRODUCER):
        return TransientError(Reason.SERVER_ERROR, type(error).__name__, retry_after_s=0.0)
    return _unlisted(error)


def failure_at(server: str, error: Exception) -> TransientError | DisabledError:
    """
    Return the sink error for an error of aiokafka, with the name of the broker.
    """
    found = failure(error)
    return type(found)(found.reason, f"{server}: {found.detail}")


def most_severe(failures: list[TransientError | DisabledError]) -> TransientError | DisabledError:
    """
    Return the failure to report for several brokers: the first that a person must fix, else the last one.
    """
    return next((found for found in failures if isinstance(found, DisabledError)), failures[-1])


def _unlisted(error: Exception) -> TransientError | DisabledError:
    match error:
        case errors.AuthenticationFailedError(args=(str(detail),)):
            # Raised by our TokenFile: it names the file.
            return DisabledError(Reason.UNAUTHORIZED, detail)
        case OSError():
            return TransientError(Reason.UNREACHABLE, reason_of(error))
        case errors.KafkaConnectionError(__cause__=OSError() as cause):
            return TransientError(Reason.UNREACHABLE, reason_of(cause))
        case errors.KafkaConnectionError():
            return TransientError(
                Reason.UNREACHABLE, "the connection was closed; the broker may require TLS or authentication"
            )
        case errors.KafkaError():
            return TransientError(Reason.SERVER_ERROR, type(error).__name__)
        case _:
            return TransientError(Reason.UNREACHABLE, "the peer does not speak the Kafka protocol")
