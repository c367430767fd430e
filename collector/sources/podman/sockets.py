"""
Finds the sockets at which Podman listens: root's, and those of users who are logged in or linger.

systemd creates /run/user/UID for a user at the first login, or at the boot for a user who lingers, and deletes it with
the last session. A user's Podman listens in there if `podman.socket` is enabled for that user.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from collector.config.sources import PodmanConfig

_SCHEME: Final = "unix://"
_USERS: Final = Path("/run/user")
_SOCKET: Final = "podman/podman.sock"
# Each engine costs the agent some threads and a megabyte. What else there is still has its events in the journal.
ENGINES_AT_MOST: Final = 16


def sockets(config: PodmanConfig, users: Path = _USERS) -> list[str]:
    """
    Return the URLs of the sockets that exist now, root's first, at most so many.

    Args:
        config: which sockets are configured, and whether those of users are looked for.
        users: the directory with a directory per user.
    """
    configured = [url for url in config.urls if not url.startswith(_SCHEME) or _is_socket(url.removeprefix(_SCHEME))]
    found = _of_users(users) if config.users else ()
    return list(dict.fromkeys([*configured, *found]))[:ENGINES_AT_MOST]


def may_open(urls: Sequence[str]) -> bool:
    """
    Return whether the agent may open one of these; a URL that is no socket of this host counts.
    """
    return any(
        not url.startswith(_SCHEME) or os.access(url.removeprefix(_SCHEME), os.W_OK, effective_ids=True) for url in urls
    )


def _of_users(users: Path) -> Iterator[str]:
    try:
        uids = sorted(int(path.name) for path in users.iterdir() if path.name.isascii() and path.name.isdecimal())
    except OSError:
        return
    for uid in uids:
        path = users / str(uid) / _SOCKET
        if _is_socket(str(path)):
            yield f"{_SCHEME}{path}"


def _is_socket(path: str) -> bool:
    try:
        return Path(path).is_socket()
    except OSError:
        return False
