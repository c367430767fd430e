"""
Which runtime a process is, and what it was told.
"""

import pytest

from collector.correlate.memory_facts import RunningProcess
from collector.memory.runtimes import Language, java_options, language_of, node_options, number_of, option, size_of


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
def test_by_the_executable(executable: str, language: Language | None) -> None:
    """
    Its name, whole.
    """
    assert language_of(RunningProcess(pid=1, executable=executable)) is language


def test_a_go_program_has_any_name() -> None:
    """
    Its file tells, or its environment.
    """
    assert language_of(RunningProcess(pid=1, executable="/app", go_binary=True)) is Language.GO
    assert language_of(RunningProcess(pid=1, executable="/app", environment={"GOGC": "50"})) is Language.GO


def test_a_dotnet_program_may_carry_its_runtime() -> None:
    """
    Its environment tells.
    """
    process = RunningProcess(pid=1, executable="/app/shop", environment={"DOTNET_GCHeapHardLimit": "10000000"})
    assert language_of(process) is Language.DOTNET


def test_the_later_java_option_wins() -> None:
    """
    JAVA_TOOL_OPTIONS, then the command line up to the program, then _JAVA_OPTIONS.
    """
    process = RunningProcess(
        pid=1,
        executable="java",
        arguments=("java", "-Xmx2g", "-jar", "app.jar", "-Xmx9g"),
        environment={"JAVA_TOOL_OPTIONS": "-Xmx1g -ea", "_JAVA_OPTIONS": "-Xmx3g"},
    )
    assert java_options(process) == ("-Xmx1g", "-ea", "-Xmx2g", "-Xmx3g")
    assert option(java_options(process), "-Xmx") == "3g"


def test_node_takes_underscores() -> None:
    """
    And NODE_OPTIONS; a quote that is open breaks nothing.
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
def test_sizes(text: str | None, expected: int | None) -> None:
    """
    As JVMs and Go take them.
    """
    assert size_of(text) == expected


def test_numbers() -> None:
    """
    .NET's are hexadecimal.
    """
    assert (number_of("0x20000000", 16), number_of("C8", 16), number_of("4")) == (1 << 29, 200, 4)
    assert number_of("") is number_of(None) is number_of("x") is number_of("9" * 5000) is None


def test_a_class_path_is_not_the_end_of_the_jvms_options() -> None:
    """
    Its value is a word of its own; what follows the main class is the program's.
    """
    process = RunningProcess(
        pid=1,
        executable="/usr/bin/java",
        arguments=("java", "-cp", "/app/*", "-Xmx1g", "shop.Main", "-Xmx2g"),
    )
    assert java_options(process) == ("-Xmx1g",)
