"""
The Apprise sink: what a service of HTTP and a mail server receive, and what becomes of everything else.

Each message starts a process, which takes half a second of CPU.
"""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from sinks.apprise import AppriseConfig, AppriseSink
from sinks.base import Outgoing
from sinks.chat.letter import Markup, ServiceLimits, letter_of
from sinks.chat.story import card_of
from sinks.errors import DisabledError, PermanentError, Reason, TransientError
from sinks.secret import Secret
from tests.lab.waiting import eventually
from tests.shared.people import apprise, mail_server, ntfy
from tests.unit.sinks.chat.scenes import leak, overview
from tests.unit.sinks.http.receiver import Answer, flood, raw, receiver, silence, status

pytestmark = pytest.mark.slow

HIDDEN = "h1dden-of-a-test"


async def sent(config: AppriseConfig, batch: Sequence[Outgoing]) -> None:
    """
    Open a sink, send a batch, and close it.
    """
    sink = AppriseSink(config)
    try:
        await sink.open()
        await sink.send(batch)
    finally:
        await sink.aclose()


async def test_a_batch_is_one_message_with_a_title(tmp_path: Path) -> None:
    """
    The card of the chats as plain text, which ntfy prefers, however many events it is about.
    """
    async with ntfy() as server:
        await sent(apprise(tmp_path, server.url), overview())
    (message,) = server.messages
    letter = letter_of(card_of(overview()), ServiceLimits(markup=Markup.TEXT, title_chars=200, body_chars=7800))
    assert message == {"topic": "a-topic", "title": letter.title, "message": letter.body}


async def test_a_mail_has_a_subject_and_both_forms(tmp_path: Path) -> None:
    """
    E-mail prefers HTML; readers without it get text. In the file, a person may say whose URL it is.
    """
    with mail_server() as server:
        await sent(apprise(tmp_path, f"# on-call\n\n{server.url}\n"), leak())
    (mail,) = server.accepted
    letter = letter_of(card_of(leak()), ServiceLimits(markup=Markup.HTML, title_chars=250, body_chars=32_768))
    assert (mail["subject"], mail["to"]) == (letter.title, "oncall@example.com")
    html, text = mail.get_body(("html",)), mail.get_body(("plain",))
    assert html is not None
    assert text is not None
    assert html.get_content().replace("\r\n", "\n").rstrip() == letter.body
    assert 'killed its main process "hog"' in text.get_content()


@pytest.mark.parametrize(
    ("answer", "reason", "words"),
    [
        (status(403), Reason.SERVER_ERROR, "HTTP 403"),
        (silence, Reason.TIMEOUT, "no response"),
        (raw(b"HTTP/1.1 200 OK\r\n\r\n", then=flood), Reason.SERVER_ERROR, "answered too much"),
        (raw(b"SSH-2.0-OpenSSH\r\n"), Reason.SERVER_ERROR, "no reason"),
    ],
    ids=["refuses", "is silent", "floods", "is no HTTP"],
)
async def test_every_failure_is_retried(tmp_path: Path, answer: Answer, reason: Reason, words: str) -> None:
    """
    Apprise does not say whether the service would ever take the message. The error has nothing of the URL.
    """
    async with receiver(answer) as server:
        # The plugin itself would wait for a minute.
        url = f"json://user:{HIDDEN}@127.0.0.1:{server.port}/{HIDDEN}?rto=60"
        with pytest.raises(TransientError) as caught:
            await sent(apprise(tmp_path, url, timeout_s=5 if answer is silence else 30), leak())
    # A busy machine may need the whole time of the silent service to start the process.
    assert answer is silence or len(server.requests) == 1
    assert caught.value.reason is reason
    assert words in str(caught.value)
    assert HIDDEN not in str(caught.value)


async def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    """
    Not even where the URL asks for it: an answer must not send events elsewhere.
    """
    async with receiver() as other, receiver(status(307, f"location: http://127.0.0.1:{other.port}/\r\n")) as server:
        with pytest.raises(TransientError):
            await sent(apprise(tmp_path, f"json://127.0.0.1:{server.port}/?redirect=yes"), leak())
    assert (len(server.requests), other.requests) == (1, [])


async def test_a_proxy_is_used(tmp_path: Path) -> None:
    """
    Where services can be reached by a proxy only, the request goes to the proxy.
    """
    async with receiver() as proxy:
        url = Secret(f"http://user:{HIDDEN}@127.0.0.1:{proxy.port}/")
        await sent(apprise(tmp_path, "ntfy://ntfy.invalid/t", proxy=url), leak())
    (request,) = proxy.requests
    assert request.line.startswith("POST http://ntfy.invalid")
    assert request.headers["proxy-authorization"].startswith("Basic ")


async def test_a_mail_that_is_refused_is_retried(tmp_path: Path) -> None:
    """
    As any failure.
    """
    with mail_server() as server:
        server.refuses = True
        with pytest.raises(TransientError):
            await sent(apprise(tmp_path, server.url), leak())
    assert server.accepted == []


async def test_a_process_that_hangs_ends_with_the_sink(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Cancelling a delivery takes no time and leaves no process behind. Who may list processes sees no URL, and nothing of
    the agent's environment is passed on, not even a proxy.
    """
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1/")
    monkeypatch.setenv("A_SECRET", HIDDEN)
    async with receiver(silence) as server:
        sink = AppriseSink(apprise(tmp_path, f"json://127.0.0.1:{server.port}/{HIDDEN}?rto=60"))
        await sink.open()
        sending = asyncio.create_task(sink.send(leak()))  # noqa: TID251 (cancelled on the next lines)
        await eventually(lambda: server.requests, 30, "the service has the message")
        (shown,) = children()
        began_s = time.monotonic()
        sending.cancel()
        await asyncio.wait([sending])
        assert time.monotonic() - began_s < 5
        await sink.aclose()
    assert children() == []
    assert HIDDEN.encode() not in shown


def children() -> list[bytes]:
    """
    Return what can be seen of each process of Apprise that this process has started.
    """
    pids = " ".join(path.read_text() for path in Path("/proc/self/task").glob("*/children")).split()
    seen = [b"".join(Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ")) for pid in pids]
    return [content for content in seen if b"child.py" in content]


async def test_an_unreadable_event_is_refused(tmp_path: Path) -> None:
    """
    Only that never succeeds, so that it becomes a dead letter.
    """
    async with ntfy() as server:
        with pytest.raises(PermanentError):
            await sent(apprise(tmp_path, server.url), [Outgoing(id="e", type="t", key="k", body=b"x")])
    assert server.messages == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        ("# none\n", "found 0"),
        (f"json://a/{HIDDEN}\njson://b/{HIDDEN}", "found 2"),
        (f"nonsense://{HIDDEN}", "cannot use the URL"),
        (HIDDEN, "cannot use the URL"),
        (f"ntfy://127.0.0.1/{HIDDEN}/another", "names 2 targets"),
        (f"mailto://user:{HIDDEN}@example.com?to=a@example.com,b@example.com", "names 2 targets"),
    ],
)
async def test_a_file_without_one_target_disables_the_sink(tmp_path: Path, content: str, words: str) -> None:
    """
    Of several targets, one that took a message would get it again whenever another did not.
    """
    with pytest.raises(DisabledError) as caught:
        await sent(apprise(tmp_path, content), leak())
    assert words in str(caught.value)
    assert HIDDEN not in str(caught.value)
