"""
Real crashes on this kernel: the death with its reason, and the kernel event with its container.
"""

import io
import os
import platform
import shutil
import signal
import tarfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from sinks.event import EventType
from tests.lab.agent import Agent
from tests.lab.box import Box
from tests.lab.lab import Lab
from tests.lab.waiting import wait_until

pytestmark = [
    pytest.mark.live,
    pytest.mark.timeout(240),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="other kernels print less of a crash"),
]
# Of the kinds here only this one needs a kernel with audit.
SECCOMP = ("seccomp", "system_call_refused") if Path("/proc/self/loginuid").exists() else (None, None)
# How it crashes, where, its exit code, the kind of the kernel event, and the reason.
CRASHES = [
    ("null", "", 139, "segfault", "null_pointer"),
    ("null", "thread", 139, "segfault", "null_pointer"),
    ("call", "", 139, "segfault", "null_call"),
    ("jump", "", 139, "segfault", "wild_jump"),
    ("stack", "", 139, "segfault", "stack_overflow"),
    ("stack", "thread", 139, "segfault", "stack_overflow"),
    ("write", "", 139, "segfault", "read_only_memory"),
    ("opcode", "", 132, "invalid_opcode", "aborted"),
    ("opcode", "thread", 132, "invalid_opcode", "aborted"),
    ("divide", "", 136, "trap", "divide_error"),
    ("breakpoint", "", 133, "trap", "breakpoint"),
    ("protection", "", 139, "general_protection", None),
    ("abort", "", 134, None, None),
    ("shm", "", 135, None, None),
    ("seccomp", "", 159, *SECCOMP),
]
# The kernel prints ten such lines in five seconds, and then none until they are over.
PRINTED_AGAIN_S = 6
PRINTED_AT_ONCE = 8
# The kernel may print a record of audit for each, under the same limit.
PRINTED_WITH_AUDIT = 4
SIGNED_AT_LEAST = 45
BUILD_ID_LENGTH = 40
# runc itself needs some.
TASKS = 16
SHM_BYTES = 64 * 1024 * 1024
IDS = [f"{how} {where}".strip() for how, where, *_ in CRASHES]


@pytest.fixture(scope="module")
def boxes(agent: Agent, lab: Lab) -> Sequence[Box]:
    """
    Return one container for each crash; each has ended, and its death is published.
    """
    boxes: list[Box] = []
    for number, (how, where, exit_code, *_) in enumerate(CRASHES):
        if number == len(CRASHES) // 2:
            time.sleep(PRINTED_AGAIN_S)
        # The first process of a container is deaf to a signal that is merely sent.
        boxes.append(lab.run("/bin/crash", how, where, init=how == "abort"))
        boxes[-1].wait(exit_code)
    wait_until(lambda: all(deaths(agent, box) for box in boxes), 60, "all deaths are published")
    return boxes


def of_type(agent: Agent, box: Box, event_type: EventType) -> list[Mapping[str, Any]]:
    """
    Return what the events of one type about a container say.
    """
    found = [event for event in agent.events() if event["type"] == event_type]
    return [event["data"] for event in found if event["data"].get("container", {}).get("id") == box.id]


def deaths(agent: Agent, box: Box) -> list[Mapping[str, Any]]:
    """
    Return the deaths of a container.
    """
    return of_type(agent, box, EventType.CONTAINER_DEATH)


@pytest.mark.parametrize("number", range(len(CRASHES)), ids=IDS)
def test_a_crash_has_its_reason(number: int, boxes: Sequence[Box], agent: Agent) -> None:
    """
    Each crash is one death with the cause crash, and with what the kernel's line proves.
    """
    how, _, exit_code, kind, reason = CRASHES[number]
    (death,) = deaths(agent, boxes[number])
    assert (death["exit137"]["cause"], death["exit137"]["death"]["exit_code"]) == ("crash", exit_code)
    crash = death["exit137"]["crash"]
    assert crash["signal"] == exit_code - 128
    assert (crash.get("kind"), crash.get("reason")) == (kind, reason)
    if kind is not None and how not in ("call", "jump", "seccomp"):
        assert crash["module"] == "crash"
        assert crash["signature"].startswith(f"{kind} crash+0x")


def test_the_file_of_the_module_is_read(boxes: Sequence[Box], agent: Agent) -> None:
    """
    The crash has the function and the build-id, in the death as in the kernel event.
    """
    box = boxes[IDS.index("null")]
    for event_type in (EventType.CONTAINER_DEATH, EventType.KERNEL_EVENT):
        (event,) = of_type(agent, box, event_type)
        assert event["exit137"]["crash"]["function"].startswith("crash")
        assert len(event["exit137"]["crash"]["build_id"]) == BUILD_ID_LENGTH


@pytest.fixture
def tool(boxes: Sequence[Box], lab: Lab, tmp_path: Path) -> Path:
    """
    Return a directory of the host with the program that crashes, under another name.
    """
    pieces, _ = boxes[0].container.get_archive("/bin/crash")
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as archive:
        archive.extractall(tmp_path, filter="tar")
    (tmp_path / "crash").rename(tmp_path / "tool")
    return tmp_path


def test_a_program_on_a_mount(tool: Path, agent: Agent, lab: Lab) -> None:
    """
    The file of a module in a bind mount, and in a volume, is read after the end of the container.
    """
    name = f"exit137-live-{tool.name}-{os.getpid()}"
    volume = lab.client.volumes.create(name)
    shutil.copy(tool / "tool", Path(volume.attrs["Mountpoint"]))
    mounted = [lab.run("/srv/tool", "null", volumes=[f"{source}:/srv:ro"]) for source in (str(tool), name)]
    for box in mounted:
        box.wait(139)
    wait_until(lambda: all(deaths(agent, box) for box in mounted), 30, "the deaths are published")
    crashes = [deaths(agent, box)[0]["exit137"]["crash"] for box in mounted]
    assert [len(crash["build_id"]) for crash in crashes] == [BUILD_ID_LENGTH] * 2
    for box in mounted:
        box.container.remove()
    volume.remove()


def test_a_program_that_only_a_living_process_shows(tool: Path, agent: Agent, lab: Lab) -> None:
    """
    A link in the source of a mount is not followed, but while the container lives the agent sees what it sees.
    """
    link = tool.parent / f"{tool.name}-link"
    link.symlink_to(tool)
    box = lab.run("/bin/sh", "-c", "sleep 2; /deep/er/tool null worker; exec sleep 20", volumes=[f"{link}:/deep/er:ro"])
    wait_until(lambda: bool(of_type(agent, box, EventType.KERNEL_EVENT)), 30, "the kernel event is published")
    (event,) = of_type(agent, box, EventType.KERNEL_EVENT)
    assert len(event["exit137"]["crash"]["build_id"]) == BUILD_ID_LENGTH


def test_an_instruction_that_the_cpu_lacks(agent: Agent, lab: Lab) -> None:
    """
    The death says what the CPU lacks, and which instruction it was where that has a name here.
    """
    has_avx512 = "avx512f" in Path("/proc/cpuinfo").read_text()
    # No processor that is made today has XOP.
    kind, name, needs = ("xop", None, "xop") if has_avx512 else ("avx512", "vpaddd", "avx512f")
    box = lab.run("/bin/crash", kind)
    box.wait(132)
    wait_until(lambda: bool(deaths(agent, box)), 30, "the death is published")
    (death,) = deaths(agent, box)
    crash = death["exit137"]["crash"]
    assert (crash["reason"], crash.get("instruction")) == ("invalid_instruction", name)
    assert crash["cpu_needs"] == [needs]
    assert f"needs {needs}, and this CPU has none" in death["message"]


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_signature_is_the_same_in_every_run(agent: Agent, lab: Lab) -> None:
    """
    Fifty runs of two images, each loaded at another address, have one signature; another place has another.
    """
    model = lab.create("/bin/crash", "null")
    other = model.container.commit("exit137-live", "other").id
    boxes: list[Box] = []
    for number in range(50):
        if number % PRINTED_WITH_AUDIT == 0:
            time.sleep(PRINTED_AGAIN_S)
        boxes.append(lab.run("/bin/crash", "null", **({"image": other} if number % 2 else {})))
        boxes[-1].wait(139)
    time.sleep(PRINTED_AGAIN_S)
    elsewhere = lab.run("/bin/crash", "write")
    elsewhere.wait(139)
    wait_until(lambda: all(deaths(agent, box) for box in [*boxes, elsewhere]), 60, "all deaths are published")
    crashes = [deaths(agent, box)[0]["exit137"]["crash"] for box in boxes]
    # What else crashes on this host counts towards the limit of lines; then the death says so.
    assert {crash.get("line_missing") for crash in crashes} <= {None, "left_out"}
    crashes = [crash for crash in crashes if "line_missing" not in crash]
    assert len(crashes) >= SIGNED_AT_LEAST
    assert len({crash["signature"] for crash in crashes}) == 1
    build_ids = [crash["build_id"] for crash in crashes if "build_id" in crash]  # look-ups have a budget
    assert len(build_ids) >= 8
    assert len(set(build_ids)) == 1
    lines = {deaths(agent, box)[0]["exit137"]["evidence"][0]["text"] for box in boxes}
    assert len(lines) >= SIGNED_AT_LEAST
    assert deaths(agent, elsewhere)[0]["exit137"]["crash"]["signature"] != crashes[0]["signature"]


@pytest.mark.parametrize("where", ["worker", "loop"])
def test_a_worker_that_crashes(where: str, agent: Agent, lab: Lab) -> None:
    """
    The crash of a child is a kernel event of the container, repetitions are folded, and the container lives on.
    """
    box = lab.run("/bin/crash", "null", where)
    box.wait(0)
    wait_until(lambda: bool(deaths(agent, box)), 30, "the death is published")
    (crash,) = of_type(agent, box, EventType.KERNEL_EVENT)
    assert (crash["exit137"]["confidence"], crash["exit137"]["kernel"]["kind"]) == ("certain", "segfault")
    (death,) = deaths(agent, box)
    assert death["exit137"]["cause"] == "exit"
    assert "crash" not in death["exit137"]


def test_a_signal_that_was_sent_is_no_crash(agent: Agent, lab: Lab) -> None:
    """
    A process that another one ends with SIGSEGV did not crash, although its wait status is the same.
    """
    # The first process of a container is deaf to it.
    box = lab.run("/bin/sleep", "60", init=True)
    children = Path(f"/proc/{box.main_pid()}/task/{box.main_pid()}/children")
    wait_until(lambda: bool(children.read_text()), 10, "the init runs the program")
    pid = int(children.read_text())
    wait_until(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n", 10, "the program runs")
    os.kill(pid, signal.SIGSEGV)
    box.wait(139)
    wait_until(lambda: bool(deaths(agent, box)), 30, "the death is published")
    (death,) = deaths(agent, box)
    assert (death["exit137"]["cause"], death["exit137"]["confidence"]) == ("signal", "certain")
    assert death["exit137"]["death"]["killer"]["name"] == Path("/proc/self/comm").read_text().strip()


def test_the_crash_of_a_thread_is_certain(boxes: Sequence[Box], agent: Agent) -> None:
    """
    With the process connector the thread in the line is known for certain, with its process.
    """
    box = boxes[IDS.index("null thread")]
    (crash,) = of_type(agent, box, EventType.KERNEL_EVENT)
    kernel = crash["exit137"]["kernel"]
    assert crash["exit137"]["confidence"] == "certain"
    assert kernel["tid"] != kernel["pid"]
    (death,) = deaths(agent, box)
    assert death["exit137"]["crash"]["reason"] == "null_pointer"


def test_a_limit_of_tasks(agent: Agent, lab: Lab) -> None:
    """
    A fork that is refused at --pids-limit is a kernel event of the container.
    """
    # The shell outlives the refused fork, so that its cgroup is still there to be read.
    script = "/bin/hog fork:30 sleep:20000 end wait; exec sleep 20"
    box = lab.run("/bin/sh", "-c", script, pids_limit=TASKS)
    wait_until(lambda: bool(of_type(agent, box, EventType.KERNEL_EVENT)), 30, "the kernel event is published")
    (event,) = of_type(agent, box, EventType.KERNEL_EVENT)
    assert (event["exit137"]["kernel"]["kind"], event["exit137"]["confidence"]) == ("pids_limit", "certain")
    limit = event["exit137"]["kernel"]["task_limit"]
    assert (limit["tasks_max"], limit["cgroup"]) == (TASKS, event["exit137"]["kernel"]["cgroup"])


def test_a_full_dev_shm(boxes: Sequence[Box], agent: Agent) -> None:
    """
    A death by SIGBUS has the size of /dev/shm, and advice to raise it.
    """
    (death,) = deaths(agent, boxes[IDS.index("shm")])
    assert death["exit137"]["crash"]["shm_size_bytes"] == SHM_BYTES
    assert [advice["kind"] for advice in death["exit137"]["advice"]] == ["shm"]
