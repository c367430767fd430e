"""
Installs the running environment as a service of the host, and removes the service again.

For installations with pipx or pip. The layout is that of the Debian package. The libraries are copied to /opt/exit137,
because the service may not read home directories, and because the environment may be deleted with its owner. Only
files of the installed package are used; nothing is downloaded.
"""

import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Final

_UNIT: Final = "exit137.service"
# Off by default, as in the Debian package.
_WEB_UNIT: Final = "exit137-web.service"
_DROP_INS: Final = ("docker", "kmsg", "processes")
_DROP_INS_OFF: Final = ("trace", "crashes", "podman")
_PACKAGES: Final = ("collector", "parsers", "sinks")
_NOT_COPIED: Final = shutil.ignore_patterns("__pycache__", "pip", "pip-*", "setuptools", "setuptools-*", "*.pth")
_HOMES: Final = (Path("/home"), Path("/root"), Path("/run/user"))
_INSTALLED: Final = (
    "opt/exit137",
    "usr/local/bin/exit137",
    "etc/systemd/system/exit137.service",
    "etc/systemd/system/exit137.service.d",
    "etc/systemd/system/exit137-web.service",
    "etc/sysusers.d/exit137.conf",
)
_PURGED: Final = ("etc/exit137", "var/lib/exit137", "var/log/exit137")


class InstallationError(Exception):
    """
    Raised when this environment cannot be installed or removed as a service.
    """


def run_command(command: Sequence[str]) -> None:
    """
    Run a command of the system.

    Raises:
        InstallationError: the command does not exist or fails.
    """
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise InstallationError(f"{command[0]} was not found on this host") from error
    except subprocess.CalledProcessError as error:
        raise InstallationError(f"{' '.join(command)}: {error.stderr.strip()}") from error


class Installation:
    """
    Installs and removes the files of the service.

    Args:
        root: the root directory of the host.
        run: runs a command of the system.
        python: the interpreter of the service; None for the one that this environment is based on.
    """

    def __init__(
        self,
        root: Path = Path("/"),
        run: Callable[[Sequence[str]], None] = run_command,
        python: Path | None = None,
    ) -> None:
        self._root = root
        self._run = run
        self._python = python or _base_python()

    def install(self, *, start: bool) -> None:
        """
        Copy all files, create the user and enable the service, but not its pages. An existing configuration is kept.

        Args:
            start: also start the service now.

        Raises:
            InstallationError: a step failed; files copied before it may stay.
        """
        self._check_possible()
        self._remove(_INSTALLED)
        self._copy_libraries()
        self._copy_units()
        self._run(["systemd-sysusers", "/etc/sysusers.d/exit137.conf"])
        self._copy_config()
        self._run(["systemctl", "daemon-reload"])
        self._run(["systemctl", "enable", *(["--now"] if start else []), _UNIT])

    def uninstall(self, *, purge: bool) -> None:
        """
        Stop the service and remove what `install` has copied.

        Args:
            purge: also remove the configuration, the store, the logs and the user.

        Raises:
            InstallationError: the service is not installed, or a step failed.
        """
        if not (self._root / "etc/systemd/system" / _UNIT).exists():
            raise InstallationError("no service was installed by `exit137 install`")
        # An earlier version installed no unit for the pages; `systemctl disable` refuses a unit that does not exist.
        units = [unit for unit in (_UNIT, _WEB_UNIT) if (self._root / "etc/systemd/system" / unit).exists()]
        self._run(["systemctl", "disable", "--now", *units])
        self._remove(_INSTALLED)
        self._run(["systemctl", "daemon-reload"])
        if purge:
            self._remove(_PURGED)
            self._run(["userdel", "exit137"])

    def _check_possible(self) -> None:
        if (self._root / "usr/lib/systemd/system" / _UNIT).exists():
            raise InstallationError("the Debian package is installed; remove it first: apt remove exit137")
        if any(self._python.is_relative_to(home) for home in _HOMES):
            raise InstallationError(
                f"the service cannot run {self._python}: it may not read home directories; use the system's Python"
            )

    def _copy_libraries(self) -> None:
        """
        Copy the libraries of the environment, and from the checkout what an editable installation leaves there.
        """
        lib = self._root / "opt/exit137/lib"
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        shutil.copytree(sysconfig.get_path("purelib"), lib / version, ignore=_NOT_COPIED)
        here = Path(__file__).parents[2]
        for package in _PACKAGES:
            if not (lib / version / package).exists():
                shutil.copytree(here / package, lib / "exit137" / package, ignore=_NOT_COPIED)
        launcher = self._root / "opt/exit137/bin/exit137"
        launcher.parent.mkdir(parents=True)
        launcher.write_text(_shared("launcher").read_text().replace("/usr/bin/python3", str(self._python), 1))
        launcher.chmod(0o755)
        self._link("usr/local/bin/exit137", "/opt/exit137/bin/exit137")

    def _copy_units(self) -> None:
        units = self._root / "etc/systemd/system"
        drop_ins = units / f"{_UNIT}.d"
        drop_ins.mkdir(parents=True)
        for unit in (_UNIT, _WEB_UNIT):
            text = _shared(unit).read_text().replace("/usr/bin/exit137", "/opt/exit137/bin/exit137")
            (units / unit).write_text(text)
        for name in _DROP_INS:
            shutil.copy(_shared(f"{_UNIT}.d/{name}.conf"), drop_ins)
        for name in _DROP_INS_OFF:
            shutil.copy(_shared(f"{_UNIT}.d/{name}.conf"), self._root / f"opt/exit137/{name}.conf")
        users = self._root / "etc/sysusers.d"
        users.mkdir(parents=True, exist_ok=True)
        shutil.copy(_shared("exit137.sysusers"), users / "exit137.conf")

    def _copy_config(self) -> None:
        config = self._root / "etc/exit137/config.toml"
        if config.exists():
            return
        config.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(_shared("exit137.toml"), config)
        config.chmod(0o640)
        self._run(["chgrp", "exit137", str(config)])

    def _link(self, name: str, target: str) -> None:
        link = self._root / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)

    def _remove(self, names: Sequence[str]) -> None:
        for name in names:
            path = self._root / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def _base_python() -> Path:
    """
    Return the interpreter that this environment is based on, by the name that stays the same in patch updates.
    """
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return Path(sys.base_prefix) / "bin" / version


def _shared(name: str) -> Path:
    """
    Return a data file of the package: below share/ of the environment, or in the checkout.
    """
    for file in metadata.files("exit137") or ():
        if file.as_posix().endswith(f"share/exit137/{name}"):
            return Path(str(file.locate()))
    checkout = Path(__file__).parents[2]
    return next(path for path in (checkout / "systemd" / name, checkout / "packaging" / name) if path.exists())
