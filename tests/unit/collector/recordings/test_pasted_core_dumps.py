"""
Core dumps in pasted text: in all forms in which people paste what systemd-coredump says.
"""

import json
from itertools import pairwise

import pytest

from collector.recordings.journal import _export
from collector.recordings.pasted import events_in, events_of
from parsers.carriers.pasted import Bounds
from parsers.kernel import COREDUMP_MESSAGE_ID
from sinks.event import Confidence, Event, KernelEventKind
from tests.unit.collector.correlate.scene import A, scope_path

FRAMES = ("f (libhog.so+0x8)", "? (hog+0x10)")
SENTENCE = "Process 40 (hog) of user 1000 dumped core."
STACK = (
    "Module libhog.so with build-id 3b2c\n"
    "Stack trace of thread 41:\n"
    "#0  0x00007fbd8bc7c723 f (/opt/libhog.so + 0x8)\n"
    "#1  0x00007fbd8bc7c100 n/a (/opt/hog + 0x10)\n"
    "\n"
    "Stack trace of thread 40:\n"
    "#0  0x00007fbd8bc7c999 poll (libc.so.6 + 0x9)\n"
    "ELF object binary architecture: AMD x86-64\n"
)
INDENTED = "".join(f"                {line}".rstrip() + "\n" for line in STACK.splitlines())
INFO = f"""\
           PID: 40 (hog)
           UID: 1000 (user)
        Signal: 6 (ABRT)
     Timestamp: Mon 2024-03-11 14:46:21 CET (2h 57min ago)
  Command Line: ./hog
    Executable: /opt/hog
 Control Group: {scope_path(A)}
         Slice: system.slice
      Hostname: d926ec28b44a
       Storage: /var/lib/systemd/coredump/core.hog.zst (present)
       Message: {SENTENCE}

{INDENTED}"""
FIELDS = {
    "__REALTIME_TIMESTAMP": "1700000003000000",
    "__CURSOR": "s=2c2f;i=0;b=1111;m=192b;t=5aec;x=eb93",
    "MESSAGE_ID": COREDUMP_MESSAGE_ID,
    "COREDUMP_PID": "40",
    "COREDUMP_COMM": "hog",
    "COREDUMP_EXE": "/opt/hog",
    "COREDUMP_SIGNAL": "6",
    "COREDUMP_CGROUP": scope_path(A),
    "COREDUMP_TIMESTAMP": "1700000001000000",
    "MESSAGE": f"{SENTENCE}\n\n{STACK}",
}
EXPORT = _export({"__CURSOR": FIELDS["__CURSOR"], **FIELDS}).decode()
VERBOSE = "Mon 2024-03-11 14:46:21.1 CET [s=2c2f;i=0;b=1111;m=192b;t=6136a1b2c3d4e;x=eb93]\n" + "".join(
    f"    {name}={value.replace(chr(10), chr(10) + ' ' * 12)}\n" for name, value in FIELDS.items() if name[:2] != "__"
)
LINES = "".join(f"{name}={value}\n" for name, value in FIELDS.items() if name[:2] != "__")
SYSLOG = f"Jan 20 18:15:34 main systemd-coredump[819]: [\U0001f855] {SENTENCE}\n\n{INDENTED}"


def only(text: str) -> Event:
    """
    Return the only event of a text.
    """
    (event,) = events_of(text.encode())
    return event


@pytest.mark.parametrize(
    "text",
    [
        INFO,
        "".join(f"> {line}\n" for line in INFO.splitlines()),
        EXPORT,
        VERBOSE,
        LINES,
        json.dumps(FIELDS),
        json.dumps(FIELDS, indent=2),
    ],
    ids=["info", "quoted", "export", "verbose", "fields", "json", "pretty"],
)
def test_each_form_has_process_container_signal_and_stack(text: str) -> None:
    """
    Nothing proves who wrote the text, so the container is likely.
    """
    event = only(text)
    assert event.exit137.kernel is not None
    assert event.exit137.crash is not None
    assert event.container is not None
    assert (event.exit137.kernel.kind, event.exit137.kernel.pid) == (KernelEventKind.ABNORMAL_END, 40)
    assert (event.container.id, event.exit137.confidence) == (A, Confidence.LIKELY)
    assert (event.exit137.crash.signal, event.exit137.crash.exe) == (6, "/opt/hog")
    assert event.exit137.crash.frames == FRAMES


def test_the_sentence_has_its_stack_in_the_lines_below() -> None:
    """
    journalctl and syslog print only the sentence and the stack.
    """
    event = only(SYSLOG)
    assert event.exit137.crash is not None
    assert event.exit137.kernel is not None
    assert (event.exit137.kernel.pid, event.exit137.kernel.text[-len(SENTENCE) :]) == (40, SENTENCE)
    assert event.exit137.crash.frames == FRAMES


@pytest.mark.parametrize("stamp", ["Jan 20 18:15:33 main kernel: ", "2024-01-20T18:15:33+00:00 main kernel: ", ""])
def test_the_kernels_line_and_the_core_dump_are_one_crash(stamp: str) -> None:
    """
    The line has the place, the core dump the stack and the container.
    """
    event = only(f"{stamp}hog[40]: segfault at 8 ip 7f5d0050 sp 7ffc error 4 in libc.so.6[7f5d0000+1000]\n{INFO}")
    assert event.exit137.crash is not None
    assert event.container is not None
    assert (event.exit137.crash.module, event.exit137.crash.frames) == ("libc.so.6", FRAMES)
    assert (event.container.id, event.exit137.confidence) == (A, Confidence.LIKELY)


def test_two_core_dumps_are_two_events() -> None:
    """
    `coredumpctl info` without a pid prints all of them, one below the other.
    """
    text = INFO + INFO.replace("40 (hog)", "50 (cow)")
    assert [event.process.pid for event in events_of(text.encode()) if event.process is not None] == [40, 50]


@pytest.mark.parametrize(
    "text",
    [
        f"Jan 20 18:15:34 main api[7]: {SENTENCE}\n",
        "Jan 20 18:15:33 main systemd[1]: Started Process Core Dump (PID 40/UID 0).\n",
        "PID: 40 (hog)\nName: hog\n",
        "Message: hello\n",
        "MESSAGE=hello\nPRIORITY=6\n",
    ],
)
def test_what_only_resembles_a_core_dump_is_none(text: str) -> None:
    """
    A program that speaks of a core dump, and other texts with the same labels.
    """
    assert events_of(text.encode()) == []


@pytest.mark.parametrize("text", [INFO, EXPORT, VERBOSE, LINES, SYSLOG, json.dumps(FIELDS)])
def test_a_large_text_is_read_the_same(text: str) -> None:
    """
    What is found does not depend on how a text is cut into parts.
    """
    filler = "".join(f"Jan 20 18:15:34 main app[7]: request {number} served\n" for number in range(3000))
    whole = f"{filler}{text}\n{filler}".encode()
    bounds = Bounds(small_bytes=1024, part_bytes=64 * 1024, block_bytes=4096)
    pieces = [whole[begin:end] for begin, end in pairwise([*range(0, len(whole), 10_000), len(whole)])]
    (event,) = events_in(pieces, bounds)
    assert event.exit137.crash == only(text).exit137.crash
