"""
Tests of the Debian package, built and installed in a separate root directory, without services or network.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from collector.sources import SOURCES
from sinks import SINKS
from tests.package.building import REPOSITORY, built_package
from tests.vm.machine import MMDEBSTRAP

HOME: Final = REPOSITORY / ".cache/debian"
_INCLUDE: Final = "systemd,python3,python3-systemd"

pytestmark = [pytest.mark.vm, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def package() -> Path:
    """
    The package, freshly built.
    """
    return built_package()


@pytest.fixture(scope="module", params=["bookworm", pytest.param("forky", marks=pytest.mark.long)])
def base(request: pytest.FixtureRequest) -> Path:
    """
    A minimal Debian with the package's dependencies, created once: the oldest Python and the newest.
    """
    if os.geteuid() != 0 or shutil.which("mmdebstrap") is None:
        pytest.skip("needs root and mmdebstrap")
    base = HOME / request.param
    if not base.exists():
        HOME.mkdir(parents=True, exist_ok=True)
        making = base.with_suffix(".new")
        shutil.rmtree(making, ignore_errors=True)
        subprocess.run([*MMDEBSTRAP, f"--include={_INCLUDE}", request.param, str(making)], check=True)
        making.rename(base)
    return base


class Root:
    """
    A Debian to install in.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(self, *command: str) -> str:
        """
        Run a command in it without a network, and return its output; fail if the command fails.
        """
        done = subprocess.run(
            ["unshare", "--net", "chroot", str(self.path), *command], check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def install(self, package: Path) -> None:
        """
        Install a package from the disk.
        """
        shutil.copy(package, self.path / "tmp/package.deb")
        self.run("dpkg", "--install", "/tmp/package.deb")  # noqa: S108 (of that root)
        (self.path / "tmp/package.deb").unlink()

    def files(self) -> set[str]:
        """
        Return all files except those that dpkg keeps for itself.
        """
        own = {"var/lib/dpkg", "var/log", "var/cache"}
        paths = (str(path.relative_to(self.path)) for path in self.path.rglob("*"))
        return {path for path in paths if not any(path.startswith(f"{prefix}/") for prefix in own)}

    def users(self) -> tuple[str, str]:
        """
        Return the users and groups.
        """
        return (self.path / "etc/passwd").read_text(), (self.path / "etc/group").read_text()


@pytest.fixture
def root(base: Path, tmp_path: Path) -> Iterator[Root]:
    """
    A layer of its own on top of the base, which is removed after the test.
    """
    layer, work, merged = (tmp_path / name for name in ("layer", "work", "root"))
    for path in (layer, work, merged):
        path.mkdir()
    layers = f"lowerdir={base},upperdir={layer},workdir={work}"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", layers, str(merged)], check=True)
    yield Root(merged)
    subprocess.run(["umount", str(merged)], check=True)
    shutil.rmtree(layer)


def test_lintian_finds_no_error(package: Path) -> None:
    """
    Lintian finds no error; what it would find is fixed, or overridden with a reason.
    """
    if shutil.which("lintian") is None:
        pytest.skip("lintian is not installed")
    found = subprocess.run(
        ["lintian", "--fail-on", "error,warning", "--allow-root", str(package)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stdout


def test_it_runs_after_installation(package: Path, root: Root) -> None:
    """
    The installed package has its user, a configuration that only this user can read, its manual, and libraries for this
    Python.
    """
    root.install(package)
    assert root.run("exit137", "--version").startswith("exit137 ")
    assert root.run("exit137", "check", "--config-only") == ""
    assert root.run("stat", "-c", "%U:%G %a", "/etc/exit137/config.toml") == "root:exit137 640\n"
    assert root.run("stat", "-c", "%U:%G %a", "/var/lib/exit137") == "exit137:exit137 750\n"
    wanted = root.path / "etc/systemd/system/multi-user.target.wants"
    assert (wanted / "exit137.service").is_symlink()
    assert (root.path / "usr/lib/systemd/system/exit137-web.service").is_file()
    assert not (wanted / "exit137-web.service").is_symlink()
    assert (root.path / "usr/lib/systemd/system/exit137-hub.service").is_file()
    assert not (wanted / "exit137-hub.service").is_symlink()
    assert (root.path / "usr/share/man/man1/exit137.1.gz").exists()


def test_all_libraries_are_included(package: Path, root: Root) -> None:
    """
    Each kind of sink and each source can be loaded.
    """
    root.install(package)
    program = """
import sys; sys.path[:0] = ["/opt/exit137/lib/exit137", "/opt/exit137/lib/python%d.%d" % sys.version_info[:2]]
import importlib, collector.sources, sinks, uvloop, systemd.journal, collector.runtime.http_server
for kind in sinks.SINKS: sinks.load(kind)
for name in collector.sources.SOURCES.values(): importlib.import_module(name)
print(len(sinks.SINKS), len(collector.sources.SOURCES))
"""
    assert root.run("python3", "-IBc", program) == f"{len(SINKS)} {len(SOURCES)}\n"


def test_an_upgrade_keeps_store_and_configuration(package: Path, root: Root) -> None:
    """
    An upgrade keeps the store and a changed configuration without asking.
    """
    root.install(package)
    config, store = root.path / "etc/exit137/config.toml", root.path / "var/lib/exit137/exit137.db"
    config.write_text('[http]\nlisten = "127.0.0.1:1"\n')
    store.write_text("a store")
    root.install(package)
    assert config.read_text() == '[http]\nlisten = "127.0.0.1:1"\n'
    assert store.read_text() == "a store"
    assert root.run("stat", "-c", "%G %a", "/etc/exit137/config.toml") == "exit137 640\n"


def test_a_purge_leaves_nothing(package: Path, root: Root) -> None:
    """
    A purge leaves no file, directory, user or group; a removal keeps configuration and store.
    """
    before, users = root.files(), root.users()
    root.install(package)
    root.run("exit137", "--version")
    (root.path / "var/lib/exit137/exit137.db").touch()
    (root.path / "var/log/exit137").mkdir()
    root.run("dpkg", "--remove", "exit137")
    assert (root.path / "var/lib/exit137/exit137.db").exists()
    assert (root.path / "etc/exit137/config.toml").exists()
    assert not (root.path / "opt").exists() or not (root.path / "opt/exit137").exists()
    root.run("dpkg", "--purge", "exit137")
    assert root.files() - before == set()
    assert not (root.path / "var/log/exit137").exists()
    assert root.users() == users
