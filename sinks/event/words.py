"""
The closed sets of the published event: its types, causes, and what else is one of a few words.
"""

from enum import IntEnum, StrEnum


class EventType(StrEnum):
    """
    What happened.
    """

    OOM_KILL = "exit137.oom_kill"
    CONTAINER_DEATH = "exit137.container_death"
    MEMORY_PRESSURE = "exit137.memory_pressure"
    CONTAINER_STUCK = "exit137.container_stuck"
    AGENT = "exit137.agent"


class Cause(StrEnum):
    """
    Why a container's run ended (docs/causes.md tells what proves each).
    """

    EXIT = "exit"
    APP_ERROR = "app_error"
    CRASH = "crash"
    OOM_KILL = "oom_kill"
    OOM_KILL_CHILD = "oom_kill_child"
    DOCKER_KILL = "docker_kill"
    DOCKER_STOP = "docker_stop"
    DOCKER_STOP_TIMEOUT = "docker_stop_timeout"
    DOCKER_RM = "docker_rm"
    SIGNAL = "signal"
    USER_SPACE_OOM = "user_space_oom"
    DAEMON_SHUTDOWN = "daemon_shutdown"
    HOST_REBOOT = "host_reboot"
    START_FAILED = "start_failed"
    UNKNOWN = "unknown"


class Confidence(StrEnum):
    """
    How much the evidence carries: it says so; it leaves one good explanation; it leaves several.
    """

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"


class Scope(StrEnum):
    """
    Whose memory ran out: the container's own limit, a cgroup above it, or the host.
    """

    CONTAINER = "container"
    PARENT = "parent"
    HOST = "host"


class Killer(StrEnum):
    """
    Who chose the victim.
    """

    KERNEL = "kernel"
    SYSTEMD_OOMD = "systemd-oomd"
    EARLYOOM = "earlyoom"
    OOMD = "oomd"


class EvidenceSource(StrEnum):
    """
    Where a piece of evidence was seen.
    """

    KMSG = "kmsg"
    JOURNALD = "journald"
    DOCKER = "docker"
    INSPECT = "inspect"
    PROCESS = "process"
    TRACE = "trace"
    CGROUP = "cgroup"


class TrimUnit(StrEnum):
    """
    What was counted of a field that was trimmed: the entries of a list, or the characters of its longest text.
    """

    ENTRIES = "entries"
    CHARACTERS = "characters"


class Severity(IntEnum):
    """
    How much an event matters; ECS leaves the numbers to the source.
    """

    DEBUG = 1
    INFO = 2
    NOTICE = 3
    WARNING = 4
    ERROR = 5
    CRITICAL = 6
