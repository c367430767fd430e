"""
Identify the language runtime of a process and read its memory options.

The executable, the command line and a few environment variables decide. The name of the image does not: an image that
is `FROM python` may run a JVM.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from collector.facts.memory import RunningProcess

_UNITS: Final[Mapping[str, int]] = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_SIZE: Final = re.compile(r"([0-9]{1,15})([kmgt]?)(?:i?b)?", re.IGNORECASE | re.ASCII)
_MIB: Final = 1 << 20
# Options of java whose value is the next argument.
_JAVA_PAIRS: Final = frozenset(
    {"-cp", "-classpath", "--class-path", "-p", "--module-path", "--upgrade-module-path", "--add-modules"}
    | {"--add-exports", "--add-opens", "--add-reads", "--limit-modules"}
)


class Language(StrEnum):
    """
    The runtimes that have memory settings.
    """

    JVM = "jvm"
    NODE = "node"
    GO = "go"
    PYTHON = "python"
    DOTNET = "dotnet"
    RUBY = "ruby"
    PHP = "php"


OVERHEAD_BYTES: Final[Mapping[Language, int]] = {
    # Memory outside the heap: code, thread stacks, metaspace, the collector itself. The upper end of the usual range.
    Language.JVM: 400 * _MIB,
    Language.NODE: 100 * _MIB,
    Language.GO: 50 * _MIB,
}
_BY_NAME: Final[tuple[tuple[re.Pattern[str], Language], ...]] = (
    (re.compile(r"java|jsvc"), Language.JVM),
    (re.compile(r"node|nodejs"), Language.NODE),
    (re.compile(r"(?:python|pypy)[0-9.]*|uwsgi|gunicorn|uvicorn"), Language.PYTHON),
    (re.compile(r"dotnet"), Language.DOTNET),
    (re.compile(r"ruby[0-9.]*|puma|sidekiq"), Language.RUBY),
    (re.compile(r"php(?:-fpm)?[0-9.]*"), Language.PHP),
)


def language_of(process: RunningProcess) -> Language | None:
    """
    Return the runtime of a process; None if it is another or unknown.
    """
    for pattern, language in _BY_NAME:
        if pattern.fullmatch(process.name):
            return language
    if process.go_binary or {"GOMEMLIMIT", "GOGC"} & process.environment.keys():
        return Language.GO
    return Language.DOTNET if any(name.startswith("DOTNET_GC") for name in process.environment) else None


def java_options(process: RunningProcess) -> tuple[str, ...]:
    """
    Return the options that the JVM sees, in order of precedence: a later one wins.
    """
    environment = process.environment
    first = (*_words(environment.get("JAVA_TOOL_OPTIONS")), *_words(environment.get("JDK_JAVA_OPTIONS")))
    own: list[str] = []
    arguments = iter(process.arguments[1:])
    for argument in arguments:
        if argument in _JAVA_PAIRS:
            next(arguments, None)
        elif argument == "-jar" or not argument.startswith("-"):
            break
        else:
            own.append(argument)
    return (*first, *own, *_words(environment.get("_JAVA_OPTIONS")))


def node_options(process: RunningProcess) -> tuple[str, ...]:
    """
    Return the options that Node sees, with dashes; V8 accepts underscores too.
    """
    own = [argument for argument in process.arguments[1:] if argument.startswith("--")]
    return tuple(option.replace("_", "-") for option in (*_words(process.environment.get("NODE_OPTIONS")), *own))


def option(options: Sequence[str], prefix: str) -> str | None:
    """
    Return what follows a prefix in the last option that has it: a later option wins.
    """
    found = [text.removeprefix(prefix) for text in options if text.startswith(prefix)]
    return found[-1] if found else None


def parse_size(text: str | None) -> int | None:
    """
    Parse a size such as `512m`, `2G`, `750MiB` or `1073741824` into bytes; None for anything else.
    """
    match = _SIZE.fullmatch(text) if text is not None else None
    return int(match[1]) * _UNITS[match[2].lower()] if match is not None else None


def parse_number(text: str | None, base: int = 10) -> int | None:
    """
    Parse a whole number; None for anything else.
    """
    digits = r"(?:0x)?[0-9a-fA-F]{1,16}" if base == 16 else r"[0-9]{1,15}"  # noqa: PLR2004 (hexadecimal)
    return int(text, base) if text is not None and re.fullmatch(digits, text) else None


def _words(text: str | None) -> list[str]:
    try:
        return shlex.split(text or "")
    except ValueError:
        return (text or "").split()
