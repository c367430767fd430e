"""
What a report says of a crash: where it was, in which build, and the calls that led to it.
"""

from collections.abc import Iterator
from typing import Final

from sinks.event.views import CrashView
from sinks.event.words import CrashLine
from sinks.text import printable

_FRAMES: Final = 16
_MISSING: Final = {
    CrashLine.LEFT_OUT: "The kernel's rate limit (ten lines in five seconds) suppressed lines about crashes at that"
    " time, so the log does not say where the process crashed.",
    CrashLine.NOT_PRINTED: "The kernel logged nothing about this crash. It does not if another process sent the signal,"
    " or if debug.exception-trace is 0, the default on arm64.",
    CrashLine.NOT_READ: "The kernel's log was not read, so nothing shows where the process crashed.",
}


def crash_lines(crash: CrashView) -> tuple[str, ...]:
    """
    Return what is known of a crash beyond its reason, a line each; the calls are indented.
    """
    return tuple(_lines(crash))


def missing_line(crash: CrashView | None) -> str | None:
    """
    Return in a sentence why there is no line of the kernel.
    """
    return next((text for word, text in _MISSING.items() if crash is not None and crash.line_missing == word), None)


def _lines(crash: CrashView) -> Iterator[str]:
    if (missing := missing_line(crash)) is not None:
        yield missing
    if crash.module is not None and crash.module_offset is not None:
        yield f"place      {printable(crash.module)}+{printable(crash.module_offset)}"
    named = {
        "function": crash.function,
        "build-id": crash.build_id,
        "program": crash.exe,
        "error": crash.error,
        "signature": crash.signature,
    }
    yield from (f"{name:<9}  {printable(value)}" for name, value in named.items() if value)
    if crash.frames:
        yield "calls, the innermost first"
    yield from (f"  {printable(frame)}" for frame in crash.frames[:_FRAMES])
    if len(crash.frames) > _FRAMES:
        yield f"  … and {len(crash.frames) - _FRAMES} more"
