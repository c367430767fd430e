"""
Fetches the jars of a server that tests start: those that a pom.xml names, once, into a folder below .cache.
"""

import fcntl
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

_CACHE: Final = Path(__file__).parents[2] / ".cache"
_FETCH_S: Final = 300
_REASON_CHARS: Final = 1000


class NoJarsError(Exception):
    """
    Raised if the jars cannot be fetched.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Jars:
    """
    The jars of one server.

    Attributes:
        name: the folder below .cache.
        pom: names the jars.
    """

    name: str
    pom: Path

    @property
    def folder(self) -> Path:
        """
        Where the jars are; `fetch` puts them there.
        """
        return _CACHE / self.name / "jars"

    def problem(self) -> str | None:
        """
        Return why the server cannot be started here; None if it can.
        """
        if shutil.which("java") is None:
            return "no Java here: scripts/setup live installs it"
        if not self._fetched() and shutil.which("mvn") is None:
            return f"{self.name} is not in .cache and there is no Maven to fetch it: scripts/setup live installs it"
        return None

    def fetch(self) -> Path:
        """
        Return the folder; the jars are fetched when the pom has changed, by one of the parallel test processes.

        Raises:
            NoJarsError: they cannot be fetched.
        """
        (_CACHE / self.name).mkdir(parents=True, exist_ok=True)
        # One for all servers: Maven processes that start with an empty repository disturb each other.
        with (_CACHE / "maven.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self._fetched():
                shutil.rmtree(self.folder, ignore_errors=True)
                self._download()
                shutil.copy(self.pom, self._done)
        return self.folder

    @property
    def _done(self) -> Path:
        return _CACHE / self.name / "pom.xml"

    def _fetched(self) -> bool:
        return self._done.exists() and self._done.read_bytes() == self.pom.read_bytes()

    def _download(self) -> None:
        command = [
            "mvn",
            "-q",
            "-B",
            "-f",
            self.pom,
            "dependency:copy-dependencies",
            f"-DoutputDirectory={self.folder}",
        ]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=_FETCH_S)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            # Maven's reason comes first; its advice on how to read its manual comes last.
            words = (error.stdout or b"").decode(errors="replace")[:_REASON_CHARS]
            raise NoJarsError(f"Maven could not fetch {self.name}: {words}") from error


def need_jars(items: Iterable[pytest.Item], folder: str, jars: Jars, timeout_s: float) -> None:
    """
    Mark the tests of a folder as needing a server of these jars; they run in one process, as they share it.
    """
    marks = jar_marks(folder, jars, timeout_s)
    for item in items:
        if f"tests/{folder}/" in item.path.as_posix():
            for mark in marks:
                item.add_marker(mark)


def jar_marks(group: str, jars: Jars, timeout_s: float) -> Sequence[pytest.MarkDecorator]:
    """
    Return the marks of a test that needs a server of these jars.
    """
    reason = jars.problem()
    return (
        pytest.mark.broker,
        pytest.mark.xdist_group(group),
        pytest.mark.timeout(timeout_s),
        pytest.mark.skipif(reason is not None, reason=str(reason)),
    )
