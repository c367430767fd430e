"""
Finds where Podman reports its containers: the sockets on which it listens, and the files into which it writes its
events, of root and of users who are logged in or linger.

systemd creates /run/user/UID for a user at the first login, or at the boot for a user who lingers, and deletes it with
the last session. A user's Podman listens in there if `podman.socket` is enabled for that user, and has its file there
if its events go to a file.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from collector.config.sources import PodmanConfig
from collector.sources.podman.events_file import SCHEME as FILE

_SCHEME: Final = "unix://"
_USERS: Final = Path("/run/user")
_SOCKET: Final = "podman/podman.sock"
_FILE: Final = "libpod/tmp/events/events.log"
# Each engine costs the agent some threads and a megabyte. What else there is still has its events in the journal.
ENGINES_AT_MOST: Final = 16


def places(config: PodmanConfig, users: Path = _USERS) -> list[str]:
    """
    Return the URLs of the sockets and files that exist now, sockets and root's first, at most so many.

    Args:
        config: which sockets and files are configured, and whether those of users are looked for.
        users: the directory with a directory per user.
    """
    files = [f"{FILE}{path}" for path in config.files if _is(path, Path.is_file)]
    files += [f"{FILE}{path}" for path in _of_users(config, users, _FILE, Path.is_file)]
    return [*sockets(config, users), *dict.fromkeys(files)][:ENGINES_AT_MOST]


def sockets(config: PodmanConfig, users: Path = _USERS) -> list[str]:
    """
    Return the URLs of the sockets that exist now; arguments as for `places`.
    """
    configured = [
        url for url in config.urls if not url.startswith(_SCHEME) or _is(url.removeprefix(_SCHEME), Path.is_socket)
    ]
    found = (f"{_SCHEME}{path}" for path in _of_users(config, users, _SOCKET, Path.is_socket))
    return list(dict.fromkeys([*configured, *found]))


def may_open(urls: Sequence[str]) -> bool:
    """
    Return whether the agent may open one of these; a URL that is no socket and no file of this host counts.
    """
    return any(map(_may_open, urls))


def _may_open(url: str) -> bool:
    if url.startswith(FILE):
        return os.access(url.removeprefix(FILE), os.R_OK, effective_ids=True)
    return not url.startswith(_SCHEME) or os.access(url.removeprefix(_SCHEME), os.W_OK, effective_ids=True)


def _of_users(config: PodmanConfig, users: Path, name: str, kind: Callable[[Path], bool]) -> Iterator[str]:
    """
    Yield the paths with a name in the directories of users that are of a kind.
    """
    if not config.users:
        return
    try:
        uids = sorted(int(path.name) for path in users.iterdir() if path.name.isascii() and path.name.isdecimal())
    except OSError:
        return
    for uid in uids:
        path = str(users / str(uid) / name)
        if _is(path, kind):
            yield path


def _is(path: str, kind: Callable[[Path], bool]) -> bool:
    try:
        return kind(Path(path))
    except OSError:
        return False
