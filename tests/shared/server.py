"""
Real servers, each in a process of its own.
"""

import contextlib
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tests.lab.waiting import wait_until


class Server:
    """
    A server that a test can kill and freeze; the classes of the servers start it.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def kill(self) -> None:
        """
        End the server with SIGKILL.
        """
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """
        Stop the server with SIGSTOP: the kernel accepts connections for it, but nothing answers.
        """
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def _run(
        self,
        command: Sequence[str | Path],
        log: Path,
        is_ready: Callable[[], bool],
        ready_s: float,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """
        Start the server, and wait until it is ready.

        Raises:
            AssertionError: it ended instead; the message is its log.
            TimeoutError: it is not ready in time.
        """
        with log.open("ab") as written:
            process = subprocess.Popen(command, stdout=written, stderr=written, cwd=log.parent, env=environment)
        self._process = process

        def ready() -> bool:
            assert process.poll() is None, log.read_text(errors="replace")
            return is_ready()

        wait_until(ready, ready_s, f"{command[0]} is ready ({log})")


def accepts_connections(port: int) -> bool:
    """
    Return whether something listens on a port of the loopback interface.
    """
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
