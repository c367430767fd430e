"""
The sink: batches of messages, each on a connection of its own.
"""

import asyncio
import errno
import ssl
from collections.abc import Sequence
from importlib.metadata import version
from typing import Final

from sinks.base import Outgoing
from sinks.batches import TimeForBatch
from sinks.errors import PermanentError, Reason, TransientError
from sinks.outcome import Failure, raise_for
from sinks.syslog.config import FACILITIES, SyslogConfig, address_of
from sinks.syslog.messages import message_of
from sinks.syslog.transport import send_on_connection, send_on_local_socket
from sinks.tls import client_context, reason_of

_MAX_BATCH: Final = 256


class SyslogSink:
    """
    Sends messages to one receiver.

    Args:
        config: its configuration.
    """

    max_batch = _MAX_BATCH

    def __init__(self, config: SyslogConfig) -> None:
        self.name = config.name
        self._config = config
        self._version = version("exit137")
        self._tls: ssl.SSLContext | None = None
        # Halved when a receiver is too slow for a batch, so that it does not get the same messages again and again.
        self._at_once = _MAX_BATCH

    async def open(self) -> None:
        """
        Read the files that the configuration names; nothing is sent.

        Raises:
            DisabledError: the configuration cannot be used.
        """
        self._config.check()
        if address_of(self._config.address).tls:
            self._tls = await asyncio.to_thread(client_context, self._config)

    async def send(self, batch: Sequence[Outgoing]) -> None:
        """
        Send messages in order; return when the receiver has read all of them.

        Raises:
            TransientError, PermanentError: no event of the batch was accepted.
            PartialError: some events failed.
        """
        outcomes: dict[str, Failure | None] = {}
        stop: TransientError | None = None
        start = 0
        time = TimeForBatch(self._config.timeout_s)
        while start < len(batch) and stop is None:
            events = batch[start : start + self._at_once]
            try:
                await self._send(events)
            except PermanentError as error:
                self._at_once = 1
                outcomes |= {events[0].id: error} if len(events) == 1 else {}
                start += len(events) == 1
            except TransientError as error:
                stop = error
            else:
                outcomes |= dict.fromkeys((event.id for event in events), None)
                start += len(events)
                self._at_once = min(_MAX_BATCH, self._at_once * 2)
            stop = stop or time.is_over()
        raise_for(batch, outcomes, stop)

    async def aclose(self) -> None:
        """
        Forget the certificates; no connection stays open.
        """
        self._tls = None

    async def _send(self, events: Sequence[Outgoing]) -> None:
        config, to = self._config, address_of(self._config.address)
        facility = FACILITIES[config.facility]
        messages = [message_of(event, config.format, facility, self._version, config.max_bytes) for event in events]
        try:
            async with asyncio.timeout(config.timeout_s):
                if to.path is not None:
                    await send_on_local_socket(to.path, messages)
                elif to.tls and self._tls is None:
                    raise TransientError(Reason.UNREACHABLE, "the sink is not open")
                else:
                    await send_on_connection(to, messages, self._tls)
        except TimeoutError:
            self._at_once = max(1, len(events) // 2)
            detail = f"{to}: the receiver has not read everything within {config.timeout_s:g} s"
            raise TransientError(Reason.TIMEOUT, detail) from None
        except OSError as error:
            if error.errno == errno.EMSGSIZE:
                raise PermanentError(Reason.TOO_LARGE, f"{to}: larger than a datagram may be") from None
            raise TransientError(Reason.UNREACHABLE, f"{to}: {reason_of(error)}") from None
