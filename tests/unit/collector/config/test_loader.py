"""
Tests of the loader: a valid file is accepted; an error names file, key, expectation and nearest valid name.

Each bad_*.toml states in `# expect:` comments what its error must contain.
"""

import errno
import os
from pathlib import Path

import pytest

from collector.config import loader as config
from collector.config.loader import ConfigurationError, load, parse
from collector.config.sections import Config

BAD = sorted((Path(__file__).parent).glob("bad_*.toml"))
MARK = "# expect: "


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_an_error_says_where_and_what(path: Path) -> None:
    """
    An error names the file, the key, what was expected and, if one is near, the name that was probably meant.
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
    The folder has bad files: without them the test above would pass without testing anything.
    """
    assert len(BAD) > 15


def test_a_complete_file_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A file with every section and a sink of each common type is accepted.
    """
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials/exit137.service")
    found = load(Path(__file__).parent / "good.toml")
    assert [sink.type for sink in found.sinks] == ["file", "kafka", "slack"]
    assert getattr(found.sinks[2], "url_file", None) == "/run/credentials/exit137.service/slack-url"
    assert (found.http.listen, found.store.max_bytes) == ("127.0.0.1:9137", 268_435_456)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """
    A file that was given on the command line and does not exist is an error.
    """
    with pytest.raises(ConfigurationError, match=r"none\.toml: cannot be read"):
        load(tmp_path / "none.toml")


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    """
    A file that is not UTF-8 is an error that says it cannot be read.
    """
    path = tmp_path / "x.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(path)


def test_without_a_file_there_are_defaults_that_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """
    Without a configuration every source that this host has is read, and events go to standard output.
    """
    monkeypatch.setattr(config, "SYSTEM_CONFIG", tmp_path / "none")
    found = load(None)
    assert [(sink.name, sink.type) for sink in found.sinks] == [("stdout", "stdout")]
    assert (found.sources.kmsg.enabled, found.sources.docker.enabled) == ("auto", "auto")
    assert found.http.listen is None


def test_the_systems_file_is_read_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """
    The system's file is read when no other is given.
    """
    system = tmp_path / "config.toml"
    system.write_text('[host]\nhostname = "node-7"\n')
    monkeypatch.setattr(config, "SYSTEM_CONFIG", system)
    assert load(None).host.hostname == "node-7"


def test_the_systems_file_is_not_skipped_if_reading_it_is_not_permitted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """
    A system file without read permission is an error: the defaults would open another, empty store.
    """

    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(config, "SYSTEM_CONFIG", tmp_path / "config.toml")
    monkeypatch.setattr(config, "_content", refuse)
    with pytest.raises(ConfigurationError, match=r"config\.toml: cannot be read: Permission denied"):
        load(None)


def test_each_sink_gets_the_structure_of_its_type() -> None:
    """
    Each sink is converted to the structure of its type, with the filters that every type has.
    """
    table = {"name": "a", "type": "file", "path": "/x", "events": ["exit137.oom_kill"], "causes": ["oom_kill"]}
    (sink,) = parse({"sinks": [table]}, "f").sinks
    assert (type(sink).__name__, sink.events, sink.causes) == ("FileConfig", ("exit137.oom_kill",), ("oom_kill",))


def test_the_credentials_directory_of_systemd_is_filled_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    `%d` in a key that ends in `_file` is replaced by the credentials directory, in other keys it stays.
    """
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials/exit137")
    expanded = config._expanded({"url_file": "%d/url", "path": "%d/x", "max_bytes": 1})
    assert expanded == {"url_file": "/run/credentials/exit137/url", "path": "%d/x", "max_bytes": 1}


def test_the_credentials_directory_is_filled_in_for_several_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    `%d` is replaced in lists and tables of files; a value of a wrong type stays, so that its own error names it.
    """
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/c")
    expanded = config._expanded({"a_files": ["%d/new", "/old", 1], "b_files": {"x": "%d/x"}, "c_file": 1})
    assert expanded == {"a_files": ["/c/new", "/old", 1], "b_files": {"x": "/c/x"}, "c_file": 1}


def test_the_credentials_directory_is_filled_in_below_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The inputs of the hub are tables of its table.
    """
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/c")
    webhook = parse({"hub": {"webhook": {"keys_dir": "/k", "write_token_file": "%d/token"}}}, "f").hub.webhook
    assert webhook is not None
    assert Path(webhook.write_token_file or "").parent == Path("/c")


def test_outside_of_the_unit_errors_show_the_name_as_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Without a credentials directory `%d` stays: `/url` would be another file.
    """
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert config._expanded({"url_file": "%d/url"}) == {"url_file": "%d/url"}


def test_an_error_about_a_url_does_not_contain_the_url() -> None:
    """
    An error about a URL does not repeat the URL, which may be a secret.
    """
    with pytest.raises(ConfigurationError) as caught:
        parse({"sinks": [{"name": "a", "type": "slack", "url": "hooks.example/T0/S3CRET"}]}, "f")
    assert "S3CRET" not in str(caught.value)


def test_the_store_is_at_the_configured_path() -> None:
    """
    A configured path takes precedence over every default.
    """
    assert parse({"store": {"path": "/x/y.db"}}, "f").store_path == Path("/x/y.db")


def test_root_keeps_its_store_in_the_systems_state_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A store of root is in /var/lib/exit137, like that of the unit.
    """
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert Config().store_path == Path("/var/lib/exit137/exit137.db")


def test_another_user_keeps_it_in_his_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A store of another user is in XDG_STATE_HOME, else below the home directory.
    """
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_STATE_HOME", "/s")
    assert Config().store_path == Path("/s/exit137/exit137.db")
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "/home/u")
    assert Config().store_path == Path("/home/u/.local/state/exit137/exit137.db")


def test_a_service_keeps_it_where_systemd_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    In a unit the store is in STATE_DIRECTORY, where root's `exit137 explain` finds it too.
    """
    monkeypatch.setattr(os, "geteuid", lambda: 997)
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/exit137:/var/lib/other")
    assert Config().store_path == Path("/var/lib/exit137/exit137.db")
