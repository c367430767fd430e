"""
Provides a journal daemon: the host's, or one started by hand if systemd does not run.

Without socket activation journald creates its sockets itself, and reads /dev/kmsg from the oldest record on.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.lab.waiting import wait_until

_SOCKET: Final = Path("/run/systemd/journal/socket")
_PROGRAMS: Final = (Path("/usr/lib/systemd/systemd-journald"), Path("/lib/systemd/systemd-journald"))
_UP_S: Final = 10.0


@contextmanager
def journal_daemon() -> Iterator[None]:
    """
    Make sure that a journald answers as long as the context lasts.
    """
    if _answers():
        yield
        return
    _SOCKET.unlink(missing_ok=True)  # a daemon that was killed leaves it behind
    program = next(path for path in _PROGRAMS if path.exists())
    daemon = subprocess.Popen([program], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(_answers, _UP_S, "journald answers")
        yield
    finally:
        daemon.terminate()
        daemon.wait()


def _answers() -> bool:
    said = subprocess.run(["systemd-cat", "true"], check=False, capture_output=True)
    return said.returncode == 0
