"""
Pairs kills that name no container with the claims that name no pid.

Whoever claims speaks after the kernel, and in nearly the same order: the best pairing keeps the order and has the
least delay in all. A claim may be lost (systemd counts two kills between two of its looks as one), so either side may
stay alone, at a price.
"""

from enum import IntEnum
from typing import Final

_ALONE_NS: Final = 1_000_000_000
_NEVER: Final = 1 << 62


class _Choice(IntEnum):
    PAIR = 0
    LEAVE_CLAIM = 1
    LEAVE_KILL = 2


def align(kills_ns: list[int], claims_ns: list[int], *, slack_ns: int, lag_ns: int) -> list[int | None]:
    """
    For each kill the index of its claim, or None.

    Args:
        kills_ns: moments of the kills, in order.
        claims_ns: moments of the claims, in order, on the same clock.
        slack_ns: so much a claim may seem to come before its kill, because clocks differ.
        lag_ns: so much later a claim may come at most.
    """
    choices = _choices(kills_ns, claims_ns, slack_ns, lag_ns)
    pairs: list[int | None] = [None] * len(kills_ns)
    kill, claim = len(kills_ns), len(claims_ns)
    while kill and claim:
        choice = choices[kill - 1][claim - 1]
        if choice is _Choice.PAIR:
            pairs[kill - 1] = claim - 1
        kill -= choice is not _Choice.LEAVE_CLAIM
        claim -= choice is not _Choice.LEAVE_KILL
    return pairs


def _choices(kills_ns: list[int], claims_ns: list[int], slack_ns: int, lag_ns: int) -> list[list[_Choice]]:
    """
    For each kill and claim, were they the last of their kind, what is cheapest.
    """
    above = [index * _ALONE_NS for index in range(len(claims_ns) + 1)]
    choices: list[list[_Choice]] = []
    for number, kill_ns in enumerate(kills_ns, 1):
        costs = [number * _ALONE_NS]
        row: list[_Choice] = []
        for index, claim_ns in enumerate(claims_ns):
            delay_ns = claim_ns - kill_ns
            pair = above[index] + abs(delay_ns) if -slack_ns <= delay_ns <= lag_ns else _NEVER
            cost, choice = min(
                (pair, _Choice.PAIR),
                (costs[index] + _ALONE_NS, _Choice.LEAVE_CLAIM),
                (above[index + 1] + _ALONE_NS, _Choice.LEAVE_KILL),
            )
            row.append(choice)
            costs.append(cost)
        above = costs
        choices.append(row)
    return choices
