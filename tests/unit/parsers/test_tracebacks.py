"""
The last traceback in a log.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.tracebacks import Language, hs_err_path, missing_cpu_level, parse_hs_err, parse_traceback

PYTHON = """\
INFO started
Traceback (most recent call last):
  File "/app/main.py", line 10, in <module>
    main()
    ~~~~^^
  File "/app/main.py", line 7, in main
    raise ValueError("x: y")
ValueError: x: y"""
GO = """\
panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x47b2c3]

goroutine 1 [running]:
main.(*Server).boom(0xc000012345, {0x1, 0x2})
\t/app/main.go:8
main.main()
\t/app/main.go:12 +0x1d

goroutine 7 [select]:
net.other()
\t/usr/net.go:3
exit status 2"""
JAVA = """\
Exception in thread "main" java.lang.IllegalStateException: outer
\tat com.acme.App.run(App.java:10)
\tat com.acme.App.main(App.java:5)
Caused by: java.lang.NullPointerException: inner
\tat com.acme.App.x(App.java:1)
\t... 1 more"""
NODE = """\
/app/index.js:3
    throw new Error('x')
    ^

Error: x
    at main (/app/index.js:3:9)
    at Object.<anonymous> (/app/index.js:6:1)

Node.js v20.1.0"""
RUST = """\
thread 'main' panicked at src/main.rs:2:5:
index out of bounds
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace"""
OLD_RUST = "thread 'main' panicked at 'index out of bounds', src/main.rs:2:5"
JVM = """\
#
# A fatal error has been detected by the Java Runtime Environment:
#
#  SIGSEGV (0xb) at pc=0x00007f5d, pid=1, tid=7
#
# Problematic frame:
# C  [libfoo.so+0x5a3]  crash+0x13
#
# /app/hs_err_pid1.log
#"""


@pytest.mark.parametrize(
    ("log", "language", "error", "frames"),
    [
        (PYTHON, Language.PYTHON, "ValueError: x: y", ["main (/app/main.py:7)", "<module> (/app/main.py:10)"]),
        (
            GO,
            Language.GO,
            "panic: runtime error: invalid memory address or nil pointer dereference",
            ["main.(*Server).boom (/app/main.go:8)", "main.main (/app/main.go:12)"],
        ),
        (JAVA, Language.JAVA, "java.lang.NullPointerException: inner", ["com.acme.App.x(App.java:1)"]),
        (
            NODE,
            Language.NODE,
            "Error: x",
            ["main (/app/index.js:3:9)", "Object.<anonymous> (/app/index.js:6:1)"],
        ),
        (RUST, Language.RUST, "panic: index out of bounds", ["src/main.rs:2:5"]),
        (OLD_RUST, Language.RUST, "panic: 'index out of bounds', src/main.rs:2:5", ["src/main.rs:2:5"]),
        (JVM, Language.JAVA, "SIGSEGV", ["C  [libfoo.so+0x5a3]  crash+0x13"]),
    ],
    ids=["python", "go", "java", "node", "rust", "old rust", "jvm"],
)
def test_each_language(log: str, language: Language, error: str, frames: list[str]) -> None:
    """
    The error and the calls are found, the innermost call first, and the log ends with it.
    """
    found = parse_traceback(log.split("\n"))
    assert found is not None
    assert (found.language, found.error, list(found.frames), found.ends_log) == (language, error, frames, True)


def test_a_printable_tab() -> None:
    """
    A log tail has a tab as two characters.
    """
    found = parse_traceback(JAVA.replace("\t", "\\t").split("\n"))
    assert found is not None
    assert found.frames == ("com.acme.App.x(App.java:1)",)


def test_a_traceback_whose_head_is_cut() -> None:
    """
    The first lines of a long traceback are not in the tail of a log.
    """
    found = parse_traceback(PYTHON.split("\n")[3:])
    assert found is not None
    assert found.frames == ("main (/app/main.py:7)",)


def test_a_program_that_goes_on_has_survived_the_error() -> None:
    """
    Lines after a traceback show that it is not the end.
    """
    found = parse_traceback([*PYTHON.split("\n"), "INFO request served"])
    assert found is not None
    assert not found.ends_log


def test_the_last_of_several_counts() -> None:
    """
    Of several tracebacks the last one is returned, whatever its language.
    """
    found = parse_traceback([*GO.split("\n"), *PYTHON.split("\n")])
    assert found is not None
    assert found.language is Language.PYTHON


@pytest.mark.parametrize("log", ["", "all is well", "ValueError: x", "panic: but no goroutine", "    at the station"])
def test_no_traceback(log: str) -> None:
    """
    Words alone are no traceback.
    """
    assert parse_traceback(log.split("\n")) is None


def test_a_library_for_a_newer_cpu() -> None:
    """
    The level that glibc asks for is found in its own words only.
    """
    assert missing_cpu_level(["Fatal glibc error: CPU does not support x86-64-v2"]) == "x86-64-v2"
    assert missing_cpu_level(["ok", "sh: CPU does not support x86-64-v3"]) == "x86-64-v3"
    assert missing_cpu_level(["x86-64-v2"]) is None


SAVED = "# An error report file with more information is saved as:"
REPORT = """\
#
---------------  T H R E A D  ---------------

Native frames: (J=compiled Java code, j=interpreted, Vv=VM code, C=native code)
C  [libfoo.so+0x5a3]  crash+0x13
j  com.acme.Native.boom()V+0

Java frames: (J=compiled Java code, j=interpreted, Vv=VM code)
j  com.acme.Native.boom()V+0
"""


def test_where_the_report_of_a_jvm_is() -> None:
    """
    The log names the file; anything else is no path.
    """
    assert hs_err_path(["#", SAVED, "# /app/hs_err_pid1.log"]) == "/app/hs_err_pid1.log"
    for lines in ([SAVED], [SAVED, "# hs_err.log"], ["# /app/hs_err_pid1.log"], [SAVED, "# /etc/shadow"]):
        assert hs_err_path(lines) is None


def test_the_calls_in_the_report_of_a_jvm() -> None:
    """
    The native calls come first; without them those of Java.
    """
    lines = REPORT.split("\n")
    assert parse_hs_err(lines) == ("C  [libfoo.so+0x5a3]  crash+0x13", "j  com.acme.Native.boom()V+0")
    assert parse_hs_err(lines[6:]) == ("j  com.acme.Native.boom()V+0",)
    assert parse_hs_err(["#"]) == ()


_PIECES = st.sampled_from(
    [line for log in (PYTHON, GO, JAVA, NODE, RUST, JVM) for line in log.split("\n")],
)


@given(st.lists(_PIECES | st.text(), max_size=60))
def test_any_lines(lines: list[str]) -> None:
    """
    Any lines give a bounded traceback or nothing.
    """
    found = parse_traceback(lines)
    assert found is None or (len(found.frames) <= 20 and len(found.error) <= 300)
    missing_cpu_level(lines)
    hs_err_path(lines)
    assert len(parse_hs_err(lines)) <= 20
