"""
What an error of aiokafka means. Its text is never told: of brokers' words nobody knows what they hold.
"""

from typing import Final

from aiokafka import errors

from sinks.errors import DisabledError, Reason, TransientError
from sinks.tls import plain_words

# What aiokafka lets through while it connects: a peer that is no broker, or not the one it says it is.
CONNECTING: Final = (errors.KafkaError, OSError, TimeoutError, ValueError, KeyError, AssertionError)
TOO_LARGE: Final = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)


class _InvalidRecord(errors.BrokerResponseError):  # type: ignore[misc]
    errno = 87
    message = "INVALID_RECORD"


class _UnsupportedCompressionType(errors.BrokerResponseError):  # type: ignore[misc]
    errno = 76
    message = "UNSUPPORTED_COMPRESSION_TYPE"


# Of a code that is not in this table aiokafka 0.14 makes UnknownError and forgets the number.
INVALID_RECORD: Final = errors.kafka_errors.setdefault(_InvalidRecord.errno, _InvalidRecord)
_UNSUPPORTED_COMPRESSION: Final = errors.kafka_errors.setdefault(
    _UnsupportedCompressionType.errno, _UnsupportedCompressionType
)

_FOR_A_PERSON: Final[tuple[tuple[type[Exception], Reason, str], ...]] = (
    (errors.SaslAuthenticationFailed, Reason.UNAUTHORIZED, "the broker refuses the credentials"),
    (errors.UnsupportedSaslMechanismError, Reason.UNUSABLE, "the broker does not offer this sasl_mechanism"),
    (errors.IllegalSaslStateError, Reason.UNUSABLE, "this port of the broker takes no login"),
    (errors.TopicAuthorizationFailedError, Reason.UNAUTHORIZED, "this user may not write to the topic, or not make it"),
    (
        errors.ClusterAuthorizationFailedError,
        Reason.UNAUTHORIZED,
        "this user may not make the topic, or not write idempotently (idempotent = false needs no such right)",
    ),
    (errors.InvalidTopicError, Reason.NO_SUCH_TARGET, "the broker takes no topic of this name"),
    (errors.InvalidTimestampError, Reason.UNUSABLE, "the broker refuses the time of this host's clock"),
    (errors.InvalidReplicationFactorError, Reason.UNUSABLE, "there are fewer brokers than topic_replication"),
    (errors.InvalidPartitionsError, Reason.UNUSABLE, "the broker takes no topic with so many topic_partitions"),
    (errors.PolicyViolationError, Reason.UNUSABLE, "the broker's policy forbids the topic or the event"),
    (_UNSUPPORTED_COMPRESSION, Reason.UNUSABLE, "the broker or topic does not take this compression"),
    (errors.UnsupportedForMessageFormatError, Reason.UNUSABLE, "the topic's message format is too old"),
    (errors.UnsupportedVersionError, Reason.UNUSABLE, "the broker is too old"),
    (errors.IncompatibleBrokerVersion, Reason.UNUSABLE, "the broker is too old"),
)
_FOR_LATER: Final[tuple[tuple[type[Exception], Reason, str], ...]] = (
    (errors.UnknownTopicOrPartitionError, Reason.NO_SUCH_TARGET, "the topic is gone"),
    (errors.NotEnoughReplicasError, Reason.SERVER_ERROR, "too few replicas are in sync"),
    (errors.NotEnoughReplicasAfterAppendError, Reason.SERVER_ERROR, "too few replicas are in sync"),
    (TimeoutError, Reason.TIMEOUT, "no broker answered in time"),
    (errors.KafkaTimeoutError, Reason.TIMEOUT, "no broker answered in time"),
    (errors.RequestTimedOutError, Reason.TIMEOUT, "no broker answered in time"),
    (errors.NodeNotReadyError, Reason.UNREACHABLE, "the broker cannot be reached"),
    (errors.NotLeaderForPartitionError, Reason.UNREACHABLE, "a partition has no leader"),
    (errors.LeaderNotAvailableError, Reason.UNREACHABLE, "a partition has no leader"),
)
# The producer has lost count: the next one begins anew, so nothing is to be waited for.
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
    What is to be done about an error.
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


def at(server: str, error: Exception) -> TransientError | DisabledError:
    """
    The same, with the name of the broker.
    """
    found = failure(error)
    return type(found)(found.reason, f"{server}: {found.detail}")


def gravest(failures: list[TransientError | DisabledError]) -> TransientError | DisabledError:
    """
    Of the failures of several brokers the one to tell: what a person must mend, else the last one.
    """
    return next((found for found in failures if isinstance(found, DisabledError)), failures[-1])


def _unlisted(error: Exception) -> TransientError | DisabledError:
    match error:
        case errors.AuthenticationFailedError(args=(str(words),)):
            # Ours: it names the file of the token.
            return DisabledError(Reason.UNAUTHORIZED, words)
        case OSError():
            return TransientError(Reason.UNREACHABLE, plain_words(error))
        case errors.KafkaConnectionError(__cause__=OSError() as cause):
            return TransientError(Reason.UNREACHABLE, plain_words(cause))
        case errors.KafkaConnectionError():
            return TransientError(Reason.UNREACHABLE, "the connection was closed; it may need TLS or a login")
        case errors.KafkaError():
            return TransientError(Reason.SERVER_ERROR, type(error).__name__)
        case _:
            return TransientError(Reason.UNREACHABLE, "what answers does not speak as a broker does")
