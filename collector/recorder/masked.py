"""
What Docker says of a container, without what may be secret: values of labels and of the environment, command lines,
logs of health checks. Names stay, as do the labels by which orchestrators name a container's owner.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from collector.masking import MASK, mask_command_line

_OWN_ATTRIBUTES: Final = frozenset({"image", "name", "oldName", "exitCode", "signal", "execID", "execDuration"})
_OWNERS: Final = (
    "com.docker.compose.project",
    "com.docker.compose.service",
    "com.docker.compose.container-number",
    "com.docker.swarm.service.name",
    "com.docker.swarm.task.name",
    "com.docker.stack.namespace",
    "io.kubernetes.pod.name",
    "io.kubernetes.pod.namespace",
    "io.kubernetes.pod.uid",
    "io.kubernetes.container.name",
)
_COMMANDS: Final = ("Cmd", "Entrypoint", "Args")


def masked_event(message: Mapping[str, Any]) -> dict[str, Any]:
    """
    An event of Docker's stream.

    Args:
        message: as `GET /events` gives it.
    """
    event = dict(message)
    for key in ("Action", "status"):
        event[key] = _masked_action(str(event.get(key, "")))
    actor = dict(_object(event.get("Actor")))
    attributes = _object(actor.get("Attributes"))
    actor["Attributes"] = {
        name: value if name in _OWN_ATTRIBUTES or name in _OWNERS else MASK for name, value in attributes.items()
    }
    event["Actor"] = actor
    return event


def masked_inspection(answer: Mapping[str, Any]) -> dict[str, Any]:
    """
    What `docker inspect` tells of a container.

    Args:
        answer: as `GET /containers/{id}/json` gives it.
    """
    masked = {**answer, "Config": _masked_config(_object(answer.get("Config")))}
    command = mask_command_line([str(answer.get("Path", "")), *_words(answer.get("Args"))])
    masked["Path"], masked["Args"] = command[0], list(command[1:])
    masked["State"] = _masked_state(_object(answer.get("State")))
    host = dict(_object(answer.get("HostConfig")))
    if host.get("LogConfig"):
        options = _object(_object(host["LogConfig"]).get("Config"))
        host["LogConfig"] = {**_object(host["LogConfig"]), "Config": dict.fromkeys(options, MASK)}
    if host.get("Annotations"):
        host["Annotations"] = dict.fromkeys(_object(host["Annotations"]), MASK)
    masked["HostConfig"] = host
    return masked


def _masked_config(config: Mapping[str, Any]) -> dict[str, Any]:
    masked = dict(config)
    masked["Env"] = [f"{str(entry).partition('=')[0]}={MASK}" for entry in _words(config.get("Env"))]
    labels = _object(config.get("Labels"))
    masked["Labels"] = {name: value if name in _OWNERS else MASK for name, value in labels.items()}
    for name in _COMMANDS:
        if config.get(name) is not None:
            masked[name] = list(mask_command_line(_words(config[name])))
    if config.get("Healthcheck"):
        test = _object(config["Healthcheck"]).get("Test") or ()
        masked["Healthcheck"] = {
            **_object(config["Healthcheck"]),
            "Test": list(mask_command_line(list(map(str, test)))),
        }
    return masked


def _masked_state(state: Mapping[str, Any]) -> dict[str, Any]:
    masked = dict(state)
    if state.get("Health"):
        health = dict(_object(state["Health"]))
        health["Log"] = [{**_object(entry), "Output": MASK} for entry in _list(health.get("Log"))]
        masked["Health"] = health
    return masked


def _masked_action(action: str) -> str:
    """
    An exec's command stands in the action: `exec_start: mysql -p*** -e …`.
    """
    name, colon, command = action.partition(": ")
    return f"{name}{colon}{' '.join(mask_command_line(command.split(' ')))}" if colon else action


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def _words(value: object) -> list[str]:
    return [str(word) for word in ([value] if isinstance(value, str) else _list(value))]


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
