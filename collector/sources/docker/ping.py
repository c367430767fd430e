"""
Finds out until when the event stream has been read, by a ping: the stream itself says nothing while nothing happens.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from collector.facts.watermark import WatermarkFact
from collector.host.beat import until_beat_s
from collector.host.threads import Threads
from collector.sources.base import SourceError
from collector.sources.docker.client import DockerClient
from collector.sources.docker.event_pump import EventPump

_NS_PER_S: Final = 1_000_000_000
# Docker stamps an event before it takes its turn in the stream: two of the same moment may be in the other order.
_ORDER_SLACK_NS: Final = 100_000_000
# Often enough for an answer within 50 ms. A slow engine is pinged less: pings take it a tenth of the time at most.
_PING_EVERY_NS: Final = 15_000_000
_PAUSE_PER_PING: Final = 9
# An engine that fails, or takes long, is pinged no less often than this while somebody waits.
_SLOWEST_NS: Final = 250_000_000
# How often a ping that could not be sent, or something else that could not be done, is tried again.
_RETRY_EVERY_S: Final = 1.0
# How often an engine is pinged although nobody asks for a watermark; an answer takes a moment of that time.
_BEAT_S: Final = 5.0
_BEAT_NS: Final = 4_500_000_000
# An engine that answers no ping for so long is down. Longer than one ping may take: a busy host delays one, not two.
_LOST_NS: Final = 15_000_000_000
_FAILURES: Final = 2


class StreamPing:
    """
    Pings the engine in a thread, one ping at a time.

    An engine that answers has sent all events from before the ping. An engine that does not answer says nothing. Pings
    also show whether the engine is alive, so one is sent every few seconds, whoever asks for a watermark.

    Args:
        client: the engine.
        threads: for the calls, which block.
        pump: reads the engine's events; it is woken when an answer has arrived.
        wall_ns: the wall clock.
        monotonic_ns: CLOCK_MONOTONIC.
    """

    def __init__(
        self,
        client: DockerClient,
        threads: Threads,
        pump: EventPump,
        wall_ns: Callable[[], int],
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._client = client
        self._threads = threads
        self._pump = pump
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns
        self._wanted = False
        self._sent_ns = self._sent_monotonic_ns = 0
        self._next_ns = 0
        self._is_pending = False
        self._is_answered = False
        self._answered_ns = monotonic_ns()
        self._failing_ns: int | None = None
        self._failures = 0

    def pause_s(self, *, must_retry: bool) -> float:
        """
        Return how long to wait for events: until the next ping, or not long while something is to be done again.

        Args:
            must_retry: whether the caller has something to do again.
        """
        is_busy = self._wanted or self._is_pending or self._failing_ns is not None
        return until_beat_s(_RETRY_EVERY_S if is_busy or must_retry else _BEAT_S)

    def request(self) -> None:
        """
        Ping soon; a ping that is on its way is not repeated. Call it in the loop's thread.
        """
        self._wanted = True
        self._send()
        if self._is_answered:
            self._pump.wake()

    def watermarks(self, last_event_ns: int | None = None) -> list[WatermarkFact]:
        """
        Return the watermark that an answered ping gives: everything before the ping has been taken from the pump.

        While events come faster than they are read, the last event that was taken gives it: Docker sends events in the
        order of their stamps. Else a busy engine would keep every verdict waiting.

        Call it after events have been taken from the pump, and before the loop runs anything else.

        Args:
            last_event_ns: the stamp of the last event that was taken; None if there was none.
        """
        found: list[WatermarkFact] = []
        if self._pump.has_unread():
            if last_event_ns is not None:
                read_until_ns = min(last_event_ns, self._wall_ns()) - _ORDER_SLACK_NS
                found.append(WatermarkFact(source="docker", read_until_ns=read_until_ns))
        elif self._is_answered:
            found.append(WatermarkFact(source="docker", read_until_ns=self._sent_ns))
            self._is_pending = self._is_answered = False
        self._wanted = self._wanted or self._monotonic_ns() - self._answered_ns >= _BEAT_NS
        self._send()
        return found

    def check(self) -> None:
        """
        Check that the engine answers pings.

        Raises:
            SourceError: it has answered none for a while. A ping that was not sent does not count.
        """
        if self._failing_ns is None or self._failures < _FAILURES:
            return
        silent_ns = self._monotonic_ns() - self._failing_ns
        if silent_ns >= _LOST_NS:
            raise SourceError(f"the Docker Engine has answered no ping for {silent_ns / _NS_PER_S:.0f} s")

    def _take(self, answer: "asyncio.Future[bool]") -> None:
        try:
            self._is_answered = answer.result()
        except SourceError:
            self._failing_ns = self._sent_monotonic_ns if self._failing_ns is None else self._failing_ns
            self._failures += 1
        else:
            self._answered_ns = self._monotonic_ns()
            took_ns = self._answered_ns - self._sent_monotonic_ns
            self._next_ns = self._sent_monotonic_ns + max(_PING_EVERY_NS, min(took_ns * _PAUSE_PER_PING, _SLOWEST_NS))
            self._failing_ns, self._failures = None, 0
        self._is_pending = self._is_answered
        self._pump.wake()

    def _send(self) -> None:
        now_ns = self._monotonic_ns()
        if not self._wanted or self._is_pending or now_ns < self._next_ns:
            return
        self._wanted, self._next_ns = False, now_ns + _SLOWEST_NS
        self._sent_ns, self._sent_monotonic_ns = self._wall_ns(), now_ns
        self._is_pending = True
        self._threads.call(self._client.ping).add_done_callback(self._take)
