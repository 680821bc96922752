"""The databases that a real Drone 2.25 made come over whole, from SQLite and from PostgreSQL."""

import asyncio
from pathlib import Path

import pytest

from app.accounts import proofs
from app.accounts import store as accounts
from app.builds import lists
from app.builds import store as builds
from app.repos import store as repos
from app.repos.model import SECRET, SIGNER
from app.repos.secrets import store as secrets
from tests import postgres
from tests.migrate import source
from tests.migrate.conftest import Target, parts
from tests.migrate.source import BOT, KEY, OCTOCAT, PLAIN, SEALED, address, copied, rows

FOUND = {
    "accounts": (2, 2),
    "repositories": (1, 1),
    "rights": (1, 1),
    "secrets": (2, 2),
    "secrets of namespaces": (1, 1),
    "cron jobs": (1, 1),
    "templates": (1, 1),
    "builds": (7, 7),
    "stages": (9, 9),
    "steps": (17, 17),
    "cards": (0, 0),
    "newest builds": (5, 5),
    "logs": (9, 9),
}


@pytest.mark.parametrize(("file", "options"), [(PLAIN, []), (SEALED, ["--encryption-key", KEY])])
def test_everything_comes_over(target: Target, file: Path, options: list[str]) -> None:
    report = target.moved(address(file), *options)

    assert parts(report) == FOUND
    assert report["verified"]
    assert not any(part["left"] for part in report["parts"])
    assert "tokens of hosts stay behind, of 1 accounts: people log in anew" in report["notes"]


def test_secrets_are_opened_and_sealed_anew(target: Target) -> None:
    target.moved(address(SEALED), DRONE_DATABASE_SECRET=KEY, GANTRY_SECRET_KEY="another key of this server")
    target = Target(target.folder, target.database, {"GANTRY_SECRET_KEY": "another key of this server"})
    repo = target.read(lambda: repos.find_if_any("octocat", "hello-world"))
    assert repo is not None

    opened = target.read(lambda: secrets.for_build(repo, target.seal, pull_request=False))

    assert {secret.name: secret.data for secret in opened} == {
        "key": "line one\nline two\n",
        "token": "s3cr3t-value",
        "orgkey": "org-s3cr3t",
    }
    assert [secret.name for secret in opened if secret.pull_request] == ["key"]
    signer, key = rows(SEALED, "SELECT repo_signer, repo_secret FROM repos")[0]
    assert target.seal.open(repo.signer, SIGNER) == signer
    assert target.seal.open(repo.secret, SECRET) == key


def test_tokens_go_on_working(target: Target) -> None:
    target.moved(address(PLAIN))

    person = target.read(lambda: proofs.by_token(proofs.hash_token(OCTOCAT)))
    machine = target.read(lambda: proofs.by_token(proofs.hash_token(BOT)))

    assert person is not None
    assert (person[0].login, person[0].admin, person[0].machine, person[1].scope) == ("octocat", True, False, "admin")
    assert machine is not None
    assert (machine[0].login, machine[0].admin, machine[0].machine) == ("bot", False, True)


@pytest.mark.parametrize("host", ["gitea", "git"])
def test_people_are_expected_from_the_host_and_machines_from_none(target: Target, host: str) -> None:
    notes = target.moved(address(PLAIN), "--host", host)["notes"]

    users = {user.login: user for user in target.read(accounts.list_all)}

    assert {login: user.expected_from for login, user in users.items()} == {
        "octocat": "" if host == "git" else host,
        "bot": "",
    }
    words = "the host of people's logins is not known" if host == "git" else "whoever first logs in at gitea with"
    assert [words in note for note in notes].count(True) == 1


def test_a_repository_keeps_its_settings_and_its_numbers(target: Target) -> None:
    target.moved(address(PLAIN), "--host", "gitea")

    repo = target.read(lambda: repos.find_if_any("octocat", "hello-world"))

    assert repo is not None
    assert (repo.id, repo.uid, repo.user_id, repo.scm) == (1, "1296269", 1, "gitea")
    assert (repo.counter, repo.unbroken_from, repo.timeout, repo.throttle) == (7, 1, 45, 3)
    assert (repo.visibility, repo.active, repo.config_path) == ("public", True, ".drone.yml")
    assert repo.auto_cancel_pushes
    assert not repo.auto_cancel_pull_requests


def test_builds_keep_their_ids_and_their_parts(target: Target) -> None:
    target.moved(address(PLAIN))

    build = target.read(lambda: builds.whole(2))

    assert (build.number, build.event, build.deploy_to, build.parent) == (2, "promote", "production", 1)
    assert dict(build.params) == {"VERSION": "1.2.3"}
    assert [(stage.name, stage.status, stage.depends_on) for stage in build.stages] == [
        ("deploy", "failure", ()),
        ("verify", "skipped", ("deploy",)),
    ]
    assert [(step.name, step.exit_code) for step in build.stages[0].steps][:2] == [("clone", 128), ("migrate", 0)]
    newest = target.read(lambda: lists.remembered(1, "deployment"))
    assert [head.number for head in newest] == [7, 6, 3, 4]


def test_logs_are_the_same_bytes(target: Target) -> None:
    target.moved(address(PLAIN))

    for step_id, data in rows(PLAIN, "SELECT log_id, log_data FROM logs"):
        assert (target.data / "logs" / "0" / f"{step_id}.json").read_bytes() == data


def test_a_new_account_gets_an_id_that_none_has(target: Target) -> None:
    target.moved(address(PLAIN))

    made = target.write(lambda: accounts.create("new", token="a token of the new account", now=1))

    assert made.id == 3


def test_a_cron_job_is_due_when_drone_would_have_run_it(target: Target) -> None:
    target.moved(address(PLAIN))

    assert target.rows("SELECT name, expr, next, event, branch, disabled FROM crons") == [
        ("nightly", "@daily", 1795824000, "push", "main", False)
    ]


@postgres.real
def test_a_drone_on_postgresql_comes_over(target: Target, tmp_path: Path) -> None:
    url = postgres.create_database()
    asyncio.run(source.to_postgres(SEALED, url))

    report = target.moved(url, "--encryption-key", KEY)

    assert parts(report) == FOUND
    assert "@" not in report["source"]


def test_a_dry_run_tells_the_same_and_changes_nothing(target: Target, tmp_path: Path) -> None:
    file = copied(tmp_path)
    before = file.read_bytes()

    report = target.moved(address(file), "--dry-run")

    assert parts(report) == FOUND
    assert not target.data.exists()
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_the_source_is_only_read(target: Target, tmp_path: Path) -> None:
    file = copied(tmp_path)
    before = file.read_bytes()

    target.moved(address(file))

    assert file.read_bytes() == before
    assert not list(tmp_path.glob("drone.sqlite-*"))


def test_the_table_of_the_command_names_every_part(target: Target) -> None:
    done = target.move(address(PLAIN), "--dry-run")

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].split("  ")[-1] == "LEFT OUT"
    assert all(name in done.stdout for name in FOUND)
    assert "Nothing was changed" in done.stdout
