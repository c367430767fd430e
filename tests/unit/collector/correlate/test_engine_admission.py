"""
Which engine may speak of a container that another one has spoken of before.
"""

import pytest

from collector.correlate.engine_admission import Admission, admission
from parsers.engine import ContainerEngine, EngineName

DOCKERS = ContainerEngine(name=EngineName.DOCKER, uid=0)
ROOTS = ContainerEngine(name=EngineName.PODMAN, version="4.3.1", uid=0)
USERS = ContainerEngine(name=EngineName.PODMAN, version="4.3.1", uid=1000)
OTHERS = ContainerEngine(name=EngineName.PODMAN, version="4.3.1", uid=1001)


@pytest.mark.parametrize(
    ("known", "is_known_proven", "speaker", "is_proof", "expected"),
    [
        (ROOTS, False, ROOTS, False, Admission.ADMITTED),
        (USERS, False, USERS, False, Admission.ADMITTED),
        (None, False, None, False, Admission.ADMITTED),
        (None, False, USERS, True, Admission.REFUSED),
        (DOCKERS, False, USERS, True, Admission.REFUSED),
        (OTHERS, False, USERS, True, Admission.REFUSED),
        (ROOTS, True, USERS, True, Admission.REFUSED),
        (ROOTS, False, USERS, False, Admission.REFUSED),
        (ROOTS, False, USERS, True, Admission.CORRECTS),
        (USERS, True, ROOTS, False, Admission.REFUSED),
        (USERS, True, ROOTS, True, Admission.TAKES_OVER),
        (USERS, True, None, False, Admission.TAKES_OVER),
        (USERS, True, DOCKERS, True, Admission.TAKES_OVER),
    ],
)
def test_proof_decides_between_engines(
    known: ContainerEngine | None,
    is_known_proven: bool,
    speaker: ContainerEngine | None,
    is_proof: bool,
    expected: Admission,
) -> None:
    """
    A user takes nothing from an engine that runs the container; root's Podman takes nothing by a mere event.
    """
    assert admission(known, speaker, is_known_proven=is_known_proven, is_proof=is_proof) is expected
