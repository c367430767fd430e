"""
Installing the environment that runs these tests as a service in a temporary root directory.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from collector.cli.installation import Installation, InstallationError

pytestmark = pytest.mark.slow


class Host:
    """
    A root directory, and the system commands that were run.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.commands: list[Sequence[str]] = []
        self.installation = Installation(root, self.commands.append, python=Path("/usr/bin/python3"))

    def path(self, name: str) -> Path:
        return self.root / name


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_the_service_runs_what_was_copied(host: Host) -> None:
    """
    The unit runs the copy, because the environment may be in a home directory, which a service may not read.
    """
    host.installation.install(start=True)
    unit = host.path("etc/systemd/system/exit137.service").read_text()
    assert "ExecStart=/opt/exit137/bin/exit137 run" in unit
    assert "/usr/bin/exit137" not in unit
    drop_ins = host.path("etc/systemd/system/exit137.service.d")
    assert {path.name for path in drop_ins.iterdir()} == {"docker.conf", "kmsg.conf", "processes.conf"}
    assert host.commands[-1] == ["systemctl", "enable", "--now", "exit137.service"]
    assert host.path("opt/exit137/bin/exit137").read_text().startswith("#!/usr/bin/python3 -IB\n")


def test_the_pages_are_installed_and_off(host: Host) -> None:
    """
    Their unit runs the copy; only the service is enabled.
    """
    host.installation.install(start=True)
    unit = host.path("etc/systemd/system/exit137-web.service").read_text()
    assert "ExecStart=/opt/exit137/bin/exit137 web" in unit
    assert [command for command in host.commands if "exit137-web.service" in command] == []
    host.installation.uninstall(purge=False)
    assert ["systemctl", "disable", "--now", "exit137.service", "exit137-web.service"] in host.commands
    assert not host.path("etc/systemd/system/exit137-web.service").exists()


def test_the_copy_is_complete(host: Host) -> None:
    """
    The command runs from the copy, without the environment.
    """
    host.installation.install(start=False)
    launcher = host.path("opt/exit137/bin/exit137")
    program = launcher.read_text().replace("/opt/exit137", str(host.path("opt/exit137")))
    base = Path(sys.base_prefix) / f"bin/python3.{sys.version_info.minor}"
    shown = subprocess.run([base, "-IBc", program, "check", "--help"], check=False, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    assert "--config-only" in shown.stdout


def test_an_existing_configuration_is_kept(host: Host) -> None:
    """
    Installing again is an upgrade and does not overwrite the configuration.
    """
    host.installation.install(start=True)
    config = host.path("etc/exit137/config.toml")
    assert config.stat().st_mode & 0o777 == 0o640
    config.write_text("mine")
    host.installation.install(start=True)
    assert config.read_text() == "mine"


def test_uninstall_keeps_configuration_and_store(host: Host) -> None:
    """
    Only --purge removes the configuration and the store too.
    """
    host.installation.install(start=True)
    store = host.path("var/lib/exit137")
    store.mkdir(parents=True)
    host.installation.uninstall(purge=False)
    left = {path.relative_to(host.root).as_posix() for path in host.root.rglob("*exit137*")}
    assert left == {"etc/exit137", "var/lib/exit137"}
    host.installation.install(start=True)
    host.installation.uninstall(purge=True)
    assert list(host.root.rglob("*exit137*")) == []
    assert host.commands[-1] == ["userdel", "exit137"]


def test_two_services_are_refused(host: Host) -> None:
    """
    Installing is refused if the Debian package is installed, because it brings its own service.
    """
    host.path("usr/lib/systemd/system").mkdir(parents=True)
    host.path("usr/lib/systemd/system/exit137.service").touch()
    with pytest.raises(InstallationError, match="Debian package"):
        host.installation.install(start=True)
    with pytest.raises(InstallationError, match="no service"):
        host.installation.uninstall(purge=False)


def test_an_interpreter_in_a_home_directory_is_refused(tmp_path: Path) -> None:
    """
    An interpreter in a home directory is refused, because ProtectHome= hides it from the service.
    """
    installation = Installation(tmp_path, lambda _: None, python=Path("/home/joe/.pyenv/bin/python3.11"))
    with pytest.raises(InstallationError, match="may not read home directories"):
        installation.install(start=True)
