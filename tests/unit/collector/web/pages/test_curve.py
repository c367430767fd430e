"""
Memory curves as SVG: everything is drawn inside the picture, and values can be read.
"""

from hypothesis import example, given
from hypothesis import strategies as st

from collector.web.pages.curve import Drawing, Kind, Moment, drawing_of, spark_points

MIB = 1 << 20
SERIES = [(-60.0, 10 * MIB), (-30.0, 40 * MIB), (0.0, 64 * MIB)]


def drawn(limit_bytes: int | None = 64 * MIB, *moments: Moment) -> Drawing:
    drawing = drawing_of(SERIES, limit_bytes, moments, width=600, height=200)
    assert drawing is not None
    return drawing


def points(drawing: Drawing) -> list[tuple[float, float]]:
    pairs = (point.split(",") for point in drawing.line.split())
    return [(float(x), float(y)) for x, y in pairs]


def test_one_sample_is_no_curve() -> None:
    """
    A curve needs two samples.
    """
    assert drawing_of(SERIES[:1], None, (), width=600, height=200) is None


def test_a_sample_at_the_limit_touches_the_line_of_the_limit() -> None:
    """
    The curve and the limit have one scale.
    """
    drawing = drawn()
    assert drawing.limit is not None
    assert points(drawing)[-1] == (drawing.right, drawing.limit.y)
    assert drawing.limit.label == "limit 64 MiB"


def test_more_memory_is_drawn_higher() -> None:
    """
    Time goes to the right, and memory goes up.
    """
    line = points(drawn())
    assert line == sorted(line)
    assert [y for _, y in line] == sorted((y for _, y in line), reverse=True)


def test_a_limit_far_above_the_curve_is_not_drawn() -> None:
    """
    It would flatten the curve.
    """
    assert drawn(640 * MIB).limit is None
    assert drawn(None).limit is None


def test_every_sample_can_be_read() -> None:
    """
    Pointing at a curve shows time, value and share of the limit.
    """
    texts = [hover.text for hover in drawn().hovers]
    assert texts == [
        "-60 s: 10 MiB, 16% of the limit",
        "-30 s: 40 MiB, 62% of the limit",
        "0 s: 64 MiB, 100% of the limit",
    ]


def test_a_moment_is_marked_at_its_time() -> None:
    """
    A moment stands where the sample of that time stands; one before the first sample is left out.
    """
    warning = Moment(at_s=-30.0, kind=Kind.WARNING, text="w")
    drawing = drawn(64 * MIB, Moment(at_s=-61.0, kind=Kind.KILL, text="too early"), warning)
    (mark,) = drawing.marks
    assert (mark.x, mark.kind, mark.text) == (points(drawing)[1][0], Kind.WARNING, "-30 s: w")


@given(
    series=st.lists(st.tuples(st.floats(allow_nan=False), st.integers()), max_size=40),
    limit_bytes=st.none() | st.integers(),
    moments=st.lists(st.floats(allow_nan=False), max_size=4),
)
@example(series=[(0.0, 10**400), (1.0, 2), (0.5, 1)], limit_bytes=None, moments=[])
def test_any_samples_are_drawn_inside_the_picture(
    series: list[tuple[float, int]], limit_bytes: int | None, moments: list[float]
) -> None:
    """
    A stored event may hold any figures; what cannot be drawn is left out.
    """
    marks = [Moment(at_s=at_s, kind=Kind.KILL, text="k") for at_s in moments]
    drawing = drawing_of(series, limit_bytes, marks, width=360, height=200)
    if drawing is None:
        return
    assert all(0 <= x <= 360 and 0 <= y <= 200 for x, y in points(drawing))
    assert [x for x, _ in points(drawing)] == sorted(x for x, _ in points(drawing))
    assert all(0 <= mark.x <= 360 for mark in drawing.marks)
    assert all(hover.x >= 0 and hover.x + hover.width <= 361 for hover in drawing.hovers)


def test_a_small_curve_reaches_from_nothing_to_the_limit() -> None:
    """
    Without a limit to its peak; a container far below its limit is drawn at the bottom.
    """
    steady = [(0.0, 10), (60.0, 10)]
    assert spark_points(steady, 120, 24, limit_bytes=1000) == "0.0,22.8 120.0,22.8"
    assert spark_points(steady, 120, 24) == "0.0,1.0 120.0,1.0"
    assert spark_points(steady[:1], 120, 24) == ""
