"""
Join the lines that a terminal, a mail program or a web page wrapped.

There are two ways of wrapping: at a column, in the middle of words, and between words. For each message the few
ways to join its pieces are ranked: a complete line first, no blank inside a path or an id, and cgroups that contain one
another. So `/docke` and `r/fd92…` become one path, and never the cgroup `/docke`.

    oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=fd92…,mems_allowed=0,oom_memcg=/docke
    r/fd92…,task_memcg=/docker/fd92…,task=php-fpm,pid=79699,uid=1000
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from parsers.carriers.kernel_text import amount_said, notice_of
from parsers.carriers.prefixed import Prefixed
from parsers.kernel import concerns_notice
from parsers.oom.line import MemcgLimit, is_complete, parse_line
from parsers.oom.summary import SUMMARY, Summary
from parsers.oom.table import MemcgStats, TaskHeader, parse_header, parse_row
from parsers.oom.victim import Killed, has_all_sizes

# Bounds on the work for a line that looks cut.
_PIECES_AT_MOST: Final = 32
_PIECES_AFTERWARDS: Final = 3
_IN_VAIN_AT_MOST: Final = 100
# So many pieces are tried one by one, later ones only if they can be the last.
_RANKED_ALWAYS: Final = 6
_END: Final = re.compile(r"uid=[0-9]|_adj[:=]|[kK]B\b|failcnt|:\s*\Z|\bname\b|\bset\b|children?\b")
_LENGTH_AT_MOST: Final = 8192
_WIDTH_AT_LEAST: Final = 30
_WRAPS_AT_LEAST: Final = 2
_STARTS: Final = (
    "oom-kill:constraint=", "Memory cgroup out of memory: Kill", "Memory cgroup stats for /", "Memory cgroup stats:",
    "Out of memory: Kill", "Tasks state (memory values in pages):", "Task in /", "Tasks in /", "memory: usage ",
    "memory+swap: usage ", "kmem: usage ", "swap: usage ", "Killed process ", "CPU: ", "Call Trace:", "Mem-Info:",
    "Hardware name: ", "oom_reaper: reaped process ",
)  # fmt: skip
_START_LENGTH_AT_MOST: Final = max(map(len, _STARTS))
# How a message of a report begins.
_BEGINNING: Final = re.compile(
    "|".join(map(re.escape, _STARTS)) + r"|\[ *(?:pid|[0-9]{1,10}) *\] +[a-z0-9]|[a-z_]{3,24} [0-9]+\Z"
    r"|[^ ].{0,14} invoked oom-killer:|(?:Memory cgroup o|O)ut of memory: Kill"
)
_MAY_BE_CUT: Final = re.compile(
    r"oom-kill:|Memory cgroup|Out of |Kill|Tasks? in /|\[ *(?:pid|[0-9]{1,10}) *\]|memory|kmem|swap|.{1,15} invoked oom"
    r"|oom_reaper:",
    re.DOTALL,
)
_WORDS_BEFORE_KILL: Final = re.compile(r"(?:Memory cgroup o|O)ut of memory(?: \(oom_kill_allocating_task\))?: *\Z")
# How a wrapped line can continue, but never begin.
_TAIL: Final = re.compile(
    r"(?:total-vm|anon-rss|file-rss|shmem-rss|pgtables|UID|oom_score_adj):[0-9-]"
    r"|(?:[0-9]*KB )?(?:[a-z_]+:[0-9]+KB ?)+\Z"
    r"|,(?:oom_memcg|task_memcg|task|pid|uid)="
)
_MEMCG_VALUE: Final = re.compile(r",?\s*(?:oom|task)_memcg=")
_PATH_PIECE: Final = re.compile(r"[A-Za-z0-9_./:@,=\\-]+")
_INSIDE_WORD: Final = re.compile(r"[=/_(]\Z|[/@][0-9A-Za-z._-]*\Z|\A[/=,)_.]")
_CONSTRAINTS: Final = frozenset(
    {"CONSTRAINT_NONE", "CONSTRAINT_CPUSET", "CONSTRAINT_MEMORY_POLICY", "CONSTRAINT_MEMCG"}
)
_COLUMNS: Final = frozenset(
    [
        "uid",
        "tgid",
        "total_vm",
        "rss",
        "rss_anon",
        "rss_file",
        "rss_shmem",
        "nr_ptes",
        "nr_pmds",
        "pgtables_bytes",
        "swapents",
        "oom_score_adj",
        "cpu",
        "oom_adj",
    ]
)
_CONTAINER_ID: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_ROW: Final = re.compile(r"\[ *[0-9]{1,10}\] ")
_NUMBER_FIRST: Final = re.compile(r"-?[0-9]+ ")
_COMPLETE: Final = 2


@dataclass(slots=True)
class Joiner:
    """
    Join the wrapped lines of one text.

    Attributes:
        width: the column at which the text was wrapped, if it was.
        columns: those of the task table that is being read.
        in_vain: how many lines in a row looked cut and were not: a text that is made so must not take long.
    """

    width: int | None = None
    columns: tuple[str, ...] = ()
    in_vain: int = 0

    def messages(self, block: Sequence[Prefixed]) -> Iterator[tuple[Prefixed, str]]:
        """
        Yield the messages of a line and of the lines without a prefix that follow it, each with its first line.
        """
        at = 0
        while at < len(block):
            head = block[at]
            text, wraps = self._completed(block, at)
            if not wraps:
                text, wraps = self._record(block, at)
            text, wraps = _with_tail(block, at, text, wraps)
            header = parse_header(text) if text.startswith("[") else None
            self.columns = header.columns if header is not None else self.columns
            at += 1 + wraps
            if text:
                yield head, text

    def _completed(self, block: Sequence[Prefixed], at: int) -> tuple[str, int]:
        """
        Return a message joined with the pieces that make it better, and their number.
        """
        head = block[at]
        if at + 1 == len(block) or not self._may_be_cut(head):
            return head.text, 0
        best, best_score, wraps = head.text, self._score(head.text), 0
        candidates = {"": head.text, " ": head.text, "mixed": head.text, "wrapped": head.text, "\n": head.text}
        at_most = _PIECES_AT_MOST if self.in_vain < _IN_VAIN_AT_MOST else _PIECES_AFTERWARDS
        for count, piece in enumerate(block[at + 1 : at + 1 + at_most], start=1):
            before = block[at + count - 1]
            forced = self._fills_the_width(before)
            if self._begins(piece, best, forced=forced):
                break
            candidates = {way: self._joined(way, text, before, piece) for way, text in candidates.items()}
            if len(candidates[""]) > _LENGTH_AT_MOST:
                break
            if count > _RANKED_ALWAYS and not forced and _END.search(piece.text) is None:
                continue
            found, score = self._ranked(candidates, indented=piece.indent > head.indent)
            if score > best_score or (forced and wraps == count - 1 and not self._worse(score, best_score)):
                best, best_score, wraps = found, score, count
        self.in_vain = 0 if wraps else self.in_vain + 1
        return best, wraps

    def _worse(self, score: int, best: int) -> bool:
        return best >= _COMPLETE and score < best

    def _ranked(self, candidates: dict[str, str], *, indented: bool) -> tuple[str, int]:
        ways = ("\n", "wrapped", "mixed", " ", "") if indented else ("wrapped", "mixed", " ", "")
        texts = dict.fromkeys(candidates[way] for way in ways)
        return max(((text, self._score(text)) for text in texts), key=lambda ranked: ranked[1])

    def _joined(self, way: str, text: str, before: Prefixed, piece: Prefixed) -> str:
        """
        Append a piece: as it was wrapped at a column, or without or with a blank.
        """
        right = piece.text.strip()
        if way == "wrapped":
            if self._fills_the_width(before):
                return text + piece.raw.lstrip(">") if piece.raw.startswith(">") else text + piece.raw
            return f"{text.rstrip()} {right}"
        if way != "mixed":
            return text.rstrip() + way + right
        left = text.rstrip()
        last = left.rpartition(" ")[2]
        glued = (
            left.startswith("oom-kill:") or _INSIDE_WORD.search(last) or _INSIDE_WORD.match(right) or left[-1:] == "-"
        )
        return left + ("" if glued else " ") + right

    def _record(self, block: Sequence[Prefixed], at: int) -> tuple[str, int]:
        """
        Return a record of several lines: one with a prefix and those below it that are indented more.
        """
        head = block[at]
        if not head.prefixed:
            return head.text, 0
        end = at + 1
        while end < len(block) and block[end].indent > head.indent and end - at < _LENGTH_AT_MOST:
            end += 1
        # The kernel prints records of several lines; a program's sentence was wrapped.
        between = "\n" if head.from_kernel else " "
        return between.join([head.text, *(piece.text for piece in block[at + 1 : end])]), end - at - 1

    def _may_be_cut(self, head: Prefixed) -> bool:
        text = head.text.strip()
        if not text:
            return True
        return (
            self._fills_the_width(head)
            or _MAY_BE_CUT.match(text) is not None
            or concerns_notice(text)
            or (len(text) <= _START_LENGTH_AT_MOST and any(start.startswith(text) for start in _STARTS))
        )

    def _fills_the_width(self, line: Prefixed) -> bool:
        return self.width is not None and len(line.raw) == self.width

    def _begins(self, piece: Prefixed, before: str, *, forced: bool) -> bool:
        """
        Return whether a line begins a message of its own.
        """
        text = piece.text
        if piece.prefixed or not text.strip():
            return True
        if not before.strip() or _WORDS_BEFORE_KILL.search(before) is not None:
            return False
        if _BEGINNING.match(text) is not None or concerns_notice(text):
            return True
        if forced or (before.startswith(SUMMARY) and _MEMCG_VALUE.match(text) is not None and not is_complete(before)):
            return False
        return is_complete(text)

    def _score(self, text: str) -> int:
        """
        Rank a text: how much like a complete line of the kernel it is.
        """
        if _ROW.match(text) is not None and self.columns:
            row = parse_row(text, self.columns)
            if row is None or not row.comm:
                return -1
            return _COMPLETE - 3 * (_NUMBER_FIRST.match(row.comm) is not None)
        fact = parse_line(text)
        if fact is None:
            notice = notice_of(text)
            return amount_said(notice) + _of_paths(notice.cgroup, None) if notice is not None else -1
        score = _COMPLETE if is_complete(text) else 0
        match fact:
            case Summary():
                score += 2 * (fact.constraint in _CONSTRAINTS) + _of_paths(fact.oom_memcg, fact.task_memcg)
            case MemcgLimit():
                score += _of_paths(fact.oom_memcg, fact.task_memcg)
            case MemcgStats():
                score += _of_paths(fact.path, None)
            case TaskHeader():
                score += 2 - sum(column not in _COLUMNS for column in fact.columns)
            case Killed():
                score += has_all_sizes(text) + len(fact.sizes)
            case _:
                pass
        return score


def _with_tail(block: Sequence[Prefixed], at: int, text: str, wraps: int) -> tuple[str, int]:
    """
    Append the lines that can only be the end of the message before them.
    """
    while at + wraps + 1 < len(block):
        piece = block[at + wraps + 1]
        if piece.prefixed or _TAIL.match(piece.text) is None or parse_line(text) is None or len(text) > _LENGTH_AT_MOST:
            break
        glued = piece.text.startswith(",") or (text[-1:].isdigit() and piece.text[:1].isdigit())
        text = text.rstrip() + ("" if glued else " ") + piece.text
        wraps += 1
    return text, wraps


def _of_paths(limit: str | None, victim: str | None) -> int:
    """
    Rank the paths of a line: a blank is a wrap that was not undone, and the victim is at or below the limit.
    """
    score = 0
    for path in (limit, victim):
        if path is None:
            continue
        score -= 8 * (" " in path or "\n" in path)
        score += _CONTAINER_ID.search(path) is not None
    if limit and victim:
        score += 2 if victim == limit or victim.startswith(f"{limit.rstrip('/')}/") else -1
    return score


def width_of(lines: Sequence[Prefixed]) -> int | None:
    """
    Return the column at which a text was wrapped: no line is longer, and some that long are continued.
    """
    width = max((len(line.raw) for line in lines), default=0)
    if width < _WIDTH_AT_LEAST:
        return None
    wraps = ends = 0
    for index in range(len(lines) - 1):
        if len(lines[index].raw) == width:
            following = lines[index + 1]
            begins = following.prefixed or not following.text.strip()
            begins = begins or is_complete(following.text) or concerns_notice(following.text)
            ends += begins
            wraps += not begins
    return width if wraps >= _WRAPS_AT_LEAST and wraps > ends else None
