"""
What is looked up about a crash before its event is stored.
"""

import asyncio
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from collector.correlate.findings import KernelEvent
from collector.correlate.pid_index import Attribution
from collector.pipeline.autopsies import Autopsies
from collector.publish.kernel_events import kernel_event
from parsers.docker_inspect import ContainerSnapshot, Mount
from parsers.kernel import parse_notice
from parsers.oom.facts import KernelLine
from sinks.event import (
    Advice,
    Confidence,
    Crash,
    CrashReason,
    Event,
    EvidenceSource,
    Host,
    TaskLimit,
)
from tests.shared.tiny_elf import BUILD_ID, tiny_elf

A = "a" * 64
OPCODE = "traps: tiny[7] trap invalid opcode ip:55d0c5d2a010 sp:7f error:0 in tiny[55d0c5d2a000+1000]"
NOPS = b"\x90" * 16
UD2 = NOPS + b"\x0f\x0b"
VPXOR = NOPS + b"\xc5\xfd\xef\xc0"


def crashed(text: str = OPCODE) -> Event:
    """
    Return the event of a crash in container A.
    """
    notice = parse_notice(text)
    assert notice is not None
    return kernel_event(
        Host(id="1" * 32),
        KernelEvent(
            id="id",
            notice=notice,
            line=KernelLine(text=text, at_ns=5),
            source=EvidenceSource.KMSG,
            attribution=Attribution(container_id=A, runtime="docker", confidence=Confidence.CERTAIN),
            record=None,
            pid=7,
        ),
    )


class Host1:
    """
    A host with a container, a CPU, and a clock that stands still.
    """

    def __init__(
        self,
        directory: Path,
        flags: str = "fpu avx",
        path: str = "/srv/tiny",
        working_dir: str | None = None,
        mounts: tuple[Mount, ...] = (),
    ) -> None:
        self.layer = directory / "layer"
        (self.layer / "bin").mkdir(parents=True)
        cpu = directory / "cpuinfo"
        cpu.write_text(f"processor\t: 0\nflags\t\t: {flags}\n")
        where = {"layers": (str(self.layer),), "mounts": mounts, "working_dir": working_dir}
        snapshot = replace(ContainerSnapshot(id=A, labels={}, path=path), **where)
        self.autopsies = Autopsies({A: snapshot}.get, clock_s=lambda: 0.0, cpu=cpu, wait_s=30)

    def complete(self, event: Event) -> Event:
        """
        Return the completed event.
        """
        return asyncio.run(self.autopsies.complete(event))

    def crash(self) -> Crash:
        """
        Return the crash of the completed event.
        """
        crash = self.complete(crashed()).exit137.crash
        assert crash is not None
        return crash


def test_build_id_and_function(tmp_path: Path) -> None:
    """
    The file is found by its name in the layers; the signature does not depend on whether it was.
    """
    host = Host1(tmp_path)
    (host.layer / "bin/tiny").write_bytes(tiny_elf(UD2))
    crash = host.crash()
    assert (crash.build_id, crash.function) == (BUILD_ID.hex(), "boom")
    before = crashed().exit137.crash
    assert before is not None
    assert crash.signature == before.signature


def test_a_program_that_ended_itself(tmp_path: Path) -> None:
    """
    The instruction that no CPU knows is no want of the CPU, and the message no longer says so.
    """
    host = Host1(tmp_path)
    (host.layer / "bin/tiny").write_bytes(tiny_elf(UD2))
    event = host.complete(crashed())
    crash = event.exit137.crash
    assert crash is not None
    assert (crash.reason, crash.instruction, crash.cpu_needs) == (CrashReason.ABORTED, "ud2", ())
    assert "it ended itself with ud2" in event.message
    assert [advice.kind for advice in event.exit137.advice] == ["abort"]


def test_an_instruction_that_the_cpu_lacks(tmp_path: Path) -> None:
    """
    What the instruction needs is compared with the flags of the CPU.
    """
    host = Host1(tmp_path)
    (host.layer / "bin/tiny").write_bytes(tiny_elf(VPXOR))
    event = host.complete(crashed())
    crash = event.exit137.crash
    assert crash is not None
    assert (crash.reason, crash.instruction) == (CrashReason.INVALID_INSTRUCTION, "vpxor")
    assert crash.cpu_needs == ("avx2",)
    assert "it ran vpxor, which needs avx2, and this CPU has none" in event.message


@pytest.mark.parametrize("flags", ["fpu avx2", ""])
def test_a_cpu_that_has_it_or_is_not_known(flags: str, tmp_path: Path) -> None:
    """
    Nothing is said to be missing if the CPU has it, or if its flags are not known.
    """
    host = Host1(tmp_path, flags)
    (host.layer / "bin/tiny").write_bytes(tiny_elf(VPXOR))
    assert host.crash().cpu_needs == ()


def test_a_program_in_a_volume(tmp_path: Path) -> None:
    """
    The file is looked for in the volumes as well; there it hides what the image has.
    """
    host = Host1(tmp_path, mounts=(Mount(destination="/bin", source=str(tmp_path / "volume")),))
    (tmp_path / "volume").mkdir()
    (host.layer / "bin/tiny").write_bytes(tiny_elf(UD2, b"\xff" * 20))
    assert host.crash().build_id is None
    (tmp_path / "volume/tiny").write_bytes(tiny_elf(UD2))
    assert host.crash().build_id == BUILD_ID.hex()


def test_a_program_in_the_working_directory(tmp_path: Path) -> None:
    """
    A command without a path from the root is meant from where it starts.
    """
    host = Host1(tmp_path, path="./build/tiny", working_dir="/opt")
    (host.layer / "opt/build").mkdir(parents=True)
    (host.layer / "opt/build/tiny").write_bytes(tiny_elf(UD2))
    assert host.crash().build_id == BUILD_ID.hex()


def test_two_files_that_differ(tmp_path: Path) -> None:
    """
    Of two files that both fit the line, none is taken.
    """
    host = Host1(tmp_path)
    (host.layer / "bin/tiny").write_bytes(tiny_elf(UD2))
    (host.layer / "tiny").write_bytes(tiny_elf(UD2, b"\xff" * 20))
    assert host.crash().build_id is None


def test_no_file(tmp_path: Path) -> None:
    """
    Without the file the event stays as it is.
    """
    event = crashed()
    assert Host1(tmp_path).complete(event) == event


def test_the_same_crash_is_looked_up_once(tmp_path: Path) -> None:
    """
    A crash that is known already costs nothing, and does not change when the file has gone.
    """
    host = Host1(tmp_path)
    file = host.layer / "bin/tiny"
    file.write_bytes(tiny_elf(UD2))
    first = host.crash()
    file.unlink()
    assert host.crash() == first


def test_a_storm_of_crashes(tmp_path: Path) -> None:
    """
    Many different crashes at once spend the budget; those beyond it are published without a look-up.
    """
    host = Host1(tmp_path)
    (host.layer / "bin/tiny").write_bytes(tiny_elf(UD2))
    found = []
    for offset in range(16, 40):
        event = host.complete(crashed(OPCODE.replace("2a010", f"2a0{offset:02x}")))
        assert event.exit137.crash is not None
        found.append(event.exit137.crash.build_id is not None)
    assert found[0]
    assert not found[-1]


def test_how_full_the_disk_is(tmp_path: Path) -> None:
    """
    Advice about a full disk gets the figures of the file system that has the container's layer.
    """
    advice = Advice(kind="disk", text="Look.", reason="It said so.")
    event = crashed()
    event = replace(event, exit137=replace(event.exit137, advice=(advice,)))
    (found,) = Host1(tmp_path).complete(event).exit137.advice
    assert found.reason.startswith("It said so. The disk of the container's own layer has ")


def test_the_tasks_at_a_limit(tmp_path: Path) -> None:
    """
    The event of a refused fork gets the tasks of its cgroup, whether or not a container is known.
    """
    asked: list[str] = []

    def count(cgroup: str) -> TaskLimit:
        asked.append(cgroup)
        return TaskLimit(cgroup=cgroup, tasks=4, tasks_max=4, zombies=0)

    event = crashed("cgroup: fork rejected by pids controller in /docker/a")
    completed = asyncio.run(Autopsies({}.get, count=count, wait_s=30).complete(event))
    assert completed.exit137.kernel is not None
    assert completed.exit137.kernel.task_limit is not None
    assert asked == ["/docker/a"]


def test_a_look_up_that_takes_too_long(tmp_path: Path) -> None:
    """
    The event does not wait longer than it should; it is published as it is.
    """
    answer = threading.Event()

    def count(_cgroup: str) -> None:
        answer.wait(10)

    event = crashed("cgroup: fork rejected by pids controller in /docker/a")
    assert asyncio.run(Autopsies({}.get, count=count, wait_s=0.01).complete(event)) == event
    answer.set()


def test_a_look_up_that_fails(tmp_path: Path) -> None:
    """
    An error of the look-up costs the figures, never the event.
    """

    def count(_cgroup: str) -> None:
        raise PermissionError

    event = crashed("cgroup: fork rejected by pids controller in /docker/a")
    assert asyncio.run(Autopsies({}.get, count=count, wait_s=30).complete(event)) == event


def test_the_report_of_a_jvm(tmp_path: Path) -> None:
    """
    The calls come from the file that the log names, with secrets masked; a link out of the container is not followed.
    """
    host = Host1(tmp_path)
    report = host.layer / "hs_err_pid1.log"
    report.write_text("Native frames: (C=native code)\nC  [libfoo.so+0x5a3]  crash+0x13\nj  a.Main.run()V+3\n\n")
    saved = ("# An error report file with more information is saved as:", "# /hs_err_pid1.log", "#")
    event = crashed()
    event = replace(event, exit137=replace(event.exit137, logs=saved))
    crash = host.complete(event).exit137.crash
    assert crash is not None
    assert crash.frames == ("C  [libfoo.so+0x5a3]  crash+0x13", "j  a.Main.run()V+3")
    report.rename(tmp_path / "outside.log")
    report.symlink_to(tmp_path / "outside.log")
    assert host.complete(event) == event
