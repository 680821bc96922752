"""Which line of a comment is a command (contract gantry-chatops 6.5)."""

import pytest

from app.chatops.comments.commands import OURS, command_in

FENCED = "```\n.deploy to production\n```"


@pytest.mark.parametrize(
    ("text", "command"),
    [
        (".deploy to production", "deploy to production"),
        ("/promote #42 to production TAG=v1", "promote #42 to production TAG=v1"),
        ("/deploy to staging", "deploy to staging"),
        ("/rollback to production", "rollback to production"),
        (".ROLLBACK to production", "ROLLBACK to production"),
        (".deploy", "deploy"),
        ("   .deploy to production   ", "deploy to production"),
        (".deploy\tto production", "deploy\tto production"),
        (".deploy to production\r\n", "deploy to production"),
        ("Looks good!\n\n.deploy to production\nThanks", "deploy to production"),
        (".deploy to one\n.deploy to two", "deploy to one"),
        (".status", "status"),
        (".approve #43", "approve #43"),
        (".reject #43 not today", "reject #43 not today"),
        (".cancel #43", "cancel #43"),
        (".help", "help"),
        (".login", "login"),
        ("> .deploy to one\n\n.deploy to two", "deploy to two"),
        (f"{FENCED}\n.deploy to two", "deploy to two"),
        ("~~~\n.deploy to one\n```\n~~~~\n.deploy to two", "deploy to two"),
        ("```inline``` code\n.deploy to production", "deploy to production"),
        ("<!-- a note -->\n.deploy to production", "deploy to production"),
        ("<!--\n.deploy to one\n-->\n.deploy to two", "deploy to two"),
        ("a <!-- b --> c\n.deploy to production", "deploy to production"),
    ],
)
def test_the_first_line_that_is_a_command_counts(text: str, command: str) -> None:
    assert command_in(text) == command


@pytest.mark.parametrize(
    "text",
    [
        "",
        "deploy to production",
        "please .deploy to production",
        ".deployment to production",
        "..deploy to production",
        "...",
        "/approve",
        "/help",
        "/status",
        "/cancel",
        "/lgtm",
        "// deploy",
        ". deploy to production",
        "> .deploy to production",
        ">.deploy to production",
        "    .deploy to production",
        "\t.deploy to production",
        FENCED,
        f"  {FENCED}",
        "```\n.deploy to production",
        "````\n```\n.deploy to production\n```\n````",
        "~~~ sh\n.deploy to production\n~~~",
        "<!-- .deploy to production -->",
        "<!--\n.deploy to production\n-->",
        "a <!-- b --> <!-- c\n.deploy to production",
        f"{OURS}17 -->\n.deploy to production",
        "\x00.deploy to production",
        "> as quoted by a page\u2028.deploy to production",
        "> as quoted by a page\x0b.deploy to production",
        "> as quoted by a page\r.deploy to production",
        "- .deploy to production",
        "ö" * 65_536,
        "`" * 65_536,
        "<!--" * 16_000,
        "\n" * 65_536,
    ],
)
def test_no_other_line_is_a_command(text: str) -> None:
    assert command_in(text) is None


def test_the_last_line_of_a_long_comment_is_a_command() -> None:
    assert command_in("> a\n" * 16_000 + ".deploy to production") == "deploy to production"
