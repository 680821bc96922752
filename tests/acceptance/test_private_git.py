"""Private repositories of plain git on a real server: read, cloned by the built-in runner, polled and marked.

The git hosts are git's own server programs behind https and ssh, and let in whoever has the right credentials.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests import gantry, postgres
from tests.acceptance.server import TOKEN, Server
from tests.scm import https, sshd
from tests.scm.https import LOGIN, HttpsHost
from tests.scm.repository import Repository
from tests.scm.sshd import SshHost

PIPELINE = """
kind: pipeline
type: exec
name: default
steps:
- name: look
  commands:
  - cat message
  - ls -A ../../ssh 2>/dev/null || echo no key is left
  - echo "command [$GIT_SSH_COMMAND]"
---
kind: pipeline
type: exec
name: promote
trigger: {event: [promote]}
steps:
- name: show
  commands: [echo promoted]
"""
GIT_TOKEN = "a-git-token-of-25-letters"
HTTPS, SSH = "acme/https", "acme/ssh"


class Place:
    """A server, a repository, and its two hosts."""

    def __init__(self, folder: Path, over_https: HttpsHost, over_ssh: SshHost) -> None:
        self.folder = folder
        self.https = over_https
        self.ssh = over_ssh
        self.repository = Repository(folder / "served" / "demo")
        self.server = Server(folder / "server")
        self.server.environment["GIT_SSL_CAINFO"] = str(over_https.ca)
        self.server.environment["GANTRY_RUNNER_ENVIRON"] = f"GIT_SSL_CAINFO:{over_https.ca}"
        self.key, public = sshd.new_key()
        over_ssh.known.append(public)
        over_https.password = GIT_TOKEN
        (folder / "key").write_text(self.key)
        (folder / "known_hosts").write_text(over_ssh.known_hosts)

    def commit(self, message: str) -> str:
        return self.repository.commit({".drone.yml": PIPELINE, "message": message}, message)

    def gantry(self, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        connection = {"GANTRY_SERVER": self.server.url, "GANTRY_TOKEN": TOKEN}
        return gantry.run([*arguments], os.environ | connection, stdin=stdin)

    def set_token(self, token: str = GIT_TOKEN) -> "subprocess.CompletedProcess[str]":
        return self.gantry("repo", "credentials", HTTPS, "set", "--name", LOGIN, "--token", "-", stdin=f"{token}\n")

    def set_key(self) -> "subprocess.CompletedProcess[str]":
        files = ("--key", f"@{self.folder}/key", "--known-hosts", f"@{self.folder}/known_hosts")
        return self.gantry("repo", "credentials", SSH, "set", *files)

    def pushed(self, slug: str, message: str) -> Any:
        """The build of a push, once it is over."""
        number = self.server.push(slug, self.commit(message)).json()["number"]
        return self.server.finished(slug, number)

    def output(self, slug: str, build: Any, step: int) -> str:
        return self.server.output(slug, build["number"], 1, step)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("private")
    (folder / "served").mkdir()
    with https.serving(folder / "served", folder) as over_https, sshd.serving(folder / "served") as over_ssh:
        made = Place(folder, over_https, over_ssh)
        made.commit("first")
        with made.server:
            made.server.register(f"{over_https.url}/demo/.git", HTTPS, default_branch="main")
            made.server.register(f"{over_ssh.url}{folder}/served/demo/.git", SSH, default_branch="main")
            yield made


@pytest.mark.parametrize("slug", [HTTPS, SSH])
def test_a_private_repository_is_read_and_cloned_with_its_credentials(place: Place, slug: str) -> None:
    told = place.set_token() if slug == HTTPS else place.set_key()
    assert told.returncode == 0, told.stderr

    build = place.pushed(slug, f"hello over {slug}")

    assert build["status"] == "success", place.output(slug, build, 1)
    shown = place.output(slug, build, 2)
    assert f"hello over {slug}" in shown
    assert "no key is left" in shown
    assert "command []" in shown


def test_a_repository_without_credentials_says_what_to_do(place: Place) -> None:
    body = {"namespace": "acme", "name": "new", "git_http_url": f"{place.https.url}/demo/.git"}

    refused = place.server.ask("POST", "/api/repos", json=body)

    assert refused.status_code == 422
    assert "gantry repo credentials" in refused.json()["message"]
    assert "--branch" in refused.json()["message"]


def test_an_address_that_holds_a_password_is_refused_with_the_way_out(place: Place) -> None:
    body = {"namespace": "acme", "name": "new", "git_http_url": "https://bot:hunter2@git.example.com/x.git"}

    refused = place.server.ask("POST", "/api/repos", json=body)

    assert refused.status_code == 400
    assert "gantry repo credentials" in refused.text
    assert "hunter2" not in refused.text


def test_a_token_that_is_over_and_a_host_key_that_has_changed_are_told_of(place: Place) -> None:
    assert place.set_token("a-token-that-is-over").returncode == 0
    told = place.gantry("repo", "repair", HTTPS)
    assert told.returncode == 1
    assert "set the repository's credentials" in told.stderr
    assert place.set_token().returncode == 0
    assert place.gantry("repo", "repair", HTTPS).returncode == 0

    other = sshd.new_key()[1].export_public_key().decode()
    place.server.json(
        "PUT",
        f"/api/repos/{SSH}/credentials",
        json={"key": place.key, "known_hosts": f"[127.0.0.1]:{place.ssh.port} {other}"},
    )
    told = place.gantry("repo", "repair", SSH)
    assert told.returncode == 1
    assert "none of its pinned keys" in told.stderr
    assert place.set_key().returncode == 0
    assert place.gantry("repo", "repair", SSH).returncode == 0


def test_secrets_are_shown_nowhere(place: Place) -> None:
    """Neither in answers, nor in the log, nor in the database, nor in the workspaces, nor in command lines."""
    place.set_token(), place.set_key()
    path = f"/api/repos/{SSH}/credentials"
    shown = place.server.json("GET", path)
    assert set(shown) == {"kind", "name", "fingerprint", "updated"}
    assert (shown["kind"], shown["name"]) == ("ssh", "ssh-ed25519")
    assert shown["fingerprint"].startswith("SHA256:")
    assert set(place.server.json("GET", f"/api/repos/{HTTPS}/credentials")) == {"kind", "name", "updated"}

    leaks = place.pushed(HTTPS, "look at the netrc")
    everything = [
        *(
            str(place.server.json("GET", f"/api/repos/{slug}{more}"))
            for slug in (HTTPS, SSH)
            for more in ("", "/audit")
        ),
        place.gantry("repo", "credentials", SSH, "show").stdout,
        place.output(HTTPS, leaks, 1),
        place.server.log.read_text(),
    ]
    if not postgres.SERVER:
        everything += [path.read_bytes().decode("latin-1") for path in place.server.data.glob("gantry.sqlite*")]
    for text in everything:
        assert GIT_TOKEN not in text
        assert place.key.splitlines()[2] not in text


def test_no_command_line_holds_a_secret(place: Place) -> None:
    """While git and ssh talk to hosts: the processes of the server are looked at again and again."""
    place.set_token(), place.set_key()
    seen: set[str] = set()
    for slug in (HTTPS, SSH):
        sha = place.commit(f"watched {slug}")
        number = place.server.push(slug, sha).json()["number"]
        while place.server.json("GET", f"/api/repos/{slug}/builds/{number}")["status"] in ("pending", "running"):
            for process in psutil.process_iter(["cmdline"]):
                seen.add(" ".join(process.info["cmdline"] or ()))
    assert any("git" in line for line in seen)
    assert not any(GIT_TOKEN in line or "PRIVATE KEY" in line for line in seen)


def test_who_does_not_administer_the_repository_may_neither_set_nor_see_credentials(place: Place) -> None:
    path = f"/api/repos/{HTTPS}/credentials"
    place.server.json("PATCH", f"/api/repos/{HTTPS}", json={"visibility": "public"})

    with place.server.account("ada") as visitor:
        answers = [visitor.get(path), visitor.put(path, json={"name": "x", "token": "y"}), visitor.delete(path)]

    place.server.json("PATCH", f"/api/repos/{HTTPS}", json={"visibility": "private"})
    assert [answer.status_code for answer in answers] == [404, 404, 404]


SSH_ONLY = {"key": "x", "known_hosts": "y"}


@pytest.mark.parametrize(
    ("slug", "body", "fields"),
    [
        (HTTPS, {}, {"name", "token"}),
        (HTTPS, {"name": "bot"}, {"token"}),
        (HTTPS, {"name": "bot", "token": "two words"}, {"token"}),
        (HTTPS, {"name": "b\not", "token": "x"}, {"name"}),
        (HTTPS, SSH_ONLY, {"key", "known_hosts"}),
        (SSH, {"name": "bot", "token": "x"}, {"name", "token"}),
        (SSH, {}, {"key", "known_hosts"}),
        (SSH, SSH_ONLY, {"key", "known_hosts"}),
        ("acme/local", {"name": "bot", "token": "x"}, {"credentials"}),
    ],
)
def test_credentials_that_cannot_be_are_refused_by_field(
    place: Place, slug: str, body: dict[str, str], fields: set[str]
) -> None:
    if slug == "acme/local" and place.server.ask("GET", f"/api/repos/{slug}").status_code == 404:
        (place.server.folder / "local").mkdir()
        subprocess.run(["git", "init", "-q", "--bare", str(place.server.folder / "local")], check=True)
        place.server.register(f"file://{place.server.folder}/local", slug, default_branch="main")

    refused = place.server.ask("PUT", f"/api/repos/{slug}/credentials", json=body)

    assert refused.status_code == 400
    assert {problem["field"] for problem in refused.json()["errors"]} == fields


def test_changes_of_credentials_are_in_the_audit_record_without_secrets(place: Place) -> None:
    place.set_token()
    place.gantry("repo", "credentials", HTTPS, "rm", "--yes")
    place.set_token()

    rows = place.server.json("GET", f"/api/repos/{HTTPS}/audit")

    told = [(row["verb"], row["subject"], row["after"]) for row in rows if row["verb"].startswith("credentials.")]
    known = {"kind": "https", "name": LOGIN}
    assert told[:2] == [
        ("credentials.set", f"{HTTPS}#credentials", known),
        ("credentials.delete", f"{HTTPS}#credentials", {}),
    ]


def test_a_repository_is_polled_and_gets_notes_and_tags(place: Place) -> None:
    place.set_token()
    done = place.gantry("repo", "update", HTTPS, "--poll", "30s", "--git-notes", "--git-tags")
    assert done.returncode == 0, done.stderr
    assert "every 30 s" in done.stdout
    poll = f"/api/repos/{HTTPS}/poll"
    place.server.until(lambda: place.server.json("GET", poll)["seen"], "the refs are known")

    sha = place.commit("found by polling")
    place.server.execute("UPDATE polls SET due = 0")
    builds = f"/api/repos/{HTTPS}/builds"
    place.server.until(lambda: place.server.json("GET", builds)[0]["after"] == sha, "the push is found")
    build = place.server.finished(HTTPS, place.server.json("GET", builds)[0]["number"])
    assert build["status"] == "success"
    promoted = place.server.promote(HTTPS, build["number"])
    assert place.server.finished(HTTPS, promoted["number"])["status"] == "success"

    tag = f"deploy/production/{promoted['number']}"
    place.server.until(lambda: tag in place.repository.git("tag", "-l").split(), "the tag is made")
    assert place.repository.git("rev-parse", f"{tag}^{{commit}}") == sha
    place.server.until(lambda: " promote " in note(place, sha), "the note is written")
    assert f"{build['number']} push success {place.server.url}/{HTTPS}/{build['number']}" in note(place, sha)
    assert place.server.json("GET", "/api/outbox?state=dead") == []
    told = place.gantry("repo", "info", HTTPS).stdout
    assert re.search(r"^Polled: +every 30 s", told, re.MULTILINE)


def note(place: Place, sha: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(place.repository.path), "notes", "--ref=ci", "show", sha],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout
