"""
Decide which engine may speak of a container, where several say that they run it.

A user's engine can say anything of any id. The service of root's Podman 4.3 repeats the events of all users, as if it
ran their containers. So an event in a stream is only a claim. Proof is what journald vouches for, what stands in the
file of the engine's user, and an inspection: no engine of the host can inspect what it does not run.
"""

from enum import Enum

from parsers.engine import ContainerEngine, EngineName


class Admission(Enum):
    """
    What follows from an engine speaking of a container.

    `TAKES_OVER`: what another engine has said before is forgotten. `CORRECTS`: it is kept, as that of the new engine.
    """

    REFUSED = "refused"
    ADMITTED = "admitted"
    TAKES_OVER = "takes over"
    CORRECTS = "corrects"


def admission(
    known: ContainerEngine | None, speaker: ContainerEngine | None, *, is_known_proven: bool, is_proof: bool
) -> Admission:
    """
    Decide about an engine that speaks of a known container.

    Args:
        known: the engine that spoke of it before; None is the host's Docker.
        speaker: the engine that speaks now.
        is_known_proven: whether the claim of the former was proven.
        is_proof: whether that of the latter is.
    """
    if speaker is not None and speaker.is_of_user:
        if known is not None and known.uid == speaker.uid:
            return Admission.ADMITTED
        is_unproven = known is not None and known.name is EngineName.PODMAN and not is_known_proven
        return (
            Admission.CORRECTS if is_proof and is_unproven and not (known and known.is_of_user) else Admission.REFUSED
        )
    if known is None or not known.is_of_user:
        return Admission.ADMITTED
    return (
        Admission.TAKES_OVER if is_proof or speaker is None or speaker.name is EngineName.DOCKER else Admission.REFUSED
    )
