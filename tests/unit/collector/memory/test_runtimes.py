"""
The runtime of a process and its memory options.
"""

import pytest

from collector.facts.memory import RunningProcess
from collector.memory.runtimes import (
    Language,
    java_options,
    language_of,
    node_options,
    option,
    parse_number,
    parse_size,
)


@pytest.mark.parametrize(
    ("executable", "language"),
    [
        ("/usr/lib/jvm/java-17-openjdk-amd64/bin/java", Language.JVM),
        ("/usr/local/bin/node", Language.NODE),
        ("/usr/local/bin/python3.11", Language.PYTHON),
        ("/usr/local/bin/python3.11 (deleted)", Language.PYTHON),
        ("/usr/bin/pypy3.10", Language.PYTHON),
        ("/usr/share/dotnet/dotnet", Language.DOTNET),
        ("/usr/local/bin/ruby", Language.RUBY),
        ("/usr/sbin/php-fpm8.2", Language.PHP),
        ("/app/javascript-linter", None),
        ("/app/node_exporter", None),
        ("/bin/sh", None),
    ],
)
def test_the_executable_names_the_runtime(executable: str, language: Language | None) -> None:
    """
    The whole name of the executable must match, not only a part.
    """
    assert language_of(RunningProcess(pid=1, executable=executable)) is language


def test_a_go_program_is_recognized_by_its_file_or_environment() -> None:
    """
    A Go program can have any name, so its build information or its environment decides.
    """
    assert language_of(RunningProcess(pid=1, executable="/app", go_binary=True)) is Language.GO
    assert language_of(RunningProcess(pid=1, executable="/app", environment={"GOGC": "50"})) is Language.GO


def test_a_dotnet_program_with_its_own_runtime_is_recognized_by_its_environment() -> None:
    """
    A self-contained .NET program has its own name, so its environment decides.
    """
    process = RunningProcess(pid=1, executable="/app/shop", environment={"DOTNET_GCHeapHardLimit": "10000000"})
    assert language_of(process) is Language.DOTNET


def test_the_later_java_option_wins() -> None:
    """
    The order is JAVA_TOOL_OPTIONS, the command line up to the program, _JAVA_OPTIONS.
    """
    process = RunningProcess(
        pid=1,
        executable="java",
        arguments=("java", "-Xmx2g", "-jar", "app.jar", "-Xmx9g"),
        environment={"JAVA_TOOL_OPTIONS": "-Xmx1g -ea", "_JAVA_OPTIONS": "-Xmx3g"},
    )
    assert java_options(process) == ("-Xmx1g", "-ea", "-Xmx2g", "-Xmx3g")
    assert option(java_options(process), "-Xmx") == "3g"


def test_node_accepts_underscores() -> None:
    """
    NODE_OPTIONS is read too, and an unclosed quote in it does no harm.
    """
    process = RunningProcess(
        pid=1,
        executable="node",
        arguments=("node", "--max_old_space_size=512", "app.js"),
        environment={"NODE_OPTIONS": "--max-old-space-size=256 'open"},
    )
    assert option(node_options(process), "--max-old-space-size=") == "512"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("512m", 512 << 20),
        ("2G", 2 << 30),
        ("750MiB", 750 << 20),
        ("1024", 1024),
        ("off", None),
        ("", None),
        (None, None),
        ("9" * 5000, None),
        ("12q", None),
    ],
)
def test_sizes_are_parsed(text: str | None, expected: int | None) -> None:
    """
    Sizes are accepted in the forms that JVMs and Go accept.
    """
    assert parse_size(text) == expected


def test_numbers_are_parsed() -> None:
    """
    The numbers of .NET are hexadecimal.
    """
    assert (parse_number("0x20000000", 16), parse_number("C8", 16), parse_number("4")) == (1 << 29, 200, 4)
    assert parse_number("") is parse_number(None) is parse_number("x") is parse_number("9" * 5000) is None


def test_a_class_path_is_not_the_end_of_the_jvms_options() -> None:
    """
    The class path is the next argument; everything after the main class belongs to the program.
    """
    process = RunningProcess(
        pid=1,
        executable="/usr/bin/java",
        arguments=("java", "-cp", "/app/*", "-Xmx1g", "shop.Main", "-Xmx2g"),
    )
    assert java_options(process) == ("-Xmx1g",)
