"""
The pages over real connections: what they show, and what is refused.
"""

import asyncio
import contextlib
import http.client
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from collector.web.pages.connections import CONNECTIONS
from collector.web.pages.security import POLICY
from tests.shared.pages import config_of, fill, recorded, served, stop_agent


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """
    The pages of a store with a recording.
    """
    path = tmp_path_factory.mktemp("store") / "exit137.db"
    asyncio.run(fill(path, recorded()))
    stop_agent(path, 3600)
    with served(config_of(path, hosts=["pages.example.org"])) as address:
        yield address


def ask(address: str, target: str, method: str = "GET", **headers: str) -> tuple[http.client.HTTPResponse, str]:
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    connection.request(method, target, headers=headers)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer, body


def links(body: str) -> list[str]:
    return re.findall(r'href="(/incident/[^"/]+)"', body)


def test_the_first_page_shows_the_host_and_the_latest_incidents(address: str) -> None:
    """
    An agent that does not run is said, because what is shown may be out of date.
    """
    answer, body = ask(address, "/")
    assert (answer.status, "Latest incidents" in body) == (200, True)
    assert "The agent is not running." in body


def test_an_agent_that_runs_is_not_called_silent(tmp_path: Path) -> None:
    """
    It shows every few seconds that it has the store open; one that has not for an hour is down.
    """
    path = tmp_path / "exit137.db"
    asyncio.run(fill(path, recorded()[:1]))
    with served(config_of(path)) as address:
        assert "The agent is not running." not in ask(address, "/")[1]
        stop_agent(path, 3600)
        assert "Its last sign of life was 60 minutes ago." in ask(address, "/")[1]


def test_incidents_are_grouped_as_in_notifications(address: str) -> None:
    """
    The same kind of event of the same owner stands once, with its number.
    """
    _, body = ask(address, "/incidents?container=glob")
    titles = re.findall(r'class="title"[^>]*>([^<]+)<', body)
    assert len(titles) == len(set(titles))
    assert any(title.startswith("glob was OOM-killed") for title in titles)


def test_every_incident_of_a_list_has_its_page_and_its_file(address: str) -> None:
    """
    The file is a download, and has a policy of its own that allows no script.
    """
    _, body = ask(address, "/incidents")
    found = links(body)
    assert len(found) > 20
    for link in found[:10]:
        page, text = ask(address, link)
        file, _ = ask(address, f"{link}/file")
        assert (page.status, "<h1>" in text, file.status) == (200, True, 200)
        assert file.headers["Content-Disposition"].startswith("attachment")
        assert "script-src" not in file.headers["Content-Security-Policy"]


def test_older_incidents_are_on_further_pages(address: str) -> None:
    """
    Every event stands on one page; the last page leads no further.
    """
    target: str | None = "/incidents"
    seen: list[str] = []
    while target is not None:
        _, body = ask(address, target)
        seen += dict.fromkeys(links(body))
        older = re.search(r'rel="next" href="([^"]+)"', body)
        target = older[1].replace("&amp;", "&") if older else None
    assert len(seen) == len(set(seen)) > 100


def test_filters_narrow_the_list(address: str) -> None:
    """
    By cause, by text, and by both.
    """
    _, by_cause = ask(address, "/incidents?cause=oom_kill_child")
    _, by_both = ask(address, "/incidents?cause=oom_kill_child&text=no-such-text")
    assert links(by_cause)
    assert "No incident matches" in by_both


def test_a_service_has_its_page(address: str) -> None:
    """
    Its deaths by cause, and by version the newest first; a service that is not known has an empty page.
    """
    answer, body = ask(address, "/service?name=api")
    assert answer.status == 200
    assert re.findall(r"/incidents\?cause=(\w+)&amp;service=api", body) == ["oom_kill", "crash"]
    versions = body[body.index('<table class="versions">') : body.index("</table>")]
    assert re.findall(r'<th scope="row">([0-9.]+)<br><code class="muted">(sha256:\w)', versions) == [
        ("1.5", "sha256:5"),
        ("1.4", "sha256:4"),
    ]
    assert re.findall(r"deaths </span>(\d+)", versions) == ["3", "1"]
    assert "Find the leak" in body
    assert len(links(body)) >= 4
    answer, body = ask(address, "/service?name=nobody")
    assert (answer.status, "No death of this service is known." in body) == (200, True)


@pytest.mark.parametrize("target", ["/incident/none", "/incident/none/file", "/static/..%2fserver.py", "/etc/passwd"])
def test_what_is_not_there_is_not_found(address: str, target: str) -> None:
    """
    Whatever a path looks like, it leads to no file.
    """
    assert ask(address, target)[0].status == 404


@pytest.mark.parametrize("target", ["/", "/incidents", "/static/style.css", "/nothing"])
def test_every_answer_has_the_policy(address: str, target: str) -> None:
    """
    Nothing inline, nothing from another host, in no frame.
    """
    answer, _ = ask(address, target)
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert "unsafe" not in POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_only_get_is_answered(address: str, method: str) -> None:
    """
    The pages change nothing.
    """
    assert ask(address, "/", method)[0].status == 405


@pytest.mark.parametrize("host", ["evil.example.org", "127.0.0.1", "127.0.0.1:1", "", "pages.example.org.evil.org"])
def test_another_host_name_is_refused(address: str, host: str) -> None:
    """
    A name that somebody's DNS server points here is not ours.
    """
    assert ask(address, "/", Host=host)[0].status in (400, 421)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example.org"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}, 200),
        ({"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 200),
        ({"Origin": "https://pages.example.org"}, 200),
    ],
)
def test_a_page_of_another_site_is_refused(address: str, headers: dict[str, str], status: int) -> None:
    """
    Only a link to the pages may be followed from elsewhere, for instance from a chat.
    """
    assert ask(address, "/", **headers)[0].status == status


def test_the_name_of_a_proxy_is_answered_if_it_is_configured(address: str) -> None:
    """
    And the names of this machine.
    """
    port = urlsplit(address).port
    names = ("pages.example.org", f"localhost:{port}", f"LOCALHOST:{port}", f"[::1]:{port}")
    assert [ask(address, "/", Host=name)[0].status for name in names] == [200] * 4


def test_a_head_that_is_too_large_is_refused(address: str) -> None:
    """
    And so is a target that is too long.
    """
    assert ask(address, "/", Cookie="x" * 20_000)[0].status == 400
    assert ask(address, "/?" + "x" * 20_000)[0].status in (400, 414)


def test_a_slow_visitor_is_cut_off(tmp_path: Path) -> None:
    """
    A connection without a whole request ends at its deadline.
    """
    with served(config_of(tmp_path / "none.db"), deadline_s=0.5) as address:
        parts = urlsplit(address)
        with socket.create_connection((parts.hostname, parts.port), timeout=60) as slow:
            slow.sendall(b"GET / HTTP/1.1\r\nHost: ")
            with contextlib.suppress(ConnectionResetError):
                assert slow.recv(1) == b""


def test_too_many_connections_are_refused(tmp_path: Path) -> None:
    """
    Connections beyond the bound are closed at once, long before any deadline; when the others end, there is room again.
    """
    with served(config_of(tmp_path / "none.db"), deadline_s=600) as address:
        parts = urlsplit(address)
        room = [socket.create_connection((parts.hostname, parts.port), timeout=60) for _ in range(CONNECTIONS)]
        with socket.create_connection((parts.hostname, parts.port), timeout=60) as refused:
            assert refused.recv(1) == b""
        for one in room:
            one.close()
        assert ask(address, "/static/icon.svg")[0].status == 200


def test_without_a_store_the_page_says_what_to_do(tmp_path: Path) -> None:
    """
    And the status is that of a service that is not available.
    """
    with served(config_of(tmp_path / "none.db")) as address:
        answer, body = ask(address, "/incidents")
    assert (answer.status, "The store cannot be read" in body) == (503, True)


def test_an_empty_store_has_its_pages(tmp_path: Path) -> None:
    """
    An empty list says that nothing has died.
    """
    asyncio.run(fill(tmp_path / "exit137.db", []))
    with served(config_of(tmp_path / "exit137.db")) as address:
        assert "Nothing has died yet" in ask(address, "/")[1]
        assert "No incident matches." in ask(address, "/incidents")[1]


def test_a_change_is_announced(tmp_path: Path) -> None:
    """
    An open page hears of a new event, and loads itself again.
    """
    path = tmp_path / "exit137.db"
    bodies = recorded()
    asyncio.run(fill(path, bodies[:1]))
    with served(config_of(path)) as address:
        parts = urlsplit(address)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        connection.request("GET", "/live")
        stream = connection.getresponse()
        assert stream.headers["Content-Type"] == "text/event-stream"
        assert stream.readline() == b"retry: 5000\n"
        asyncio.run(fill(path, bodies[1:2]))
        lines = [line := stream.readline()]
        while not line.startswith(b"event"):
            lines.append(line := stream.readline())
        connection.close()
    assert lines[-1] == b"event: changed\n"
