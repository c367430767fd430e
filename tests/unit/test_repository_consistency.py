"""
The house: registries, files, configuration and documentation say the same.
"""

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from collector.config.hub import HubConfig, HubStoreConfig, HubWebhookConfig
from collector.config.sections import Config, SourcesConfig
from collector.correlate.verdict import RULES, docker, exits, oom
from collector.sources import SOURCES
from sinks import SINKS, load
from sinks.event import Cause, EventType
from sinks.opensearch import OpenSearchConfig

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PACKAGES = ("parsers", "collector", "sinks", "fleet")


def text(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def fields(structure: type[msgspec.Struct]) -> dict[str, object]:
    return {field.name: field.type for field in msgspec.structs.fields(structure)}


def methods(path: Path, name: str) -> list[str]:
    """
    The classes of a file that have a method of this name.
    """
    found = (node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.ClassDef))
    return [
        node.name
        for node in found
        if any(isinstance(item, ast.AsyncFunctionDef | ast.FunctionDef) and item.name == name for item in node.body)
    ]


@pytest.mark.parametrize("name", SOURCES)
def test_each_source_is_where_the_table_says(name: str) -> None:
    """
    With the two functions that the agent calls, and a configuration of its own.
    """
    module = importlib.import_module(SOURCES[name])
    assert callable(module.offered)
    assert callable(module.create)
    assert "enabled" in fields(module.__dict__[f"{name.capitalize()}Config"])
    assert module.__dict__[f"{name.capitalize()}Source"].name == name


def test_no_source_is_loaded_before_it_is_to_run() -> None:
    """
    What is switched off costs no memory.
    """
    program = "import sys, collector.cli.run; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()
    assert "collector.sources" in loaded
    assert set(SOURCES.values()).isdisjoint(loaded)


def test_every_source_is_in_the_table() -> None:
    """
    One that nobody can configure is dead code.
    """
    folder = ROOT / "collector/sources"
    files = {path for path in folder.rglob("*.py") if methods(path, "readings")} - {folder / "base.py"}
    assert {path.relative_to(folder).parts[0].removesuffix(".py") for path in files} == set(SOURCES)


def test_every_source_can_be_configured() -> None:
    """
    And nothing can be configured that is no source.
    """
    assert set(fields(SourcesConfig)) == set(SOURCES)


@pytest.mark.parametrize("name", SINKS)
def test_each_sink_is_where_the_table_says(name: str) -> None:
    """
    Under the names of its configuration and its class.
    """
    config, sink = load(name)
    assert {"name", "type", "events", "causes"} <= set(fields(config))
    assert f"{sink.__module__}.".startswith(f"{SINKS[name].module}.")


def test_every_sink_is_in_the_table() -> None:
    """
    A sink is a class of `sinks` that sends, in a module or a package of its own.
    """
    folder = ROOT / "sinks"
    files = {path for path in folder.rglob("*.py") if methods(path, "send")} - {folder / "base.py"}
    names = {path.relative_to(folder).parts[0].removesuffix(".py") for path in files}
    assert {f"sinks.{name}" for name in names} == {entry.module for entry in SINKS.values()}


def test_every_rule_of_the_verdict_is_asked() -> None:
    """
    Once: a rule that is not in the list decides nothing.
    """
    rules = {
        getattr(module, node.name)
        for module in (oom, docker, exits)
        for node in ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.returns and ast.unparse(node.returns) == "Verdict | None"
    }
    assert len(RULES) == len(set(RULES))
    assert set(RULES) == rules


@pytest.mark.parametrize("kind", EventType)
def test_each_type_of_event_is_documented(kind: EventType) -> None:
    """
    Where the event is.
    """
    assert f"`{kind.value}`" in text("event.md")


@pytest.mark.parametrize("cause", Cause)
def test_each_cause_is_documented_with_its_proof(cause: Cause) -> None:
    """
    By a row of the table that the event's page names.
    """
    assert "(causes.md)" in text("event.md")
    assert f"\n| `{cause.value}` |" in text("causes.md")


@pytest.mark.parametrize("name", SOURCES)
def test_each_source_is_documented(name: str) -> None:
    """
    With its section of the configuration.
    """
    assert f"[sources.{name}]" in text("configuration.md")


@pytest.mark.parametrize("name", SINKS)
def test_each_sink_is_documented_with_its_settings(name: str) -> None:
    """
    By a row for its type, and its settings there or on its own page.
    """
    config, _ = load(name)
    documented = text("configuration.md")
    assert f"| `{name}` |" in documented
    if (DOCS / f"sinks/{name}.md").exists():
        documented += text(f"sinks/{name}.md")
    assert [key for key in fields(config) if f"`{key}" not in documented] == []


def test_each_section_of_the_configuration_is_documented() -> None:
    """
    And each setting in it.
    """
    documented = text("configuration.md")
    for section in ("host", "store", "http", "web", "status"):
        kind = fields(Config)[section]
        assert f"[{section}]" in documented
        assert isinstance(kind, type)
        assert [key for key in fields(kind) if f"{key} =" not in documented] == []


def test_each_setting_of_the_hub_is_documented() -> None:
    """
    In its sections; logins of Kafka and of OpenSearch are those of the sinks.
    """
    documented = text("configuration.md")
    kafka = {"bootstrap_servers", "topic", "group"}
    store = {"type", "url", "index", "replicas", "max_bytes", "lease_s", "timeout_s"}
    inputs = {"webhook", "kafka", "store"}
    assert set(fields(HubConfig)) >= inputs
    assert [key for key in {*fields(HubConfig)} - inputs if f"{key} =" not in documented] == []
    assert [key for key in fields(HubWebhookConfig) if f"{key} =" not in documented] == []
    assert set(fields(HubStoreConfig)) - store <= {*fields(OpenSearchConfig)}
    assert [key for key in store if f"{key} =" not in documented] == []
    assert [key for key in kafka if f"{key} =" not in documented] == []


def test_each_decision_that_is_named_exists() -> None:
    """
    Comments and pages name decisions by their number.
    """
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    files += [*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "pyproject.toml"]
    named = {number for path in files for number in re.findall(r"adr/(\d{4})", path.read_text(encoding="utf-8"))}
    assert named
    assert named <= {path.name[:4] for path in (DOCS / "adr").glob("*.md")}


@pytest.mark.parametrize("page", [*DOCS.rglob("*.md"), ROOT / "README.md"], ids=lambda path: path.name)
def test_each_link_within_the_house_leads_somewhere(page: Path) -> None:
    """
    To a file that is there.
    """
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_no_page_has_an_unresolved_merge() -> None:
    """
    The linters see conflict markers in code, and nothing sees them in prose.
    """
    pages = [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "systemd").rglob("*")]
    assert len(pages) > 30
    marker = re.compile(r"^(<{7}|={7}|>{7})( |$)", re.MULTILINE)
    assert [page.name for page in pages if page.is_file() and marker.search(page.read_text(encoding="utf-8"))] == []


def test_nothing_that_was_built_or_fetched_lies_at_the_top() -> None:
    """
    Packages belong in dist and .cache.
    """
    assert [path.name for path in ROOT.iterdir() if path.suffix in (".deb", ".whl", ".gz")] == []
