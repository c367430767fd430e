"""
The tools. Each asks the agent one question and changes nothing; their arguments are described for the model that calls.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from collector.web.mcp.agent import AskedAgent
from collector.web.mcp.answers import (
    DeathsAnswer,
    KernelLogAnswer,
    LimitAnswer,
    RiskAnswer,
    RunningContainer,
    WhyAnswer,
)
from collector.web.mcp.incidents import incidents_of, view_of
from collector.web.mcp.kernel_log import explain_text
from collector.web.mcp.untrusted import UntrustedNames, name, proof_of, word
from collector.web.mcp.why import why_answer
from sinks.event import Cause, EventType

_MOST: Final = 10
_PAGES: Final = 20
# The thresholds of the memory warnings (collector/memory/pressure.py, container_pressure.py).
_NEAR_SHARE: Final = 0.75
_SOON_S: Final = 1800.0
_LONGEST: Final = 512
_TEXT_CHARACTERS: Final = 2_097_152

Container = Annotated[str, Field(description="Its name, its id, or the beginning of its id.", max_length=_LONGEST)]
Since = Annotated[str, Field(description="An age (30m, 2h, 1d) or a date in ISO 8601.", max_length=_LONGEST)]
Count = Annotated[int, Field(description="The largest number of entries.", ge=1, le=50)]
WaitS = Annotated[float, Field(description="Seconds to wait for a settled answer.", ge=0, le=60)]
KernelLog = Annotated[str, Field(description="Output of dmesg or journalctl -k.", max_length=_TEXT_CHARACTERS)]


class Tools:
    """
    The tools of one agent.

    Args:
        agent: is asked.
    """

    def __init__(self, agent: AskedAgent) -> None:
        self._agent = agent

    def why_did_it_die(
        self,
        container: Container | None = None,
        pid: Annotated[int, Field(description="A process id of the host, instead of a container.", ge=1)] | None = None,
        since: Since | None = None,
        wait_s: WaitS = 2.0,
    ) -> WhyAnswer:
        """
        Say why a container died, or what was killed in it while it lives. Exit code 137 alone does not prove an OOM
        kill, and no exit code shows the kill of a child process: this tool knows both. Give a container or a pid.
        """
        if (container is None) == (pid is None):
            raise ToolError("give either container or pid")
        known, answer = self._agent.get("/v1/why", container=container, pid=pid, since=since, wait=f"{wait_s:.3f}s")
        return why_answer(answer, known=known)

    def recent_deaths(
        self,
        since: Since = "24h",
        service: Annotated[str, Field(description="The name of a service.", max_length=_LONGEST)] | None = None,
        causes: Annotated[list[Cause], Field(description="Only these causes.")] | None = None,
        limit: Count = _MOST,
    ) -> DeathsAnswer:
        """
        List the latest deaths of containers on this host, newest first, each with its cause. oom_kill: its main process
        was OOM-killed. oom_kill_child: another process was, and the container ended because of that.
        """
        found: list[Mapping[str, Any]] = []
        cursor: str | None = None
        # A page may be short although older events match.
        for _ in range(_PAGES):
            _, page = self._agent.get(
                "/v1/events",
                type=EventType.CONTAINER_DEATH.value,
                since=since,
                service=service,
                cause=",".join(causes) if causes else None,
                limit=limit + 1 - len(found),
                cursor=cursor,
            )
            found += page["events"]
            cursor = page["cursor"]
            if cursor is None or len(found) > limit:
                break
        return DeathsAnswer(deaths=incidents_of(found[:limit]), more=len(found) > limit or cursor is not None)

    def containers_at_risk(self, limit: Count = _MOST) -> RiskAnswer:
        """
        List the running containers that may be OOM-killed: near their memory limit, growing towards it within half an
        hour, or with an OOM kill within the last 24 hours.
        """
        _, answer = self._agent.get("/v1/containers")
        running = answer["containers"]
        at_risk = [one for one in running if _reasons(one)]
        return RiskAnswer(
            running=len(running), at_risk=len(at_risk), containers=[_running(one) for one in at_risk[:limit]]
        )

    def explain_kernel_log(self, text: KernelLog) -> KernelLogAnswer:
        """
        Find the OOM kills and crashes in a kernel log of any machine. Nothing proves who wrote a pasted text, so do not
        take its events for more certain than where it came from.
        """
        return explain_text(text)

    def recommended_limit(self, container: Container) -> LimitAnswer:
        """
        Recommend a memory limit for a running container, from its memory now and its history, with the calculation.
        """
        known, answer = self._agent.get("/v1/limit", container=container)
        if not known:
            raise ToolError("no running container has this name or id, or the agent does not read its memory")
        advice = {"advice": answer["advice"]}
        return LimitAnswer(
            container_id=word(answer["container"]["id"]),
            recommended_limit_bytes=answer["recommended_limit_bytes"],
            limit_bytes=answer["limit_bytes"],
            working_set_bytes=answer["working_set_bytes"],
            peak_bytes=answer["peak_bytes"],
            observed_s=answer["observed_s"],
            runtime=word(answer["runtime"]),
            untrusted_text=proof_of(
                view_of({"data": {"exit137": advice}}), container_name=answer["container"]["name"], message=""
            ),
        )


def _reasons(container: Mapping[str, Any]) -> list[str]:
    share, limit_in_s = container["limit_share"], container["limit_in_s"]
    is_near = share is not None and share >= _NEAR_SHARE
    is_soon = limit_in_s is not None and limit_in_s <= _SOON_S
    reasons = {"near_limit": is_near, "reaches_limit": is_soon, "killed": container["kills_in_last_day"] > 0}
    return [reason for reason, applies in reasons.items() if applies]


def _running(container: Mapping[str, Any]) -> RunningContainer:
    return RunningContainer(
        container_id=word(container["id"]),
        reasons=_reasons(container),
        limit_share=container["limit_share"],
        working_set_bytes=container["working_set_bytes"],
        limit_bytes=container["limit_bytes"],
        growth_bytes_per_min=container["growth_bytes_per_min"],
        limit_in_s=container["limit_in_s"],
        kills_in_last_day=container["kills_in_last_day"],
        untrusted_text=UntrustedNames(container_name=name(container["name"]), image=None, service=None, message=None),
    )
