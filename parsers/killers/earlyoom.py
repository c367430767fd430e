"""
Parse kills by earlyoom and nohang: daemons that send a signal to one process before the kernel has to.

    sending SIGTERM to process 7378 uid 1000 "tail": oom_score 156, VmRSS 4962 MiB
    killing process 27541 "bash" with signal 15: badness 550, VmRSS 7609 MiB
    Killing process 4711 tail with badness 912

nohang names the victim some lines before it says that it sends the signal:

    PID:       7378, name: tail, state: R (running), EUID: 1000, SID: 7000 (bash), lifetime: 12s
    Sending SIGTERM to the victim
"""

import re
from signal import Signals
from typing import Final

from parsers.killers.facts import EarlyoomKill, NohangKill
from parsers.untyped import int_of

_MIB: Final = 1 << 20
# A comm has 15 bytes at most; the command line that follows is the process's own words: not searched.
_COMM: Final = r'"(?P<comm>.{0,15}?)"'
_SCORES: Final = (
    r"(?:oom_score|badness) -?[0-9]+(?:, oom_score_adj -?[0-9]+)?(?:, badness -?[0-9]+(?: KiB)?)?"
    r"(?:, VmRSS (?P<rss_mib>[0-9]+) MiB)?"
)
_SENDING: Final = re.compile(
    rf"sending (?P<signal>SIG[A-Z]+) to process (?P<pid>[0-9]+)(?: uid (?P<uid>[0-9]+))? {_COMM}(?:: {_SCORES}|\s*\Z)",
    re.DOTALL,
)
# Before 1.3.
_WITH_SIGNAL: Final = re.compile(
    rf"[Kk]illing process (?P<pid>[0-9]+)(?P<uid>) {_COMM} with signal (?P<signal>[0-9]{{1,2}})(?:: {_SCORES})?",
    re.DOTALL,
)
# Before 1.0. These words are too common to be believed without earlyoom's name.
_OLDEST: Final = re.compile(
    r"Killing process (?P<pid>[0-9]+)(?P<uid>) (?P<comm>\S.{0,14}?)(?P<signal>)(?P<rss_mib>)(?: with badness [0-9]+.*)?"
)
_NOHANG_VICTIM: Final = re.compile(
    r"\s*PID: +(?P<pid>[0-9]{1,10}), [Nn]ame: (?P<comm>.{1,15}?), (?:state|badness): .*", re.DOTALL
)
# Before 0.2, name and pid have a line each.
_NOHANG_NAME: Final = re.compile(r"\s*Name: +(?P<comm>\S.{0,14}?)\s*")
_NOHANG_PID: Final = re.compile(r"\s*PID: +(?P<pid>[0-9]{1,10})\s*")
_NOHANG_SIGNAL: Final = re.compile(
    r"\s*(?:Implement(?:ing)? a corrective action:\s+)?Send(?:ing)? (?P<signal>SIG[A-Z]+) to the victim\b.*", re.DOTALL
)


def parse_earlyoom(text: str, at_ns: int | None, *, named: bool) -> EarlyoomKill | None:
    """
    Parse a signal that earlyoom sent.

    Args:
        text: the message.
        at_ns: its time.
        named: whether something other than the words says that earlyoom wrote it.
    """
    match = _SENDING.match(text) or _WITH_SIGNAL.match(text) or (_OLDEST.fullmatch(text) if named else None)
    pid = int_of(match["pid"]) if match is not None else None
    if match is None or pid is None:
        return None
    rss_mib = int_of(match["rss_mib"])
    return EarlyoomKill(
        pid=pid,
        uid=int_of(match["uid"]),
        comm=match["comm"],
        rss_bytes=rss_mib * _MIB if rss_mib is not None else None,
        signal=_signal_name(match["signal"] or "SIGKILL"),
        at_ns=at_ns,
        text=text,
    )


class NohangLog:
    """
    Joins the lines of nohang: the victim, and the signal that it is sent.
    """

    def __init__(self) -> None:
        self._victim: tuple[int, str] | None = None
        self._name: str | None = None

    def feed(self, text: str, at_ns: int | None) -> NohangKill | None:
        """
        Take a line; return the kill if the line says that the signal is sent.
        """
        if "PID:" not in text and "Name:" not in text and "Send" not in text:
            return None
        name, pid = _NOHANG_NAME.fullmatch(text), _NOHANG_PID.fullmatch(text)
        self._name = name["comm"] if name is not None else self._name
        if pid is not None and self._name is not None:
            self._victim, self._name = (int(pid["pid"]), self._name), None
        victim = _NOHANG_VICTIM.fullmatch(text)
        if victim is not None:
            self._victim = int(victim["pid"]), victim["comm"]
            return None
        sent = _NOHANG_SIGNAL.fullmatch(text)
        if sent is None or self._victim is None:
            return None
        victim_pid, comm = self._victim
        return NohangKill(pid=victim_pid, comm=comm, signal=sent["signal"], at_ns=at_ns, text=text.strip())


def _signal_name(signal: str) -> str:
    try:
        return Signals(int(signal)).name
    except ValueError:
        return signal
