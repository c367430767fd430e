"""
Loads the configuration: TOML in, frozen structures out. Only this room reads the environment.

An error names the file, the key, what was expected and the nearest valid name. Unknown keys are errors, and a wrong
value is never corrected silently.
"""

import difflib
import os
import re
import stat
import tomllib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args, get_origin

import msgspec

from collector.config.hub import HubConfig
from collector.config.sections import (
    Config,
    HostConfig,
    HttpConfig,
    SourcesConfig,
    StatusConfig,
    StoreConfig,
    WebConfig,
    is_loopback,
    parse_address,
)
from sinks import SINKS, SinkConfig
from sinks import load as load_sink
from sinks.errors import DisabledError
from sinks.event import Cause, EventType
from sinks.secret import decode_secret

_LARGEST_BYTES: Final = 1_048_576
SYSTEM_CONFIG: Final = Path("/etc/exit137/config.toml")
# The words in which msgspec reports a missing key.
_MISSING: Final = re.compile(r"Object missing required field `(.+)`").fullmatch


class ConfigurationError(Exception):
    """
    Raised when the configuration cannot be used; the message is for the person who wrote the file.

    Args:
        where: the file, and the key in it.
        problem: what is wrong, what was expected, and the nearest valid name.
    """

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}")


def load(path: Path | None) -> Config:
    """
    Read a configuration file.

    Without a path the system's file is read; if that does not exist, the defaults apply.

    Raises:
        ConfigurationError: the file cannot be read, or its content cannot be used.
    """
    file = path or SYSTEM_CONFIG
    try:
        document = tomllib.loads(_content(file))
    except OSError as error:
        if path is None and isinstance(error, FileNotFoundError):
            return parse({}, "defaults")
        raise ConfigurationError(str(file), f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(str(file), f"cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(str(file), f"is not TOML: {error}") from error
    return parse(document, str(file))


def _content(file: Path) -> str:
    """
    Read a configuration file. A device or a pipe might never end, or wait for ever.
    """
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ConfigurationError(str(file), "cannot be read: it is not a regular file")
        content = os.read(descriptor, _LARGEST_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(content) > _LARGEST_BYTES:
        raise ConfigurationError(str(file), f"cannot be read: it has more than {_LARGEST_BYTES} bytes")
    return content.decode()


def parse(document: Mapping[str, Any], file: str) -> Config:
    """
    Validate a TOML document and convert it to structures.

    Args:
        document: the parsed TOML.
        file: the file name for error messages.

    Raises:
        ConfigurationError: a key is unknown, or a value is wrong.
    """
    _check_names(document, Config.__struct_fields__, f"{file}")
    config = Config(
        host=_section(document, "host", HostConfig, file),
        store=_section(document, "store", StoreConfig, file),
        sources=_section(document, "sources", SourcesConfig, file),
        http=_section(document, "http", HttpConfig, file),
        web=_section(document, "web", WebConfig, file),
        status=_section(document, "status", StatusConfig, file),
        hub=_section(document, "hub", HubConfig, file),
        sinks=_sinks(document.get("sinks", []), file),
    )
    _check_path(config.store.path, f"{file}: store.path")
    _check_address(config.http.listen, f"{file}: http.listen")
    _check_path(config.http.socket, f"{file}: http.socket")
    if config.http.api and not config.http.is_local and config.http.token_file is None:
        raise ConfigurationError(
            f"{file}: http.token_file", "missing: an API that other hosts can reach needs a token, in a file"
        )
    _check_loopback(config.web.listen, f"{file}: web.listen")
    _check_hub(config.hub, file)
    return config


def _check_hub(hub: HubConfig, file: str) -> None:
    """
    Refuse addresses that cannot be listened on, and pages that other hosts reach without a token.
    """
    _check_address(hub.listen, f"{file}: hub.listen")
    if not is_loopback(hub.listen) and hub.read_token_file is None and hub.proxy_header is None:
        raise ConfigurationError(f"{file}: hub.read_token_file", "missing: pages that other hosts reach need a token")
    if hub.webhook is not None:
        _check_address(hub.webhook.listen, f"{file}: hub.webhook.listen")


def _check_path(path: str | None, where: str) -> None:
    if path is not None and ("\0" in path or not Path(path).name):
        raise ConfigurationError(where, f"expected a file name, found {path!r}")


def _check_address(listen: str | None, where: str) -> None:
    try:
        if listen is not None:
            parse_address(listen)
    except ValueError as error:
        raise ConfigurationError(where, str(error)) from error


def _check_loopback(listen: str, where: str) -> None:
    """
    Refuse an address that other machines reach: the pages have no login.
    """
    _check_address(listen, where)
    if not is_loopback(listen):
        expected = "expected a loopback address, such as 127.0.0.1:9138"
        raise ConfigurationError(where, f'{expected}, found "{listen}"; a proxy in front may add a login')


def _section(document: Mapping[str, Any], name: str, structure: type[Any], file: str) -> Any:  # noqa: ANN401
    table = document.get(name, {})
    if isinstance(table, dict):
        table = _expanded({key: _expanded(value) if isinstance(value, dict) else value for key, value in table.items()})
    return _convert(table, structure, file, name)


def _sinks(tables: object, file: str) -> tuple[SinkConfig, ...]:
    if not isinstance(tables, list):
        raise ConfigurationError(f"{file}: sinks", "expected an array of tables: [[sinks]]")
    if not tables:
        tables = [{"name": "stdout", "type": "stdout"}]  # so that a first try without a configuration shows events
    sinks = tuple(_sink(table, f"sinks[{index}]", file) for index, table in enumerate(tables))
    names = [sink.name for sink in sinks]
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(f"{file}: sinks", f'two sinks have the name "{name}"')
    return sinks


def _sink(table: object, key: str, file: str) -> SinkConfig:
    if not isinstance(table, dict):
        raise ConfigurationError(f"{file}: {key}", "expected a table: [[sinks]]")
    kind = table.get("type")
    if kind is None:
        raise ConfigurationError(f"{file}: {key}.type", f"missing, expected one of {', '.join(SINKS)}")
    if not isinstance(kind, str) or kind not in SINKS:
        raise ConfigurationError(f"{file}: {key}.type", _unknown("sink type", str(kind), list(SINKS)))
    try:
        structure, _ = load_sink(kind)
    except DisabledError as error:
        raise ConfigurationError(f"{file}: {key}.type", error.detail) from error
    sink: SinkConfig = _convert(_expanded(table), structure, file, key)
    try:
        sink.check()
    except DisabledError as error:
        raise ConfigurationError(f"{file}: {key}", error.detail) from error
    _check_values(sink.events, [item.value for item in EventType], f"{file}: {key}.events")
    if sink.for_people and EventType.HOST_STATUS in (sink.events or ()):
        problem = f"{EventType.HOST_STATUS} is for programs; a {kind} sink notifies people"
        raise ConfigurationError(f"{file}: {key}.events", problem)
    _check_values(sink.causes, [item.value for item in Cause], f"{file}: {key}.causes")
    return sink


def _expanded(table: Mapping[str, Any]) -> dict[str, Any]:
    """
    Replace `%d` in file names by systemd's credentials directory.

    Outside a unit there is no such directory: `%d` stays, so that an error shows the name as it was written.
    """
    directory = os.environ.get("CREDENTIALS_DIRECTORY", "%d")
    return {
        key: _in_directory(value, directory) if key.endswith(("_file", "_files")) else value
        for key, value in table.items()
    }


def _in_directory(value: object, directory: str) -> object:
    match value:
        case str():
            return value.replace("%d", directory)
        case list():
            return [_in_directory(item, directory) for item in value]
        case dict():
            return {name: _in_directory(item, directory) for name, item in value.items()}
        case _:
            return value


def _convert(value: object, structure: type[Any], file: str, key: str) -> Any:  # noqa: ANN401
    _check_deep(value, structure, f"{file}: {key}")
    try:
        return msgspec.convert(value, structure, dec_hook=decode_secret)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at `$")
        if (missing := _MISSING(problem)) is not None:
            path, problem = f"{path}.{missing[1]}", "missing"
        raise ConfigurationError(f"{file}: {key}{path.replace('`', '')}", problem.replace("`", "")) from error


def _check_deep(value: object, structure: type[Any], where: str) -> None:
    """
    Check key names and enum values, also in nested tables: msgspec's own errors suggest no nearest name.
    """
    if not isinstance(value, dict):
        return
    _check_names(value, structure.__struct_fields__, where)
    kinds = {field.name: field.type for field in msgspec.structs.fields(structure)}
    for key, inner in value.items():
        kind = kinds[key]
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            _check_deep(inner, kind, f"{where}.{key}")
        elif isinstance(inner, str) and (words := _words(kind)) and inner not in words:
            others = ["true or false without quotes"] if bool in get_args(kind) else []
            raise ConfigurationError(f"{where}.{key}", _unknown("value", inner, words + others))


def _words(kind: object) -> list[str]:
    """
    Return the texts that a setting accepts if it is an enum or a literal; an empty list for any other type.
    """
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return [item.value for item in kind]
    if get_origin(kind) is Literal:
        return list(get_args(kind))
    return [word for each in get_args(kind) if get_origin(kind) is not Annotated for word in _words(each)]


def _check_names(table: Mapping[str, Any], valid: Sequence[str], where: str) -> None:
    for key in table:
        if key not in valid:
            raise ConfigurationError(
                f"{where}.{key}" if ": " in where else f"{where}: {key}", _unknown("key", key, valid)
            )


def _check_values(values: Sequence[str] | None, valid: Sequence[str], where: str) -> None:
    for value in values or ():
        if value not in valid:
            raise ConfigurationError(where, _unknown("value", value, valid))


def _unknown(what: str, found: str, valid: Sequence[str]) -> str:
    nearest = difflib.get_close_matches(found, valid, n=1)
    hint = f'; did you mean "{nearest[0]}"?' if nearest else ""
    return f'unknown {what} "{found}", expected one of {", ".join(valid)}{hint}'
