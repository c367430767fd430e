"""
Masks what may be secret in Docker's answers: values of labels and environment variables, secrets in command lines, logs
of health checks, and in every other text what looks like a secret. Names stay, and so do the labels in which
orchestrators store a container's owner.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sinks.masking import MASK, mask_command_line, mask_named, mask_text

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
# What is nested deeper is left out: no answer of an engine is.
_DEPTH: Final = 32
_COMMANDS: Final = ("Cmd", "Entrypoint", "Args")


def masked_event(message: Mapping[str, Any]) -> dict[str, Any]:
    """
    Mask an event of Docker's stream.

    Args:
        message: an event of `GET /events`.
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
    return _object_masked(event)


def masked_inspection(answer: Mapping[str, Any]) -> dict[str, Any]:
    """
    Mask the answer of `docker inspect`.

    Args:
        answer: the answer of `GET /containers/{id}/json`.
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
    return _object_masked(masked)


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
    Mask the command that the action of an exec contains: `exec_start: mysql -p*** -e …`.
    """
    name, colon, command = action.partition(": ")
    return f"{name}{colon}{' '.join(mask_command_line(command.split(' ')))}" if colon else action


def _object_masked(value: Mapping[str, Any], depth: int = _DEPTH) -> dict[str, Any]:
    """
    Mask every text of an object, whatever field a newer engine has added.
    """
    return {
        mask_text(name): mask_named(name, item) if isinstance(item, str) else _value_masked(item, depth - 1)
        for name, item in value.items()
    }


def _value_masked(value: object, depth: int) -> object:
    if isinstance(value, str):
        return mask_text(value)
    if depth <= 0 and isinstance(value, Mapping | list):
        return MASK
    if isinstance(value, Mapping):
        return _object_masked(value, depth)
    return [_value_masked(item, depth - 1) for item in value] if isinstance(value, list) else value


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def _words(value: object) -> list[str]:
    return [str(word) for word in ([value] if isinstance(value, str) else _list(value))]


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
