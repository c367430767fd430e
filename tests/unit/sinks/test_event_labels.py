"""
Labels in the published event: once for search, once complete.
"""

from hypothesis import given
from hypothesis import strategies as st

from sinks.event.labels import complete_labels, searchable_labels

KEYS = st.text(max_size=300) | st.text(alphabet="ab._ \0\n", max_size=4)


def test_keys_have_no_dots() -> None:
    """
    A dot in a field name would be an object, which excludes a field of the shorter name.
    """
    labels = {"app": "shop", "app.name": "api", "a\0b\nc": "d"}
    assert searchable_labels(labels) == {"app": "shop", "app_name": "api", "a_b_c": "d"}


def test_of_two_labels_with_one_key_the_unchanged_key_stays() -> None:
    """
    Else the first in alphabetical order stays; the order in which Docker lists them does not matter.
    """
    labels = {"a.b": "1", "a_b": "2", "c.d_e": "3", "c.d.e": "4"}
    assert searchable_labels(labels) == {"a_b": "2", "c_d_e": "4"}
    assert searchable_labels(dict(reversed(labels.items()))) == {"a_b": "2", "c_d_e": "4"}


def test_a_blank_key_is_not_for_search() -> None:
    """
    No search engine accepts a field without a name.
    """
    assert searchable_labels({"": "1", "  ": "2", "a": "3"}) == {"a": "3"}


def test_all_labels_are_in_the_complete_list() -> None:
    """
    Nothing is changed there, whatever the keys are.
    """
    assert complete_labels({"a.b": "1=2", "a_b": "", "": "x"}) == ["a.b=1=2", "a_b=", "=x"]


@given(st.dictionaries(KEYS, st.text(max_size=2000), max_size=90))
def test_any_labels_give_bounded_fields(labels: dict[str, str]) -> None:
    """
    There are at most 64 fields, each with a name without dots and a bounded value of one of its labels.
    """
    found = searchable_labels(labels)
    assert len(found) <= 64
    assert all(name.strip() and "." not in name and "\0" not in name and len(name) <= 256 for name in found)
    assert set(found.values()) <= {value[:1024] for value in labels.values()}
