"""
Who says that a container lost a process, without saying which.
"""

from collector.correlate.claims import Claim, Claimant, Claims
from tests.unit.collector.correlate.scene import A, B, ns


def claim(container_id: str, at_s: float, claimant: Claimant = Claimant.SYSTEMD) -> Claim:
    return Claim(container_id=container_id, at_ns=ns(at_s), claimant=claimant, text=f"{claimant.value} {at_s}")


def test_a_claim_that_no_kill_explains_is_free() -> None:
    """
    It may explain a kill that nobody could place.
    """
    claims = Claims()
    assert claims.add(claim(A, 1.02))
    assert claims.only(ns(1)) == claim(A, 1.02)


def test_a_claim_whose_kill_was_placed_before_is_explained() -> None:
    """
    systemd repeats what the kernel has told with its cgroup.
    """
    claims = Claims()
    claims.explain(A, ns(1))
    assert not claims.add(claim(A, 1.02))
    assert claims.only(ns(1)) is None


def test_one_placed_kill_explains_one_claim_of_systemd() -> None:
    """
    systemd writes a line a kill: the second line is of another kill.
    """
    claims = Claims()
    claims.explain(A, ns(1))
    assert not claims.add(claim(A, 1.02))
    assert claims.add(claim(A, 1.04))


def test_one_placed_kill_explains_all_that_docker_repeats() -> None:
    """
    Docker merges and repeats its `oom`: it counts nothing.
    """
    claims = Claims()
    claims.explain(A, ns(1))
    assert not claims.add(claim(A, 1.1, Claimant.DOCKER))
    assert not claims.add(claim(A, 1.2, Claimant.DOCKER))


def test_a_kill_that_is_placed_later_takes_the_claim_that_is_there() -> None:
    """
    The journal may be read before the kernel's log.
    """
    claims = Claims()
    claims.add(claim(A, 1.02))
    claims.explain(A, ns(1))
    assert claims.only(ns(1)) is None


def test_a_kill_explains_nothing_of_another_container() -> None:
    """
    Each container has its own claims.
    """
    claims = Claims()
    claims.explain(A, ns(1))
    assert claims.add(claim(B, 1.02))


def test_docker_echoes_what_systemd_said() -> None:
    """
    Where systemd speaks, Docker's word adds nothing.
    """
    claims = Claims()
    claims.add(claim(A, 1.02))
    assert not claims.add(claim(A, 1.3, Claimant.DOCKER))


def test_docker_echoes_itself() -> None:
    """
    A second `oom` of the same container within seconds may be of the same kill.
    """
    claims = Claims()
    assert claims.add(claim(A, 1, Claimant.DOCKER))
    assert not claims.add(claim(A, 3, Claimant.DOCKER))
    assert claims.add(claim(A, 7, Claimant.DOCKER))


def test_two_containers_that_claim_leave_it_open() -> None:
    """
    Nobody knows then whose process it was.
    """
    claims = Claims()
    claims.add(claim(A, 1.02))
    claims.add(claim(B, 1.03))
    assert claims.only(ns(1)) is None


def test_several_kills_get_their_claims_in_order() -> None:
    """
    Those of systemd; a storm of two containers comes apart again.
    """
    claims = Claims()
    told = [claim(A, 1.01), claim(B, 1.11), claim(A, 1.21)]
    for item in told:
        claims.add(item)
    assert claims.pair([ns(1.0), ns(1.1), ns(1.2)]) == told


def test_a_claim_that_was_taken_may_have_counted_a_second_kill() -> None:
    """
    What systemd finds at one look it writes at once: two kills 10 ms apart can have one line.
    """
    claims = Claims()
    only = claim(A, 1.03)
    claims.add(only)
    assert claims.pair([ns(1.0), ns(1.01)]) == [only, only]


def test_claims_of_docker_pair_only_where_one_container_claims() -> None:
    """
    On cgroup v1 the OOM of an ancestor makes all containers below it claim.
    """
    claims = Claims()
    claims.add(claim(A, 1.1, Claimant.DOCKER))
    assert claims.pair([ns(1)]) == [claim(A, 1.1, Claimant.DOCKER)]
    claims.add(claim(B, 1.1, Claimant.DOCKER))
    assert claims.pair([ns(1)]) == [None]


def test_what_is_ten_seconds_old_is_forgotten() -> None:
    """
    Claims without a kill, and kills without a claim: its counterpart will not come any more.
    """
    claims = Claims()
    claims.add(claim(A, 1))
    claims.explain(B, ns(1))
    claims.expire(ns(11.5))
    assert claims.only(ns(1)) is None
    assert claims.add(claim(B, 1))
