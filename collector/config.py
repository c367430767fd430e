"""
The configuration: TOML in, frozen structures out. The only module that reads the environment.

Each sink's own structure stands beside the sink, those of the sources together, so that none is loaded to read them.
An error names the file, the key, what was expected and the nearest name that exists; nothing is guessed and no unknown
key is passed over.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args, get_origin

import msgspec

from collector.listen import address
from collector.sources.settings import (
    CgroupsConfig,
    DockerConfig,
    JournaldConfig,
    KmsgConfig,
    MemoryConfig,
    ProcessesConfig,
    TraceConfig,
)
from sinks import SINKS, SinkConfig
from sinks import load as load_sink
from sinks.errors import DisabledError
from sinks.event import Cause, EventType
from sinks.secret import decode_secret

SYSTEM_CONFIG: Final = Path("/etc/exit137/config.toml")
_SYSTEM_STATE: Final = Path("/var/lib/exit137")
_DEFAULT_STORE_BYTES: Final = 268_435_456
# Four times what is stored at once, or the largest event.
_LEAST_STORE_BYTES: Final = 1_048_576
_MISSING: Final = re.compile(r"Object missing required field `(.+)`").fullmatch
# A hundred years; times of the store are counted in nanoseconds, of which 64 bits hold three hundred.
_LONGEST_DAYS: Final = 36_525


class ConfigurationError(Exception):
    """
    Raised when the configuration cannot be used.

    Args:
        where: the file, and the key in it.
        problem: what is wrong, what was expected, and the nearest valid name.
    """

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}")


class HostConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    `[host]`: what events say of this host, where its own word is not wanted.
    """

    id: str | None = None
    hostname: str | None = None


class StoreConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    `[store]`: where events wait for their sinks, how large that may grow, and how long delivered events are kept.
    """

    path: str | None = None
    max_bytes: Annotated[int, msgspec.Meta(ge=_LEAST_STORE_BYTES)] = _DEFAULT_STORE_BYTES
    keep_days: Annotated[float, msgspec.Meta(gt=0, le=_LONGEST_DAYS)] = 90


class HttpConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    `[http]`: where /metrics, /healthz and /readyz are served; nowhere if it is not there.
    """

    listen: str | None = None


class SourcesConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    `[sources.*]`: what to read.
    """

    kmsg: KmsgConfig = KmsgConfig()
    journald: JournaldConfig = JournaldConfig()
    docker: DockerConfig = DockerConfig()
    processes: ProcessesConfig = ProcessesConfig()
    trace: TraceConfig = TraceConfig()
    cgroups: CgroupsConfig = CgroupsConfig()
    memory: MemoryConfig = MemoryConfig()


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """
    All of it.

    Attributes:
        sinks: per sink its type, and the structure of that type.
    """

    host: HostConfig = HostConfig()
    store: StoreConfig = StoreConfig()
    sources: SourcesConfig = SourcesConfig()
    http: HttpConfig = HttpConfig()
    sinks: tuple[SinkConfig, ...] = ()

    @property
    def store_path(self) -> Path:
        """
        Where the store is: as configured, or in the state directory that systemd gave, or that of root or of the user.
        """
        if self.store.path is not None:
            return Path(self.store.path)
        return _state_directory() / "exit137.db"


def load(path: Path | None) -> Config:
    """
    Read a configuration file; without one the system's, and where there is none, defaults that work.

    Raises:
        ConfigurationError: it cannot be read or used.
    """
    file = path or SYSTEM_CONFIG
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        if path is None and isinstance(error, FileNotFoundError):
            return parse({}, "defaults")
        raise ConfigurationError(str(file), f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(str(file), f"cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(str(file), f"is not TOML: {error}") from error
    return parse(document, str(file))


def parse(document: Mapping[str, Any], file: str) -> Config:
    """
    A configuration from its TOML document.

    Args:
        document: what TOML gave.
        file: the name that errors carry.

    Raises:
        ConfigurationError: it cannot be used.
    """
    _check_names(document, Config.__struct_fields__, f"{file}")
    config = Config(
        host=_section(document, "host", HostConfig, file),
        store=_section(document, "store", StoreConfig, file),
        sources=_section(document, "sources", SourcesConfig, file),
        http=_section(document, "http", HttpConfig, file),
        sinks=_sinks(document.get("sinks", []), file),
    )
    _check_path(config.store.path, f"{file}: store.path")
    _check_address(config.http.listen, f"{file}: http.listen")
    return config


def _check_path(path: str | None, where: str) -> None:
    if path is not None and ("\0" in path or not Path(path).name):
        raise ConfigurationError(where, f"expected the name of a file, found {path!r}")


def _check_address(listen: str | None, where: str) -> None:
    try:
        if listen is not None:
            address(listen)
    except ValueError as error:
        raise ConfigurationError(where, str(error)) from error


def _section(document: Mapping[str, Any], name: str, structure: type[Any], file: str) -> Any:  # noqa: ANN401
    return _convert(document.get(name, {}), structure, file, name)


def _sinks(tables: object, file: str) -> tuple[SinkConfig, ...]:
    if not isinstance(tables, list):
        raise ConfigurationError(f"{file}: sinks", "expected an array of tables: [[sinks]]")
    if not tables:
        tables = [{"name": "stdout", "type": "stdout"}]
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
    _check_values(sink.causes, [item.value for item in Cause], f"{file}: {key}.causes")
    return sink


def _expanded(table: Mapping[str, Any]) -> dict[str, Any]:
    """
    `%d` in file names is systemd's directory of credentials; it stays where there is none, so that errors show it.
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
        problem, _, place = str(error).partition(" - at `$")
        if (missing := _MISSING(problem)) is not None:
            place, problem = f"{place}.{missing[1]}", "missing"
        raise ConfigurationError(f"{file}: {key}{place.replace('`', '')}", problem.replace("`", "")) from error


def _check_deep(value: object, structure: type[Any], where: str) -> None:
    """
    Check names of keys and values of enums, in tables within tables too: msgspec does not say what is near.
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
    The texts that a setting may be, where they are few; empty where any may be, or none.
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


def _state_directory() -> Path:
    given = os.environ.get("STATE_DIRECTORY")
    if given:
        return Path(given.split(":")[0])
    if os.geteuid() == 0:
        return _SYSTEM_STATE
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local/state")
    return Path(base) / "exit137"
