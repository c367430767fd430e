"""
Events on standard output, one JSON line each, for `docker logs`, a pipe or a person. Never blocks the agent.

The descriptor is shared with the parent process, so it is not made non-blocking. A pipe that poll(2) reports as
writable takes PIPE_BUF bytes at once (pipe(7)), so writes of that size cannot block.
"""

import asyncio
import fcntl
import os
import select
from collections.abc import Sequence
from typing import Final

from sinks.base import Outgoing, SinkConfig
from sinks.errors import DisabledError, Reason, TransientError

_STDOUT: Final = 1
_POLL_S: Final = 0.02


class StdoutConfig(SinkConfig, frozen=True, kw_only=True):
    """
    A sink of the type `stdout`; it has no settings of its own.
    """


class StdoutSink:
    """
    Writes to a file descriptor.

    Args:
        config: its configuration.
        descriptor: where to write.
    """

    max_batch = 500

    def __init__(self, config: StdoutConfig, descriptor: int = _STDOUT) -> None:
        self.name = config.name
        self._descriptor = descriptor
        self._torn = False

    async def open(self) -> None:
        """
        Check that the descriptor is open for writing; the agent replaces a closed one with a read-only /dev/null.

        Raises:
            DisabledError: the descriptor is closed.
        """
        try:
            access = fcntl.fcntl(self._descriptor, fcntl.F_GETFL) & os.O_ACCMODE
        except OSError as error:
            raise DisabledError(Reason.UNUSABLE, "standard output is closed") from error
        if access == os.O_RDONLY:
            raise DisabledError(Reason.UNUSABLE, "standard output is closed")

    async def send(self, batch: Sequence[Outgoing]) -> None:
        """
        Write a batch; wait while the reader does not read.

        Raises:
            DisabledError: the reader has closed the pipe.
            TransientError: the output cannot be written now.
        """
        lines = b"".join(event.body + b"\n" for event in batch)
        # A cancelled send may have left half a line behind.
        rest = memoryview(b"\n" + lines if self._torn else lines)
        try:
            while rest:
                await self._writable()
                written = os.write(self._descriptor, rest[: select.PIPE_BUF])
                self._torn = rest[written - 1] != ord("\n")
                rest = rest[written:]
        except BrokenPipeError as error:
            raise DisabledError(Reason.UNREACHABLE, "the reader of standard output has closed it") from error
        except OSError as error:
            raise TransientError(Reason.IO_ERROR, f"standard output: {error.strerror}") from error

    async def aclose(self) -> None:
        """
        Do nothing: the descriptor belongs to the process.
        """

    async def _writable(self) -> None:
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        while not poll.poll(0):  # noqa: ASYNC110 (a regular file cannot be watched by the loop)
            await asyncio.sleep(_POLL_S)
