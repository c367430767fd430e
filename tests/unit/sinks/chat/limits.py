"""
The limits of each chat, and what would be a mention or a link in it, as far as messages use it.
"""

import re
from typing import Any

import orjson
from slack_sdk.models.blocks import Block

from sinks.chat import Template

# Slack: docs.slack.dev/reference/block-kit/blocks.
_BLOCKS = 50
_SLACK_TEXT = {"header": 150, "section": 3000, "context": 2000}
# Observed limit of the total length, which Slack does not document (msg_blocks_too_long).
_SLACK_TOTAL = 13_000
_SLACK_ENTITY = re.compile(r"&(?!amp;|lt;|gt;)")
_FENCED = re.compile(r"(?:\*[A-Za-z ]+\*\n)?```\n[^`]*\n```")
_MATTERMOST = 16_383
_DISCORD_CONTENT, _DISCORD_DESCRIPTION, _DISCORD_FOOTER, _DISCORD_TOTAL = 2000, 4096, 2048, 6000
_TEAMS_BYTES = 28_000


def units(text: str) -> int:
    """
    Count UTF-16 code units; no chat counts more than these.
    """
    return len(text.encode("utf-16-le")) // 2


def check(template: Template, body: bytes) -> None:
    """
    Fail if a chat would not accept a body, or if the body has markup from outside.
    """
    {
        Template.SLACK: check_slack,
        Template.MATTERMOST: check_mattermost,
        Template.DISCORD: check_discord,
        Template.TEAMS: check_teams,
    }[template](body)


def check_slack(body: bytes) -> None:
    message = orjson.loads(body)
    blocks = message["blocks"]
    assert len(blocks) <= _BLOCKS
    for parsed in Block.parse_all(blocks):
        parsed.validate_json()
    texts = [(block["type"], text) for block in blocks for text in block.get("elements", [block.get("text")])]
    for kind, text in texts:
        assert 1 <= units(text["text"]) <= _SLACK_TEXT[kind]
        assert not re.search("[<>]", text["text"])
        assert not _SLACK_ENTITY.search(text["text"])
        if text["type"] == "mrkdwn":
            assert _FENCED.fullmatch(text["text"])
        else:
            assert text["type"] == "plain_text"
    assert not re.search("[<>`]", message["text"])
    assert sum(units(text["text"]) for _, text in texts) <= _SLACK_TOTAL


def _outside_code(text: str) -> str:
    fences = [match.start() for match in re.finditer(r"^```$", text, re.MULTILINE)]
    assert len(fences) == text.count("```")
    assert len(fences) % 2 == 0
    return re.sub(r"^```\n.*?\n```$", "", text, flags=re.DOTALL | re.MULTILINE)


def _check_markdown(text: str) -> None:
    outside = _outside_code(text)
    assert not re.search(r"@\w|<[^\u200b]|://|[#~]\w|[wW]{3}\.", outside)
    bare = re.sub(r"\\[\\`*_|\[\]()>!]", "", outside)
    bold = re.sub(r"^\*\*[^*\n]*\*\*$", "", bare, flags=re.MULTILINE)
    assert not re.search(r"[`*_|\[\]()>!\\]", re.sub(r"^\S+ \*\*[^*\n]*\*\*$", "", bold, flags=re.MULTILINE))
    assert "<!" not in text


def check_mattermost(body: bytes) -> None:
    message: dict[str, str] = orjson.loads(body)
    assert set(message) == {"text"}
    assert units(message["text"]) <= _MATTERMOST
    _check_markdown(message["text"])


def check_discord(body: bytes) -> None:
    message: dict[str, Any] = orjson.loads(body)
    (embed,) = message["embeds"]
    description, footer = embed["description"], embed["footer"]["text"]
    assert message["allowed_mentions"] == {"parse": []}
    assert 1 <= units(message["content"]) <= _DISCORD_CONTENT
    assert 1 <= units(description) <= _DISCORD_DESCRIPTION
    assert 1 <= units(footer) <= _DISCORD_FOOTER
    assert units(description) + units(footer) <= _DISCORD_TOTAL
    _check_markdown(message["content"])
    _check_markdown(description)


def check_teams(body: bytes) -> None:
    assert len(body) <= _TEAMS_BYTES
    message: dict[str, Any] = orjson.loads(body)
    (attachment,) = message["attachments"]
    assert (message["type"], attachment["contentType"]) == ("message", "application/vnd.microsoft.card.adaptive")
    for block in attachment["content"]["body"]:
        (run,) = block["inlines"]
        assert (block["type"], run["type"]) == ("RichTextBlock", "TextRun")
        assert run["text"]
        assert "\n" not in run["text"]
