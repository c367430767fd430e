"""
The unit as systemd reads it: it is valid, and as closed as its README promises. Nothing is started.
"""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

FOLDER: Final = Path(__file__).parents[3] / "systemd"
DEFAULT: Final = ("docker", "kmsg", "processes")
ALL: Final = (*DEFAULT, "trace", "crashes", "podman")
# RestartSteps and RestartMaxDelaySec came with systemd 254; before it the pause stays the same.
_KNOWN_LATER: Final = re.compile(r"Unknown key( name)? 'Restart(Steps|MaxDelaySec)'")
_OFFLINE_SINCE: Final = 250


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)


PAGES: Final = "exit137-web.service"
HUB: Final = "exit137-hub.service"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """
    A root directory with the unit; its programs are replaced by one that is there.
    """
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    units = tmp_path / "etc/systemd/system"
    units.mkdir(parents=True)
    for name in ("exit137.service", PAGES, HUB):
        unit = (FOLDER / name).read_text(encoding="utf-8")
        (units / name).write_text(unit.replace("/usr/bin/exit137", "/bin/true"), encoding="utf-8")
    return tmp_path


def add_drop_ins(root: Path, names: tuple[str, ...]) -> None:
    folder = root / "etc/systemd/system/exit137.service.d"
    folder.mkdir()
    for name in names:
        shutil.copy(FOLDER / f"exit137.service.d/{name}.conf", folder)


@pytest.mark.parametrize(
    ("drop_ins", "threshold"),
    [pytest.param((), "18", id="journal only"), pytest.param(DEFAULT, "25", id="default")],
)
def test_the_exposure_stays_below_its_bound(root: Path, drop_ins: tuple[str, ...], threshold: str) -> None:
    """
    1.8 with the journal alone, 2.5 with what is on by default; systemd-analyze takes tenths.
    """
    found = re.search(r"\d+", analyze("--version").stdout)
    if found is None or int(found[0]) < _OFFLINE_SINCE:
        pytest.skip(f"systemd-analyze security --offline came with systemd {_OFFLINE_SINCE}")
    add_drop_ins(root, drop_ins)
    judged = analyze(
        "security", "--offline=true", "--no-pager", f"--root={root}", f"--threshold={threshold}", "exit137.service"
    )
    assert judged.returncode == 0, judged.stdout.splitlines()[-1]


def test_the_pages_are_exposed_least(root: Path) -> None:
    """
    They need no privilege, no device and no other machine: at most 1.2.
    """
    found = re.search(r"\d+", analyze("--version").stdout)
    if found is None or int(found[0]) < _OFFLINE_SINCE:
        pytest.skip(f"systemd-analyze security --offline came with systemd {_OFFLINE_SINCE}")
    judged = analyze("security", "--offline=true", "--no-pager", f"--root={root}", "--threshold=12", PAGES)
    assert judged.returncode == 0, judged.stdout.splitlines()[-1]


@pytest.mark.parametrize("name", [PAGES, HUB])
def test_systemd_understands_the_other_units(root: Path, name: str) -> None:
    """
    And complains about no line.
    """
    verified = analyze("verify", "--man=no", str(root / "etc/systemd/system" / name))
    complaints = [line for line in verified.stderr.splitlines() if name in line]
    assert (verified.returncode, complaints) == (0, [])


def test_the_hub_has_no_privilege() -> None:
    """
    It listens to other hosts: whoever took it over has its state directory, and nothing else of this host.
    """
    unit = (FOLDER / HUB).read_text(encoding="utf-8")
    assert re.findall(r"^(?:\w+Directory|ReadWritePaths|BindPaths)=(.*)$", unit, re.MULTILINE) == ["exit137-hub"]
    assert re.findall(r"^(?:AmbientCapabilities|CapabilityBoundingSet)=(.*)$", unit, re.MULTILINE) == ["", ""]
    assert {"DynamicUser=yes", "ProtectSystem=strict"} <= set(unit.splitlines())


def test_the_pages_only_read() -> None:
    """
    No directory of the pages is writable, they have a user of their own, and no capability.
    """
    unit = (FOLDER / PAGES).read_text(encoding="utf-8")
    assert re.findall(r"^(?:\w+Directory|ReadWritePaths|BindPaths)=", unit, re.MULTILINE) == []
    assert re.findall(r"^(?:AmbientCapabilities|CapabilityBoundingSet)=(.*)$", unit, re.MULTILINE) == ["", ""]
    assert {"DynamicUser=yes", "ProtectSystem=strict", "IPAddressDeny=any"} <= set(unit.splitlines())


@pytest.mark.parametrize("drop_ins", [(), DEFAULT, ALL])
def test_systemd_understands_every_line(root: Path, drop_ins: tuple[str, ...]) -> None:
    """
    A misspelled directive is passed over in silence by systemd, and the fence is not there.
    """
    add_drop_ins(root, drop_ins)
    verified = analyze("verify", "--man=no", str(root / "etc/systemd/system/exit137.service"))
    complaints = [
        line for line in verified.stderr.splitlines() if "exit137.service" in line and not _KNOWN_LATER.search(line)
    ]
    assert (verified.returncode, complaints) == (0, [])


def test_every_capability_is_opened_for_its_source_alone() -> None:
    """
    The unit itself has none, and each drop-in grants what it lets the process keep.
    """
    granted = {
        path.stem: re.findall(r"^(?:AmbientCapabilities|CapabilityBoundingSet)=(.*)$", path.read_text(), re.MULTILINE)
        for path in (FOLDER / "exit137.service", *FOLDER.glob("exit137.service.d/*.conf"))
    }
    assert granted == {
        "exit137": ["", ""],
        "docker": [],
        "crashes": ["CAP_DAC_READ_SEARCH"] * 2,
        "kmsg": ["CAP_SYSLOG"] * 2,
        "processes": ["CAP_NET_ADMIN"] * 2,
        "podman": ["CAP_DAC_OVERRIDE"] * 2,
        "trace": ["CAP_DAC_OVERRIDE"] * 2,
    }


@pytest.mark.parametrize("name", ["exit137.service", PAGES, HUB])
def test_every_directive_has_its_reason(name: str) -> None:
    """
    README.md names each directive of a unit.
    """
    unit = (FOLDER / name).read_text(encoding="utf-8")
    section = unit.partition("[Service]")[2].partition("[Install]")[0]
    names = set(re.findall(r"^#?(\w+)=", section, re.MULTILINE))
    plain = {"ExecStart", "Group", "TimeoutStartSec", "StateDirectoryMode", "LogsDirectoryMode"}
    alike = {"SystemCallArchitectures", "SystemCallErrorNumber"}
    reasons = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert {name for name in names - plain - alike if f"{name}=" not in reasons} == set()


def test_the_folder_hides_no_package() -> None:
    """
    With an __init__.py it would be imported in place of python-systemd.
    """
    assert not (FOLDER / "__init__.py").exists()
