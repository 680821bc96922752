"""What cannot come over as it is: it is left out and named, or it is ended."""

from pathlib import Path

import pytest

from app.builds import store as builds
from app.migrate.rows import MOVED
from app.repos import store as repos
from tests.migrate.conftest import Target, left, left_out, parts
from tests.migrate.source import PLAIN, address, copied, execute

NAMES = "1 to 200 of letters, digits, dot, dash, underscore, and not . or .."


def _copy(table: str, key: str, row: int, **changes: str) -> str:
    """A statement that copies a row with some other values."""
    columns = [name for (name,) in _columns(table) if name != key]
    values = ", ".join(changes.get(name, name) for name in columns)
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table} WHERE {key} = {row}"


def _columns(table: str) -> list[tuple[str]]:
    from tests.migrate.source import rows

    return [(name,) for (name,) in rows(PLAIN, f"SELECT name FROM pragma_table_info('{table}')")]


CASES = {
    "accounts": (
        [_copy("users", "user_id", 1, user_login="'a name'", user_hash="'1'")],
        {"a login must have 1 to 50 of letters, digits, dot, dash, underscore, and not . or ..": ["a name"]},
    ),
    "repositories": (
        [
            _copy("repos", "repo_id", 1, repo_name="'a/b'", repo_slug="'octocat/a/b'", repo_uid="'2'"),
            _copy("repos", "repo_id", 1, repo_namespace="'docs'", repo_slug="'docs/hello-world'", repo_uid="'3'"),
        ],
        {
            "addresses of this server begin with the namespace: rename it at the host and in the source": [
                "docs/hello-world"
            ],
            "namespace and name must have 1 to 100 of letters, digits, dot, dash, underscore, and not . or .. each": [
                "octocat/a/b"
            ],
        },
    ),
    "rights": (
        [
            "INSERT INTO perms VALUES (1, 'gone', 1, 1, 1, 0, 0, 0)",
            "INSERT INTO perms VALUES (9, '1296269', 1, 1, 1, 0, 0, 0)",
        ],
        {
            "of repositories that are not there, or were left out": [],
            "of accounts or repositories that are not there, or were left out": [],
        },
    ),
    "secrets": (
        [
            _copy("secrets", "secret_id", 1, secret_name="'bad name'"),
            _copy("secrets", "secret_id", 1, secret_name="'TOKEN'"),
            _copy("secrets", "secret_id", 1, secret_name="'empty'", secret_data="''"),
            _copy("secrets", "secret_id", 1, secret_name="'gone'", secret_repo_id="9"),
        ],
        {
            f"a secret's name must have {NAMES}": ["bad name of octocat/hello-world"],
            "another secret's name differs only in the case of letters": ["TOKEN of octocat/hello-world"],
            "the value is empty or holds a NUL, which no variable of a step can": ["empty of octocat/hello-world"],
            "of repositories that are not there, or were left out": [],
        },
    ),
    "cron jobs": (
        [
            _copy("cron", "cron_id", 1, cron_name="'never'", cron_expr="'@never'"),
            _copy("cron", "cron_id", 1, cron_name="'a b'"),
        ],
        {
            "the expression cannot be used: '@never' is not known; known are @yearly, @annually, @monthly, @weekly, "
            "@daily, @midnight, @hourly and @every 1h30m": ["never of octocat/hello-world"],
            "the name cannot stand in an address, or is taken": ["a b of octocat/hello-world"],
        },
    ),
    "templates": (
        [_copy("templates", "template_id", 1, template_name="'t.txt'")],
        {
            "the name cannot be used: Template extension invalid. Must be yaml, starlark or jsonnet": ["octocat/t.txt"],
        },
    ),
    "builds": (
        ["UPDATE builds SET build_status = 'odd' WHERE build_id = 7"],
        {"the status 'odd' is not known": ["octocat/hello-world#7"]},
    ),
    "stages": (["DELETE FROM builds WHERE build_id = 1"], {"of builds that are not there, or were left out": []}),
    "steps": (["DELETE FROM stages WHERE stage_id = 1"], {"of stages that are not there, or were left out": []}),
    "cards": (["INSERT INTO cards VALUES (1, 'no json')"], {"the card is no JSON": ["1"]}),
    "newest builds": (
        ["INSERT INTO latest VALUES (1, 1, 'tag', 'v1', 0, 0, 0)"],
        {"of the kind 'tag', which is not used": []},
    ),
    "logs": (
        [
            "UPDATE logs SET log_data = '[{\"pos\":0' WHERE log_id = 1",
            "INSERT INTO logs VALUES (99, '[]')",
        ],
        {
            "damaged: the log is no list of lines": ["step 1"],
            "of steps that are not there, or were left out": [],
        },
    ),
}


@pytest.mark.parametrize("kind", CASES)
def test_what_cannot_come_over_is_named_with_its_reason(target: Target, tmp_path: Path, kind: str) -> None:
    statements, reasons = CASES[kind]
    execute(file := copied(tmp_path), *statements)

    planned = target.moved(address(file), "--dry-run")
    report = target.moved(address(file))

    assert left(report)[kind] == reasons
    assert left(planned) == left(report)
    assert parts(planned) == parts(report)
    found, moved = parts(report)[kind]
    assert found == moved + left_out(report, kind)
    assert report["verified"]


def test_the_command_prints_what_was_left_out(target: Target, tmp_path: Path) -> None:
    execute(file := copied(tmp_path), *CASES["secrets"][0])

    done = target.move(address(file))

    assert f"  1 secrets: a secret's name must have {NAMES} (bad name of octocat/hello-world)" in done.stdout
    assert "s3cr3t" not in done.stdout + done.stderr


def test_builds_that_were_not_over_end_and_those_that_wait_for_an_approval_wait(target: Target, tmp_path: Path) -> None:
    file = copied(tmp_path)
    execute(
        file,
        "UPDATE builds SET build_status = 'running', build_finished = 0 WHERE build_id = 2",
        "UPDATE stages SET stage_status = 'running' WHERE stage_id = 2",
        "UPDATE stages SET stage_status = 'waiting_on_dependencies', stage_started = 0 WHERE stage_id = 3",
        "UPDATE steps SET step_status = 'running' WHERE step_stage_id = 2 AND step_number = 1",
        "UPDATE builds SET build_status = 'blocked' WHERE build_id = 3",
        "UPDATE stages SET stage_status = 'blocked' WHERE stage_build_id = 3",
    )

    report = target.moved(address(file))

    ended, blocked = target.read(lambda: builds.whole(2)), target.read(lambda: builds.whole(3))
    assert (ended.status, ended.error) == ("killed", MOVED)
    assert ended.finished
    assert [stage.status for stage in ended.stages] == ["killed", "skipped"]
    assert ended.stages[0].steps[0].status == "killed"
    assert (blocked.status, blocked.stages[0].status) == ("blocked", "blocked")
    assert "builds that were not over are killed now, restart them: 1" in report["notes"]


def test_names_of_namespaces_find_their_repositories_in_any_case(target: Target, tmp_path: Path) -> None:
    execute(
        file := copied(tmp_path),
        "UPDATE orgsecrets SET secret_namespace = 'Octocat'",
        "UPDATE templates SET template_namespace = 'OctoCat'",
    )

    target.moved(address(file))

    assert target.rows("SELECT namespace FROM org_secrets") == [("octocat",)]
    assert target.rows("SELECT namespace FROM templates") == [("octocat",)]


def test_numbers_go_on_behind_the_last_build_and_gaps_are_known(target: Target, tmp_path: Path) -> None:
    execute(
        file := copied(tmp_path),
        "UPDATE repos SET repo_counter = 3",
        "DELETE FROM builds WHERE build_number = 4",
    )

    target.moved(address(file))

    repo = target.read(lambda: repos.find_if_any("octocat", "hello-world"))
    assert repo is not None
    assert (repo.counter, repo.unbroken_from) == (7, 5)


def test_a_repository_that_drone_only_knows_gets_what_enabling_needs(target: Target, tmp_path: Path) -> None:
    known = _copy(
        "repos", "repo_id", 1,
        repo_name="'other'", repo_slug="'octocat/other'", repo_uid="'2'", repo_signer="''", repo_secret="''",
        repo_timeout="0", repo_config="''", repo_visibility="''", repo_private="1", repo_active="0", repo_user_id="0",
        repo_counter="0",
    )  # fmt: skip
    execute(file := copied(tmp_path), known)

    target.moved(address(file))

    repo = target.read(lambda: repos.find_if_any("octocat", "other"))
    assert repo is not None
    assert (repo.active, repo.visibility, repo.timeout, repo.config_path) == (False, "private", 60, ".drone.yml")
    assert len(target.seal.open(repo.signer, "repos.signer")) > 20
    assert target.seal.open(repo.signer, "repos.signer") != target.seal.open(repo.secret, "repos.secret")


def test_texts_lose_what_no_database_can_hold(target: Target, tmp_path: Path) -> None:
    execute(
        file := copied(tmp_path),
        "UPDATE builds SET build_message = 'a' || char(0) || 'b' WHERE build_id = 1",
        "UPDATE builds SET build_title = CAST(X'c328' AS TEXT) WHERE build_id = 1",
        "UPDATE builds SET build_params = 'no json' WHERE build_id = 2",
    )

    report = target.moved(address(file))

    first, second = target.read(lambda: builds.whole(1)), target.read(lambda: builds.whole(2))
    assert first.message == "a\N{REPLACEMENT CHARACTER}b"
    assert first.title == "\N{REPLACEMENT CHARACTER}("
    assert dict(second.params) == {}
    assert "the parameters of builds could not be read: octocat/hello-world#2" in report["notes"]


def test_an_empty_log_comes_over_as_no_lines(target: Target, tmp_path: Path) -> None:
    execute(file := copied(tmp_path), "UPDATE logs SET log_data = 'null' WHERE log_id = 1")

    target.moved(address(file))

    assert (target.data / "logs" / "0" / "1.json").read_bytes() == b"[]"


def test_steps_without_a_log_are_told(target: Target, tmp_path: Path) -> None:
    execute(file := copied(tmp_path), "DELETE FROM logs")

    report = target.moved(address(file))

    assert any(note.endswith("if Drone kept logs in S3 or Azure, give --logs") for note in report["notes"])
