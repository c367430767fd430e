"""
Asking a live agent why: sandboxes that end and are removed, containers that go on or never started, and the recipes.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from docker.errors import APIError

from collector.web.api.client import ApiClient
from tests.lab.agent import COMMAND, Agent
from tests.lab.engine import Engine
from tests.lab.image import IMAGE
from tests.lab.lab import Lab
from tests.lab.sandboxes import percentile_s, run_sandboxes

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]
# bench/why.py runs 1,000.
SANDBOXES: Final = 48
RECIPES: Final = Path(__file__).parents[2] / "docs/recipes"
WAIT: Final = "30s"
EATS: Final = ("/bin/hog", "eat:64")


@pytest.fixture(scope="module")
def client(agent: Agent) -> ApiClient:
    """
    A client of the agent of this module.
    """
    return ApiClient(agent.socket)


def test_every_sandbox_has_its_answer_when_it_has_ended(
    client: ApiClient, agent: Agent, lab: Lab, request: pytest.FixtureRequest
) -> None:
    """
    Eight at a time, removed at their end, half of them with a killed child: each answer is settled and right.
    """
    asked = run_sandboxes(lab, agent.socket, SANDBOXES)
    figures = f"p50 {percentile_s(asked, 50) * 1e3:.0f} ms, p99 {percentile_s(asked, 99) * 1e3:.0f} ms"
    request.node.add_report_section("call", "figures", figures)
    assert {one.box.id: wrong for one in asked if (wrong := list(one.mistakes()))} == {}


def test_a_container_that_goes_on_has_the_kill_of_its_child(client: ApiClient, lab: Lab) -> None:
    """
    By name, and by the pid of the child; the main process was not killed.
    """
    box = lab.run("hold", "lose:1", "sleep:60000", limit_mib=12)
    began = time.time()
    box.release()
    deadline_s = time.monotonic() + 60
    while not box.container.logs() and time.monotonic() < deadline_s:
        time.sleep(0.05)
    since = _date(began - 1)
    status, answer = client.get("/v1/why", container=box.name, wait=WAIT, since=since)
    assert (status, answer["settled"], answer["state"], answer["death"]) == (200, True, "running", None)
    (kill,) = answer["kills"]
    (victim,) = kill["data"]["exit137"]["oom"]["victims"]
    assert victim["container_id"] == box.id
    for pid, kills in ((victim["pid"], [kill]), (box.main_pid(), [])):
        status, answer = client.get("/v1/why", pid=pid, wait=WAIT, since=since)
        assert (status, answer["settled"], answer["kills"]) == (200, True, kills)


def test_a_container_that_never_started_has_its_reason(client: ApiClient, lab: Lab) -> None:
    """
    Docker reports no such start as an event.
    """
    box = lab.create("/bin/nothing")
    with pytest.raises(APIError):
        box.container.start()
    status, answer = client.get("/v1/why", container=box.id, wait=WAIT)
    assert (status, answer["settled"], answer["cause"]) == (200, True, "start_failed")


def test_an_exec_is_found_by_its_id(client: ApiClient, lab: Lab) -> None:
    """
    The container goes on, the process that was started in it is gone.
    """
    box = lab.run("sleep:60000", limit_mib=12)
    api = lab.client.api
    exec_id = api.exec_create(box.id, list(EATS))["Id"]
    api.exec_start(exec_id)
    status, answer = client.get("/v1/why", exec=exec_id, wait=WAIT)
    assert (status, answer["settled"], len(answer["kills"])) == (200, True, 1)


def test_an_unknown_container_is_settled(client: ApiClient) -> None:
    """
    Docker has answered after the question, so there was none.
    """
    status, answer = client.get("/v1/why", container="nobody", wait=WAIT)
    assert (status, answer["settled"]) == (404, True)


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(seconds))


@pytest.fixture
def environment(client: ApiClient, agent: Agent, engine: Engine) -> Mapping[str, str]:
    """
    The environment of a user who has the command and its socket.
    """
    path = f"{COMMAND.parent}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "DOCKER_HOST": engine.url, "EXIT137_SOCKET": str(agent.socket)}


def run(environment: Mapping[str, str], *command: str | Path) -> tuple[int, str]:
    """
    Return the exit code and the output of a command.
    """
    done = subprocess.run(
        [str(part) for part in command], env=environment, stdout=subprocess.PIPE, text=True, timeout=120, check=False
    )
    return done.returncode, done.stdout


def test_the_recipe_of_a_sandbox_distinguishes_a_kill_from_an_exit_code(environment: Mapping[str, str]) -> None:
    """
    Both end with 137.
    """

    def sandbox(*script: str) -> Any:  # noqa: ANN401 (JSON)
        return json.loads(run(environment, sys.executable, RECIPES / "sandbox.py", IMAGE, "/bin/hog", *script)[1])

    killed = {"code": 137, "settled": True, "cause": "oom_kill", "oom_kills": 1}
    assert sandbox("eat:64") == killed
    assert sandbox("exit:137") == {**killed, "cause": "app_error", "oom_kills": 0}
    assert sandbox("lose:1", "exit:137") == {**killed, "cause": "oom_kill_child"}


def test_the_recipe_of_an_exec_finds_the_kill(environment: Mapping[str, str], lab: Lab) -> None:
    """
    The container goes on.
    """
    box = lab.run("sleep:60000", limit_mib=12)
    _, output = run(environment, sys.executable, RECIPES / "exec.py", box.name, *EATS)
    assert json.loads(output) == {"code": 137, "settled": True, "state": "running", "oom_kills": 1}


@pytest.mark.parametrize("recipe", ["ci-runner.sh", "trap.sh"])
def test_the_recipes_in_shell_say_why_and_keep_the_exit_code(environment: Mapping[str, str], recipe: str) -> None:
    """
    A job that succeeds says nothing.
    """
    code, output = run(environment, RECIPES / recipe, IMAGE, *EATS)
    assert code == 137
    assert "The kernel's OOM killer killed the main process" in output
    assert run(environment, RECIPES / recipe, IMAGE, "/bin/hog", "exit:0") == (0, "")


def test_the_recipe_of_github_actions_writes_the_summary(
    environment: Mapping[str, str], lab: Lab, tmp_path: Path
) -> None:
    """
    Its two steps, as a runner executes them.
    """
    steps = re.findall(r"^ +run: (.+)$", (RECIPES / "github-actions.yml").read_text(), re.MULTILINE)
    summary, number = tmp_path / "summary.md", f"{os.getpid()}"
    given = {**environment, "GITHUB_RUN_ID": number, "IMAGE": IMAGE, "COMMAND": " ".join(EATS)}
    codes = [run({**given, "GITHUB_STEP_SUMMARY": str(summary)}, "bash", "-ec", step)[0] for step in steps]
    lab.client.containers.get(f"job-{number}").remove()
    assert codes == [137, 0]
    assert "killed the main process" in summary.read_text()
