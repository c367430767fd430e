"""
The Docker Engine of the lab: the host's if one runs, or one that exists only for the lab.

The lab's own engine keeps everything under one directory, has no network, and is stopped by its pid; another engine on
the host is not touched. Only the lab's own engine may be stopped, killed or lose its power.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

import docker
import requests

from tests.lab.waiting import wait_until

HOST_URL: Final = "unix:///var/run/docker.sock"
_UP_S: Final = 30.0
_DOWN_S: Final = 40.0
_CALL_S: Final = 30


def connect(url: str) -> docker.DockerClient | None:
    """
    Connect to the engine at a URL; return None if none answers.
    """
    if not _listens(url):
        return None
    try:
        return docker.DockerClient(base_url=url, timeout=_CALL_S)
    except docker.errors.DockerException:
        return None


def _listens(url: str) -> bool:
    """
    Return whether anybody accepts connections: the SDK leaves its sockets open if nobody does.
    """
    path = url.removeprefix("unix://")
    if path == url:
        return True
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


class HostEngine:
    """
    The engine that runs on this host anyway.

    Args:
        url: as in DOCKER_HOST.
        client: a client that is connected to it.
    """

    def __init__(self, url: str, client: docker.DockerClient) -> None:
        self.url = url
        self.client = client

    def close(self) -> None:
        """
        Close the client; the engine keeps running.
        """
        self.client.close()


class OwnEngine:
    """
    The lab's own engine: containerd and dockerd in a directory that is removed with it.
    """

    def __init__(self) -> None:
        # On a disk, and with a path short enough for a socket (108 bytes).
        self._directory = Path(tempfile.mkdtemp(prefix="exit137-", dir="/var/tmp"))
        self._socket = self._directory / "docker.sock"
        self._containerd_socket = self._directory / "containerd.sock"
        self._containerd: subprocess.Popen[bytes] | None = None
        self._dockerd: subprocess.Popen[bytes] | None = None
        self._client: docker.DockerClient | None = None
        self.url = f"unix://{self._socket}"
        (self._directory / "daemon.json").write_text("{}")  # the host's configuration must not apply

    @property
    def client(self) -> docker.DockerClient:
        """
        A client that works as long as the engine exists, whatever happens to dockerd.
        """
        assert self._client is not None, "the engine has not been started"
        return self._client

    def start(self) -> None:
        """
        Start what is not running, and wait until the engine answers.
        """
        if self._containerd is None:
            self._containerd = self._spawn("containerd", *self._containerd_options())
            wait_until(self._containerd_socket.exists, _UP_S, "containerd has its socket")
        self._dockerd = self._spawn("dockerd", *self._dockerd_options())
        wait_until(self._answers, _UP_S, f"dockerd answers ({self._directory}/dockerd.log)")

    def terminate_daemon(self) -> None:
        """
        Stop dockerd as a service manager does; it stops its containers first.
        """
        self._end_daemon(signal.SIGTERM)

    def kill_daemon(self) -> None:
        """
        Kill dockerd; containers, shims and containerd keep running.
        """
        self._end_daemon(signal.SIGKILL)

    def cut_power(self) -> None:
        """
        Kill the engine and all its containers at once, and remove what a reboot would remove.
        """
        mains = self._main_pids()
        for process in (self._dockerd, self._containerd):
            if process is not None:
                process.kill()
                process.wait()
        self._dockerd = self._containerd = None
        for pid in [*self._shims(), *mains]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not self._shims(), _DOWN_S, "the shims are gone")
        self._unmount()
        for name in ("exec", "containerd-state", "docker.pid", "docker.sock", "containerd.sock"):
            path = self._directory / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    def close(self) -> None:
        """
        Stop the engine and its containers, and remove all its files.
        """
        self.terminate_daemon()
        if self._containerd is not None:
            self._containerd.terminate()
            self._containerd.wait(_DOWN_S)
        if self._client is not None:
            self._client.close()
        self._unmount()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _containerd_options(self) -> list[str]:
        home = self._directory
        options = ["--root", f"{home}/containerd", "--state", f"{home}/containerd-state"]
        return [*options, "--address", str(self._containerd_socket), "--log-level", "warn"]

    def _dockerd_options(self) -> list[str]:
        home = self._directory
        options = ["--containerd", str(self._containerd_socket), "--host", self.url]
        options += ["--data-root", f"{home}/data", "--exec-root", f"{home}/exec"]
        options += ["--pidfile", f"{home}/docker.pid", "--config-file", f"{home}/daemon.json"]
        return [*options, "--iptables=false", "--ip6tables=false", "--bridge=none"]

    def _spawn(self, *command: str) -> subprocess.Popen[bytes]:
        with (self._directory / f"{command[0]}.log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def _answers(self) -> bool:
        assert self._dockerd is not None
        assert self._dockerd.poll() is None, (self._directory / "dockerd.log").read_text()
        if self._client is None:
            self._client = connect(self.url)
            return self._client is not None
        with suppress(docker.errors.DockerException, requests.RequestException):
            return bool(self._client.ping())
        return False

    def _end_daemon(self, number: signal.Signals) -> None:
        if self._dockerd is None:
            return
        self._dockerd.send_signal(number)
        self._dockerd.wait(_DOWN_S)
        self._dockerd = None

    def _main_pids(self) -> list[int]:
        running = self.client.containers.list(ignore_removed=True)
        return [pid for pid in (container.attrs["State"]["Pid"] for container in running) if pid > 0]

    def _shims(self) -> list[int]:
        """
        Return the pids of this engine's shims, which have its socket in their command line.
        """
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                words = path.read_bytes().split(b"\0")
                if b"containerd-shim" in words[0] and str(self._containerd_socket).encode() in words:
                    found.append(int(path.parent.name))
        return found

    def _unmount(self) -> None:
        mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        for mount in reversed(mounts):
            if mount.startswith(f"{self._directory}/"):
                subprocess.run(["umount", "--lazy", mount], check=False, capture_output=True)


Engine = HostEngine | OwnEngine


def find_engine() -> Engine:
    """
    Return the host's engine if one answers, else start the lab's own.
    """
    url = os.environ.get("DOCKER_HOST", HOST_URL)
    client = connect(url)
    if client is not None:
        return HostEngine(url, client)
    engine = OwnEngine()
    try:
        engine.start()
    except BaseException:
        engine.close()
        raise
    return engine
