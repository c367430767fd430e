r"""
List everything that `explain --file` finds a kernel line in.

Each row has a sample with `{message}` in the place of the message. The sample is the documentation
(docs/reading-a-report.md), and a test: a report in this carrier is read like the report alone. A row with a pattern is
a prefix of another tool; the others are understood by the module that the row's kind names.
"""

import re
from dataclasses import dataclass
from typing import Final

from parsers.carriers.times import CLOCK, ISO

_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}"
_LEVELS: Final = "emerg|alert|crit|err|error|warn|warning|notice|info|debug"


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """
    Something around a kernel line.

    Attributes:
        name: for people.
        sample: a line with `{message}`; `{json}` is the message inside a JSON string.
        header: the lines before the first message.
    """

    name: str
    sample: str
    header: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix(Carrier):
    """
    What another tool puts in front of a line, removed only if a kernel message remains.

    Attributes:
        pattern: matches the prefix; its groups `host`, `iso`, `date` and `name` say what it holds.
    """

    pattern: re.Pattern[str]


PREFIXES: Final = (
    Prefix(
        name="YAML",
        sample="  message: '{message}'",
        pattern=re.compile(r"\s*(?:- )?(?:MESSAGE|message|textPayload|msg|log|note): (?=\S)"),
    ),
    Prefix(
        name="logcli, with labels",
        sample='2024-10-30T09:13:57Z {job="syslog"} {message}',
        pattern=re.compile(rf"(?P<iso>{ISO})\s+\{{[A-Za-z_][^{{}}]{{0,1023}}\}}\s+(?=\S)"),
    ),
    Prefix(
        name="columns with tabs (Azure)",
        sample="10/30/2024, 9:13:57.161 AM\tmain\tkern\twarning\t{message}",
        pattern=re.compile(r"(?:[^\t]{0,128}\t){2,8}(?=\S)"),
    ),
    Prefix(name="list", sample="- {message}", pattern=re.compile(r"\s*(?:[-*+\u2022]|[0-9]{1,4}[.)]) +(?=\S)")),
    Prefix(
        name="diff",
        sample="+[ 7096.161113] {message}",
        pattern=re.compile(r"[+-](?=\[ *[0-9]|<[0-9]|[A-Z][a-z]{2} |[0-9]{4}-|[a-zA-Z].{0,15} invoked)"),
    ),
    Prefix(name="comment", sample="# {message}", pattern=re.compile(r"\s*(?:#+|//+|;+|--) ?(?=\S)")),
    Prefix(name="table", sample="| {message} |", pattern=re.compile(r"\s*\|+ ?(?=\S)")),
    Prefix(
        name="kubectl logs --prefix",
        sample="[pod/npd-abcde/npd] {message}",
        pattern=re.compile(r"\[pod/[^\s\]]{1,255}\] ?"),
    ),
    Prefix(name="docker compose logs", sample="npd-1  | {message}", pattern=re.compile(r"[^\s|]{1,255} *\| ?")),
    Prefix(
        name="VMware's log of a guest",
        sample="2024-10-30T09:13:57.161Z In(05) vcpu-5 - Guest: <4>{message}",
        pattern=re.compile(
            rf"(?P<iso>{ISO})\|? (?:In\([0-9]+\) |[A-Za-z]\([0-9]+\) )?\S{{1,32}}(?: - |\| [A-Z0-9]{{1,6}}: )Guest: ?"
        ),
    ),
    Prefix(
        name="CRI log of a container",
        sample="2024-10-30T10:13:57.161113000+01:00 stdout F {message}",
        pattern=re.compile(rf"(?P<iso>{ISO}) (?:stdout|stderr) [FP] "),
    ),
    Prefix(
        name="aws logs tail",
        sample="2024-10-30T09:13:57.161Z main/var/log/messages Oct 30 10:13:57 node-1 kernel: {message}",
        pattern=re.compile(
            rf"(?P<iso>{ISO})[ \t]+[^\s\[\]:]{{1,255}}[ \t]+(?=[A-Z][a-z]{{2}} [ 0-9][0-9] |[0-9]{{4}}-|\[|<)"
        ),
    ),
    Prefix(
        name="milliseconds",
        sample="1730279637161,Oct 30 10:13:57 node-1 kernel: {message}",
        pattern=re.compile(r"[0-9]{13}[,\t ] ?"),
    ),
    Prefix(
        name="stern",
        sample="npd-abcde npd {message}",
        pattern=re.compile(r"[a-z0-9][a-z0-9.-]{2,252} (?:\u203a|[a-z0-9][a-z0-9-]{0,62}) (?=\S)"),
    ),
    Prefix(
        name="facility and level",
        sample="kern.warn: {message}",
        pattern=re.compile(rf"(?:kern|kernel)[.:](?:{_LEVELS})[:\s] *"),
    ),
    Prefix(
        name="logcat",
        sample="10-30 10:13:57.161     0     0 W kernel  : {message}",
        pattern=re.compile(r"[0-9]{2}-[0-9]{2} [0-9:.]{12} +[0-9]+ +[0-9]+ [A-Z] [^\s:]{0,32} *: "),
    ),
    Prefix(
        name="a host in brackets (parallel-ssh)",
        sample="[node07] {message}",
        pattern=re.compile(r"\[(?P<host>[A-Za-z][A-Za-z0-9_.:-]{0,127})\]:? ?"),
    ),
    Prefix(
        name="a host (pdsh, clush, talosctl)",
        sample="node07: {message}",
        pattern=re.compile(
            rf"(?![0-9]+[:\s])(?P<host>{_NAME}|[0-9a-fA-F:]{{2,39}}|[0-9.]{{7,15}})(?::|\t| \|| >>?|\$|#) ?(?=\S)"
        ),
    ),
    Prefix(
        name="a time of day",
        sample="10:13:57 kernel: {message}",
        pattern=re.compile(rf"(?P<date>{CLOCK}) (?=\S)"),
    ),
    Prefix(
        name="a line number (cat -n, grep -n)",
        sample="    10\t{message}",
        pattern=re.compile(r"\s*[0-9]{1,9}(?:[\t:|) -]|\u2192) *(?=\S)"),
    ),
    Prefix(
        name="kernel",
        sample="kernel - {message}",
        pattern=re.compile(r"\[?(?P<name>kernel)\]?(?:\[[0-9]*\])?:? ?[:|-] ?(?=\S)"),
    ),
)

OTHERS: Final = (
    Carrier(name="dmesg", sample="[ 7096.161113] {message}"),
    Carrier(name="dmesg -t, journalctl -o cat", sample="{message}"),
    Carrier(name="dmesg -T", sample="[Wed Oct 30 10:13:57 2024] {message}"),
    Carrier(name="dmesg -x, also with ISO times", sample="kern  :warn  : 2024-10-30T10:13:57,161113+01:00 {message}"),
    Carrier(name="dmesg -r", sample="<4>[ 7096.161113] {message}"),
    Carrier(name="dmesg with CONFIG_PRINTK_CALLER", sample="[ 7096.161113][T79699] {message}"),
    Carrier(name="talosctl dmesg", sample="kern:    info: [2024-10-30T09:13:57.161113000Z]: {message}"),
    Carrier(name="journalctl, syslog", sample="Oct 30 10:13:57 main kernel: [ 7096.161113] {message}"),
    Carrier(name="BusyBox syslogd", sample="Oct 30 10:13:57 main kern.warn kernel: {message}"),
    Carrier(name="syslog with more blanks", sample="Oct 30 10:13:57 main kernel:  [ 7096.161113] {message}"),
    Carrier(
        name="two dates (Grafana, docker logs -t)",
        sample="2024-10-30 10:13:57.161\tOct 30 10:13:57 main kernel: {message}",
    ),
    Carrier(name="syslog of an IPv6 host", sample="Oct 30 10:13:57 2001:db8::1 kernel: {message}"),
    Carrier(name="journalctl -o short-full", sample="Wed 2024-10-30 10:13:57 UTC main kernel: {message}"),
    Carrier(name="journalctl -o short-iso", sample="2024-10-30T10:13:57+0100 main kernel: {message}"),
    Carrier(name="journalctl -o short-unix", sample="1730279637.161113 main kernel: {message}"),
    Carrier(name="journalctl -o short-monotonic", sample="[ 7096.161113] main kernel: {message}"),
    Carrier(
        name="RFC 5424, with structured data",
        sample='<4>1 2024-10-30T10:13:57.161113+01:00 main kernel - - [timeQuality tzKnown="1"] {message}',
    ),
    Carrier(name="grep over files", sample="/var/log/kern.log:109:Oct 30 10:13:57 main kernel: {message}"),
    Carrier(
        name="journalctl -o json and json-sse",
        sample='data: {"_TRANSPORT":"kernel","SYSLOG_IDENTIFIER":"kernel","MESSAGE":"{json}"}',
    ),
    Carrier(
        name="journalctl -o verbose",
        sample="Wed 2024-10-30 10:13:57.161113 CET [s=2c;i=0;b=1;m=1;t=5;x=e]\n    _TRANSPORT=kernel\n"
        "    MESSAGE={message}",
    ),
    Carrier(
        name="journalctl -o export",
        sample="__CURSOR=s=2c;i=0\n_TRANSPORT=kernel\nMESSAGE={message}\n",
    ),
    Carrier(name="dmesg --json", sample='{"pri": 4,"time": 7096.161113,"msg": "{json}"},', header='{"dmesg": ['),
    Carrier(name="/dev/kmsg", sample="4,1000,7096161113,-;{message}"),
    Carrier(
        name="Docker's json-file",
        sample='{"log":"{json}\\n","stream":"stdout","time":"2024-10-30T09:13:57.161113Z"}',
    ),
    Carrier(name="Google Cloud Logging", sample='{"textPayload":"{json}","timestamp":"2024-10-30T09:13:57Z"}'),
    Carrier(name="Logstash, Datadog, Fluent Bit", sample='{"@timestamp":"2024-10-30T09:13:57Z","message":"{json}"},'),
    Carrier(name="Fluentd", sample='2024-10-30 10:13:57.161113000 +0100 kern: {"message":"{json}"}'),
    Carrier(
        name="Fluent Bit, standard output",
        sample='[0] kmsg.0: [1730279637.161113000, {"priority"=>4, "msg"=>"{json}"}]',
    ),
    Carrier(name="Elasticsearch", sample='{"hits":{"hits":[{"_source":{"message":"{json}"}}]}}'),
    Carrier(name="Loki, as JSON", sample='{"stream":{"job":"syslog"},"values":[["1730279637161113000","{json}"]]}'),
    Carrier(
        name="Grafana, CSV",
        sample='"2024-10-30 10:13:57.161","1730279637161100000","{message}"',
        header="Time,tsNs,Line\n",
    ),
    Carrier(name="quotes", sample='"Oct 30 10:13:57 main kernel: {message}"'),
    Carrier(name="backticks", sample="- `[ 7096.161113] {message}`"),
    Carrier(name="Markdown quote", sample="> [ 7096.161113] {message}"),
    Carrier(name="HTML", sample="[ 7096.161113] {message}<br>"),
    Carrier(name="terminal colours", sample="\x1b[32m[ 7096.161113] \x1b[0m{message}\x1b[0m"),
)  # fmt: skip

CARRIERS: Final[tuple[Carrier, ...]] = (*OTHERS, *PREFIXES)
