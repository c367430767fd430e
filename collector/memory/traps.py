"""
What a language runtime was told about memory that does not fit the container's limit, or what it was not told.

One function per runtime, in the table TRAPS. Each advice says when it does not apply: a program can set in its code
what its command line does not show.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from collector.correlate.memory_facts import RunningProcess
from collector.correlate.wording import size
from collector.memory.runtimes import (
    OVERHEAD_BYTES,
    Language,
    java_options,
    language_of,
    node_options,
    number_of,
    option,
    size_of,
)
from sinks.event import Advice

_MIB: Final = 1 << 20
_GIB: Final = 1 << 30
# A JVM needs about a quarter of its heap beside it.
_HEAP_PARTS: Final = 0.8
_MOST_PERCENT: Final = 80.0
_NODE_HEAP_PART: Final = 0.75
_GO_LIMIT_PART: Final = 0.9
# Update 191 of Java 8 is the first that reads the limit of a cgroup.
_JAVA_8: Final = re.compile(r"(?:1\.8\.0_|8u)([0-9]{1,4})(?![0-9])")
_JAVA_8_AWARE: Final = 191
_PERCENT: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,6})?")
_HEXADECIMAL: Final = 16


def traps(process: RunningProcess, limit_bytes: int) -> list[Advice]:
    """
    The advice about a process's settings; none for what is no known runtime, nor where its environment may not be
    read: what its command line lacks may stand there.

    Args:
        process: mostly the container's main process.
        limit_bytes: of the container.
    """
    language = language_of(process)
    if language is None or not process.environment_known:
        return []
    return TRAPS[language](process, limit_bytes)


def _jvm(process: RunningProcess, limit_bytes: int) -> list[Advice]:
    options = java_options(process)
    heap = size_of(option(options, "-Xmx") or option(options, "-XX:MaxHeapSize="))
    percent = _percent(option(options, "-XX:MaxRAMPercentage="))
    if heap is None and "-XX:-UseContainerSupport" in options:
        reason = "-XX:-UseContainerSupport makes the JVM size its heap by the host's memory, not by the limit."
        return [_heap_advice("Remove -XX:-UseContainerSupport, or set -Xmx.", reason, "the limit is the host's memory")]
    if heap is None and _old_java(process):
        reason = "Java 8 before update 191 does not see the container's limit and sizes its heap by the host's memory."
        return [_heap_advice("Use a newer Java 8, or set -Xmx.", reason, "the release has the change backported")]
    if heap is not None:
        return _fixed_heap(heap, limit_bytes)
    if percent is not None and percent > _MOST_PERCENT:
        reason = f"A heap of {percent:g} % of the limit leaves too little for threads, code and metaspace."
        return [_heap_advice("Set -XX:MaxRAMPercentage to 75.", reason, "the program hardly uses memory off the heap")]
    if percent is None:
        reason = "Without -Xmx or -XX:MaxRAMPercentage the heap ends at a quarter of the limit; the rest stays unused."
        return [_heap_advice("Set -XX:MaxRAMPercentage to 75.", reason, "the program works well off the heap")]
    return []


def _fixed_heap(heap_bytes: int, limit_bytes: int) -> list[Advice]:
    fitting = int(limit_bytes * _HEAP_PARTS)
    if heap_bytes <= fitting:
        return []
    return [
        Advice(
            kind="heap",
            value=fitting,
            cap=fitting,
            text=f"Set -Xmx to {size(fitting)} at most, or the limit to {size(int(heap_bytes / _HEAP_PARTS))}.",
            reason=f"A heap of {size(heap_bytes)} needs about a quarter more beside it, and the limit is"
            f" {size(limit_bytes)}.",
            unless="the heap never fills: then -Xmx can be lowered without harm",
        )
    ]


def _node(process: RunningProcess, limit_bytes: int) -> list[Advice]:
    options = node_options(process)
    if option(options, "--max-old-space-size-percentage=") is not None:
        return []
    heap_mib = number_of(option(options, "--max-old-space-size="))
    room = limit_bytes - OVERHEAD_BYTES[Language.NODE]
    fitting = max(limit_bytes // 2, min(room, int(limit_bytes * _NODE_HEAP_PART)))
    text = f"Set --max-old-space-size={fitting // _MIB} (in MiB)."
    if heap_mib is None:
        reason = "Without --max-old-space-size many releases of Node size their heap by the host, not by the limit."
        return [_heap_advice(text, reason, "Node is version 20 or later and its own choice has proved right", fitting)]
    if heap_mib * _MIB <= max(room, limit_bytes // 2):
        return []
    reason = f"--max-old-space-size={heap_mib} and Node's other memory do not fit the limit of {size(limit_bytes)}."
    return [_heap_advice(text, reason, "the heap never fills", fitting)]


def _go(process: RunningProcess, limit_bytes: int) -> list[Advice]:
    told = process.environment.get("GOMEMLIMIT")
    soft = size_of(told)
    fitting = int(limit_bytes * _GO_LIMIT_PART)
    text = f"Set GOMEMLIMIT={fitting // _MIB}MiB."
    if soft is not None and soft < limit_bytes:
        return []
    if soft is not None:
        reason = (
            f"GOMEMLIMIT is {size(soft)}, the container's limit {size(limit_bytes)}: the collector starts too late."
        )
    elif process.environment.get("GOGC") == "off":
        reason = "With GOGC=off and no GOMEMLIMIT nothing is ever collected."
    else:
        reason = "Without GOMEMLIMIT the collector lets the heap double, whatever the container's limit."
    unless = "the program sets it itself (debug.SetMemoryLimit, automemlimit), or what lives on its heap leaks"
    return [_heap_advice(text, reason, unless, fitting)]


def _python(process: RunningProcess, limit_bytes: int) -> list[Advice]:
    del limit_bytes
    environment = process.environment
    if environment.get("PYTHONTRACEMALLOC", "0") not in {"", "0"} or "tracemalloc" in process.arguments:
        reason = "PYTHONTRACEMALLOC keeps a record of every allocation and can double the memory."
        return [_heap_advice("Unset PYTHONTRACEMALLOC.", reason, "a leak is being looked for")]
    if environment.get("PYTHONMALLOC", "").endswith("debug"):
        reason = f"PYTHONMALLOC={environment['PYTHONMALLOC']} pads every allocation."
        return [_heap_advice("Unset PYTHONMALLOC.", reason, "a fault is being looked for")]
    return []


def _dotnet(process: RunningProcess, limit_bytes: int) -> list[Advice]:
    heap = number_of(process.environment.get("DOTNET_GCHeapHardLimit"), _HEXADECIMAL)
    fitting = int(limit_bytes * _NODE_HEAP_PART)
    if heap is not None and heap > limit_bytes * _HEAP_PARTS:
        reason = f"DOTNET_GCHeapHardLimit (hexadecimal) is {size(heap)}, the container's limit {size(limit_bytes)}."
        text = f"Set DOTNET_GCHeapHardLimit=0x{fitting:X}, or unset it: the default is 75 % of the limit."
        return [_heap_advice(text, reason, "the heap never fills", fitting)]
    if process.environment.get("DOTNET_gcServer") == "1" and limit_bytes < _GIB:
        reason = f"The server collector keeps a heap per core, much for a limit of {size(limit_bytes)}."
        return [_heap_advice("Set DOTNET_gcServer=0.", reason, "the container has one core: then it is not used")]
    return []


def _ruby(process: RunningProcess, limit_bytes: int) -> list[Advice]:
    del limit_bytes
    if "MALLOC_ARENA_MAX" in process.environment or "jemalloc" in process.environment.get("LD_PRELOAD", ""):
        return []
    reason = "With many threads glibc's malloc keeps freed memory in as many as eight arenas per core."
    unless = "the image is built on musl (Alpine), or Ruby is linked with jemalloc"
    return [_heap_advice("Set MALLOC_ARENA_MAX=2.", reason, unless)]


def _php(process: RunningProcess, limit_bytes: int) -> list[Advice]:
    del limit_bytes
    if not any(argument.replace(" ", "").endswith("memory_limit=-1") for argument in process.arguments):
        return []
    reason = "With memory_limit=-1 PHP never stops a script: the kernel kills the process instead."
    return [_heap_advice("Set memory_limit below the container's limit.", reason, "the script is trusted to end")]


TRAPS: Final[Mapping[Language, Callable[[RunningProcess, int], list[Advice]]]] = {
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
