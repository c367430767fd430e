"""
The answers of /v1.
"""

import asyncio
from pathlib import Path

import orjson
import pytest

from collector.facts.memory import MemoryRoundFact, MemorySample
from collector.facts.watermark import WatermarkFact
from collector.runtime.http_request import parse_head
from collector.web.api.endpoints import openapi
from tests.unit.collector.correlate.scene import START, A, B, docker, ns
from tests.unit.collector.web.api.conftest import AGENT, DEATH, KILL, Asking, event


async def test_why_has_the_death_its_kills_and_what_could_not_be_seen(asking: Asking) -> None:
    """
    The short answer is that of the death; without `since`, what happened in its run counts.
    """
    death = {"exit137": {"cause": "oom_kill", "confidence": "certain", "death": {"started_at": "2026-09-21T14:13:10Z"}}}
    gap = {"exit137": {"gap": {"source": "kmsg", "what": "records_lost"}}}
    await asking.stored(
        event(1, at_s=-3600), event(2), event(3, AGENT, container=None, **gap), event(4, DEATH, at_s=2, **death)
    )
    asking.down = [("docker", "no such file")]
    status, answer = await asking.get("/v1/why", container="web")
    assert (status, answer["settled"], answer["cause"], answer["confidence"]) == (200, True, "oom_kill", "certain")
    assert (answer["death"]["id"], [kill["id"] for kill in answer["kills"]]) == ("id-4", ["id-2"])
    assert answer["container"] == {"id": A, "name": "web"}
    assert [blind["source"] for blind in answer["blind"]] == ["kmsg", "docker"]
    assert answer["message"] == "event 4"


async def test_why_of_a_container_that_lives_has_its_kills(asking: Asking) -> None:
    """
    A killed child does not end its parent.
    """
    asking.analyzer.feed(docker(START, 1, A, attributes={"name": "web"}), ns(1))
    await asking.stored(event(1, at_s=2), event(2, container=B, at_s=2))
    _, answer = await asking.get("/v1/why", container=A[:12])
    assert (answer["state"], answer["death"], answer["cause"]) == ("running", None, None)
    assert [kill["id"] for kill in answer["kills"]] == ["id-1"]
    _, answer = await asking.get("/v1/why", container=A, since="2026-09-21T23:00:00Z")
    assert answer["kills"] == []
    assert answer["container"] == {"id": A, "name": "web"}


async def test_why_waits_until_the_sources_have_been_read_past_the_question(asking: Asking) -> None:
    """
    The event that is read in the meantime is in the answer; if the time is up, the answer says what is awaited.
    """
    asking.analyzer.feed(WatermarkFact(source="kmsg", read_until_ns=ns(9)), 0)
    _, early = await asking.get("/v1/why", container="web", wait="0s")
    assert (early["settled"], early["awaited"]) == (False, ["kmsg"])

    async def go_on() -> None:
        await asking.requested.wait()
        await asking.stored(event(1, DEATH))
        asking.analyzer.feed(WatermarkFact(source="kmsg", read_until_ns=ns(11)), 0)
        asking.intake.questions.note_turn()

    asking.requested.clear()
    (_, answer), _ = await asyncio.gather(asking.get("/v1/why", container="web", wait="60s"), go_on())
    assert (answer["settled"], answer["death"]["id"]) == (True, "id-1")
    assert not asking.intake.questions.is_any_open


async def test_why_of_a_pid_finds_the_kill_of_that_process(asking: Asking) -> None:
    """
    A pid that only begins alike is another process.
    """
    await asking.stored(
        event(1, message="killed (pid 77)", exit137={"oom": {"victims": [{"pid": 77}]}}),
        event(2, message="killed (pid 771)", exit137={"oom": {"victims": [{"pid": 771}]}}),
    )
    status, answer = await asking.get("/v1/why", pid="77")
    assert (status, [kill["id"] for kill in answer["kills"]]) == (200, ["id-1"])
    assert (await asking.get("/v1/why", pid="7"))[0] == 404


async def test_an_unknown_container_is_not_found_with_what_is_known(asking: Asking) -> None:
    """
    Whether that is settled, and what the agent cannot see.
    """
    asking.down = [("docker", "gone")]
    status, answer = await asking.get("/v1/why", container="nobody")
    assert (status, answer["settled"], answer["blind"][0]["source"]) == (404, True, "docker")


async def test_an_exec_that_docker_cannot_be_asked_about_is_unavailable(asking: Asking) -> None:
    """
    The engine does not answer here.
    """
    assert (await asking.get("/v1/why", exec="a" * 64))[0] == 503


async def test_events_come_in_pages_and_one_by_one(asking: Asking) -> None:
    """
    Newest first; the cursor leads on.
    """
    await asking.stored(event(1), event(2, DEATH), event(3))
    _, page = await asking.get("/v1/events", type=KILL, limit="1")
    assert [one["id"] for one in page["events"]] == ["id-3"]
    _, page = await asking.get("/v1/events", type=KILL, limit="1", cursor=page["cursor"])
    assert [one["id"] for one in page["events"]] == ["id-1"]
    assert (await asking.get("/v1/events/id-2"))[1]["type"] == DEATH
    assert (await asking.get("/v1/events/id-9"))[0] == 404


async def test_containers_are_listed_by_the_share_of_their_limit(asking: Asking) -> None:
    """
    With their kills within a day.
    """
    samples = tuple(
        MemorySample(container_id=id_, cgroup="/", at_ns=ns(9), usage_bytes=9, working_set_bytes=8, limit_bytes=limit)
        for id_, limit in ((A, 80), (B, 10))
    )
    asking.analyzer.feed(docker(START, 1, A, attributes={"name": "web"}), 0)
    asking.analyzer.feed(MemoryRoundFact(at_ns=ns(9), samples=samples, gone=(), host=None), 0)
    await asking.stored(event(1, exit137={"oom": {"victims": [{"pid": 1, "container_id": A}]}}))
    _, found = await asking.get("/v1/containers")
    shown = [(one["id"], one["name"], one["limit_share"], one["kills_in_last_day"]) for one in found["containers"]]
    assert shown == [(B, None, 0.8, 0), (A, "web", 0.1, 1)]


async def test_a_limit_is_recommended_from_memory_and_history(asking: Asking) -> None:
    """
    Twice the peak of an event, because the container has been observed for less than two days.
    """
    sample = MemorySample(
        container_id=A, cgroup="/", at_ns=ns(9), usage_bytes=90 << 20, working_set_bytes=80 << 20, limit_bytes=96 << 20
    )
    asking.analyzer.feed(docker(START, 1, A, attributes={"name": "web"}), 0)
    asking.analyzer.feed(MemoryRoundFact(at_ns=ns(9), samples=(sample,), gone=(), host=None), 0)
    await asking.stored(event(1, exit137={"memory": {"peak_bytes": 96 << 20, "trend": "spike"}}))
    for container in ("web", A, A[:8]):
        status, found = await asking.get("/v1/limit", container=container)
        assert (status, found["container"]) == (200, {"id": A, "name": "web"})
    assert (found["limit_bytes"], found["peak_bytes"]) == (96 << 20, 96 << 20)
    assert (found["recommended_limit_bytes"], found["advice"][0]["kind"]) == (192 << 20, "limit")
    assert found["observed_s"] == 9.0


async def test_no_limit_is_recommended_for_a_container_that_is_not_known(asking: Asking) -> None:
    """
    Nor for the beginning of two ids.
    """
    samples = tuple(
        MemorySample(container_id=f"ab{digit}" + "0" * 61, cgroup="/", at_ns=ns(9), usage_bytes=9, working_set_bytes=8)
        for digit in "12"
    )
    asking.analyzer.feed(MemoryRoundFact(at_ns=ns(9), samples=samples, gone=(), host=None), 0)
    assert (await asking.get("/v1/limit", container="web"))[0] == 404
    assert (await asking.get("/v1/limit", container="ab"))[0] == 404
    assert (await asking.get("/v1/limit", container="ab1"))[0] == 200


async def test_a_stream_goes_on_after_the_last_event_that_the_client_has(asking: Asking) -> None:
    """
    Nothing is missing in between, and what is stored later follows.
    """
    await asking.stored(event(1), event(2), event(3, DEATH))
    found = await asking.messages(2, last_event_id="1")
    assert [message.split(b"\n")[0] for message in found] == [b"id: 2", b"id: 3"]


async def test_all_streams_get_what_is_stored_later(asking: Asking) -> None:
    """
    Each what it has asked for.
    """
    await asking.stored(event(1))

    async def go_on() -> None:
        for number in (2, 3, 4):
            await asyncio.sleep(0)
            await asking.stored(event(number, DEATH if number == 4 else KILL))

    (death,), late, _ = await asyncio.gather(
        asking.messages(1, parameters={"type": DEATH}), asking.messages(3, last_event_id="1"), go_on()
    )
    assert death.startswith(b"id: 4\nevent: exit137.container_death\ndata: {")
    assert [message.split(b"\n")[0] for message in late] == [b"id: 2", b"id: 3", b"id: 4"]


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/v1/why", {}),
        ("/v1/why", {"container": "a", "pid": "1"}),
        ("/v1/why", {"container": ""}),
        ("/v1/why", {"container": "x" * 600}),
        ("/v1/why", {"container": "a\0"}),
        ("/v1/why", {"pid": "-1"}),
        ("/v1/why", {"pid": "1" * 40}),
        ("/v1/why", {"pid": "\N{ARABIC-INDIC DIGIT ONE}"}),
        ("/v1/why", {"container": "a", "wait": "2h"}),
        ("/v1/why", {"container": "a", "wait": "61"}),
        ("/v1/why", {"container": "a", "since": "yesterday"}),
        ("/v1/events", {"limit": "501"}),
        ("/v1/events", {"cursor": "x"}),
        ("/v1/events", {"color": "red"}),
        ("/v1/stream", {"after": "x"}),
        ("/v1/containers", {"all": "1"}),
        ("/v1/limit", {}),
    ],
)
async def test_a_wrong_parameter_is_an_answer(asking: Asking, path: str, parameters: dict[str, str]) -> None:
    """
    Nothing is asked of the agent then.
    """
    assert (await asking.get(path, **parameters))[0] == 400


@pytest.mark.parametrize(
    "path", ["/v1", "/v1/", "/v1//why", "/v1/events/", "/v1/events/../why", "/v1/why/x", "/v1/%77hy"]
)
async def test_a_path_that_is_none_is_not_found(asking: Asking, path: str) -> None:
    """
    Paths are compared as they were sent: nothing is decoded, and no part is left out.
    """
    assert (await asking.get(path))[0] == 404


async def test_the_description_names_every_path_and_parameter(asking: Asking) -> None:
    """
    What the document names is known, and an answer to a parameter that is not names all that are.
    """
    document = orjson.loads(openapi())
    for path, methods in document["paths"].items():
        named = [one["name"] for one in methods["get"]["parameters"] if one["in"] == "query"]
        status, answer = await asking.get(path.replace("{id}", "x"), unheard_of="1")
        assert status == 400
        assert answer["error"].partition("known are ")[2] == ", ".join(named), path
    assert parse_head(b"GET /v1/openapi.json HTTP/1.1\r\n\r\n").path in document["paths"]
    assert (await asking.get("/v1/openapi.json"))[1] == document


async def test_a_store_that_cannot_be_read_is_unavailable(asking: Asking, tmp_path: Path) -> None:
    """
    The error says why.
    """
    (tmp_path / "s.db").rename(tmp_path / "moved.db")
    status, answer = await asking.get("/v1/events")
    assert status == 503
    assert "s.db" in answer["error"]
