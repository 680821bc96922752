"""`gantry key` against a real server."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from app.bundles.signing.signer import new_key
from tests import gantry
from tests.acceptance.server import TOKEN, Server
from tests.bundles.signing.farside import private_pem
from tests.soon import PATIENCE


class Shell:
    """Runs `gantry key` in a folder."""

    def __init__(self, server: Server, folder: Path) -> None:
        clean = {name: value for name, value in server.environment.items() if not name.startswith("GANTRY_")}
        self._environment = clean | {"GANTRY_SERVER": server.url, "GANTRY_TOKEN": TOKEN}
        self.folder = folder

    def run(self, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        return gantry.run(("key", *arguments), self._environment, stdin=stdin, cwd=self.folder, timeout=PATIENCE)

    def __call__(self, *arguments: str, stdin: str = "") -> str:
        """What a command prints, which must succeed."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """The JSON that a command prints."""
        return json.loads(self(*arguments, "--json"))

    def fails(self, *arguments: str, code: int = 1, stdin: str = "") -> str:
        """What a command says that must fail."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == code, f"{arguments}: {done.returncode} {done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stderr


@pytest.fixture
def shell(server: Server, tmp_path: Path) -> Shell:
    return Shell(server, tmp_path)


def test_a_pair_is_made_shown_rotated_and_removed(shell: Shell) -> None:
    made = shell("create", "releases", "--type", "ecdsa", "--alias", "of the team")
    first = shell.json("show", "releases")

    assert [line.split()[0] for line in made.splitlines()[:5]] == ["Name:", "Type:", "Alias:", "Key", "Created:"]
    assert first["publicKey"].strip() in made
    assert (first["pairType"], first["alias"]) == ("ECDSA", "of the team")
    assert shell("show", "releases", "--pem") == first["publicKey"]
    assert "already" in shell.fails("create", "releases")
    second = shell.json("rotate", "releases")
    assert second["keyId"] != first["keyId"]
    assert shell("show", "releases", "--keyid", first["keyId"][:12], "--pem") == first["publicKey"]
    assert "none of the keys of releases begin with x" in shell.fails("show", "releases", "--keyid", "x")
    assert "2 of the keys of releases begin with" in shell.fails("show", "releases", "--keyid", "")
    assert "--yes" in shell.fails("rm", "releases", code=2)
    assert shell("rm", "releases", "--yes") == "Key pair releases is removed\n"
    assert "there is no key pair releases" in shell.fails("show", "releases")
    assert "there is no key pair releases" in shell.fails("rotate", "releases")
    rows = [line.split() for line in shell("ls", "--retired").splitlines() if line.startswith("releases\t")]
    assert [(row[1], row[2][:16]) for row in rows] == [("ECDSA", each["keyId"][:16]) for each in (first, second)]
    assert "releases" not in shell("ls")
    assert shell("rm", "releases", "--forget", "--yes")
    assert "releases" not in shell("ls", "--retired")


def test_keys_are_uploaded_from_files_and_standard_input(shell: Shell, server: Server) -> None:
    key, sealed = new_key("ED25519"), new_key("ECDSA")
    (shell.folder / "key.pem").write_text(key.secret_pem())
    (shell.folder / "public.pem").write_text(key.public.pem)
    (shell.folder / "sealed.pem").write_text(private_pem(sealed, "hush-phrase"))
    (shell.folder / "phrase").write_text("hush-phrase")

    assert key.public.keyid in shell("create", "file", "--private", "@key.pem")
    assert sealed.public.keyid in shell("create", "phrase", "--private", "@sealed.pem", "--passphrase", "@phrase")
    assert sealed.public.keyid in shell(
        "create", "piped", "--private", "@sealed.pem", "--passphrase", "-", stdin="hush-phrase\n"
    )
    assert key.public.keyid in shell("create", "stdin", "--private", "-", stdin=key.secret_pem())
    assert key.public.keyid in shell("create", "theirs", "--public", "@public.pem")
    assert "does not have the private half" in shell.fails("rotate", "theirs")
    assert "the private key is encrypted" in shell.fails("create", "none", "--private", "@sealed.pem")
    wrong = shell.fails("create", "none", "--private", "@sealed.pem", "--passphrase", "wrong-phrase")
    assert "the passphrase does not open the private key" in wrong
    assert "wrong-phrase" not in wrong
    assert "none.pem" in shell.fails("create", "none", "--private", "@none.pem", code=2)
    assert "standard input can give one" in shell.fails("create", "none", "--private", "-", "--public", "-", code=2)
    listed = shell.run("ls", "--retired", "--json").stdout + server.log.read_text()
    assert "hush" not in listed
    assert "PRIVATE" not in listed


def test_a_name_is_checked(shell: Shell) -> None:
    assert "pairName: a name is" in shell.fails("create", "a/b")
    assert "'fly' is not one of" in shell.fails("create", "a", "--type", "fly", code=2)
