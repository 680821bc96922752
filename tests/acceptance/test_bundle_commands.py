"""`gantry bundle` and `gantry environment` against a real server."""

import itertools
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.server import Server
from tests.acceptance.test_artifact_commands import Shell

_versions = itertools.count(1)
KEYPAIR = "/artifactory/api/security/keypair/default"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a repository for each of DEV, QA and PROD, and the build-info `app` 1 of two files."""
    with Server(tmp_path_factory.mktemp("bundles")) as server:
        shell = Shell(server, tmp_path_factory.mktemp("files"))
        shell("environment", "add", "QA")
        for environment in ("DEV", "QA", "PROD"):
            shell("artifact-repo", "add", environment.lower(), "--environment", environment)
        (shell.folder / "app").mkdir()
        for name in ("a.jar", "b.jar"):
            (shell.folder / "app" / name).write_bytes(f"of {name}".encode() * 30_000)
        shell("artifact", "put", "app", "dev/app", "--build-name", "app", "--build-number", "1")
        shell("build-info", "publish", "--name", "app", "--number", "1")
        yield server


@pytest.fixture
def shell(server: Server, tmp_path: Path) -> Shell:
    return Shell(server, tmp_path)


@pytest.fixture
def version(shell: Shell) -> str:
    """A version of `shop` from the build."""
    version = f"1.{next(_versions)}"
    shell("bundle", "create", "shop", version, "--build", "app", "1")
    return version


def path(environment: str) -> str:
    return f"/artifactory/api/storage/{environment}/app/a.jar"


def test_a_version_is_created_from_all_kinds_of_sources(shell: Shell, version: str) -> None:
    shell("bundle", "create", "one", "1", "--artifact", "dev/app/a.jar", "--key", "default")
    shell("bundle", "create", "query", "1", "--aql", 'items.find({"repo":"dev","name":"b.jar"})')
    shell("bundle", "create", "both", "1", "--bundle", "one", "1", "--bundle", "query", "1")
    draft = shell("bundle", "create", "draft", "1", "--build", "app", "1", "--draft", "--with-dependencies")

    assert "draft" in draft
    found = {name: shell.json("bundle", "show", name, "1") for name in ("one", "query", "both", "draft")}
    paths = {name: [artifact["path"] for artifact in one["artifacts"]] for name, one in found.items()}
    assert paths["one"] == ["app/a.jar"]
    assert paths["query"] == ["app/b.jar"]
    assert paths["both"] == paths["draft"] == ["app/a.jar", "app/b.jar"]
    assert found["draft"]["status"] == "DRAFT"
    assert "one 1, query 1" in shell("bundle", "show", "both", "1")


def test_a_draft_is_added_to_and_signed_at_last(shell: Shell) -> None:
    shell("bundle", "create", "slow", "1", "--artifact", "dev/app/a.jar", "--draft")
    assert "not signed yet" in shell("bundle", "add", "slow", "1", "--artifact", "dev/app/b.jar")
    assert "say what the version holds" in shell.fails("bundle", "add", "slow", "1", code=2)
    assert "finalize" in shell.fails("bundle", "promote", "slow", "1", "QA")

    assert shell("bundle", "finalize", "slow", "1", "--follow") == "slow 1 is signed\n"
    assert "2 artifacts, 1 statement, 0 promotions" in shell("bundle", "verify", "slow", "1")
    assert "no draft any more" in shell.fails("bundle", "finalize", "slow", "1")
    assert "no draft any more" in shell.fails("bundle", "add", "slow", "1", "--artifact", "dev/app/a.jar")
    assert "not found" in shell.fails("bundle", "finalize", "slow", "2")
    shell("bundle", "rm", "slow", "1", "--yes")


def test_what_cannot_be_created_is_told(shell: Shell, version: str) -> None:
    assert "say what the version holds" in shell.fails("bundle", "create", "none", "1", code=2)
    assert "exists" in shell.fails("bundle", "create", "shop", version, "--build", "app", "1")
    assert "app" in shell.fails("bundle", "create", "none", "1", "--build", "app", "99", "--follow")
    assert "no key pair other" in shell.fails("bundle", "create", "none", "1", "--build", "app", "1", "--key", "other")
    assert "release_bundle_name" in shell.fails("bundle", "create", "bad name", "1", "--build", "app", "1")


def test_a_version_goes_through_the_environments(server: Server, shell: Shell, version: str) -> None:
    plan = shell("bundle", "promote", "shop", version, "QA", "--dry-run")
    assert "dev/app/a.jar → qa/app/a.jar" in plan
    assert plan.splitlines()[-1] == f"shop {version} would be copied to QA: 2 files put, 0 kept"
    assert server.ask("GET", path("qa")).status_code == 404

    said = shell("bundle", "promote", "shop", version, "QA", "--follow", "-p", "tested=yes", "--property", "by=ada")
    assert said == f"shop {version} is promoted to QA from DEV: qa\n"
    assert server.json("GET", f"{path('qa')}?properties")["properties"]["tested"] == ["yes"]
    assert "(is there)" in shell("bundle", "promote", "shop", version, "QA", "--dry-run")

    shell("bundle", "promote", "shop", version, "PROD", "--move")
    assert [server.ask("GET", path(name)).status_code for name in ("dev", "qa", "prod")] == [200, 404, 200]

    [row] = [line for line in shell("bundle", "show", "shop").splitlines() if line.startswith(f"{version}\t")]
    assert row.split()[:3] == [version, "COMPLETED", "PROD"]
    assert row.endswith("octocat\tapp 1")
    block = shell("bundle", "show", "shop", version)
    assert "From:     app 1" in block
    assert "moved" in block
    shell("bundle", "rm", "shop", version, "--promotion", "prod", "--yes")
    assert server.ask("GET", path("prod")).status_code == 404
    assert "was not promoted to PROD" in shell.fails("bundle", "rm", "shop", version, "--promotion", "PROD", "--yes")


def test_what_is_in_the_way_is_named(server: Server, shell: Shell) -> None:
    shell("artifact-repo", "add", "staging", "--environment", "PROD", "--package-type", "maven")
    shell("artifact-repo", "add", "source", "--package-type", "maven")
    assert server.ask("PUT", "/artifactory/source/a.jar", content=b"one").status_code == 201
    assert server.ask("PUT", "/artifactory/staging/a.jar", content=b"other").status_code == 201
    shell("bundle", "create", "clash", "1", "--artifact", "source/a.jar")

    dry = shell.run("bundle", "promote", "clash", "1", "PROD", "--dry-run")
    assert dry.returncode == 1
    assert dry.stdout.splitlines()[-1] == ("clash: target artifact already exists: staging/a.jar has other bytes there")
    assert "1 of its files cannot be put there" in dry.stderr
    assert "staging/a.jar" in shell.fails("bundle", "promote", "clash", "1", "PROD")
    assert "staging/a.jar" in shell.fails("bundle", "promote", "clash", "1", "PROD", "--follow")
    assert shell("bundle", "show", "clash", "1").count("FAILED") == 2

    shell("artifact-repo", "add", "trial", "--environment", "QA", "--package-type", "maven")
    shell("bundle", "promote", "clash", "1", "QA")
    shell.fails("bundle", "promote", "clash", "1", "PROD", "--move")
    assert "moved" not in shell("bundle", "show", "clash", "1")
    shell("bundle", "rm", "clash", "1", "--yes")


def test_names_and_versions_are_listed(shell: Shell, version: str) -> None:
    for number in range(3):
        shell("bundle", "create", "listed", f"2.{number}", "--build", "app", "1")
    shell("bundle", "tag", "listed", "2.1", "gold")

    names = {line.split()[0]: line.split()[1:3] for line in shell("bundle", "ls").splitlines()}
    assert names["listed"] == ["2.2", "3"]
    rows = [line.split()[:3] for line in shell("bundle", "ls", "listed").splitlines()]
    assert rows == [["2.2", "COMPLETED", "-"], ["2.1", "COMPLETED", "gold"], ["2.0", "COMPLETED", "-"]]
    assert "There are 2 more" in shell.run("bundle", "ls", "listed", "--limit", "1").stderr
    assert len(shell("bundle", "ls", "listed", "--filter", "2.1*").splitlines()) == 1
    assert "has no tag" in shell("bundle", "tag", "listed", "2.1")
    assert shell.json("bundle", "ls", "listed")["total"] == 3


def test_a_version_is_verified_here_and_from_its_file(server: Server, shell: Shell, version: str) -> None:
    shell("bundle", "promote", "shop", version, "QA")
    said = shell("bundle", "verify", "shop", version)
    assert said == f"shop {version} is as it was signed: 2 artifacts, 2 statements, 1 promotion\n"

    written = shell("bundle", "export", "shop", version)
    file = shell.folder / f"shop-{version}.tar"
    assert f"shop-{version}.tar" in written
    assert [path.name for path in shell.folder.iterdir()] == [file.name]
    key = shell.folder / "key.pem"
    key.write_text(server.json("GET", KEYPAIR)["publicKey"])

    offline = shell("bundle", "verify", str(file), "--key", "key.pem").splitlines()
    assert offline[0] == f"shop {version} is as it was signed: 2 files, 469 KB"
    assert offline[1].endswith("created by octocat")
    assert offline[2].endswith("promoted to QA by octocat")
    assert offline[3] == "  signed with key.pem"
    assert json.loads(shell("bundle", "verify", str(file), "--key", "key.pem", "--json"))["ok"] is True

    data = bytearray(file.read_bytes())
    data[-2000] ^= 1
    file.write_bytes(data)
    assert "were changed" in shell.fails("bundle", "verify", str(file), "--key", "key.pem")


def test_a_file_is_verified_only_with_keys_that_one_trusts(shell: Shell, version: str) -> None:
    shell("bundle", "export", "shop", version, "v.tar")
    with tarfile.open(shell.folder / "v.tar") as archive:
        keys = archive.extractfile("keys.json")
        assert keys is not None
        assert "PUBLIC KEY" in keys.read().decode()
    key = "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="
    other = f"-----BEGIN PUBLIC KEY-----\n{key}\n-----END PUBLIC KEY-----\n"
    (shell.folder / "other.pem").write_text(other)
    (shell.folder / "no.pem").write_text("no key")

    assert "which public keys you trust" in shell.fails("bundle", "verify", "v.tar", code=2)
    assert "not trusted" in shell.fails("bundle", "verify", "v.tar", "--key", "other.pem")
    assert "no.pem" in shell.fails("bundle", "verify", "v.tar", "--key", "no.pem", code=2)
    assert "NAME VERSION" in shell.fails("bundle", "verify", "a", "b", "c", code=2)
    assert "nothing.tar" in shell.fails("bundle", "verify", "nothing.tar", "--key", "other.pem")
    assert "not found" in shell.fails("bundle", "verify", "shop", "999")


def test_a_version_is_carried_to_another_server(
    server: Server, shell: Shell, version: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shell("bundle", "export", "shop", version, "v.tar")
    with Server(tmp_path_factory.mktemp("other")) as other:
        there = Shell(other, shell.folder)
        assert "not trusted here; if that key is right, trust its" in there.fails("bundle", "import", "v.tar")
        pair = {"pairName": "of-the-other", "publicKey": server.json("GET", KEYPAIR)["publicKey"]}
        assert other.ask("POST", "/artifactory/api/security/keypair", json=pair).status_code == 201

        assert there("bundle", "import", "v.tar") == f"shop {version} is imported into release-bundles-v2\n"
        assert "exists" in there.fails("bundle", "import", "v.tar")
        assert "3 statements" not in there("bundle", "verify", "shop", version)
        assert (
            there.json("bundle", "show", "shop", version)["artifacts"]
            == (shell.json("bundle", "show", "shop", version)["artifacts"])
        )
        there("bundle", "export", "shop", version, "again.tar")
    keys = []
    for at, pem in enumerate((pair["publicKey"], None)):
        if pem:
            (shell.folder / f"{at}.pem").write_text(pem)
            keys += ["--key", f"{at}.pem"]
    assert "not trusted" in shell.fails("bundle", "verify", "again.tar", *keys)


def test_an_export_that_fails_leaves_no_file(shell: Shell) -> None:
    assert "not found" in shell.fails("bundle", "export", "shop", "999")
    assert list(shell.folder.iterdir()) == []
    assert "cannot write" in shell.fails("bundle", "export", "shop", "1.1", "no/such/folder.tar")


def test_environments_and_their_order_are_kept(shell: Shell, version: str) -> None:
    shell("environment", "add", "STAGING")
    shell("environment", "rename", "STAGING", "PRE")
    assert shell("environment", "order") == "There is no order\n"
    try:
        assert shell("environment", "order", "DEV", "QA", "PROD") == "DEV → QA → PROD\n"
        rows = [line.split() for line in shell("environment", "ls").splitlines()]
        assert rows == [["DEV", "1"], ["QA", "2"], ["PROD", "3"], ["PRE", "-"]]

        assert "QA" in shell.fails("bundle", "promote", "shop", version, "PROD")
        shell("bundle", "promote", "shop", version, "PROD", "--override", "a fire")
        assert "override: a fire" in shell("bundle", "show", "shop", version)
    finally:
        assert shell("environment", "order", "--clear") == "There is no order\n"
    shell("environment", "rm", "PRE", "--yes")
    assert "--clear takes no names" in shell.fails("environment", "order", "DEV", "--clear", code=2)
    assert "always there" in shell.fails("environment", "rm", "DEV", "--yes")


def test_removal_asks_first(shell: Shell, version: str) -> None:
    assert "--yes" in shell.fails("bundle", "rm", "shop", version, code=2)
    assert shell("bundle", "rm", "shop", version, "--yes") == f"shop {version} is removed\n"
    assert "not found" in shell.fails("bundle", "rm", "shop", version, "--yes")
