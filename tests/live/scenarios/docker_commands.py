"""
Somebody tells Docker to end a container, or to signal, pause or restart it.
"""

from typing import Any, Final

from sinks.event import Cause
from tests.live.lab.box import Box, death
from tests.live.lab.lab import Lab
from tests.live.lab.scenario import Scenario
from tests.live.lab.truth import Truth

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
    PID 1 without a handler is deaf to SIGTERM; the second command ends it. Two kills are not a stop.
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
    `docker kill` on a container with --rm is no `docker rm -f`, though it is gone at once.
    """
    box = _held(lab, *_FOREVER, auto_remove=True)
    box.container.kill()
    return [box.died(Cause.DOCKER_KILL, 137)]


def stop_with_good_exit(lab: Lab) -> list[Truth]:
    """
    `docker stop`, and the program ends well.
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
    `docker stop`, and the program fails while it ends: still the stop.
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
    `docker kill -s HUP` makes the program read its configuration; that it fails later is its own doing.
    """
    box = _held(lab, "catch:1", "hold", "sleep:300", "exit:1")
    box.container.kill("SIGHUP")
    box.release()
    return [box.died(Cause.APP_ERROR, 1)]


def paused_in_between(lab: Lab) -> list[Truth]:
    """
    A pause is no death.
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
