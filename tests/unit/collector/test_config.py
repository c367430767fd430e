"""
The configuration: what is right is taken, what is wrong is told with file, key, what was expected and the nearest name.

Each config/bad_*.toml names, in `# expect:` comments, what its error must say.
"""

import errno
import os
from pathlib import Path

import pytest

from collector import config
from collector.config import Config, ConfigurationError, load, parse

BAD = sorted((Path(__file__).parent / "config").glob("bad_*.toml"))
MARK = "# expect: "


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_an_error_says_where_and_what(path: Path) -> None:
    """
    The file, the key in it, what was expected and, where one is near, the name that was probably meant.
    """
    with pytest.raises(ConfigurationError) as caught:
        load(path)
    message = str(caught.value)
    expected = [line.removeprefix(MARK) for line in path.read_text().splitlines() if line.startswith(MARK)]
    assert expected
    assert message.startswith(f"{path}: ")
    assert [part for part in expected if part not in message] == []


def test_there_are_bad_files() -> None:
    """
    An empty folder would pass the test above.
    """
    assert len(BAD) > 15


def test_what_was_promised_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Every section, and a sink of each kind that people begin with.
    """
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials/exit137.service")
    found = load(Path(__file__).parent / "config/good.toml")
    assert [sink.type for sink in found.sinks] == ["file", "kafka", "slack"]
    assert getattr(found.sinks[2], "url_file", None) == "/run/credentials/exit137.service/slack-url"
    assert (found.http.listen, found.store.max_bytes) == ("127.0.0.1:9137", 268_435_456)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """
    It was asked for by name.
    """
    with pytest.raises(ConfigurationError, match=r"none\.toml: cannot be read"):
        load(tmp_path / "none.toml")


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    """
    As one that cannot be read.
    """
    path = tmp_path / "x.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(path)


def test_without_a_file_there_are_defaults_that_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """
    Every source that this host offers, and events on standard output.
    """
    monkeypatch.setattr(config, "SYSTEM_CONFIG", tmp_path / "none")
    found = load(None)
    assert [(sink.name, sink.type) for sink in found.sinks] == [("stdout", "stdout")]
    assert (found.sources.kmsg.enabled, found.sources.docker.enabled) == ("auto", "auto")
    assert found.http.listen is None


def test_the_systems_file_is_read_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """
    Nobody has to name it.
    """
    system = tmp_path / "config.toml"
    system.write_text('[host]\nhostname = "node-7"\n')
    monkeypatch.setattr(config, "SYSTEM_CONFIG", system)
    assert load(None).host.hostname == "node-7"


def test_the_systems_file_is_not_passed_over_where_it_may_not_be_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """
    Defaults would look for another store, and find nothing.
    """

    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(config, "SYSTEM_CONFIG", tmp_path / "config.toml")
    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(ConfigurationError, match=r"config\.toml: cannot be read: Permission denied"):
        load(None)


def test_each_sink_gets_the_structure_of_its_type() -> None:
    """
    A file has a path, and both filters.
    """
    table = {"name": "a", "type": "file", "path": "/x", "events": ["exit137.oom_kill"], "causes": ["oom_kill"]}
    (sink,) = parse({"sinks": [table]}, "f").sinks
    assert (type(sink).__name__, sink.events, sink.causes) == ("FileConfig", ("exit137.oom_kill",), ("oom_kill",))


def test_credentials_of_systemd_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    `%d` in the name of a file stands for its directory.
    """
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials/exit137")
    expanded = config._expanded({"url_file": "%d/url", "path": "%d/x", "max_bytes": 1})
    assert expanded == {"url_file": "/run/credentials/exit137/url", "path": "%d/x", "max_bytes": 1}


def test_credentials_are_found_for_several_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    In a list of files, and in a table of them; what is of a wrong type is left for the error that names it.
    """
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/c")
    expanded = config._expanded({"a_files": ["%d/new", "/old", 1], "b_files": {"x": "%d/x"}, "c_file": 1})
    assert expanded == {"a_files": ["/c/new", "/old", 1], "b_files": {"x": "/c/x"}, "c_file": 1}


def test_outside_of_the_unit_errors_show_the_name_as_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    `/url` would be another file.
    """
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert config._expanded({"url_file": "%d/url"}) == {"url_file": "%d/url"}


def test_an_error_about_a_url_does_not_tell_it() -> None:
    """
    It may be a secret.
    """
    with pytest.raises(ConfigurationError) as caught:
        parse({"sinks": [{"name": "a", "type": "slack", "url": "hooks.example/T0/S3CRET"}]}, "f")
    assert "S3CRET" not in str(caught.value)


def test_the_store_is_where_it_was_told_to_be() -> None:
    """
    The configured path goes before all others.
    """
    assert parse({"store": {"path": "/x/y.db"}}, "f").store_path == Path("/x/y.db")


def test_root_keeps_its_store_in_the_systems_state_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    As the unit does.
    """
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert Config().store_path == Path("/var/lib/exit137/exit137.db")


def test_another_user_keeps_it_in_his_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    XDG_STATE_HOME, else below his home.
    """
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_STATE_HOME", "/s")
    assert Config().store_path == Path("/s/exit137/exit137.db")
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "/home/u")
    assert Config().store_path == Path("/home/u/.local/state/exit137/exit137.db")


def test_a_service_keeps_it_where_systemd_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The unit's user is not root, and still root's `exit137 explain` must find the store.
    """
    monkeypatch.setattr(os, "geteuid", lambda: 997)
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/exit137:/var/lib/other")
    assert Config().store_path == Path("/var/lib/exit137/exit137.db")
