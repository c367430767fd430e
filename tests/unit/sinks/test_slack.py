"""
The slack sink: the requests that it sends, and what the responses of chats mean.
"""

from collections.abc import Sequence
from typing import Any

import orjson
import pytest
import trustme

from collector.cli.check import trial_event
from collector.config.loader import ConfigurationError, parse
from collector.config.sections import Config, HostConfig
from sinks.base import Grouping, Outgoing
from sinks.chat import Template, message_of
from sinks.errors import DisabledError, PermanentError, Reason, TransientError
from sinks.secret import Secret
from sinks.slack import SlackConfig, SlackSink
from tests.unit.sinks.chat.limits import check
from tests.unit.sinks.chat.scenes import leak, overview
from tests.unit.sinks.http.probe import tls_receiver
from tests.unit.sinks.http.receiver import Answer, close, raw, receiver, reset, silence, status

HIDDEN = "T0000/B0000/h1dden-of-a-test"


def config(port: int, **settings: Any) -> SlackConfig:  # noqa: ANN401 (any setting)
    return SlackConfig(name="s", type="slack", url=Secret(f"http://127.0.0.1:{port}/{HIDDEN}"), **settings)


async def sent(settings: SlackConfig, batch: Sequence[Outgoing]) -> None:
    """
    Open a sink, send a batch, and close it.
    """
    sink = SlackSink(settings)
    try:
        await sink.open()
        await sink.send(batch)
    finally:
        await sink.aclose()


@pytest.mark.parametrize("template", Template)
async def test_a_batch_is_one_message_in_the_format_of_its_chat(template: Template) -> None:
    """
    A batch is one request, however many events it has.
    """
    async with receiver() as server:
        await sent(config(server.port, template=template), overview())
    (request,) = server.requests
    assert request.line.split()[:2] == ["POST", f"/{HIDDEN}"]
    assert request.headers["content-type"] == "application/json; charset=utf-8"
    assert request.body == message_of(overview(), template)


async def test_a_test_message_can_be_read() -> None:
    """
    `exit137 check --send-test` sends an event without group and count, because delivery has not seen it.
    """
    async with receiver() as server:
        await sent(config(server.port), [trial_event(Config(host=HostConfig(hostname="node-7")), time_ns=0)])
    (request,) = server.requests
    check(Template.SLACK, request.body)
    assert orjson.loads(request.body)["text"].endswith("A test event: exit137 can reach this sink.")


async def test_an_empty_batch_sends_no_message() -> None:
    """
    An empty batch is not an error and sends nothing.
    """
    async with receiver() as server:
        await sent(config(server.port), [])
    assert server.requests == []


async def test_a_sink_may_be_opened_and_closed_again() -> None:
    """
    Closing is safe before opening, and twice.
    """
    async with receiver() as server:
        sink = SlackSink(config(server.port))
        await sink.aclose()
        for _ in range(2):
            await sink.open()
        await sink.send(leak())
        for _ in range(2):
            await sink.aclose()
    assert len(server.requests) == 1


def chat(code: int, words: bytes, headers: bytes = b"") -> Answer:
    """
    Return a response as chats send it, with the reason in the body.
    """
    return raw(b"HTTP/1.1 %d Words\r\ncontent-length: %d\r\n%b\r\n%b" % (code, len(words), headers, words))


@pytest.mark.parametrize(
    ("answer", "error", "reason", "retry_after_s"),
    [
        (chat(400, b"invalid_payload"), PermanentError, Reason.REJECTED, None),
        (chat(403, b"action_prohibited"), DisabledError, Reason.UNAUTHORIZED, None),
        (chat(404, b"no_service"), DisabledError, Reason.NO_SUCH_TARGET, None),
        (chat(410, b"channel_is_archived"), DisabledError, Reason.NO_SUCH_TARGET, None),
        (chat(413, b""), PermanentError, Reason.TOO_LARGE, None),
        (chat(429, b"rate_limited", b"retry-after: 30\r\n"), TransientError, Reason.RATE_LIMITED, 30),
        (chat(500, b"rollup_error"), TransientError, Reason.SERVER_ERROR, None),
        (status(302, "location: http://127.0.0.1:1/\r\n"), DisabledError, Reason.UNUSABLE, None),
        (reset, TransientError, Reason.UNREACHABLE, None),
        (close, TransientError, Reason.UNREACHABLE, None),
        (silence, TransientError, Reason.TIMEOUT, None),
        (raw(b"SSH-2.0-OpenSSH\r\n"), TransientError, Reason.SERVER_ERROR, None),
    ],
)
async def test_each_status_has_its_error(
    answer: Answer, error: type[Exception], reason: Reason, retry_after_s: float | None
) -> None:
    """
    A refused message becomes a dead letter, a webhook that is gone disables the sink, everything else is retried; no
    error contains the URL, which is a secret.
    """
    async with receiver(answer) as server:
        with pytest.raises(error) as caught:
            await sent(config(server.port, timeout_s=0.5), leak())
    found: Any = caught.value
    assert (found.reason, getattr(found, "retry_after_s", None)) == (reason, retry_after_s)
    assert HIDDEN not in str(found)


async def test_a_server_with_an_unknown_certificate_gets_no_message() -> None:
    """
    Nothing of the message leaves the host.
    """
    async with tls_receiver(trustme.CA().issue_cert("127.0.0.1")) as server:
        secure = SlackConfig(name="s", type="slack", url=Secret(f"https://127.0.0.1:{server.port}/{HIDDEN}"))
        with pytest.raises(TransientError, match="certificate verification failed"):
            await sent(secure, leak())
    assert server.requests == []


@pytest.mark.parametrize("answer", [chat(200, b"ok"), status(204), chat(202, b"")])
async def test_each_chat_has_its_status_for_success(answer: Answer) -> None:
    """
    Slack and Mattermost return 200, Discord 204, Teams 202.
    """
    async with receiver(answer) as server:
        await sent(config(server.port), leak())
    assert len(server.requests) == 1


def test_the_settings_of_a_chat() -> None:
    """
    The defaults are Slack's format and a digest every five minutes.
    """
    table = {"name": "s", "type": "slack", "url_file": "f"}
    (plain,) = parse({"sinks": [table]}, "f").sinks
    assert isinstance(plain, SlackConfig)
    assert (plain.template, plain.grouping) == (Template.SLACK, Grouping(interval_s=300, burst=4))
    other = {**table, "template": "teams", "grouping": {"interval_s": 60}}
    (found,) = parse({"sinks": [other]}, "f").sinks
    assert isinstance(found, SlackConfig)
    assert (found.template, found.grouping) == (Template.TEAMS, Grouping(interval_s=60, burst=4))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"template": "slak"}, r'sinks\[0\]\.template: unknown value "slak".*teams; did you mean "slack"'),
        ({"grouping": {"burst": 1}}, r"sinks\[0\]\.grouping\.burst"),
        ({"grouping": {"intervals": 1}}, r"sinks\[0\]\.grouping\.intervals: .*did you mean \"interval_s\""),
    ],
)
def test_a_mistake_names_the_setting(settings: dict[str, Any], words: str) -> None:
    """
    The error names the setting and what is wrong with it.
    """
    with pytest.raises(ConfigurationError, match=words):
        parse({"sinks": [{"name": "s", "type": "slack", **settings}]}, "f")


async def test_neither_configuration_nor_sink_shows_the_url() -> None:
    """
    Printing the configuration, the sink or their attributes does not show the URL.
    """
    settings = config(1)
    sink = SlackSink(settings)
    await sink.open()
    shown = f"{settings!r} {vars(sink)!r} {vars(sink._client)!r}"
    await sink.aclose()
    assert HIDDEN not in shown
