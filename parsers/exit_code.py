"""
Explain the exit code of a container, without any other evidence.

A shell, containerd and runc all write 128 + n for a process that signal n ended, and a program can exit with the same
number itself, so the code alone proves nothing. Signal numbers are those of x86 and ARM (signal(7)).
"""

from dataclasses import dataclass
from typing import Final

_BASE: Final = 128
_LAST_SIGNAL: Final = 64
# glibc reserves 32 and 33 for its threads (signal(7)).
_FIRST_REAL_TIME: Final = 34
# fmt: off
_SIGNALS: Final = (
    "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL",
    "SIGUSR1", "SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT",
    "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF",
    "SIGWINCH", "SIGIO", "SIGPWR", "SIGSYS",
)
# fmt: on
_CRASHES: Final = frozenset({"SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGSEGV", "SIGSYS"})
_WORDS: Final = {
    0: "ended without an error",
    125: "docker run itself failed",
    126: "the command could not be executed",
    127: "the command was not found",
    128: "could not be started",
    255: "exit(-1), or the engine does not know how it ended",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitMeaning:
    """
    The meaning of an exit code.

    Attributes:
        signal: its number, if the code is 128 + signal.
        crash: the signal is one that a fault of the program itself raises.
        text: the meaning in words.
    """

    signal: int | None
    signal_name: str | None
    crash: bool
    text: str


def signal_of(exit_code: int) -> int | None:
    """
    Return the signal that an exit code stands for (129 to 192), else None.
    """
    signal = exit_code - _BASE
    return signal if 1 <= signal <= _LAST_SIGNAL else None


def signal_name(signal: int) -> str:
    """
    Return the name of a signal, or `signal N` if it has none.
    """
    if 1 <= signal <= len(_SIGNALS):
        return _SIGNALS[signal - 1]
    if _FIRST_REAL_TIME <= signal <= _LAST_SIGNAL:
        return f"SIGRTMIN+{signal - _FIRST_REAL_TIME}" if signal > _FIRST_REAL_TIME else "SIGRTMIN"
    return f"signal {signal}"


def meaning(exit_code: int) -> ExitMeaning:
    """
    Return the meaning of an exit code; any number has one.
    """
    signal = signal_of(exit_code)
    if signal is None:
        text = _WORDS.get(exit_code, f"the program's own code {exit_code}")
        return ExitMeaning(signal=None, signal_name=None, crash=False, text=text)
    name = signal_name(signal)
    crash = name in _CRASHES
    verb = "crashed with" if crash else "ended by"
    return ExitMeaning(signal=signal, signal_name=name, crash=crash, text=f"{verb} {name}")
