"""
Read what systemd-coredump reports out of a pasted text: `coredumpctl info`, fields of the journal, or its sentence.

`coredumpctl info` prints a field a line and the stack below `Message:` (src/coredump/coredumpctl.c, print_info).

           PID: 2966062 (conftest)
        Signal: 6 (ABRT)
    Executable: /build/conftest
 Control Group: /system.slice/docker-d926….scope
       Message: Process 2966062 (conftest) of user 1000 dumped core.

                Stack trace of thread 1766830:
                #0  0x00007fbd8bc7c723 n/a (libc.so.6 + 0x8c723)
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from parsers.carriers.message import PastedLine
from parsers.kernel import coredump_field, is_coredump_sentence
from parsers.oom.facts import KernelLine

_QUOTES: Final = "> \t"
_LABEL: Final = re.compile(r"(?P<label>[A-Z][A-Za-z ]{1,20}): (?P<value>.*)")
_FIELD_OF_LABEL: Final = {
    "PID": "PID",
    "Signal": "SIGNAL",
    "Executable": "EXE",
    "Control Group": "CGROUP",
}
# One of these makes fields of a core dump out of lines that begin with a pid.
_SURE_LABELS: Final = frozenset({"Signal", "Executable", "Control Group", "Message"})
_NAMED_PID: Final = re.compile(r"(?P<pid>[0-9]{1,10})(?: \((?P<comm>[^\n]{1,64})\))?\s*\Z")
_TIMESTAMP: Final = re.compile(r"(?P<time>[^(]{1,64}?)(?: \(.*)?\s*\Z")
_ID: Final = re.compile(r"[0-9a-f]{32}")
_FIELD: Final = re.compile(r"(?P<name>[A-Z_][A-Z0-9_]{0,63})=(?P<value>.*)")
_STACK: Final = re.compile(
    r"#[0-9]{1,3} {1,8}0x|Stack trace of thread |Module |Found module |Metadata for module |ELF object |Stack trace:"
)
_BEGINNINGS: Final = ("PID: ", "Message: ", "COREDUMP_", "MESSAGE=")
_ROWS_AT_MOST: Final = 4096
_FIELDS_AT_MOST: Final = 128
_DUMPER: Final = "systemd-coredump"


def core_dump(rows: Sequence[str], at: int) -> tuple[PastedLine | None, int]:
    """
    Return the core dump whose fields begin at a line, and how many lines it has; 0 if there is none.
    """
    row = rows[at].lstrip(_QUOTES)
    if not row.startswith(_BEGINNINGS):
        return None, 0
    return _of_labels(rows, at) if row.startswith(("PID: ", "Message: ")) else _of_fields(rows, at)


def stack_rows(rows: Sequence[str], at: int) -> int:
    """
    Return how many lines from a line on are the stack of a core dump, blank ones between them included.
    """
    last = 0
    for count, row in enumerate(rows[at : at + _ROWS_AT_MOST], 1):
        text = row.lstrip(_QUOTES)
        if _STACK.match(text) is not None:
            last = count
        elif text:
            break
    return last


def begins_core_dump(text: str, identifier: str | None) -> bool:
    """
    Return whether a message is the sentence of a core dump, from a sender that may be systemd-coredump.
    """
    is_possible = identifier is None or identifier.startswith(_DUMPER)
    return is_possible and is_coredump_sentence(text)


def with_stack(text: str, rows: Sequence[str], at: int) -> tuple[str, int]:
    """
    Return the sentence of a core dump with the stack in the lines from a line on, and how many these are.
    """
    count = stack_rows(rows, at)
    return "\n".join([text, *(row.lstrip(_QUOTES) for row in rows[at : at + count])]), count


def _of_labels(rows: Sequence[str], at: int) -> tuple[PastedLine | None, int]:
    """
    Read what `coredumpctl info` prints of one core dump.
    """
    said: dict[str, str] = {}
    message, count = "", 0
    while count < _FIELDS_AT_MOST and at + count < len(rows):
        found = _LABEL.match(rows[at + count].lstrip(_QUOTES))
        if found is None or found["label"] in said:
            break
        said[found["label"]] = found["value"].strip()
        count += 1
        if found["label"] == "Message":
            message, of_stack = with_stack(said["Message"], rows, at + count)
            count += of_stack
    is_one = not said.keys().isdisjoint(_SURE_LABELS) and (not message or is_coredump_sentence(message))
    fields = {_FIELD_OF_LABEL[label]: value for label, value in said.items() if label in _FIELD_OF_LABEL}
    pid = _NAMED_PID.match(fields.pop("PID", ""))
    if not is_one or (pid is None and not message):
        return None, 0
    if pid is not None:
        fields |= {name: value for name, value in (("PID", pid["pid"]), ("COMM", pid["comm"])) if value}
    printed = _TIMESTAMP.match(said.get("Timestamp", ""))
    time = printed["time"] if printed is not None else None
    return _pasted(message, fields, time, said), count


def _of_fields(rows: Sequence[str], at: int) -> tuple[PastedLine | None, int]:
    """
    Read fields of the journal that follow one another: `COREDUMP_PID=29403`.
    """
    fields: dict[str, str] = {}
    message, count = "", 0
    while count < _ROWS_AT_MOST and len(fields) < _FIELDS_AT_MOST and at + count < len(rows):
        found = _FIELD.match(rows[at + count].lstrip(_QUOTES))
        if found is None:
            break
        count += 1
        if found["name"] == "MESSAGE":
            message, of_stack = with_stack(found["value"], rows, at + count)
            count += of_stack
        short = coredump_field(found["name"])
        if short is not None:
            fields.setdefault(short, found["value"].strip())
    return (_pasted(message, fields, None, {}), count) if "PID" in fields else (None, 0)


def _pasted(message: str, fields: Mapping[str, str], time: str | None, said: Mapping[str, str]) -> PastedLine:
    boot, machine = (_ID.fullmatch(said.get(label, "")) for label in ("Boot ID", "Machine ID"))
    return PastedLine(
        line=KernelLine(text=message, boot_id=boot[0] if boot is not None else None),
        identifier=_DUMPER,
        from_kernel=False,
        machine_id=machine[0] if machine is not None else None,
        pasted_time=time,
        coredump=fields,
    )
