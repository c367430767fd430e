"""
Entries of systemd-coredump.
"""

from hypothesis import given
from hypothesis import strategies as st

from parsers.journal import parse_entry
from parsers.kernel import COREDUMP_MESSAGE_ID, Frame, KernelNotice, NoticeKind, TaskName, parse_coredump

STACK = (
    "Stack trace of thread 41:\n"
    "#0  0x00007f1a958436f5 __strlen_avx2 (libc.so.6 + 0x1616f5)\n"
    "#1  0x0000563150aa43b7 n/a (/opt/app/hog + 0x83b7)\n"
    "#2  0x00007eb2eb8dbfa3 start_thread (libpthread.so.0)\n"
    "\n"
    "Stack trace of thread 40:\n"
    "#0  0x00007fb2eb801819 __GI___poll (libc.so.6 + 0x1)\n"
)
FRAMES = (
    Frame(module="libc.so.6", offset=0x1616F5, function="__strlen_avx2"),
    Frame(module="hog", offset=0x83B7),
    Frame(module="libpthread.so.0", function="start_thread"),
)


def test_the_fields_and_the_stack_of_the_crashed_thread() -> None:
    """
    The fields name the process, and the first stack is that of the thread that crashed.
    """
    fields = {"PID": "40", "COMM": "hog", "EXE": "/opt/app/hog", "SIGNAL": "11", "CGROUP": "/system.slice/a.service"}
    message = f"Process 40 (hog) of user 0 dumped core.\n\nModule libc.so.6 with build-id b89e\n{STACK}"
    assert parse_coredump(message, fields) == KernelNotice(
        kind=NoticeKind.ABNORMAL_END,
        task=TaskName(id=40, comm="hog"),
        is_process=True,
        signal=11,
        exe="/opt/app/hog",
        cgroup="/system.slice/a.service",
        frames=FRAMES,
        is_reported=True,
        fatal=True,
    )


def test_the_sentence_alone_names_the_process() -> None:
    """
    Without fields the sentence has the process; newer versions put a sign in front of it.
    """
    for sign in ("", "[\U0001f855] "):
        found = parse_coredump(
            f"{sign}Process 40 (hog) of user 0 terminated abnormally with signal 6/ABRT, processing", {}
        )
        assert found is not None
        assert (found.task, found.signal, found.frames) == (TaskName(id=40, comm="hog"), 6, ())
    assert parse_coredump("Started Process Core Dump (PID 40/UID 0).", {}) is None


def test_only_such_an_entry_has_the_fields() -> None:
    """
    The fields are read from an entry with the message id of a core dump, and only those that are used.
    """
    fields = {"MESSAGE": "x", "COREDUMP_PID": "40", "COREDUMP_ENVIRON": "SECRET=1"}
    assert parse_entry(fields | {"MESSAGE_ID": COREDUMP_MESSAGE_ID}).coredump == {"PID": "40"}
    assert parse_entry(fields).coredump is None


@given(
    st.text(max_size=200), st.dictionaries(st.sampled_from(["PID", "SIGNAL", "COMM", "CGROUP"]), st.text(max_size=20))
)
def test_any_entry_gives_a_notice_or_nothing(message: str, fields: dict[str, str]) -> None:
    """
    The parser is total.
    """
    found = parse_coredump(f"Process 40 (hog) of user 0 dumped core.\n{message}", fields)
    assert found is None or found.kind is NoticeKind.ABNORMAL_END


def test_a_frame_in_no_file_is_none() -> None:
    """
    Without unwind information systemd-coredump takes words of the stack for addresses.
    """
    text = "Stack trace of thread 1:\n#0  0x7f n/a (/bin/crash + 0x9767)\n#1  0x7ffe n/a (n/a + 0x0)\n"
    found = parse_coredump(f"Process 40 (hog) of user 0 dumped core.\n\n{text}", {})
    assert found is not None
    assert found.frames == (Frame(module="crash", offset=0x9767),)
