"""
Add to the event of a crash what the file of the faulting module says (build-id, function, instruction), or the
report of a JVM.
"""

from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Final

from collector.correlate.crash_reasons import REASONS
from parsers.instruction import CodeAt, Instruction, decode_instruction
from parsers.kernel import KernelNotice, NoticeKind
from sinks.event import Advice, Crash, CrashReason, Event

_ON_PURPOSE: Final = Advice(
    kind="abort",
    text="Look at the last lines that the program printed: it ended itself. Compilers write this instruction where the"
    " code must never come, for example after a failed check.",
    reason="No CPU knows the instruction; programs run it to end themselves.",
)


def with_code(event: Event, notice: KernelNotice, code: CodeAt, cpu_flags: AbstractSet[str]) -> Event:
    """
    Return the event of a crash with what was read from the file.

    Args:
        event: of a death or of a kernel event; it has a crash.
        notice: the kernel's line about the crash.
        code: what the file has at the instruction.
        cpu_flags: of /proc/cpuinfo; none if unknown.
    """
    crash = replace(event.exit137.crash or Crash(), build_id=code.build_id, function=code.function)
    is_refused = notice.kind is NoticeKind.INVALID_OPCODE and code.is_x86_64
    instruction = decode_instruction(code.code) if is_refused else None
    if instruction is None:
        return replace(event, exit137=replace(event.exit137, crash=crash))
    return _with_instruction(event, crash, instruction, cpu_flags)


def with_frames(event: Event, frames: tuple[str, ...]) -> Event:
    """
    Return the event of a JVM that crashed with the calls from its report.

    Args:
        event: of a death.
        frames: the innermost first, secrets masked.
    """
    crash = event.exit137.crash
    if crash is None:
        return event
    return replace(event, exit137=replace(event.exit137, crash=replace(crash, frames=frames)))


def _with_instruction(event: Event, crash: Crash, instruction: Instruction, cpu_flags: AbstractSet[str]) -> Event:
    crash = replace(crash, instruction=instruction.name)
    advice, why = event.exit137.advice, None
    name = instruction.name or "an instruction"
    if instruction.ends_program:
        crash = replace(crash, reason=CrashReason.ABORTED)
        advice, why = (_ON_PURPOSE,), f"it ended itself with {name}"
    elif instruction.needs is not None and cpu_flags and instruction.needs not in cpu_flags:
        crash = replace(crash, cpu_needs=(instruction.needs,))
        advice = (_cpu_advice(name, instruction.needs),)
        why = f"it ran {name}, which needs {instruction.needs}, and this CPU has none"
    # Only the clause about the reason is replaced: the rest of the sentence is as true as before.
    message = event.message.replace(REASONS[CrashReason.INVALID_INSTRUCTION], why) if why is not None else event.message
    return replace(event, message=message, exit137=replace(event.exit137, crash=crash, advice=advice))


def _cpu_advice(name: str, needs: str) -> Advice:
    return Advice(
        kind="cpu",
        text=f"Use an image that was built without {needs}, or run it on a CPU that has {needs}; a virtual machine may"
        " hide it although its host has it.",
        reason=f"The program ran {name}, which needs {needs}; the flags in /proc/cpuinfo do not have it.",
    )
