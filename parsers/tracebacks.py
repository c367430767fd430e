"""
Find the last traceback in the lines of a program's log: of Python, Go, Java and other languages of the JVM, Node.js,
Rust, and the report of a JVM that crashed.

A log says what the program printed, not why it ended: whether the traceback is the end of the log is said as well.

    Traceback (most recent call last):                  panic: runtime error: index out of range [5]
      File "/app/main.py", line 7, in main
        raise ValueError("x")                           goroutine 1 [running]:
    ValueError: x                                       main.work(...)
                                                            /app/main.go:8 +0x1d
    Exception in thread "main" java.lang.Error: x
        at com.acme.App.main(App.java:5)                thread 'main' panicked at src/main.rs:2:5:
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile
from typing import Final

_FRAMES_AT_MOST: Final = 20
_TEXT_AT_MOST: Final = 300
# What a runtime or a shell prints after a traceback.
_AFTERWORDS: Final = re.compile(r"\s*\Z|exit status \d|Node\.js v\d|note: run with|\[ERROR\]|Aborted|#")
# A tab at the beginning of a line, as it is and as a printable text has it.
_INDENT: Final = re.compile(r"\A(?:\\t)+")
_PYTHON_FRAME: Final = re.compile(r'\s+File "(?P<file>[^"]{1,255})", line (?P<line>\d{1,9}), in (?P<function>\S.*)')
_PYTHON_ERROR: Final = re.compile(r"(?P<type>[A-Za-z_][\w.]{0,200})(?::\s.*|)\Z")
_GO_PANIC: Final = re.compile(r"(?P<error>(?:panic|fatal error): .+)")
_GO_FUNCTION: Final = re.compile(r"(?P<function>\S{1,255})\([^()]*\)\Z")
_GO_PLACE: Final = re.compile(r"\s+(?P<file>/?\S{1,255}\.(?:go|s)):(?P<line>\d{1,9})")
_GO_ROUTINE: Final = re.compile(r"goroutine \d{1,12} (?:gp=\S+ m=\S+ (?:mp=\S+ )?)?\[")
_AT_FRAME: Final = re.compile(r"\s+at (?P<what>\S.{0,300})\Z")
_JVM_PLACE: Final = re.compile(
    r"\((?:[\w$]{1,100}\.(?:java|kt|scala|groovy|clj)(?::\d{1,9})?|Native Method|Unknown Source)\)"
)
_JVM_ERROR: Final = re.compile(
    r'(?:Exception in thread "[^"]{0,100}" |Caused by: )?(?P<error>[A-Za-z_][\w.$]{0,200}(?::\s.*|))\Z'
)
_RUST_PANIC: Final = re.compile(r"thread '(?P<thread>[^']{0,100})' (?:\(\d+\) )?panicked at (?P<rest>.+)")
_JVM_CRASH: Final = re.compile(r"# +(?P<signal>SIG[A-Z]{3,6}|EXCEPTION_\w+|Internal Error)\b.*")
_JVM_FRAME: Final = re.compile(r"# (?P<frame>[CVJjv] +\S.{0,250})")
_HS_ERR_SAVED: Final = "# An error report file with more information is saved as:"
_HS_ERR_PATH: Final = re.compile(r"# (?P<path>/\S{1,400}\.log)\Z")
_HS_ERR_FRAME: Final = re.compile(r"[A-Za-z] +\S")
_JVM_HEAD: Final = "# A fatal error has been detected by the Java Runtime Environment"
_JVM_FRAMES_HEAD: Final = "# Problematic frame:"


_CPU_LEVEL: Final = re.compile(r"(?:Fatal glibc error: |.{0,200}: )CPU does not support (?P<level>x86-64-v[234])\b")


class Language(StrEnum):
    """
    Whose traceback it is.
    """

    PYTHON = "python"
    GO = "go"
    JAVA = "java"
    NODE = "node"
    RUST = "rust"


@dataclass(frozen=True, slots=True, kw_only=True)
class Traceback:
    """
    What a program printed about its failure.

    Attributes:
        language: of the program, or of its runtime.
        error: type and words of the error, at most 300 characters.
        frames: `function (file:line)`, the innermost first, at most 20.
        ends_log: whether nothing but the words of a runtime or a shell follows.
    """

    language: Language
    error: str
    frames: tuple[str, ...] = ()
    ends_log: bool = False

    @property
    def error_type(self) -> str:
        """
        The error without its words, which may differ from run to run.
        """
        return self.error.partition(":")[0]


@dataclass(frozen=True, slots=True)
class _Found:
    """
    A traceback, and the index of the last line that belongs to it.
    """

    last: int
    traceback: Traceback


def parse_traceback(lines: Sequence[str]) -> Traceback | None:
    """
    Return the last traceback.

    Args:
        lines: of a log, oldest first; the first may be in the middle of a traceback.
    """
    lines = [_INDENT.sub(lambda tabs: "\t" * (len(tabs[0]) // 2), line) for line in lines]
    found = [result for search in (_python, _go, _at, _rust, _jvm) if (result := search(lines)) is not None]
    if not found:
        return None
    last = max(found, key=lambda result: result.last)
    ends_log = all(_AFTERWORDS.match(line) for line in lines[last.last + 1 :])
    traceback = last.traceback
    return Traceback(
        language=traceback.language,
        error=traceback.error[:_TEXT_AT_MOST],
        frames=traceback.frames[:_FRAMES_AT_MOST],
        ends_log=ends_log,
    )


def hs_err_path(lines: Sequence[str]) -> str | None:
    """
    Return where a JVM that crashed has written its report, as the log says.

    Args:
        lines: of a log, oldest first.
    """
    at = _last(lines, lambda line: line.startswith(_HS_ERR_SAVED))
    found = _HS_ERR_PATH.match(lines[at + 1]) if at is not None and at + 1 < len(lines) else None
    return found["path"] if found is not None else None


def parse_hs_err(lines: Sequence[str]) -> tuple[str, ...]:
    """
    Return the calls in the report of a JVM that crashed (hs_err_pid.log), the innermost first, at most 20.

    Args:
        lines: of the report's beginning.
    """
    for head in ("Native frames:", "Java frames:"):
        at = next((at for at, line in enumerate(lines) if line.startswith(head)), len(lines))
        frames = list(takewhile(lambda line: _HS_ERR_FRAME.match(line) is not None, lines[at + 1 :]))
        if frames:
            return tuple(frame[:_TEXT_AT_MOST] for frame in frames[:_FRAMES_AT_MOST])
    return ()


def missing_cpu_level(lines: Sequence[str]) -> str | None:
    """
    Return the level of x86-64 that the C library needs and the CPU does not have: `x86-64-v2`.

    glibc prints it before the program runs, and exits with 127 (sysdeps/x86/dl-get-cpu-features.c).

    Args:
        lines: of a log.
    """
    found = (_CPU_LEVEL.match(line) for line in reversed(lines))
    return next((match["level"] for match in found if match is not None), None)


def _python(lines: Sequence[str]) -> _Found | None:
    last_frame = _last(lines, lambda line: _PYTHON_FRAME.match(line) is not None)
    if last_frame is None:
        return None
    end = next((at for at in range(last_frame + 1, len(lines)) if not lines[at][:1].isspace()), None)
    error = _PYTHON_ERROR.match(lines[end]) if end is not None else None
    if end is None or error is None:
        return None
    frames: list[str] = []
    for line in reversed(lines[:end]):
        if not line[:1].isspace():
            break
        if (found := _PYTHON_FRAME.match(line)) is not None:
            frames.append(_frame(found["function"], found["file"], found["line"]))
    return _Found(end, Traceback(language=Language.PYTHON, error=lines[end], frames=tuple(frames)))


def _go(lines: Sequence[str]) -> _Found | None:
    start = _last(lines, lambda line: _GO_PANIC.match(line) is not None)
    if start is None:
        return None
    frames: list[str] = []
    function, end, routines = None, start, 0
    for at in range(start + 1, len(lines)):
        line = lines[at]
        routines += _GO_ROUTINE.match(line) is not None
        if (place := _GO_PLACE.match(line)) is not None and function is not None:
            frames += [_frame(function, place["file"], place["line"])] if routines == 1 else []
            function = None
        elif (called := _GO_FUNCTION.match(line)) is not None:
            function = called["function"]
        elif not _is_go_other(line):
            break
        end = at
    return _Found(end, Traceback(language=Language.GO, error=lines[start], frames=tuple(frames))) if routines else None


def _is_go_other(line: str) -> bool:
    """
    Return whether a line belongs to a Go traceback, but is no frame.
    """
    words = ("[signal ", "created by ", "goroutine ", "runtime", "\tpanic: ", "...", "exit status")
    return not line.strip() or line[:1].isspace() or line.startswith(words)


def _at(lines: Sequence[str]) -> _Found | None:
    """
    Find the form that the JVM and Node.js share: `at` and a place, below the error.
    """
    end = _last(lines, lambda line: _AT_FRAME.match(line) is not None)
    if end is None:
        return None
    start = end
    while start >= 0 and _AT_FRAME.match(lines[start]) is not None:
        start -= 1
    error = _JVM_ERROR.match(lines[start]) if start >= 0 else None
    if error is None:
        return None
    whats = [found["what"] for line in lines[start + 1 : end + 1] if (found := _AT_FRAME.match(line)) is not None]
    is_jvm = any(_JVM_PLACE.search(what) for what in whats)
    last = end
    while last + 1 < len(lines) and (lines[last + 1].lstrip().startswith("... ") or lines[last + 1].strip() == "}"):
        last += 1
    language = Language.JAVA if is_jvm else Language.NODE
    frames = tuple(what if is_jvm else what.replace("(", " (").replace("  (", " (") for what in whats)
    return _Found(last, Traceback(language=language, error=error["error"], frames=frames))


def _rust(lines: Sequence[str]) -> _Found | None:
    start = _last(lines, lambda line: _RUST_PANIC.match(line) is not None)
    panic = _RUST_PANIC.match(lines[start]) if start is not None else None
    if start is None or panic is None:
        return None
    # Since Rust 1.73 the words stand in the next line; before, in quotes before the place.
    is_new = panic["rest"].endswith(":")
    words = lines[start + 1].strip() if is_new and start + 1 < len(lines) else panic["rest"]
    place = panic["rest"].rstrip(":").rpartition(", ")[2]
    last = min(start + is_new, len(lines) - 1)
    return _Found(last, Traceback(language=Language.RUST, error=f"panic: {words}", frames=(place,)))


def _jvm(lines: Sequence[str]) -> _Found | None:
    """
    Find the head of hs_err_pid.log, which the JVM also prints.
    """
    start = _last(lines, lambda line: line.startswith(_JVM_HEAD))
    if start is None:
        return None
    end = next((at for at in range(start, len(lines)) if not lines[at].startswith("#")), len(lines)) - 1
    report = lines[start : end + 1]
    error = next((found["signal"] for line in report if (found := _JVM_CRASH.match(line)) is not None), "fatal error")
    at = next((at for at, line in enumerate(report) if line.startswith(_JVM_FRAMES_HEAD)), len(report))
    frames = [found["frame"] for line in report[at + 1 :] if (found := _JVM_FRAME.match(line)) is not None]
    return _Found(end, Traceback(language=Language.JAVA, error=error, frames=tuple(frames)))


def _last(lines: Sequence[str], fits: Callable[[str], bool]) -> int | None:
    return next((at for at in range(len(lines) - 1, -1, -1) if fits(lines[at])), None)


def _frame(function: str, file: str, line: str) -> str:
    return f"{function} ({file}:{line})"[:_TEXT_AT_MOST]
