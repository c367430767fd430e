"""
Apache Flink from the distribution inside PyFlink: the job on a cluster in one process, and on a cluster of two.

`scripts/setup flink` makes its environment, and Maven fetches Kafka's connector.
"""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import requests

from tests.lab.waiting import wait_until
from tests.shared.maven import Jars
from tests.shared.ports import free_ports

JARS: Final = Jars(name="flink", pom=Path(__file__).with_name("pom.xml"))
ROOT: Final = Path(__file__).parents[2]
PYTHON: Final = ROOT / ".cache" / "flink-venv" / "bin" / "python"
_READY_S: Final = 120.0
_ANSWER_S: Final = 5.0


def problem() -> str | None:
    """
    Return why there is no Flink here; None if there is.
    """
    if not PYTHON.exists():
        return "no Flink here: scripts/setup flink installs it"
    return JARS.problem()


def job_arguments(servers: str, topic: str, incidents_topic: str, checkpoints: Path) -> list[str]:
    """
    Return the arguments of a job that ends with its topic.
    """
    jar = next(JARS.fetch().glob("flink-sql-connector-kafka-*.jar"))
    places = [f"--servers={servers}", f"--topic={topic}", f"--incidents-topic={incidents_topic}", f"--jar={jar}"]
    return [*places, f"--checkpoints={checkpoints.as_uri()}", "--bounded"]


def run_here(arguments: Sequence[str], timeout_s: float) -> None:
    """
    Run the job to its end on a cluster in one process.

    Raises:
        AssertionError: the job failed.
    """
    command = [PYTHON, "-m", "fleet.flink.job", *arguments]
    ended = subprocess.run(
        command, env=environment(), cwd=ROOT, capture_output=True, text=True, timeout=timeout_s, check=False
    )
    assert ended.returncode == 0, ended.stderr[-4000:]


def environment() -> dict[str, str]:
    """
    Return the variables with which Flink and its Python find each other and this checkout.
    """
    path = f"{PYTHON.parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


class Cluster:
    """
    A job manager and a task manager with two slots, which a test can kill.

    Args:
        home: an empty directory.
    """

    def __init__(self, home: Path) -> None:
        distribution = next((PYTHON.parents[1] / "lib").glob("python*/site-packages/pyflink"))
        self._bin = distribution / "bin"
        self._rest, rpc, blob = free_ports(3)
        self._home = home
        shutil.copytree(distribution / "conf", home / "conf")
        config = home / "conf" / "config.yaml"
        java = next(line.strip() for line in config.read_text().splitlines() if line.strip().startswith("all: "))
        config.write_text(f"env.java.opts.{java}\n{_settings(home, self._rest, rpc, blob)}")
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        """
        Start `jobmanager` or `taskmanager`.
        """
        log = (self._home / f"{name}.out").open("ab")
        with log:
            self._processes[name] = subprocess.Popen(
                ["bash", self._bin / f"{name}.sh", "start-foreground"],
                env=self._environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """
        End it with SIGKILL, and what it has started.
        """
        process = self._processes.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def wait_until_ready(self) -> None:
        """
        Wait until a task manager has registered.
        """
        wait_until(lambda: self._ask("/overview").get("slots-total", 0) > 0, _READY_S, "Flink has slots")

    def submit(self, arguments: Sequence[str]) -> None:
        """
        Submit the job; it runs on.
        """
        command = ["bash", self._bin / "flink", "run", "--detached", "--python", ROOT / "fleet/flink/job.py"]
        ended = subprocess.run(
            [*command, *arguments],
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self._home,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout[-4000:]

    def states(self) -> list[str]:
        """
        Return the states of all jobs, such as `RUNNING` and `FINISHED`.
        """
        return [job["state"] for job in self._ask("/jobs/overview").get("jobs", [])]

    def close(self) -> None:
        """
        End everything.
        """
        for name in list(self._processes):
            self.kill(name)

    def _ask(self, path: str) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = requests.get(f"http://127.0.0.1:{self._rest}{path}", timeout=_ANSWER_S).json()
        except (requests.RequestException, ValueError):
            return {}
        return answer

    def _environment(self) -> dict[str, str]:
        log = self._home / "log"
        log.mkdir(exist_ok=True)
        return {**environment(), "FLINK_CONF_DIR": str(self._home / "conf"), "FLINK_LOG_DIR": str(log)}


@contextlib.contextmanager
def cluster(home: Path) -> Iterator[Cluster]:
    """
    Run a cluster for the duration of the context.
    """
    home.mkdir()
    found = Cluster(home)
    try:
        found.start("jobmanager")
        found.start("taskmanager")
        found.wait_until_ready()
        yield found
    finally:
        found.close()


def _settings(home: Path, rest: int, rpc: int, blob: int) -> str:
    settings = {
        "jobmanager.rpc.address": "127.0.0.1",
        "jobmanager.rpc.port": rpc,
        "jobmanager.memory.process.size": "1024m",
        "jobmanager.bind-host": "127.0.0.1",
        "taskmanager.bind-host": "127.0.0.1",
        "taskmanager.host": "127.0.0.1",
        "taskmanager.memory.process.size": "2048m",
        "taskmanager.numberOfTaskSlots": 2,
        "parallelism.default": 2,
        "rest.address": "127.0.0.1",
        "rest.bind-address": "127.0.0.1",
        "rest.port": rest,
        "blob.server.port": blob,
        "restart-strategy.type": "fixed-delay",
        "restart-strategy.fixed-delay.attempts": 1000,
        "restart-strategy.fixed-delay.delay": "1 s",
        # A task manager that was killed is missed after this time.
        "heartbeat.interval": 1000,
        "heartbeat.timeout": 10_000,
        "io.tmp.dirs": home / "tmp",
        "python.executable": PYTHON,
        "python.client.executable": PYTHON,
    }
    return "".join(f"{key}: {value}\n" for key, value in settings.items())
