"""
Build files like those of /proc.
"""

from pathlib import Path

from tests.unit.collector.memory.trees import write


def process(
    proc: Path,
    pid: int,
    *,
    name: str = "hog",
    state: str = "S",
    killed: bool = False,
    parent: int = 1,
    tracer: int = 0,
    inner: int = 1,
    caught: int = 0,
    wchan: str = "do_wait",
    stack: str = "do_wait",
) -> None:
    """
    Add a process with one thread; `inner` is its pid in its own namespace.
    """
    pending = 256 if killed else 0
    fields = f"{parent} 1 1 0 -1 0 {'0 ' * 10}1 0 4711 {'0 ' * 8}{pending} 0 0"
    write(proc / str(pid), {"stat": f"{pid} ({name}) {state} {fields}"})
    thread(
        proc, pid, pid, name=name, state=state, killed=killed, parent=parent, tracer=tracer, inner=inner, caught=caught
    )
    write(proc / str(pid) / "task" / str(pid), {"wchan": wchan, "stack": f"[<0>] {stack}+0x1/0x2"})


def thread(
    proc: Path,
    pid: int,
    tid: int,
    *,
    name: str = "hog",
    state: str = "S",
    killed: bool = False,
    parent: int = 1,
    tracer: int = 0,
    inner: int = 1,
    caught: int = 0,
) -> None:
    """
    Add a thread to a process.
    """
    pending = "0000000000000100" if killed else "0000000000000000"
    lines = (
        f"Name:\t{name}",
        f"State:\t{state} (any)",
        f"Tgid:\t{pid}",
        f"Pid:\t{tid}",
        f"PPid:\t{parent}",
        f"TracerPid:\t{tracer}",
        f"NSpid:\t{tid}\t{inner}",
        f"SigPnd:\t{pending}",
        f"ShdPnd:\t{pending}",
        f"SigBlk:\t{0:016x}",
        f"SigIgn:\t{0:016x}",
        f"SigCgt:\t{caught:016x}",
    )
    write(proc / str(pid) / "task" / str(tid), {"status": "\n".join(lines)})
