"""
The Debian package, built and installed in a Debian of its own: a root directory, no services, no network.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

REPOSITORY: Final = Path(__file__).parents[2]
BASE: Final = REPOSITORY / ".cache/debian/bookworm"
_INCLUDE: Final = "systemd,python3,python3-systemd"

pytestmark = [pytest.mark.vm, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def package() -> Path:
    """
    The package, built anew.
    """
    built = subprocess.run(["scripts/deb"], cwd=REPOSITORY, check=True, capture_output=True, text=True)
    return REPOSITORY / built.stdout.strip()


@pytest.fixture(scope="module")
def base() -> Path:
    """
    A minimal Debian with what the package depends on, made once.
    """
    if os.geteuid() != 0 or shutil.which("mmdebstrap") is None:
        pytest.skip("needs root and mmdebstrap")
    if not BASE.exists():
        BASE.parent.mkdir(parents=True, exist_ok=True)
        making = BASE.with_suffix(".new")
        shutil.rmtree(making, ignore_errors=True)
        command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={_INCLUDE}", "bookworm", str(making)]
        subprocess.run(command, check=True)
        making.rename(BASE)
    return BASE


class Root:
    """
    A Debian to install in.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(self, *command: str) -> str:
        """
        Run a command in it, without a network, and give what it prints; fails when the command does.
        """
        done = subprocess.run(
            ["unshare", "--net", "chroot", str(self.path), *command], check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def install(self, package: Path) -> None:
        """
        Install a package, as apt does with what is on the disk.
        """
        shutil.copy(package, self.path / "tmp/package.deb")
        self.run("dpkg", "--install", "/tmp/package.deb")  # noqa: S108 (of that root)
        (self.path / "tmp/package.deb").unlink()

    def files(self) -> set[str]:
        """
        All that is there, but for what dpkg notes for itself.
        """
        own = {"var/lib/dpkg", "var/log", "var/cache"}
        paths = (str(path.relative_to(self.path)) for path in self.path.rglob("*"))
        return {path for path in paths if not any(path.startswith(f"{prefix}/") for prefix in own)}

    def users(self) -> tuple[str, str]:
        """
        Who is there.
        """
        return (self.path / "etc/passwd").read_text(), (self.path / "etc/group").read_text()


@pytest.fixture
def root(base: Path, tmp_path: Path) -> Iterator[Root]:
    """
    A copy of the base that is thrown away.
    """
    copy = tmp_path / "root"
    subprocess.run(["cp", "--archive", "--reflink=auto", str(base), str(copy)], check=True)
    yield Root(copy)
    shutil.rmtree(copy)


def test_lintian_finds_no_error(package: Path) -> None:
    """
    What it would find is overridden with a reason, or mended.
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


def test_it_runs_once_it_is_installed(package: Path, root: Root) -> None:
    """
    With its user, its configuration readable by that user alone, its manual, and libraries for the Python there.
    """
    root.install(package)
    assert root.run("exit137", "--version").startswith("exit137 ")
    assert root.run("exit137", "check", "--config-only") == ""
    assert root.run("stat", "-c", "%U:%G %a", "/etc/exit137/config.toml") == "root:exit137 640\n"
    assert root.run("stat", "-c", "%U:%G %a", "/var/lib/exit137") == "exit137:exit137 750\n"
    assert (root.path / "etc/systemd/system/multi-user.target.wants/exit137.service").is_symlink()
    assert (root.path / "usr/share/man/man1/exit137.1.gz").exists()


def test_all_of_the_libraries_are_there(package: Path, root: Root) -> None:
    """
    Each kind of sink and each source can be loaded.
    """
    root.install(package)
    program = """
import sys; sys.path[:0] = ["/opt/exit137/lib/exit137", "/opt/exit137/lib/python%d.%d" % sys.version_info[:2]]
import importlib, collector.sources, sinks, uvloop, systemd.journal, collector.http
for kind in sinks.SINKS: sinks.load(kind)
for name in collector.sources.SOURCES.values(): importlib.import_module(name)
"""
    root.run("python3", "-IBc", program)


def test_an_upgrade_keeps_store_and_configuration(package: Path, root: Root) -> None:
    """
    What a person changed stays without a question.
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
    No file, no directory, no user, no group; to remove it leaves configuration and store.
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
