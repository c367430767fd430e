"""
Every target holds for a moment of fuzzing; `make fuzz` takes its time.
"""

import importlib.util
from pathlib import Path
from typing import Final

import pytest

from tests.fuzz.campaign import fuzz
from tests.fuzz.seeds import SEEDS
from tests.fuzz.targets import TARGETS

_SECONDS: Final = 1


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_holds_for_its_seeds(target: str) -> None:
    """
    What a target reads properly raises nothing.
    """
    held = [TARGETS[target](seed) is None for seed in (*SEEDS[target], b"")]
    assert held == [True] * (len(SEEDS[target]) + 1)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("target", TARGETS)
def test_a_target_holds_for_mutated_inputs(target: str, tmp_path: Path) -> None:
    """
    Any bytes give a result or a ParseError, within seconds.
    """
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris has wheels for x86-64 alone")
    assert fuzz(target, _SECONDS, tmp_path) == 0, (tmp_path / "output").read_text(errors="replace")[-4000:]
