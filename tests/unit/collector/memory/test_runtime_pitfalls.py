"""
Settings of language runtimes that do not fit the limit.
"""

import pytest

from collector.facts.memory import RunningProcess
from collector.memory.runtime_pitfalls import PITFALLS, runtime_pitfalls
from collector.memory.runtimes import Language

MIB = 1 << 20


def process(command: str, environment: dict[str, str] | None = None, executable: str | None = None) -> RunningProcess:
    arguments = tuple(command.split())
    return RunningProcess(
        pid=1, executable=executable or arguments[0], arguments=arguments, environment=environment or {}
    )


@pytest.mark.parametrize(
    ("one", "limit_mib", "text"),
    [
        (process("java -Xmx900m -jar a.jar"), 1024, "Set -Xmx to at most 819.2 MiB, or the limit to 1.1 GiB."),
        (process("java -XX:-UseContainerSupport -jar a.jar"), 1024, "Remove -XX:-UseContainerSupport, or set -Xmx."),
        (process("java -jar a.jar", executable="/opt/jdk1.8.0_121/bin/java"), 1024, "Update Java 8, or set -Xmx."),
        (process("java -XX:MaxRAMPercentage=95 A"), 1024, "Set -XX:MaxRAMPercentage to 75."),
        (process("java -jar a.jar"), 1024, "Set -XX:MaxRAMPercentage to 75."),
        (process("node app.js"), 512, "Set --max-old-space-size=384 (in MiB)."),
        (process("node --max-old-space-size=512 app.js"), 512, "Set --max-old-space-size=384 (in MiB)."),
        (process("/app", {"GOGC": "100"}), 1000, "Set GOMEMLIMIT=900MiB."),
        (process("/app", {"GOGC": "off"}), 1000, "Set GOMEMLIMIT=900MiB."),
        (process("/app", {"GOMEMLIMIT": "2GiB"}), 1000, "Set GOMEMLIMIT=900MiB."),
        (process("/app", {"GOMEMLIMIT": "off"}), 1000, "Set GOMEMLIMIT=900MiB."),
        (process("python3 app.py", {"PYTHONTRACEMALLOC": "10"}), 512, "Unset PYTHONTRACEMALLOC."),
        (process("python3 app.py", {"PYTHONMALLOC": "malloc_debug"}), 512, "Unset PYTHONMALLOC."),
        (process("dotnet a.dll", {"DOTNET_gcServer": "1"}), 512, "Set DOTNET_gcServer=0."),
        (
            process("dotnet a.dll", {"DOTNET_GCHeapHardLimit": "40000000"}),
            1024,
            "Set DOTNET_GCHeapHardLimit=0x30000000, or unset it: the default is 75 % of the limit.",
        ),
        (process("ruby app.rb"), 512, "Set MALLOC_ARENA_MAX=2."),
        (process("php -d memory_limit=-1 a.php"), 512, "Set memory_limit below the container's limit."),
    ],
)
def test_each_pitfall_gives_advice(one: RunningProcess, limit_mib: int, text: str) -> None:
    """
    Each pitfall gives the setting to change, the reason, and when it does not apply.
    """
    found = runtime_pitfalls(one, limit_mib * MIB)
    assert [advice.text for advice in found] == [text]
    assert all(advice.reason.endswith(".") and advice.unless for advice in found)


@pytest.mark.parametrize(
    ("one", "limit_mib"),
    [
        (process("java -Xmx512m -jar a.jar"), 1024),
        (process("java -Xmx512m -XX:-UseContainerSupport -jar a.jar"), 1024),
        (process("java -XX:MaxRAMPercentage=75.0 -jar a.jar"), 1024),
        (process("java -Xmx512m -jar a.jar", executable="/opt/jdk1.8.0_121/bin/java"), 1024),
        (process("java -Xmx512m -jar a.jar -Xmx9g"), 1024),
        (process("node --max-old-space-size=384 app.js"), 512),
        (process("node app.js", {"NODE_OPTIONS": "--max_old_space_size=300"}), 512),
        (process("node --max-old-space-size-percentage=70 app.js"), 512),
        (process("/app", {"GOMEMLIMIT": "900MiB"}), 1000),
        (process("python3 app.py", {"PYTHONTRACEMALLOC": "0"}), 512),
        (process("dotnet a.dll", {"DOTNET_gcServer": "1"}), 4096),
        (process("dotnet a.dll", {"DOTNET_GCHeapHardLimit": "C800000"}), 1024),
        (process("ruby app.rb", {"LD_PRELOAD": "/usr/lib/libjemalloc.so.2"}), 512),
        (process("php a.php"), 512),
        (process("nginx"), 512),
    ],
)
def test_good_settings_give_no_advice(one: RunningProcess, limit_mib: int) -> None:
    """
    Settings that fit the limit and unknown runtimes give no advice.
    """
    assert runtime_pitfalls(one, limit_mib * MIB) == []


def test_every_runtime_has_its_rule() -> None:
    """
    The table of pitfalls has one entry for each runtime.
    """
    assert set(PITFALLS) == set(Language)


def test_an_unreadable_environment_gives_no_advice() -> None:
    """
    The limit of the heap may be set in the environment.
    """
    process = RunningProcess(pid=1, executable="/app", go_binary=True, environment_known=False)
    assert runtime_pitfalls(process, 512 << 20) == []
