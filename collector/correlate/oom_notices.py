"""
OOM notices: messages that some process of a container was OOM-killed. They name no pid.

The kernel drops the cgroup of most kills in a storm, but two others name the container of each: systemd's line about
the unit (not rate limited, on cgroup v2) and Docker's `oom` event (often merged, sometimes lost). A notice that no
attributed kill explains is free: it may name the container of a kill that nothing else attributes.

Notices come after the kernel's lines, and in nearly the same order. So several waiting kills are paired with several
notices by the pairing that keeps the order and has the least delay in total. A notice may be lost (systemd counts two
kills between two reads of its counter as one), so a kill or a notice may stay alone, at a price.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Final

from collector.correlate.inventory import ContainerInventory
from collector.correlate.references import known_reference
from collector.correlate.watermarks import CAP_NS
from parsers.docker_event import DockerAction, DockerEvent
from parsers.killers import UnitOomKilled

_SECOND: Final = 1_000_000_000
# Notices come after the kernel's line: systemd's up to 50 ms, Docker's up to 1 s later in the recordings' storm.
_LAG_NS: Final = 2 * _SECOND
# The clocks of the kernel log and of the wall differ by tens of milliseconds.
_SLACK_NS: Final = 20_000_000
_DOCKER_LAG_NS: Final = 5 * _SECOND
# A kill may wait until the cap for a source that is read late, and may be read that late itself.
_KEPT_NS: Final = CAP_NS + 10 * _SECOND
_EXPIRE_EVERY_NS: Final = _SECOND
# Some versions of systemd write an old and a new sentence about one kill, one right after the other.
_REPEATED_NS: Final = _SECOND
# systemd writes at once what one read of its counter shows: a kill without a line of its own is in one of the next.
_MERGED_NS: Final = 50_000_000
# What it costs to leave a kill or a notice alone: as much as a pair with this delay.
_ALONE_NS: Final = 1_000_000_000
_NEVER: Final = 1 << 62


class NoticeSource(Enum):
    """
    Who sends notices.
    """

    SYSTEMD = "systemd"
    DOCKER = "docker"


@dataclass(frozen=True, slots=True, kw_only=True)
class OomNotice:
    """
    One notice: an OOM killer killed a process of this container.
    """

    container_id: str
    at_ns: int
    notice_source: NoticeSource
    text: str


class OomNotices:
    """
    The notices that no kill explains yet, and the attributed kills that no notice has followed yet.
    """

    def __init__(self) -> None:
        self._free: list[OomNotice] = []
        self._taken: list[OomNotice] = []
        self._expire_due_ns = 0
        self._by_systemd = False
        # Of each container, the last notice of systemd in the words that came first.
        self._worded: dict[str, OomNotice] = {}
        self._unnoticed: dict[str, list[int]] = {}

    def add(self, notice: OomNotice | None) -> bool:
        """
        Take a notice, if there is one; return whether it is free, as no kill explains it yet.
        """
        if notice is None:
            return False
        self._by_systemd = self._by_systemd or notice.notice_source is NoticeSource.SYSTEMD
        if self._is_rewording(notice):
            return False
        kills = self._unnoticed.get(notice.container_id, [])
        for at_ns in kills:
            if notice.at_ns - _LAG_NS <= at_ns <= notice.at_ns + _SLACK_NS:
                if notice.notice_source is NoticeSource.SYSTEMD:
                    kills.remove(at_ns)
                return False
        if notice.notice_source is NoticeSource.DOCKER and (self._by_systemd or self._is_echo(notice)):
            return False
        self._free.append(notice)
        return True

    def explain(self, container_id: str, at_ns: int) -> None:
        """
        Note a kill that was attributed to a container: the notice that belongs to it is not free any more.
        """
        for notice in self._free:
            if notice.container_id == container_id and _follows(notice, at_ns):
                self._free.remove(notice)
                return
        self._unnoticed.setdefault(container_id, []).append(at_ns)

    def only(self, kill_at_ns: int) -> OomNotice | None:
        """
        Return the notice of a kill that happened alone, if all free notices name one container.
        """
        following = self._following(kill_at_ns)
        return following[0] if len({notice.container_id for notice in following}) == 1 else None

    def pair(self, kills_ns: list[int]) -> list[OomNotice | None]:
        """
        Return for each of these kills, in their order, the notice that fits best, if any.

        Docker's notices count only if they name one container, as on cgroup v1 the OOM of an ancestor notifies all
        containers below it; and only for a kill that is alone: in a storm most guesses were wrong
        (bench/attribution.py).
        """
        alone = len(kills_ns) == 1
        free = sorted((notice for notice in self._free if _may_be_paired(notice, kills_ns)), key=_at_ns)
        pairs = align(kills_ns, [notice.at_ns for notice in free], slack_ns=_SLACK_NS, lag_ns=_LAG_NS)
        return [
            free[index]
            if index is not None
            else self._merged_into(at_ns, free) or (self.only(at_ns) if alone else None)
            for at_ns, index in zip(kills_ns, pairs, strict=True)
        ]

    def take(self, notice: OomNotice) -> None:
        """
        Note that a notice has found its kill.
        """
        if notice in self._free:
            self._free.remove(notice)
            self._taken.append(notice)

    def expire(self, now_ns: int) -> None:
        """
        Forget what is too old to find its counterpart, once a second; `now_ns` is on the wall clock.
        """
        if now_ns < self._expire_due_ns:
            return
        self._expire_due_ns = now_ns + _EXPIRE_EVERY_NS
        self._free = [notice for notice in self._free if notice.at_ns > now_ns - _KEPT_NS]
        self._taken = [notice for notice in self._taken if notice.at_ns > now_ns - _KEPT_NS]
        self._worded = {key: notice for key, notice in self._worded.items() if notice.at_ns > now_ns - _KEPT_NS}
        for container_id, kills in list(self._unnoticed.items()):
            kills[:] = [at_ns for at_ns in kills if at_ns > now_ns - _KEPT_NS]
            if not kills:
                del self._unnoticed[container_id]

    def _following(self, kill_at_ns: int) -> list[OomNotice]:
        return [notice for notice in self._free if _follows(notice, kill_at_ns)]

    def _merged_into(self, kill_at_ns: int, free: list[OomNotice]) -> OomNotice | None:
        """
        Return the last of the notices written right after a kill: it is the likeliest to stand for a second kill too.
        """
        after = [
            notice
            for notice in (*self._taken, *free)
            if notice.notice_source is NoticeSource.SYSTEMD and 0 <= notice.at_ns - kill_at_ns <= _MERGED_NS
        ]
        return max(after, key=_at_ns, default=None)

    def _is_rewording(self, notice: OomNotice) -> bool:
        """
        Return whether systemd says again, in other words, what its last notice about the container said.
        """
        if notice.notice_source is not NoticeSource.SYSTEMD:
            return False
        last = self._worded.get(notice.container_id)
        if last is not None and last.text != notice.text and abs(notice.at_ns - last.at_ns) < _REPEATED_NS:
            return True
        self._worded[notice.container_id] = notice
        return False

    def _is_echo(self, notice: OomNotice) -> bool:
        return any(
            other.container_id == notice.container_id and abs(other.at_ns - notice.at_ns) < _DOCKER_LAG_NS
            for other in self._free
        )


def _at_ns(notice: OomNotice) -> int:
    return notice.at_ns


def _may_be_paired(notice: OomNotice, kills_ns: list[int]) -> bool:
    by_systemd = notice.notice_source is NoticeSource.SYSTEMD
    return by_systemd and bool(kills_ns) and min(kills_ns) - _SLACK_NS <= notice.at_ns <= max(kills_ns) + _LAG_NS


def _follows(notice: OomNotice, kill_at_ns: int) -> bool:
    return notice.at_ns - _LAG_NS <= kill_at_ns <= notice.at_ns + _SLACK_NS


class _Choice(IntEnum):
    PAIR = 0
    LEAVE_NOTICE = 1
    LEAVE_KILL = 2


def align(kills_ns: list[int], notices_ns: list[int], *, slack_ns: int, lag_ns: int) -> list[int | None]:
    """
    Return for each kill the index of its notice, or None.

    Args:
        kills_ns: times of the kills, in order.
        notices_ns: times of the notices, in order, on the same clock.
        slack_ns: how much a notice may seem to come before its kill, because clocks differ.
        lag_ns: how much later than its kill a notice may come.
    """
    choices = _choices(kills_ns, notices_ns, slack_ns, lag_ns)
    pairs: list[int | None] = [None] * len(kills_ns)
    kill, notice = len(kills_ns), len(notices_ns)
    while kill and notice:
        choice = choices[kill - 1][notice - 1]
        if choice is _Choice.PAIR:
            pairs[kill - 1] = notice - 1
        kill -= choice is not _Choice.LEAVE_NOTICE
        notice -= choice is not _Choice.LEAVE_KILL
    return pairs


def _choices(kills_ns: list[int], notices_ns: list[int], slack_ns: int, lag_ns: int) -> list[list[_Choice]]:
    """
    Find for each kill and notice the cheapest choice, if they were the last of their kind.
    """
    above = [index * _ALONE_NS for index in range(len(notices_ns) + 1)]
    choices: list[list[_Choice]] = []
    for number, kill_ns in enumerate(kills_ns, 1):
        costs = [number * _ALONE_NS]
        row: list[_Choice] = []
        for index, notice_ns in enumerate(notices_ns):
            delay_ns = notice_ns - kill_ns
            pair = above[index] + abs(delay_ns) if -slack_ns <= delay_ns <= lag_ns else _NEVER
            cost, choice = min(
                (pair, _Choice.PAIR),
                (costs[index] + _ALONE_NS, _Choice.LEAVE_NOTICE),
                (above[index + 1] + _ALONE_NS, _Choice.LEAVE_KILL),
            )
            row.append(choice)
            costs.append(cost)
        above = costs
        choices.append(row)
    return choices


def systemd_notice(fact: UnitOomKilled, inventory: ContainerInventory) -> OomNotice | None:
    """
    Return systemd's message about a unit as a notice; None where the unit is not a container's.
    """
    container = known_reference(fact.container, inventory, fact.author.within)
    if container is None or fact.at_ns is None:
        return None
    return OomNotice(container_id=container.id, at_ns=fact.at_ns, notice_source=NoticeSource.SYSTEMD, text=fact.text)


def docker_notice(event: DockerEvent) -> OomNotice | None:
    """
    Return Docker's `oom` event as a notice; None for any other event.
    """
    if event.action is not DockerAction.OOM:
        return None
    text = f"oom {event.container_id}"
    return OomNotice(container_id=event.container_id, at_ns=event.time_ns, notice_source=NoticeSource.DOCKER, text=text)
