"""
Tests of when the sources are asked for watermarks.
"""

from collector.pipeline.watermark_requests import WatermarkRequests

MS = 1_000_000


def asked_at(times_ms: range, wanted: range) -> list[int]:
    """
    Return the milliseconds at which the sources are asked.
    """
    asked: list[int] = []
    now_ms = 0
    requests = WatermarkRequests(lambda: asked.append(now_ms))
    for now_ms in times_ms:
        requests.update(now_ms * MS, wanted=now_ms in wanted)
    return asked


def test_nothing_is_asked_while_nothing_waits() -> None:
    """
    An idle host pays nothing.
    """
    assert asked_at(range(0, 1000, 5), range(0)) == []


def test_a_streak_begins_with_fast_requests() -> None:
    """
    Sources are asked at once and every 20 ms for 200 ms, then every 100 ms, until nothing waits.
    """
    asked = asked_at(range(0, 600, 5), range(100, 500))
    assert asked == [*range(100, 320, 20), 400]


def test_another_wait_is_asked_for_at_once() -> None:
    """
    A streak that has become slow is fast again.
    """
    asked: list[int] = []
    requests = WatermarkRequests(lambda: asked.append(now_ms))
    for now_ms in range(0, 600, 5):
        requests.update(now_ms * MS, wanted=True, begun=1 if now_ms < 450 else 2)
    assert [at_ms for at_ms in asked if at_ms > 200] == [300, 400, *range(450, 600, 20)]


def test_an_end_is_asked_for_once_before_anything_waits() -> None:
    """
    The answer is there when Docker has answered about the end.
    """
    asked: list[int] = []
    requests = WatermarkRequests(lambda: asked.append(now_ms))
    for now_ms in range(0, 100, 5):
        requests.update(now_ms * MS, wanted=False, begun=0 if now_ms < 50 else 1)
    assert (asked, requests.due_ns) == ([50], None)


def test_the_next_request_has_a_time_only_during_a_streak() -> None:
    """
    The intake wakes for the next request, and sleeps when nothing waits.
    """
    requests = WatermarkRequests(lambda: None)
    requests.update(5 * MS, wanted=True)
    assert requests.due_ns == 25 * MS
    requests.update(6 * MS, wanted=False)
    assert requests.due_ns is None
