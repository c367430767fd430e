"""
Tests of Podman's containers on whole machines: of root and of a user, with Podman's service and without, and beside
Docker's in a storm.
"""

from collections import Counter

import pytest

from sinks.event import Cause, Confidence
from tests.vm.laboratory import PODMANS, TIMEOUT_S, run_script
from tests.vm.outcome import Outcome

pytestmark = [pytest.mark.vm, pytest.mark.timeout(TIMEOUT_S)]


@pytest.fixture(scope="module", params=PODMANS)
def outcome(request: pytest.FixtureRequest) -> Outcome:
    """
    One run on a machine.
    """
    return Outcome(run_script("run-podman", request.param))


def test_every_step_was_done(outcome: Outcome) -> None:
    """
    The agent reads root's Podman and that of a user.
    """
    assert not (outcome.out / "failed").exists(), outcome.read("failed")
    version = outcome.read("podman").strip()
    (line,) = (
        line for line in outcome.read("prepare.log").splitlines() if line.startswith("source podman: can be read")
    )
    assert [line.count(f"Podman {version} (API"), line.count("of user 1000 at"), line.count("of root at")] == [2, 1, 1]


def test_every_death_has_its_cause(outcome: Outcome) -> None:
    """
    Each command has its cause, also for a user's containers, and where no service of Podman runs.
    """
    misjudged = outcome.misjudged()
    # The first container of a pod ends with it; the silent one has a test of its own.
    assert {name for name in misjudged if not name.endswith("-infra")} <= {"silent"}
    assert not set(outcome.true_causes) - set(outcome.deaths())


def test_every_kill_has_its_container(outcome: Outcome) -> None:
    """
    In a storm of containers of Docker and Podman as well.
    """
    assert outcome.kills() == outcome.true_kills


def test_each_container_has_its_engine(outcome: Outcome) -> None:
    """
    A user's containers are that user's, and Docker's stay Docker's.
    """
    engines = {death["container"].get("name", "-"): death["exit137"]["engine"] for death in outcome.published_deaths()}
    assert {engine["name"] for name, engine in engines.items() if name.startswith("docker-")} == {"docker"}
    assert {engine["uid"] for name, engine in engines.items() if name.startswith("rootless-")} == {1000}
    others = [engine for name, engine in engines.items() if not name.startswith("docker-")]
    assert {engine.get("uid") for engine in others} == {None, 1000}
    assert {engine["name"] for engine in others} == {"podman"}


def test_no_command_of_a_user_is_certain(outcome: Outcome) -> None:
    """
    A user can make the own engine say anything.
    """
    commands = {Cause.DOCKER_KILL, Cause.DOCKER_STOP, Cause.DOCKER_STOP_TIMEOUT, Cause.DOCKER_RM}
    found = Counter(
        death["exit137"]["confidence"]
        for death in outcome.published_deaths()
        if death["container"].get("name", "").startswith("rootless-") and death["exit137"]["cause"] in commands
    )
    assert Confidence.CERTAIN not in found


def test_the_sender_of_a_signal_is_named(outcome: Outcome) -> None:
    """
    A shell of root, and the runtime of Podman, which lives for milliseconds.
    """
    assert outcome.death("root-foreign")["exit137"]["death"]["killer"]["name"] == "sh"
    assert outcome.death("root-killed")["exit137"]["death"]["killer"]["name"] == "crun"


def test_the_limit_of_a_pod_is_the_parents(outcome: Outcome) -> None:
    """
    The pod's slice was at its limit, not the container.
    """
    (kill,) = outcome.of_container("oom_kill", "limit-ofpod")
    assert kill["exit137"]["oom"]["scope"] == "parent"


def test_a_death_that_no_engine_reports_is_published(outcome: Outcome) -> None:
    """
    With the id and the exit code, which the kernel shows, and doubt. Podman 5.8 reports the end even if its events
    are switched off; then the name is known as well.
    """
    silent = outcome.read("silent").strip()
    (death,) = (death for death in outcome.published_deaths() if death["container"]["id"] == silent)
    confidence = Confidence.CERTAIN if "name" in death["container"] else Confidence.LIKELY
    assert (death["exit137"]["cause"], death["exit137"]["confidence"]) == (Cause.APP_ERROR, confidence)
    assert death["exit137"]["death"]["exit_code"] == 3


def test_the_stop_of_a_unit_is_certain(outcome: Outcome) -> None:
    """
    systemd says that it stops or restarts the unit, and the trace shows the signal. Quadlet came with Podman 4.4.
    """
    units = [name for name in ("stopped-unit", "restarted-unit") if name in outcome.true_causes]
    assert bool(units) == (tuple(map(int, outcome.read("podman").split(".")[:2])) >= (4, 4))
    deaths = [outcome.death(name) for name in units]
    assert {death["exit137"]["confidence"] for death in deaths} <= {Confidence.CERTAIN}
    assert ["restarted" in death["message"] for death in deaths] == [name == "restarted-unit" for name in units]
