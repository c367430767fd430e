"""
Notices that a container lost a process, without its pid.
"""

from collector.correlate.oom_notices import NoticeSource, OomNotice, OomNotices
from tests.unit.collector.correlate.scene import A, B, ns


def notice(
    container_id: str, at_s: float, notice_source: NoticeSource = NoticeSource.SYSTEMD, words: str = "killed"
) -> OomNotice:
    return OomNotice(container_id=container_id, at_ns=ns(at_s), notice_source=notice_source, text=words)


def test_a_notice_that_no_kill_explains_is_free() -> None:
    """
    It may name the container of a kill that nothing else attributes.
    """
    notices = OomNotices()
    assert notices.add(notice(A, 1.02))
    assert notices.only(ns(1)) == notice(A, 1.02)


def test_a_notice_whose_kill_was_attributed_before_is_explained() -> None:
    """
    systemd repeats what the kernel has printed with its cgroup.
    """
    notices = OomNotices()
    notices.explain(A, ns(1))
    assert not notices.add(notice(A, 1.02))
    assert notices.only(ns(1)) is None


def test_one_attributed_kill_explains_one_notice_of_systemd() -> None:
    """
    systemd writes one line per kill, so the second line is about another kill.
    """
    notices = OomNotices()
    notices.explain(A, ns(1))
    assert not notices.add(notice(A, 1.02))
    assert notices.add(notice(A, 1.04))


def test_old_and_new_sentence_about_one_kill_are_one_notice() -> None:
    """
    Some versions of systemd write two sentences about each kill; the second one announces no other kill.
    """
    notices = OomNotices()
    notices.explain(A, ns(1))
    assert not notices.add(notice(A, 1.02, words="old"))
    assert not notices.add(notice(A, 1.02, words="new"))
    assert notices.add(notice(A, 1.04, words="old"))
    assert not notices.add(notice(A, 1.04, words="new"))
    assert notices.pair([ns(1.03)]) == [notice(A, 1.04, words="old")]


def test_one_attributed_kill_explains_all_repetitions_of_docker() -> None:
    """
    Docker merges and repeats its `oom`, so their number means nothing.
    """
    notices = OomNotices()
    notices.explain(A, ns(1))
    assert not notices.add(notice(A, 1.1, NoticeSource.DOCKER))
    assert not notices.add(notice(A, 1.2, NoticeSource.DOCKER))


def test_a_kill_that_is_attributed_later_takes_the_notice_that_is_there() -> None:
    """
    The journal may be read before the kernel log.
    """
    notices = OomNotices()
    notices.add(notice(A, 1.02))
    notices.explain(A, ns(1))
    assert notices.only(ns(1)) is None


def test_a_kill_explains_no_notice_of_another_container() -> None:
    """
    Each container has its own notices.
    """
    notices = OomNotices()
    notices.explain(A, ns(1))
    assert notices.add(notice(B, 1.02))


def test_docker_repeats_what_systemd_said() -> None:
    """
    Where systemd sends notices, those of Docker add nothing.
    """
    notices = OomNotices()
    notices.add(notice(A, 1.02))
    assert not notices.add(notice(A, 1.3, NoticeSource.DOCKER))


def test_docker_repeats_itself() -> None:
    """
    A second `oom` of the same container within seconds may be about the same kill.
    """
    notices = OomNotices()
    assert notices.add(notice(A, 1, NoticeSource.DOCKER))
    assert not notices.add(notice(A, 3, NoticeSource.DOCKER))
    assert notices.add(notice(A, 7, NoticeSource.DOCKER))


def test_notices_of_two_containers_leave_the_kill_unattributed() -> None:
    """
    Either container may have lost the process.
    """
    notices = OomNotices()
    notices.add(notice(A, 1.02))
    notices.add(notice(B, 1.03))
    assert notices.only(ns(1)) is None


def test_several_kills_get_their_notices_in_order() -> None:
    """
    systemd's notices separate a storm in two containers again.
    """
    notices = OomNotices()
    expected = [notice(A, 1.01), notice(B, 1.11), notice(A, 1.21)]
    for item in expected:
        notices.add(item)
    assert notices.pair([ns(1.0), ns(1.1), ns(1.2)]) == expected


def test_a_notice_that_was_taken_may_stand_for_a_second_kill() -> None:
    """
    systemd writes at once what one read of its counter shows: two kills 10 ms apart can have one line.
    """
    notices = OomNotices()
    only = notice(A, 1.03)
    notices.add(only)
    assert notices.pair([ns(1.0), ns(1.01)]) == [only, only]


def test_notices_of_docker_count_only_if_they_name_one_container() -> None:
    """
    On cgroup v1 the OOM of an ancestor notifies all containers below it.
    """
    notices = OomNotices()
    notices.add(notice(A, 1.1, NoticeSource.DOCKER))
    assert notices.pair([ns(1)]) == [notice(A, 1.1, NoticeSource.DOCKER)]
    notices.add(notice(B, 1.1, NoticeSource.DOCKER))
    assert notices.pair([ns(1)]) == [None]


def test_a_notice_is_kept_as_long_as_a_kill_may_wait_for_a_late_source() -> None:
    """
    A kill waits for up to a minute until the process connector has been read past it.
    """
    notices = OomNotices()
    notices.add(notice(A, 1))
    notices.expire(ns(61))
    assert notices.pair([ns(1)]) == [notice(A, 1)]


def test_what_no_kill_can_wait_for_any_more_is_forgotten() -> None:
    """
    The counterpart of a notice without a kill, or of a kill without a notice, will not come any more.
    """
    notices = OomNotices()
    notices.add(notice(A, 1))
    notices.explain(B, ns(1))
    notices.expire(ns(71.5))
    assert notices.only(ns(1)) is None
    assert notices.add(notice(B, 1))
