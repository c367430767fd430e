"""
What an inspection becomes: a snapshot of a container, with what /proc shows of its main process.

A user's engine may name any process of the host as the main process of its container, and any directory as its file
system. So its word counts only for a process in a cgroup below that user's systemd, and not for directories.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from collector.facts.observed import SnapshotFact
from collector.host.procfs import ProcFiles
from collector.sources.docker.main_process import cgroup_of, with_layers
from parsers.cgroup_path import is_of_user
from parsers.docker_inspect import ContainerSnapshot
from parsers.engine import ContainerEngine

_SCHEME: Final = "unix://"
# systemd creates this directory for a user, who owns it.
_USERS_PATH: Final = re.compile(r"/run/user/(?P<uid>[0-9]{1,10})/.+", re.DOTALL)


@dataclass(slots=True, kw_only=True)
class SnapshotMaker:
    """
    Makes the facts of inspections.

    Attributes:
        boot_id: this boot of the host.
        engine: the engine that answers.
        resumed_boot_id: the boot of the stored position.
        resumed_ns: time of the last event in the stored position.
        gap_from_ns: from when on events may have been missed.
    """

    boot_id: str | None
    engine: ContainerEngine | None = None
    resumed_boot_id: str | None = None
    resumed_ns: int | None = None
    gap_from_ns: int = 0

    def fact(self, snapshot: ContainerSnapshot, seen_at_ns: int, files: ProcFiles | None = None) -> SnapshotFact:
        """
        Return the fact of one inspection.

        Args:
            snapshot: what the engine says.
            seen_at_ns: when it was asked.
            files: reads /proc; None for this host's.
        """
        cgroup = cgroup_of(snapshot, files)
        if self.engine is not None and self.engine.is_of_user:
            is_own = is_of_user(cgroup or "", self.engine.uid or 0)
            pid, cgroup = (snapshot.pid, cgroup) if is_own else (None, None)
            hidden = tuple(replace(mount, source=None) for mount in snapshot.mounts)
            snapshot = replace(snapshot, pid=pid, layers=(), mounts=hidden)  # the layers are read from /proc instead
        return SnapshotFact(
            snapshot=with_layers(snapshot, files),
            seen_at_ns=seen_at_ns,
            boot_id=self._boot_of(snapshot),
            ended_unseen=not snapshot.running and (snapshot.finished_at_ns or 0) > self.gap_from_ns,
            cgroup=cgroup,
            engine=self.engine,
        )

    def resume(self, position: Mapping[str, Any], resumed_ns: int) -> None:
        """
        Continue after the last event in a stored position.
        """
        boot_id = position.get("boot_id")
        self.resumed_boot_id = boot_id if isinstance(boot_id, str) else None
        self.resumed_ns = resumed_ns

    def _boot_of(self, snapshot: ContainerSnapshot) -> str | None:
        """
        Return the boot in which a run began: that of the stored position if the run is older, else this boot.
        """
        if self.resumed_ns is None or snapshot.started_at_ns is None:
            return self.boot_id
        return self.resumed_boot_id if snapshot.started_at_ns <= self.resumed_ns else self.boot_id


def owner_of(url: str) -> int | None:
    """
    Return the user whose engine listens at a socket; None where the engine has no socket on this host.

    In a user's own directory the user may put any file or link, so there the directory decides.
    """
    path = url.removeprefix(_SCHEME)
    uid = user_of(path)
    if uid is not None:
        return uid
    try:
        return Path(path).stat().st_uid if path != url else None
    except OSError:
        return None


def user_of(path: str) -> int | None:
    """
    Return the user in whose own directory a path is; None elsewhere.
    """
    users = _USERS_PATH.fullmatch(path)
    return int(users["uid"]) if users is not None else None
