"""
Whose filter refused a system call.
"""

import pytest

from collector.publish.seccomp_advice import seccomp_advice
from parsers.docker_inspect import SeccompProfile
from parsers.kernel import KernelNotice, parse_notice

AUDIT = 'audit: type=1326 audit(1.2:3): pid=7 comm="a" exe="/a" sig={} arch=c000003e syscall=272 code=0x0'


def refused(signal: int) -> KernelNotice:
    """
    Return the notice of a refused call of `unshare`; with signal 0 the process lives on.
    """
    notice = parse_notice(AUDIT.format(signal))
    assert notice is not None
    return notice


@pytest.mark.parametrize("profile", [*SeccompProfile, None])
@pytest.mark.parametrize("signal", [0, 31])
def test_the_call_is_named(signal: int, profile: SeccompProfile | None) -> None:
    """
    Every advice names the call, so that nobody has to look a number up.
    """
    assert "unshare" in seccomp_advice(refused(signal), profile).text


def test_the_default_profile_ends_no_process() -> None:
    """
    Under Docker's default profile, or none, a process is ended by its own filter: no profile is to be changed.
    """
    for profile in (SeccompProfile.DEFAULT, SeccompProfile.UNCONFINED):
        assert "--security-opt" not in seccomp_advice(refused(31), profile).text
    for unsure in (SeccompProfile.CUSTOM, None):
        assert "--security-opt" in seccomp_advice(refused(31), unsure).text
