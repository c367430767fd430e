"""
The socket of an agent in a user namespace of its own, as the unit's PrivateUsers= makes it.

The agent sees its own user and group there, and all others as one that has no name. So the guard cannot know them, and
the permissions of the socket's file decide, which the kernel checks by the real ids.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become other users")

AGENT_UID: Final = 4242
GROUP_GID: Final = 777
# It waits until its ids are mapped, becomes the agent's user, and answers at the socket.
PROGRAM: Final = f"""
import asyncio, codecs, os, sys
from http import HTTPStatus
from collector.metrics import Metrics
from collector.runtime import access, unix_socket
from collector.runtime.http_server import HttpServer

access.group_id = unix_socket.group_id = lambda: {GROUP_GID}

class Answers:
    async def answer(self, path, parameters, last_event_id):
        return HTTPStatus.OK, "text/plain", b"answered"

async def main():
    server = HttpServer("unix:" + sys.argv[1], Metrics(), None, api=Answers(), guard=access.socket_guard)
    await server.start()
    print("listens", flush=True)
    await asyncio.Event().wait()

for name in ("ascii", "latin-1"):
    codecs.lookup(name)  # the agent's user may not read the files of Python here
sys.stdin.readline()
os.setresgid(*[{GROUP_GID}] * 3)
os.setresuid(*[{AGENT_UID}] * 3)
asyncio.run(main())
"""


@pytest.fixture
def listening() -> Iterator[Path]:
    """
    The socket of an agent in such a namespace.
    """
    with tempfile.TemporaryDirectory(prefix="exit137-") as name, ExitStack() as stack:
        os.chown(name, AGENT_UID, GROUP_GID)
        Path(name).chmod(0o755)
        command = ["unshare", "--user", "--keep-caps", sys.executable, "-c", PROGRAM, f"{name}/api.sock"]
        agent = stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        assert agent.stdin is not None
        assert agent.stdout is not None
        wait_for_namespace(agent.pid)
        for ids, one in (("uid_map", AGENT_UID), ("gid_map", GROUP_GID)):
            Path(f"/proc/{agent.pid}/{ids}").write_text(f"{one} {one} 1\n", encoding="ascii")
        agent.stdin.write(b"\n")
        agent.stdin.flush()
        assert agent.stdout.readline() == b"listens\n"
        yield Path(name) / "api.sock"
        agent.terminate()


def wait_for_namespace(pid: int) -> None:
    """
    Wait until a process has a user namespace of its own.
    """
    own = Path("/proc/self/ns/user").readlink()
    deadline_s = time.monotonic() + 30
    while Path(f"/proc/{pid}/ns/user").readlink() == own:
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def asked(path: Path, uid: int, gid: int) -> bytes:
    """
    Return what a process with these ids is answered at the socket; nothing if it may not connect.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(path))
                client.sendall(b"GET /v1/why HTTP/1.1\r\n\r\n")
                while part := client.recv(4096):
                    os.write(writing, part)
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as answer:  # noqa: PTH123 (a descriptor)
        found = answer.read()
    os.waitpid(child, 0)
    return found


@pytest.mark.parametrize(
    ("uid", "gid", "is_answered"),
    [(4243, GROUP_GID, True), (AGENT_UID, GROUP_GID, True), (0, 0, True), (4243, 4243, False)],
    ids=["a member of the group", "the agent's own user", "root", "anybody else"],
)
def test_the_permissions_of_the_socket_decide(listening: Path, uid: int, gid: int, is_answered: bool) -> None:
    """
    The guard admits whom the kernel has let connect and hides.
    """
    assert asked(listening, uid, gid).endswith(b"answered") is is_answered
