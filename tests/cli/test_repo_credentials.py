"""`gantry repo credentials`: secrets from files and standard input, and what is shown of them."""

from pathlib import Path

import pytest

from tests.cli.conftest import Gantry
from tests.cli.farside import FarSide, answer

SLUG = "octocat/hello-world"
PATH = f"/api/repos/{SLUG}/credentials"
KNOWN = {"kind": "ssh", "name": "ssh-ed25519", "fingerprint": "SHA256:abc", "updated": 1}


def test_a_token_is_read_from_standard_input(gantry: Gantry, far: FarSide) -> None:
    far.on("PUT", PATH, answer({"kind": "https", "name": "bot", "updated": 1}))

    done = gantry("repo", "credentials", SLUG, "set", "--name", "bot", "--token", "-", stdin="hush\n")

    assert far.asked[0].body == {"name": "bot", "token": "hush"}
    assert done.stdout.startswith("Kind:  https\nName:  bot\n")
    assert "hush" not in done.stdout


def test_a_key_is_read_from_files(gantry: Gantry, far: FarSide, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("-----BEGIN\n")
    (tmp_path / "hosts").write_text("git.example.com ssh-ed25519 AAAA\n")
    far.on("PUT", PATH, answer(KNOWN))

    done = gantry("repo", "credentials", SLUG, "set", "--key=@key", "--known-hosts=@hosts")

    assert far.asked[0].body == {"key": "-----BEGIN\n", "known_hosts": "git.example.com ssh-ed25519 AAAA\n"}
    assert "Fingerprint:  SHA256:abc\n" in done.stdout


def test_credentials_are_shown_and_removed(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", PATH, answer(KNOWN))
    far.on("DELETE", PATH, answer(None, 204))

    assert "Key:          ssh-ed25519" in gantry("repo", "credentials", SLUG, "show").stdout
    assert gantry("repo", "credentials", SLUG, "rm", "--yes").stdout == f"The credentials of {SLUG} are removed\n"
    assert far.asked[-1].method == "DELETE"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["set"], "give --name and --token, or --key"),
        (["set", "--key=x"], "both --key and --known-hosts"),
        (["set", "--name=bot", "--key=x", "--known-hosts=y"], "one of the two"),
        (["show", "--name=bot"], "only set does"),
        (["rm"], "Give --yes"),
    ],
)
def test_a_mixture_is_refused(gantry: Gantry, far: FarSide, arguments: list[str], words: str) -> None:
    done = gantry("repo", "credentials", SLUG, *arguments)
    assert done.returncode == 2

    assert words in " ".join(done.stderr.split())
    assert far.asked == []
