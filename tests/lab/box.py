"""
A container of the lab: started, put on hold while its processes are recorded, released, waited for.

A process holds by creating /run/held.PID (a tmpfs, new in every run) and waiting for /run/go; both are visible through
/proc/PID/root. So every pid and name is known before anything dies.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import docker
from docker.models.containers import Container

from sinks.event import Cause, Confidence, Killer, Scope
from tests.lab.truth import Death, Kill, Truth
from tests.lab.waiting import wait_until

_HELD_S: Final = 20.0
_END_S: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """
    A process of a container, on hold.

    Attributes:
        pid: on the host.
        name: its comm; bytes that are not UTF-8 are replaced.
        main: whether it is the main process according to Docker.
    """

    pid: int
    name: str
    main: bool


class Box:
    """
    One container.

    Args:
        container: the docker library's object, started or not.
    """

    def __init__(self, container: Container) -> None:
        self.container = container
        self.id: str = container.id or ""
        self.name: str = container.name or ""

    def main_pid(self) -> int:
        """
        Return the host pid of the main process; wait until there is one.
        """
        wait_until(self._living_pid, _HELD_S, f"{self.name} runs")
        return self._living_pid()

    def hold(self, processes: int = 1) -> list[Held]:
        """
        Wait until so many processes are on hold, and return them, the main process first.
        """
        main = self.main_pid()
        run = Path(f"/proc/{main}/root/run")
        wait_until(lambda: len(list(run.glob("held.*"))) >= processes, _HELD_S, f"{self.name} holds")
        inner_pids = {int(path.suffix[1:]) for path in run.glob("held.*")}
        held = [
            Held(pid=pid, name=_comm(pid), main=pid == main)
            for pid in self._pids()
            if _innermost_pid(pid) in inner_pids
        ]
        return sorted(held, key=lambda process: (not process.main, process.pid))

    def go(self) -> None:
        """
        Release the processes on hold.
        """
        Path(f"/proc/{self.main_pid()}/root/run/go").touch()

    def release(self, processes: int = 1) -> list[Held]:
        """
        Wait until so many processes are on hold, then release them.
        """
        held = self.hold(processes)
        self.go()
        return held

    def died(self, cause: Cause, exit_code: int, **what: Any) -> Truth:  # noqa: ANN401 (passed on to `truth`)
        """
        Wait for the end, check the exit code, and return the truth: one death.
        """
        self.wait(exit_code)
        return self.truth(Death(causes=(cause,), exit_code=exit_code), **what)

    def wait(self, exit_code: int) -> None:
        """
        Wait for the end, and check the exit code if the container still exists.
        """
        with suppress(docker.errors.NotFound):
            code = self.container.wait(timeout=_END_S)["StatusCode"]
            assert code == exit_code, f"{self.name} was to exit with {exit_code}, not {code}"

    def wait_until_gone(self, pid: int) -> None:
        """
        Wait until a process that was held here no longer exists on the host.
        """
        wait_until(lambda: not Path(f"/proc/{pid}").exists(), _END_S, f"{pid} is gone")

    def truth(
        self,
        *deaths: Death,
        kills: Sequence[Held] = (),
        scope: Scope = Scope.CONTAINER,
        killer: Killer = Killer.KERNEL,
        limit_bytes: int | None = None,
    ) -> Truth:
        """
        Return what happened to this container.
        """
        return Truth(
            container_id=self.id,
            container_name=self.name,
            deaths=deaths,
            kills=tuple(Kill(pid=held.pid, name=held.name, main=held.main) for held in kills),
            scope=scope,
            killer=killer,
            limit_bytes=limit_bytes,
        )

    def _living_pid(self) -> int:
        """
        Return the main process according to Docker if it runs, else 0.
        """
        self.container.reload()
        pid: int = self.container.attrs["State"]["Pid"]
        return pid if Path(f"/proc/{pid}").exists() else 0

    def _pids(self) -> list[int]:
        pids = []
        for path in Path("/proc").glob("[0-9]*/cgroup"):
            with suppress(OSError):
                if self.id in path.read_text():
                    pids.append(int(path.parent.name))
        return pids


def death(cause: Cause, exit_code: int | None, *others: Cause, at_least: Confidence = Confidence.LIKELY) -> Death:
    """
    Return the end of a run by a cause; `others` would also be right.
    """
    return Death(causes=(cause, *others), exit_code=exit_code, at_least=at_least)


def _comm(pid: int) -> str:
    raw = Path(f"/proc/{pid}/comm").read_bytes()
    return raw.removesuffix(b"\n").decode("utf-8", "replace")


def _innermost_pid(pid: int) -> int | None:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(errors="replace").splitlines():
            if line.startswith("NSpid:"):
                return int(line.split()[-1])
    return None
