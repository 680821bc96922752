"""The examples of the API's description are signed as each chat signs, by a real shell."""

import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from app.chatops.systems.examples import EXAMPLES
from app.chatops.systems.mattermost import api as mattermost
from app.chatops.systems.slack import api as slack
from app.chatops.systems.slack.signature import verify
from app.chatops.systems.teams import api as teams
from app.chatops.systems.teams import signature
from app.web.examples import curl
from tests.chatops.systems.farside import SIGNING_SECRET

SECRET = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
ROWS = {row.operation: row for row in [*slack.routes, *mattermost.routes, *teams.routes]}


def sent(name: str, folder: Path, **variables: str) -> tuple[Mapping[str, str], bytes]:
    """The headers and the body of an example, as a shell gives them to curl."""
    fake = folder / "curl"
    fake.write_text('#!/bin/sh\nfor one; do printf "%s\\0" "$one"; done\n')
    fake.chmod(0o755)
    env = {"PATH": f"{folder}:{os.environ['PATH']}", "GANTRY_SERVER": "http://x", **variables}
    done = subprocess.run(["bash", "-euc", curl(ROWS[name], EXAMPLES[name])], env=env, capture_output=True, check=True)
    given = done.stdout.decode().split("\0")
    headers = [given[at + 1] for at, word in enumerate(given) if word == "-H"]
    body = given[given.index("--data-binary") + 1].encode()
    return {name.lower(): value for name, value in (header.split(": ", 1) for header in headers)}, body


@pytest.mark.parametrize("name", ["chats.slack_command", "chats.slack_press"])
def test_an_example_of_slack_is_signed(name: str, tmp_path: Path) -> None:
    headers, body = sent(name, tmp_path, GANTRY_SLACK_SIGNING_SECRET=SIGNING_SECRET)
    assert verify([SIGNING_SECRET], headers, body, int(time.time()))


def test_the_example_of_teams_is_signed(tmp_path: Path) -> None:
    headers, body = sent("chats.teams_command", tmp_path, GANTRY_TEAMS_SECRET=SECRET)
    assert signature.verify([SECRET], headers["authorization"], body)


def test_the_example_of_mattermost_shows_the_token(tmp_path: Path) -> None:
    headers, _ = sent("chats.mattermost_command", tmp_path, GANTRY_MATTERMOST_TOKEN="a-token")
    assert headers["authorization"] == "Token a-token"
