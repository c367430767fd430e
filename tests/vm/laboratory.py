"""
Runs a script on a machine, with the package, the commands of docs/install.md and the program of the containers.
"""

import os
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tests.package.building import REPOSITORY, built_package
from tests.vm.machine import PODMAN, Machine

HOME: Final = REPOSITORY / ".cache/vm"
# CI has an hour on two cores for all tests. Without KVM a run of everything takes about 13 minutes on a machine, and a
# storm alone about 7. So CI runs everything, with the storm, on one machine. What CI leaves out is `long`:
# it is part of `make test-vm-all`, for releases and docs/compatibility.md.
EVERYTHING: Final = (
    pytest.param("bookworm", marks=pytest.mark.long),
    "trixie",
    pytest.param("forky", marks=pytest.mark.long),
)
# Everything includes the storm and the forgeries: no machine boots twice for them in CI.
STORMS: Final = (
    pytest.param(("run-storm", "bookworm"), marks=pytest.mark.long, id="bookworm"),
    pytest.param(("run-everything", "trixie"), id="trixie"),
    pytest.param(("run-storm", "forky"), marks=pytest.mark.long, id="forky"),
)
FORGERIES: Final = (
    pytest.param(("run-forgeries", "bookworm"), marks=pytest.mark.long, id="bookworm"),
    pytest.param(("run-everything", "trixie"), id="trixie"),
)
# Three engines end their containers in every way: 15 minutes on a machine.
PODMANS: Final = tuple(pytest.param(suite, marks=pytest.mark.long) for suite in ("bookworm", "trixie", "forky"))
# With AppArmor, and a kernel that soon speaks of hung tasks: 20 minutes on a busy machine.
CRASHES: Final = (
    pytest.param(("run-crashes", "bookworm"), marks=pytest.mark.long, id="bookworm"),
    pytest.param(("run-crashes", "trixie"), marks=pytest.mark.long, id="trixie"),
)
LIMIT_S: Final = 2400
TIMEOUT_S: Final = LIMIT_S + 900


@cache
def run_script(script: str, suite: str) -> Path:
    """
    Run a script of this folder on a machine, once in a run of the tests; return the folder with what it wrote.

    Args:
        script: `run-NAME`; its results are kept in .cache/vm/SUITE/NAME, of Podman in .cache/vm/podman/SUITE/podman.
        suite: of Debian.
    """
    if os.geteuid() != 0 or shutil.which("qemu-system-x86_64") is None:
        pytest.skip("needs root and qemu-system-x86")
    home, also = (HOME / "podman", PODMAN) if script == "run-podman" else (HOME, "")
    machine = Machine(suite, home, also)
    machine.make()
    results = home / suite / script.removeprefix("run-")
    shutil.rmtree(results, ignore_errors=True)
    with tempfile.TemporaryDirectory() as lab:
        _furnish(Path(lab), script)
        machine.run(Path(lab), results, LIMIT_S, apparmor=script == "run-crashes")
    return results / "out"


def _furnish(lab: Path, script: str) -> None:
    shutil.copy(built_package(), lab)
    here = Path(__file__).parent
    shutil.copy(here / script, lab / "run")
    for shared in ("steps", "waiting", "forgeries", "crashes"):
        shutil.copy(here / shared, lab)
    for name, commands in zip(("walk-install", "walk-use"), _walk(), strict=True):
        (lab / name).write_text(commands)
    hog = REPOSITORY / "tests/lab/hog.c"
    subprocess.run(["gcc", "-O1", "-static", "-o", str(lab / "hog"), str(hog)], check=True)
    crash = str(REPOSITORY / "tests/lab/crash.c")
    subprocess.run(["gcc", "-O1", "-static-pie", "-pthread", "-o", str(lab / "crash"), crash], check=True)
    journal = str(REPOSITORY / "tests/live/programs/journal.c")
    subprocess.run(["gcc", "-static", "-o", str(lab / "journal"), journal], check=True)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", str(lab / "journal.so"), journal], check=True)


def _walk() -> list[str]:
    """
    Return the first commands of docs/install.md: to install the package, and to check it.
    """
    text = (REPOSITORY / "docs/install.md").read_text(encoding="utf-8")
    return re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[:2]
