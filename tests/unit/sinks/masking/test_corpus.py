"""
The corpus of secret forms, and of ordinary lines: what is masked, and what is not.
"""

from itertools import groupby
from pathlib import Path
from typing import Final

import pytest

from sinks.masking import mask_bytes, mask_lines, mask_text
from tests.unit.sinks.masking.ordinary_lines import ordinary_lines
from tests.unit.sinks.masking.secret_forms import Form, all_forms

FORMS: Final = {
    kind: list(forms)
    for kind, forms in groupby(sorted(all_forms(), key=lambda form: form.kind), key=lambda form: form.kind)
}
RECORDING: Final = Path(__file__).parents[3] / "recordings/debian12-docker20-cgroup2"


@pytest.mark.parametrize("kind", FORMS)
def test_a_secret_is_masked_in_every_form(kind: str) -> None:
    """
    Nothing of a secret is left in the masked text.
    """
    leaks = {
        form.text: masked
        for form in FORMS[kind]
        if any(secret in (masked := mask_text(form.text)) for secret in form.secrets)
    }
    assert leaks == {}


@pytest.mark.parametrize("kind", FORMS)
def test_masked_text_is_not_masked_again(kind: str) -> None:
    """
    Masking a masked text changes nothing: a text may pass through masking twice, on the way in and on the way out.
    """
    once = [mask_text(form.text) for form in FORMS[kind]]
    assert [mask_text(text) for text in once] == once


def test_the_rest_of_a_line_stays() -> None:
    """
    What surrounds a secret is still there for who looks for a cause.
    """
    lines = {
        'level=error msg="login failed" password=hunter2 user=me code=7': ("login failed", "user=me", "code=7"),
        '{"user":"me","password":"hunter2","port":5432}': ('"user":"me"', '"port":5432}'),
        "GET /login?token=hunter2&page=3 HTTP/1.1": ("GET /login?token=", "&page=3 HTTP/1.1"),
        "connecting to postgres://app:hunter2@db:5432/shop": ("postgres://", "@db:5432/shop"),
        "Server=db;Password=hunter2;Database=shop": ("Server=db;", ";Database=shop"),
        "{'password': 'hunter2', 'host': 'db'}": ("'host': 'db'",),
        "mysql -u root -phunter2 shop: access denied": ("mysql -u root", "shop: access denied"),
    }
    masked = {line: mask_text(line) for line in lines}
    assert {line: [kept for kept in lines[line] if kept not in text] for line, text in masked.items()} == {
        line: [] for line in lines
    }


def test_ordinary_lines_stay() -> None:
    """
    No ordinary line is changed, alone or among the others.
    """
    lines = ordinary_lines()
    assert {line: mask_text(line) for line in lines if mask_text(line) != line} == {}
    assert mask_lines(lines) == lines


@pytest.mark.parametrize("name", ["kmsg.raw", "journal-units.export", "journal-kernel.json", "events.jsonl"])
def test_the_records_of_a_real_host_stay(name: str) -> None:
    """
    Nothing that the kernel, systemd or Docker wrote on a real host without secrets is changed: it is evidence.
    """
    lines = (RECORDING / name).read_bytes().split(b"\n")
    assert [line for line in lines if mask_bytes(line) != line] == []


def test_the_corpus_is_large() -> None:
    """
    The corpus has hundreds of forms, each with a secret in it.
    """
    forms: list[Form] = [form for forms in FORMS.values() for form in forms]
    assert len(forms) > 900
    assert all(form.secrets and all(form.secrets) for form in forms)
