"""
Scenarios in which somebody tells Docker to end, signal, pause or restart a container.
"""

from typing import Any, Final

from sinks.event import Cause
from tests.lab.box import Box, death
from tests.lab.lab import Lab
from tests.lab.scenario import Scenario
from tests.lab.truth import Truth

_FOREVER: Final = ("hold", "sleep:60000")


def kill(lab: Lab) -> list[Truth]:
    """
    `docker kill`.
    """
    box = _held(lab, *_FOREVER)
    box.container.kill()
    return [box.died(Cause.DOCKER_KILL, 137)]


def kill_with_term_then_kill(lab: Lab) -> list[Truth]:
    """
    PID 1 without a handler ignores SIGTERM, and a second command kills it; two kills are not a stop.
    """
    box = _held(lab, *_FOREVER)
    box.container.kill("SIGTERM")
    box.container.kill("SIGKILL")
    return [box.died(Cause.DOCKER_KILL, 137)]


def kill_with_interrupt(lab: Lab) -> list[Truth]:
    """
    `docker kill -s INT`, and the program ends as shells say it.
    """
    box = _held(lab, "exit-on:2:130", *_FOREVER)
    box.container.kill("SIGINT")
    return [box.died(Cause.DOCKER_KILL, 130)]


def kill_and_removed(lab: Lab) -> list[Truth]:
    """
    `docker kill` on a container with --rm is not a `docker rm -f`, although the container is removed at once.
    """
    box = _held(lab, *_FOREVER, auto_remove=True)
    box.container.kill()
    return [box.died(Cause.DOCKER_KILL, 137)]


def stop_with_good_exit(lab: Lab) -> list[Truth]:
    """
    `docker stop`, and the program exits with 0.
    """
    box = _held(lab, "exit-on:15:0", *_FOREVER)
    box.container.stop()
    return [box.died(Cause.DOCKER_STOP, 0)]


def stop_by_the_signal(lab: Lab) -> list[Truth]:
    """
    `docker stop`, and SIGTERM itself ends the program.
    """
    box = _held(lab, *_FOREVER, init=True)
    box.container.stop()
    return [box.died(Cause.DOCKER_STOP, 143)]


def stop_with_failure(lab: Lab) -> list[Truth]:
    """
    `docker stop`, and the program fails while it stops; the cause is still the stop.
    """
    box = _held(lab, "exit-on:15:3", *_FOREVER)
    box.container.stop()
    return [box.died(Cause.DOCKER_STOP, 3)]


def stop_by_another_signal(lab: Lab) -> list[Truth]:
    """
    The image names its own stop signal, here SIGQUIT.
    """
    box = _held(lab, "exit-on:3:131", *_FOREVER, stop_signal="SIGQUIT")
    box.container.stop()
    return [box.died(Cause.DOCKER_STOP, 131)]


def restart(lab: Lab) -> list[Truth]:
    """
    `docker restart` ends one run; the next one ends by itself.
    """
    box = _held(lab, "exit-on:15:0", "hold")
    box.container.restart()
    box.release()
    box.wait(0)
    return [box.truth(death(Cause.DOCKER_STOP, 0), death(Cause.EXIT, 0))]


def stop_after_the_grace_period(lab: Lab) -> list[Truth]:
    """
    `docker stop`, SIGTERM ignored, SIGKILL a second later.
    """
    box = _held(lab, *_FOREVER)
    box.container.stop(timeout=1)
    return [box.died(Cause.DOCKER_STOP_TIMEOUT, 137)]


def removed_by_force(lab: Lab) -> list[Truth]:
    """
    `docker rm -f`.
    """
    box = _held(lab, *_FOREVER)
    box.container.remove(force=True)
    return [box.died(Cause.DOCKER_RM, 137)]


def reload_signal_before_failure(lab: Lab) -> list[Truth]:
    """
    `docker kill -s HUP` makes the program reload; a later failure is the program's own.
    """
    box = _held(lab, "catch:1", "hold", "sleep:300", "exit:1")
    box.container.kill("SIGHUP")
    box.release()
    return [box.died(Cause.APP_ERROR, 1)]


def paused_in_between(lab: Lab) -> list[Truth]:
    """
    A pause is not a death.
    """
    box = _held(lab, "hold")
    box.container.pause()
    box.container.unpause()
    box.release()
    return [box.died(Cause.EXIT, 0)]


def _held(lab: Lab, *script: str, **options: Any) -> Box:  # noqa: ANN401 (Docker's own)
    """
    A container that has come to its `hold`, so that its handlers are in place.
    """
    box = lab.run(*script, **options)
    box.hold()
    return box


DOCKER_COMMANDS: Final[tuple[Scenario, ...]] = (
    kill,
    kill_with_term_then_kill,
    kill_with_interrupt,
    kill_and_removed,
    stop_with_good_exit,
    stop_by_the_signal,
    stop_with_failure,
    stop_by_another_signal,
    restart,
    stop_after_the_grace_period,
    removed_by_force,
    reload_signal_before_failure,
    paused_in_between,
)
