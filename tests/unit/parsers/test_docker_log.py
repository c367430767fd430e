"""
The stream of a container's log: frames, or a terminal's bytes.
"""

from hypothesis import given
from hypothesis import strategies as st

from parsers.docker_log import payloads

FRAMES = st.lists(st.tuples(st.sampled_from([0, 1, 2]), st.binary(max_size=50)), min_size=1)


def framed(frames: list[tuple[int, bytes]]) -> bytes:
    return b"".join(bytes([stream, 0, 0, 0]) + len(data).to_bytes(4, "big") + data for stream, data in frames)


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@given(FRAMES, st.integers(1, 70))
def test_frames_give_what_the_container_wrote(frames: list[tuple[int, bytes]], size: int) -> None:
    """
    Both streams come in the order of writing, however the network cuts them.
    """
    assert b"".join(payloads(pieces(framed(frames), size))) == b"".join(data for _, data in frames)


@given(st.binary().filter(lambda data: data[:1] not in (b"\0", b"\1", b"\2")), st.integers(1, 70))
def test_a_terminal_has_no_frames(data: bytes, size: int) -> None:
    """
    Bytes that do not begin with a frame are passed on as they are.
    """
    assert b"".join(payloads(pieces(data, size))) == data


@given(st.binary(), st.integers(1, 70))
def test_any_bytes_give_no_more_than_they_have(data: bytes, size: int) -> None:
    """
    Any stream ends without an error, and nothing is invented.
    """
    assert len(b"".join(payloads(pieces(data, size)))) <= len(data)


def test_a_frame_is_passed_on_before_it_is_complete() -> None:
    """
    A frame may say that it has 4 GB: what has arrived of it is passed on, and nothing waits for the rest.
    """
    stream = payloads(iter([b"\x01\0\0\0\xff\xff\xff\xff", b"some", b"more"]))
    assert [next(stream), next(stream)] == [b"some", b"more"]
