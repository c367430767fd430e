"""
Find memory settings of a language runtime that do not fit the container's limit, or that are missing.

There is one function per runtime, in the table PITFALLS. Each advice says when it does not apply, because a program can
set in its code what its command line does not show.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from collector.facts.memory import RunningProcess
from collector.memory.runtimes import (
    OVERHEAD_BYTES,
    Language,
    java_options,
    language_of,
    node_options,
    option,
    parse_number,
    parse_size,
)
from sinks.event import Advice
from sinks.text import size

_MIB: Final = 1 << 20
_GIB: Final = 1 << 30
# A JVM needs about a quarter of its heap size on top of the heap.
_HEAP_SHARE: Final = 0.8
_MAX_PERCENT: Final = 80.0
_NODE_HEAP_SHARE: Final = 0.75
_GO_LIMIT_SHARE: Final = 0.9
# Update 191 is the first of Java 8 that reads the limit of a cgroup.
_JAVA_8: Final = re.compile(r"(?:1\.8\.0_|8u)([0-9]{1,4})(?![0-9])")
_JAVA_8_AWARE: Final = 191
_PERCENT: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,6})?")
_HEXADECIMAL: Final = 16


def runtime_pitfalls(process: RunningProcess, limit_bytes: int) -> list[Advice]:
    """
    Return advice on the memory settings of a process; empty if its runtime is unknown.

    It is empty too if the environment cannot be read, since a setting missing on the command line may be there.

    Args:
        process: usually the container's main process.
        limit_bytes: the container's limit.
    """
    language = language_of(process)
    if language is None or not process.environment_known:
        return []
    return PITFALLS[language](process, limit_bytes)


def _jvm(process: RunningProcess, limit_bytes: int) -> list[Advice]:
    options = java_options(process)
    heap = parse_size(option(options, "-Xmx") or option(options, "-XX:MaxHeapSize="))
    percent = _percent(option(options, "-XX:MaxRAMPercentage="))
    if heap is None and "-XX:-UseContainerSupport" in options:
        reason = "-XX:-UseContainerSupport makes the JVM size its heap by the host's memory, not by the limit."
        return [
            _heap_advice(
                "Remove -XX:-UseContainerSupport, or set -Xmx.", reason, "the limit is as large as the host's memory"
            )
        ]
    if heap is None and _old_java(process):
        reason = "Java 8 before update 191 ignores the container's limit and sizes its heap by the host's memory."
        return [_heap_advice("Update Java 8, or set -Xmx.", reason, "this build has the change backported")]
    if heap is not None:
        return _fixed_heap(heap, limit_bytes)
    if percent is not None and percent > _MAX_PERCENT:
        reason = f"A heap of {percent:g} % of the limit leaves too little for threads, code and metaspace."
        return [
            _heap_advice("Set -XX:MaxRAMPercentage to 75.", reason, "the program uses little memory outside the heap")
        ]
    if percent is None:
        reason = (
            "Without -Xmx or -XX:MaxRAMPercentage the heap is at most a quarter of the limit; the rest stays unused."
        )
        return [
            _heap_advice("Set -XX:MaxRAMPercentage to 75.", reason, "the program uses much memory outside the heap")
        ]
    return []


def _fixed_heap(heap_bytes: int, limit_bytes: int) -> list[Advice]:
    fitting = int(limit_bytes * _HEAP_SHARE)
    if heap_bytes <= fitting:
        return []
    return [
        Advice(
            kind="heap",
            value=fitting,
            cap=fitting,
            text=f"Set -Xmx to at most {size(fitting)}, or the limit to {size(int(heap_bytes / _HEAP_SHARE))}.",
            reason=f"A heap of {size(heap_bytes)} needs about a quarter of its size on top, and the limit is"
            f" {size(limit_bytes)}.",
            unless="the heap never fills up; then lowering -Xmx does no harm",
        )
    ]


def _node(process: RunningProcess, limit_bytes: int) -> list[Advice]:
    options = node_options(process)
    if option(options, "--max-old-space-size-percentage=") is not None:
        return []
    heap_mib = parse_number(option(options, "--max-old-space-size="))
    room = limit_bytes - OVERHEAD_BYTES[Language.NODE]
    fitting = max(limit_bytes // 2, min(room, int(limit_bytes * _NODE_HEAP_SHARE)))
    text = f"Set --max-old-space-size={fitting // _MIB} (in MiB)."
    if heap_mib is None:
        reason = "Without --max-old-space-size many Node releases size the heap by the host's memory, not by the limit."
        return [_heap_advice(text, reason, "this is Node 20 or later and its default has worked well", fitting)]
    if heap_mib * _MIB <= max(room, limit_bytes // 2):
        return []
    reason = f"--max-old-space-size={heap_mib} plus Node's other memory does not fit the limit of {size(limit_bytes)}."
    return [_heap_advice(text, reason, "the heap never fills up", fitting)]


def _go(process: RunningProcess, limit_bytes: int) -> list[Advice]:
    soft = parse_size(process.environment.get("GOMEMLIMIT"))
    fitting = int(limit_bytes * _GO_LIMIT_SHARE)
    text = f"Set GOMEMLIMIT={fitting // _MIB}MiB."
    if soft is not None and soft < limit_bytes:
        return []
    if soft is not None:
        reason = f"GOMEMLIMIT is {size(soft)}, the container's limit {size(limit_bytes)}: the collector runs too late."
    elif process.environment.get("GOGC") == "off":
        reason = "With GOGC=off and no GOMEMLIMIT garbage is never collected."
    else:
        reason = "Without GOMEMLIMIT the collector lets the heap double, regardless of the container's limit."
    unless = "the program sets it itself (debug.SetMemoryLimit, automemlimit), or its live heap leaks"
    return [_heap_advice(text, reason, unless, fitting)]


def _python(process: RunningProcess, limit_bytes: int) -> list[Advice]:
    del limit_bytes
    environment = process.environment
    if environment.get("PYTHONTRACEMALLOC", "0") not in {"", "0"} or "tracemalloc" in process.arguments:
        reason = "PYTHONTRACEMALLOC records every allocation and can double the memory."
        return [_heap_advice("Unset PYTHONTRACEMALLOC.", reason, "you are looking for a leak")]
    if environment.get("PYTHONMALLOC", "").endswith("debug"):
        reason = f"PYTHONMALLOC={environment['PYTHONMALLOC']} pads every allocation."
        return [_heap_advice("Unset PYTHONMALLOC.", reason, "you are debugging memory errors")]
    return []


def _dotnet(process: RunningProcess, limit_bytes: int) -> list[Advice]:
    heap = parse_number(process.environment.get("DOTNET_GCHeapHardLimit"), _HEXADECIMAL)
    fitting = int(limit_bytes * _NODE_HEAP_SHARE)
    if heap is not None and heap > limit_bytes * _HEAP_SHARE:
        reason = f"DOTNET_GCHeapHardLimit (hexadecimal) is {size(heap)}, the container's limit {size(limit_bytes)}."
        text = f"Set DOTNET_GCHeapHardLimit=0x{fitting:X}, or unset it: the default is 75 % of the limit."
        return [_heap_advice(text, reason, "the heap never fills up", fitting)]
    if process.environment.get("DOTNET_gcServer") == "1" and limit_bytes < _GIB:
        reason = f"The server garbage collector has a heap for each core, too much for a limit of {size(limit_bytes)}."
        return [
            _heap_advice("Set DOTNET_gcServer=0.", reason, "the container has one core, where it is not used anyway")
        ]
    return []


def _ruby(process: RunningProcess, limit_bytes: int) -> list[Advice]:
    del limit_bytes
    if "MALLOC_ARENA_MAX" in process.environment or "jemalloc" in process.environment.get("LD_PRELOAD", ""):
        return []
    reason = "With many threads, glibc's malloc keeps freed memory in up to eight arenas per core."
    unless = "the image uses musl (Alpine), or Ruby is linked with jemalloc"
    return [_heap_advice("Set MALLOC_ARENA_MAX=2.", reason, unless)]


def _php(process: RunningProcess, limit_bytes: int) -> list[Advice]:
    del limit_bytes
    if not any(argument.replace(" ", "").endswith("memory_limit=-1") for argument in process.arguments):
        return []
    reason = "With memory_limit=-1 PHP never stops a script, so the kernel kills the process."
    return [_heap_advice("Set memory_limit below the container's limit.", reason, "you trust the script's memory use")]


PITFALLS: Final[Mapping[Language, Callable[[RunningProcess, int], list[Advice]]]] = {
    Language.JVM: _jvm,
    Language.NODE: _node,
    Language.GO: _go,
    Language.PYTHON: _python,
    Language.DOTNET: _dotnet,
    Language.RUBY: _ruby,
    Language.PHP: _php,
}


def _heap_advice(text: str, reason: str, unless: str, value: int | None = None) -> Advice:
    return Advice(kind="heap", value=value, cap=value, text=text, reason=reason, unless=unless)


def _percent(text: str | None) -> float | None:
    return float(text) if text is not None and _PERCENT.fullmatch(text) else None


def _old_java(process: RunningProcess) -> bool:
    match = _JAVA_8.search(process.executable)
    return match is not None and int(match[1]) < _JAVA_8_AWARE
