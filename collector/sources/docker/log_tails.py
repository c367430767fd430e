"""
Reads the log tails of ended containers in threads, a few at a time.

Each is read as early as possible, because the logs of a container with `--rm` are deleted within moments. Docker ends
a container after it has handed all output to the log driver; a driver that stores it elsewhere (the journal, a server)
may show the last lines later. So its log is read once more, while the death still waits for other evidence.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from collector.facts.observed import LogTailFact
from collector.host.threads import Threads
from collector.sources.docker.log_tail import LogReader, LogTail, read_log_tail
from parsers.docker_event import DockerEvent

_AT_ONCE: Final = 4
_QUEUED: Final = 64
# A death by exit code waits 0.5 s for the journal, others 2 s.
_AGAIN_S: Final = 0.35
# They have written everything when Docker says that the container ended.
_WRITTEN_AT_ONCE: Final = frozenset({"json-file", "local", "none"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LogTailRequest:
    """
    An ended run whose log tail is wanted.

    Attributes:
        die_event_ns: time of Docker's `die` event, the end of the run.
        began_ns: start of the run; None if it was not seen.
        log_driver: name of the container's log driver; None if unknown.
        before: what was read before; None at first.
    """

    container_id: str
    die_event_ns: int
    began_ns: int | None
    log_driver: str | None
    before: LogTail | None = None


def log_tail_request(die: DockerEvent, run: Mapping[str, Any]) -> LogTailRequest:
    """
    Return the request for the log tail of a run that has ended.

    Args:
        die: the end of the run.
        run: what is known of it, as in the source's position.
    """
    return LogTailRequest(
        container_id=die.container_id,
        die_event_ns=die.time_ns,
        began_ns=run.get("started_at_ns"),
        log_driver=run.get("log_driver"),
    )


class LogTailQueue:
    """
    The log tails that are wanted.

    Beyond 64 waiting requests the oldest are dropped: their logs would be gone before their turn.

    Args:
        client: the engine.
        threads: for the calls, which block.
        ready: called in the loop's thread when a log tail has arrived.
        again_s: how long after the first time the log of a driver that may be late is read again.
    """

    def __init__(
        self, client: LogReader, threads: Threads, ready: Callable[[], None], again_s: float = _AGAIN_S
    ) -> None:
        self._client = client
        self._threads = threads
        self._ready = ready
        self._again_s = again_s
        self._waiting: deque[LogTailRequest] = deque(maxlen=_QUEUED)
        self._asked: dict[LogTailRequest, asyncio.Future[LogTail]] = {}

    def ask(self, request: LogTailRequest) -> None:
        """
        Queue a request for the log tail of a run.
        """
        self._waiting.append(request)
        self._start_next()

    def answers(self) -> list[LogTailFact]:
        """
        Return the log tails that have arrived since the last call; a second one only if it has further lines.
        """
        done = [(request, future.result()) for request, future in self._asked.items() if future.done()]
        for request, tail in done:
            del self._asked[request]
            self._ask_again(request, tail)
        self._start_next()
        return [_fact(request, tail) for request, tail in done if _is_news(request, tail)]

    def _ask_again(self, request: LogTailRequest, tail: LogTail) -> None:
        """
        Read a log once more if its last lines may be late, unless others wait for their first turn.
        """
        if request.before is None and request.log_driver not in _WRITTEN_AT_ONCE and not self._waiting:
            later = replace(request, before=tail)
            asyncio.get_running_loop().call_later(self._again_s, self.ask, later)

    def _start_next(self) -> None:
        while self._waiting and len(self._asked) < _AT_ONCE:
            request = self._waiting.popleft()
            future = self._threads.call(
                read_log_tail,
                self._client,
                request.container_id,
                log_driver=request.log_driver,
                began_ns=request.began_ns,
                ended_ns=request.die_event_ns,
            )
            future.add_done_callback(lambda _: self._ready())
            self._asked[request] = future


def _is_news(request: LogTailRequest, tail: LogTail) -> bool:
    """
    Return whether a log tail says something that the one before did not; a log that is gone by now says nothing.
    """
    return request.before is None or bool(tail.lines and tail.lines != request.before.lines)


def _fact(request: LogTailRequest, tail: LogTail) -> LogTailFact:
    return LogTailFact(
        container_id=request.container_id,
        die_event_ns=request.die_event_ns,
        lines=tail.lines,
        missing=tail.missing,
    )
