"""
The closed sets of the published event: types, causes, confidence and other fields with few values.
"""

from enum import IntEnum, StrEnum


class EventType(StrEnum):
    """
    The type of an event: what it is about.
    """

    OOM_KILL = "exit137.oom_kill"
    CONTAINER_DEATH = "exit137.container_death"
    MEMORY_PRESSURE = "exit137.memory_pressure"
    CONTAINER_STUCK = "exit137.container_stuck"
    KERNEL_EVENT = "exit137.kernel_event"
    AGENT = "exit137.agent"
    HOST_STATUS = "exit137.host_status"
    FLEET_INCIDENT = "exit137.fleet_incident"


class Cause(StrEnum):
    """
    Why a container's run ended; docs/causes.md says what proves each cause.
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
    How well the evidence supports a statement: it says so, it leaves one good explanation, or it leaves several.
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
    The program that chose the victim.
    """

    KERNEL = "kernel"
    SYSTEMD_OOMD = "systemd-oomd"
    EARLYOOM = "earlyoom"
    NOHANG = "nohang"
    OOMD = "oomd"
    TALOS = "talos"


class EvidenceSource(StrEnum):
    """
    The source of a piece of evidence.
    """

    KMSG = "kmsg"
    JOURNALD = "journald"
    DOCKER = "docker"
    INSPECT = "inspect"
    PROCESS = "process"
    TRACE = "trace"
    CGROUP = "cgroup"


class KernelEventKind(StrEnum):
    """
    What a line of the kernel log is about; docs/kernel-events.md says what each kind proves.
    """

    SEGFAULT = "segfault"
    INVALID_OPCODE = "invalid_opcode"
    GENERAL_PROTECTION = "general_protection"
    TRAP = "trap"
    ABNORMAL_END = "abnormal_end"
    HUNG_TASK = "hung_task"
    SOFT_LOCKUP = "soft_lockup"
    PIDS_LIMIT = "pids_limit"
    SIGNAL_DENIED = "signal_denied"
    SECCOMP = "seccomp"
    GPU_ERROR = "gpu_error"
    MEMORY_ERROR = "memory_error"
    FILESYSTEM_ERROR = "filesystem_error"
    NETWORK_ERROR = "network_error"


class CrashReason(StrEnum):
    """
    What a crash proves of its reason.
    """

    NULL_POINTER = "null_pointer"
    NULL_CALL = "null_call"
    WILD_JUMP = "wild_jump"
    STACK_OVERFLOW = "stack_overflow"
    READ_ONLY_MEMORY = "read_only_memory"
    UNMAPPED_MEMORY = "unmapped_memory"
    INVALID_INSTRUCTION = "invalid_instruction"
    DIVIDE_ERROR = "divide_error"
    BREAKPOINT = "breakpoint"
    SYSTEM_CALL_REFUSED = "system_call_refused"
    BROKEN_MEMORY = "broken_memory"
    ABORTED = "aborted"
    CPU_TOO_OLD = "cpu_too_old"


class CrashLine(StrEnum):
    """
    Why a death by a crash has no line of the kernel: it left out lines at that time, it printed none, or nobody read
    its log.
    """

    LEFT_OUT = "left_out"
    NOT_PRINTED = "not_printed"
    NOT_READ = "not_read"


class GapKind(StrEnum):
    """
    What an agent event is about: lost evidence, a source that went down or came back, a fault, or only a test.
    """

    SOURCE_UP = "source_up"
    SOURCE_DOWN = "source_down"
    RECORDS_LOST = "records_lost"
    EVENTS_LOST = "events_lost"
    CURSOR_LOST = "cursor_lost"
    NOT_WATCHED = "not_watched"
    TABLE_FULL = "table_full"
    REPORT_INCOMPLETE = "report_incomplete"
    NO_KILLABLE_PROCESS = "no_killable_process"
    KILLS_UNEXPLAINED = "kills_unexplained"
    KILL_UNCONFIRMED = "kill_unconfirmed"
    WRITER_LIMITED = "writer_limited"
    FACT_FAILED = "fact_failed"
    EVENTS_DROPPED = "events_dropped"
    STORE_DAMAGED = "store_damaged"
    STORE_REWRITTEN = "store_rewritten"
    TEST = "test"


class FleetKind(StrEnum):
    """
    What an incident of the fleet is; docs/fleet/incidents.md says what opens and what resolves each kind.
    """

    REGRESSION = "regression"
    HOST_CAUSE = "host_cause"
    NEIGHBOUR = "neighbour"
    STORM = "storm"
    SILENT_HOST = "silent_host"


class IncidentState(StrEnum):
    """
    Whether an incident of the fleet is new, has changed, or is over.
    """

    OPEN = "open"
    UPDATED = "updated"
    RESOLVED = "resolved"


class TrimUnit(StrEnum):
    """
    What is counted in a trimmed field: the entries of a list, or the characters of its longest text.
    """

    ENTRIES = "entries"
    CHARACTERS = "characters"


class Shed(StrEnum):
    """
    What was left out because the agent was behind: the container's log, or a look at its processes.
    """

    LOGS = "logs"
    MEMORY = "memory"


class Severity(IntEnum):
    """
    How serious an event is; ECS leaves the numbers to the source.
    """

    DEBUG = 1
    INFO = 2
    NOTICE = 3
    WARNING = 4
    ERROR = 5
    CRITICAL = 6
