"""
Parse the mounts of a process (/proc/<pid>/mountinfo), reduced to where each is and of which type.

Format: proc_pid_mountinfo(5). Blanks and backslashes in a path are octal escapes.

    592 547 0:54 / / rw,relatime - overlay overlay rw,lowerdir=/…
    601 592 8:1 /var/lib/docker/volumes/data/_data /data rw,relatime master:1 - ext4 /dev/sda1 rw
"""

import re
from dataclasses import dataclass
from typing import Final

_SEPARATOR: Final = " - "
_MOUNT_POINT: Final = 4
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")
# File systems that answer from this host alone: no server, and no program that a container runs, decides when.
_LOCAL: Final = frozenset(
    {"bcachefs", "btrfs", "devtmpfs", "erofs", "ext2", "ext3", "ext4", "f2fs", "jfs", "overlay", "ramfs", "reiserfs"}
    | {"rootfs", "squashfs", "tmpfs", "vfat", "xfs", "zfs"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MountPoint:
    """
    One mount.

    Attributes:
        path: where, as the process sees it; absolute.
        is_local: whether its file system answers without a server or a program (NFS, FUSE).
    """

    path: str
    is_local: bool


def parse_mounts(text: bytes) -> tuple[MountPoint, ...]:
    """
    Return the mounts in their order; of several at one path the last one is seen. Other lines are left out.
    """
    found = map(_mount_of, text.decode("utf-8", "surrogateescape").split("\n"))
    return tuple(mount for mount in found if mount is not None)


def _mount_of(line: str) -> MountPoint | None:
    fields, separator, rest = line.partition(_SEPARATOR)
    words = fields.split(" ")
    if not separator or len(words) <= _MOUNT_POINT or not words[_MOUNT_POINT].startswith("/"):
        return None
    path = _ESCAPED.sub(lambda escaped: chr(int(escaped[1], 8) & 0x7F), words[_MOUNT_POINT])
    return MountPoint(path=path, is_local=rest.partition(" ")[0] in _LOCAL)
