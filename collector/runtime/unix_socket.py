"""
The Unix socket of the API: a file that only root, the agent's user and the group exit137 may open.
"""

import contextlib
import os
import socket
import stat
from pathlib import Path
from typing import Final

from collector.runtime.access import group_id

_MODE: Final = 0o660
_DIRECTORY_MODE: Final = 0o755
_UMASK: Final = 0o177
_BACKLOG: Final = 128


def bound_socket(path: Path) -> socket.socket:
    """
    Bind the socket, replacing one that an earlier agent left behind, and listen.

    Raises:
        OSError: the directory cannot be made, or something else is in its place.
    """
    path.parent.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISSOCK(path.lstat().st_mode):
            path.unlink()
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    before = os.umask(_UMASK)
    try:
        listening.bind(str(path))
        group = group_id()
        if group is not None:
            with contextlib.suppress(PermissionError):  # then only this user and root may connect
                os.chown(path, -1, group)
        path.chmod(_MODE)
        listening.listen(_BACKLOG)
    except OSError:
        listening.close()
        raise
    finally:
        os.umask(before)
    return listening
