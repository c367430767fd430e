"""
Parse what systemd-coredump writes to the journal about a process that dumped core.

The fields COREDUMP_* are its own, read from /proc while the process waits. The text has the stack of each thread, that
of the crashed one first; the offsets are those in the file. Source: src/coredump/coredump.c and
src/shared/elf-util.c of systemd; older versions leave the offsets out, newer ones put a sign in front.

    Process 817 (ir-keytable) of user 0 dumped core.

    Stack trace of thread 817:
    #0  0x00007f1a958436f5 __strlen_avx2 (libc.so.6 + 0x1616f5)
"""

import re
from collections.abc import Mapping
from itertools import islice
from typing import Final

from parsers.kernel.facts import Frame, KernelNotice, NoticeKind, TaskName
from parsers.untyped import int_of

# SD_MESSAGE_COREDUMP in systemd's sd-messages.h.
COREDUMP_MESSAGE_ID: Final = "fc2e22bc6ee647b6b90729ab34a250b1"
_FIELDS: Final = frozenset({"PID", "TID", "UID", "SIGNAL", "COMM", "EXE", "CGROUP", "TIMESTAMP"})
_PREFIX: Final = "COREDUMP_"
_FRAMES_AT_MOST: Final = 16
_LENGTH_AT_MOST: Final = 65_536
_SENTENCE: Final = re.compile(
    r"\A(?:\[[^\]\n]{1,4}\] )?Process (?P<pid>[0-9]{1,10}) \((?P<comm>[^\n]{1,64}?)\) of user [0-9]{1,10}"
    r" (?:dumped core|terminated abnormally(?: with signal (?P<signal>[0-9]{1,2})/)?)"
)
_STACK: Final = re.compile(r"Stack trace of thread [0-9]{1,10}:")
_FRAME: Final = re.compile(
    r"^[ \t]{0,64}#[0-9]{1,3}[ \t]{1,8}0x[0-9a-f]{1,16} (?P<function>[^\n(]{1,512}?)"
    r" \((?P<module>[^\s()]{1,4096})(?: \+ 0x(?P<offset>[0-9a-f]{1,16}))?\)",
    re.MULTILINE,
)
_UNKNOWN: Final = "n/a"


def parse_coredump(message: str, fields: Mapping[str, str]) -> KernelNotice | None:
    """
    Parse an entry; None where it names no process.

    Args:
        message: its text.
        fields: those of its fields that begin with COREDUMP_, without that; of a pasted text they may be missing.
    """
    said = _SENTENCE.match(message)
    pid = int_of(fields.get("PID") or (said["pid"] if said is not None else None))
    if pid is None or pid <= 0:
        return None
    signal = int_of((fields.get("SIGNAL") or "").partition(" ")[0] or (said["signal"] if said is not None else None))
    return KernelNotice(
        kind=NoticeKind.ABNORMAL_END,
        task=TaskName(id=pid, comm=fields.get("COMM") or (said["comm"] if said is not None else None)),
        is_process=True,
        signal=signal,
        exe=fields.get("EXE"),
        cgroup=fields.get("CGROUP"),
        frames=frames_of(message),
        fatal=True,
        is_reported=True,
    )


def is_coredump_sentence(text: str) -> bool:
    """
    Return whether a text begins with the sentence about a process that dumped core: cheap for any other text.
    """
    return "Process " in text[:16] and _SENTENCE.match(text) is not None


def frames_of(message: str) -> tuple[Frame, ...]:
    """
    Return the first frames of the crashed thread, the innermost first.
    """
    text = message[:_LENGTH_AT_MOST]
    begin = _STACK.search(text)
    if begin is None:
        return ()
    end = _STACK.search(text, begin.end())
    found = _FRAME.finditer(text, begin.end(), end.start() if end is not None else len(text))
    known = (frame for frame in found if frame["module"] != _UNKNOWN)
    return tuple(
        Frame(
            module=frame["module"].rpartition("/")[2],
            offset=int(frame["offset"], 16) if frame["offset"] is not None else None,
            function=None if frame["function"] == _UNKNOWN else frame["function"],
        )
        for frame in islice(known, _FRAMES_AT_MOST)
    )


def coredump_field(name: str) -> str | None:
    """
    Return the short name of a field of an entry that is used here; None for all others.
    """
    short = name.removeprefix(_PREFIX)
    return short if short != name and short in _FIELDS else None
