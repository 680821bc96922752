"""Settings: both names of each, which one wins, and every problem told at once."""

import itertools
import os
import re
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from pydantic import AliasChoices, ValidationError
from pydantic.fields import FieldInfo

from app.settings import runner, values
from app.settings import server as settings
from app.settings.load import BadSettings, Variables, read
from app.settings.server import Settings
from app.settings.values import Allowance, Bootstrap, Limits

SECRET = "sixteen letters!"
PAGE = (Path(__file__).parents[1] / "docs" / "settings.md").read_text()
OF_SERVERS, _, OF_RUNNERS = PAGE.partition("\n## A runner on another machine\n")
#: Field, Gantry's name, Drone's, a value as text and as it is read.
ENDPOINT = "https://extension.example.com:3000/path"
#: Settings of git hosts: the end of the name, the hosts, a value as text and as it is read.
FORGES: list[tuple[str, str, str, Any]] = [
    ("SERVER", "github gitea gitlab gogs", "https://git.example.com/", "https://git.example.com"),
    ("API_SERVER", "github", "https://git.example.com/api", "https://git.example.com/api"),
    ("CLIENT_ID", "github gitea gitlab", "id", "id"),
    ("CLIENT_SECRET", "github gitea gitlab", SECRET, SECRET),
    ("SCOPE", "github gitea", "repo,read:org", ("repo", "read:org")),
    ("SKIP_VERIFY", "github gitea gitlab gogs", "true", True),
]
BOTH: list[tuple[str, str, str, str, Any]] = [
    ("bind", "GANTRY_BIND", "DRONE_SERVER_PORT", ":9000", ":9000"),
    ("admin", "GANTRY_ADMIN", "DRONE_USER_CREATE", "username:ada,admin:true", Bootstrap("ada", admin=True)),
    ("secret_key", "GANTRY_SECRET_KEY", "DRONE_DATABASE_SECRET", SECRET, SECRET),
    ("cookie_secret", "GANTRY_COOKIE_SECRET", "DRONE_COOKIE_SECRET", SECRET, SECRET),
    ("rpc_secret", "GANTRY_RPC_SECRET", "DRONE_RPC_SECRET", SECRET, SECRET),
    ("runner_capacity", "GANTRY_RUNNER_CAPACITY", "DRONE_RUNNER_CAPACITY", "7", 7),
    ("cron_interval", "GANTRY_CRON_INTERVAL", "DRONE_CRON_INTERVAL", "1h30m", 5400),
    ("runner_environ", "GANTRY_RUNNER_ENVIRON", "DRONE_RUNNER_ENVIRON", "A:1,B:x:y", {"A": "1", "B": "x:y"}),
    ("git_username", "GANTRY_GIT_USERNAME", "DRONE_GIT_USERNAME", "bot", "bot"),
    ("git_password", "GANTRY_GIT_PASSWORD", "DRONE_GIT_PASSWORD", "hush", "hush"),
    ("git_always_auth", "GANTRY_GIT_ALWAYS_AUTH", "DRONE_GIT_ALWAYS_AUTH", "true", True),
    ("yaml_endpoint", "GANTRY_YAML_ENDPOINT", "DRONE_YAML_ENDPOINT", ENDPOINT, ENDPOINT),
    ("yaml_secret", "GANTRY_YAML_SECRET", "DRONE_YAML_SECRET", SECRET, SECRET),
    ("yaml_skip_verify", "GANTRY_YAML_SKIP_VERIFY", "DRONE_YAML_SKIP_VERIFY", "true", True),
    ("convert_endpoint", "GANTRY_CONVERT_ENDPOINT", "DRONE_CONVERT_PLUGIN_ENDPOINT", ENDPOINT, ENDPOINT),
    ("convert_secret", "GANTRY_CONVERT_SECRET", "DRONE_CONVERT_PLUGIN_SECRET", SECRET, SECRET),
    ("convert_skip_verify", "GANTRY_CONVERT_SKIP_VERIFY", "DRONE_CONVERT_PLUGIN_SKIP_VERIFY", "true", True),
    ("validate_endpoint", "GANTRY_VALIDATE_ENDPOINT", "DRONE_VALIDATE_PLUGIN_ENDPOINT", ENDPOINT, ENDPOINT),
    ("validate_secret", "GANTRY_VALIDATE_SECRET", "DRONE_VALIDATE_PLUGIN_SECRET", SECRET, SECRET),
    ("validate_skip_verify", "GANTRY_VALIDATE_SKIP_VERIFY", "DRONE_VALIDATE_PLUGIN_SKIP_VERIFY", "true", True),
    ("admission_endpoint", "GANTRY_ADMISSION_ENDPOINT", "DRONE_ADMISSION_PLUGIN_ENDPOINT", ENDPOINT, ENDPOINT),
    ("admission_secret", "GANTRY_ADMISSION_SECRET", "DRONE_ADMISSION_PLUGIN_SECRET", SECRET, SECRET),
    ("admission_skip_verify", "GANTRY_ADMISSION_SKIP_VERIFY", "DRONE_ADMISSION_PLUGIN_SKIP_VERIFY", "true", True),
    ("env_endpoint", "GANTRY_ENV_ENDPOINT", "DRONE_ENV_PLUGIN_ENDPOINT", ENDPOINT, ENDPOINT),
    ("env_token", "GANTRY_ENV_TOKEN", "DRONE_ENV_PLUGIN_TOKEN", SECRET, SECRET),
    ("env_skip_verify", "GANTRY_ENV_SKIP_VERIFY", "DRONE_ENV_PLUGIN_SKIP_VERIFY", "true", True),
    ("yaml_timeout", "GANTRY_YAML_TIMEOUT", "DRONE_YAML_TIMEOUT", "5s", 5),
    ("convert_timeout", "GANTRY_CONVERT_TIMEOUT", "DRONE_CONVERT_TIMEOUT", "5s", 5),
    ("validate_timeout", "GANTRY_VALIDATE_TIMEOUT", "DRONE_VALIDATE_TIMEOUT", "5s", 5),
    ("convert_extension", "GANTRY_CONVERT_EXTENSION", "DRONE_CONVERT_PLUGIN_EXTENSION", ".cue", ".cue"),
    ("convert_multi", "GANTRY_CONVERT_MULTI", "DRONE_CONVERT_MULTI", "true", True),
    ("runner_patience", "GANTRY_RUNNER_PATIENCE", "DRONE_CLEANUP_DEADLINE_PENDING", "48h", 172_800),
    ("starlark_step_limit", "GANTRY_STARLARK_STEP_LIMIT", "DRONE_STARLARK_STEP_LIMIT", "90000", 90_000),
    ("starlark_size_limit", "GANTRY_STARLARK_SIZE_LIMIT", "DRONE_STARLARK_SIZE_LIMIT", "2000000", 2_000_000),
    ("jsonnet_import_limit", "GANTRY_JSONNET_IMPORT_LIMIT", "DRONE_JSONNET_IMPORT_LIMIT", "5", 5),
    ("private_mode", "GANTRY_PRIVATE_MODE", "DRONE_SERVER_PRIVATE_MODE", "true", True),
    ("metrics_anonymous", "GANTRY_METRICS_ANONYMOUS", "DRONE_PROMETHEUS_ANONYMOUS_ACCESS", "true", True),
    ("status_name", "GANTRY_STATUS_NAME", "DRONE_STATUS_NAME", "ci/acme", "ci/acme"),
    ("status_disabled", "GANTRY_STATUS_DISABLED", "DRONE_STATUS_DISABLED", "true", True),
    *(
        (f"{kind}_{name.lower()}", f"GANTRY_{kind.upper()}_{name}", f"DRONE_{kind.upper()}_{name}", text, value)
        for name, kinds, text, value in FORGES
        for kind in kinds.split()
    ),
    (
        "webhook_endpoint",
        "GANTRY_WEBHOOK_ENDPOINT",
        "DRONE_WEBHOOK_ENDPOINT",
        f"{ENDPOINT},http://10.0.0.1/hook?a=b,{ENDPOINT}",
        (ENDPOINT, "http://10.0.0.1/hook?a=b"),
    ),
    ("webhook_secret", "GANTRY_WEBHOOK_SECRET", "DRONE_WEBHOOK_SECRET", "hush", "hush"),
    ("webhook_events", "GANTRY_WEBHOOK_EVENTS", "DRONE_WEBHOOK_EVENTS", "repo,build:*", ("repo", "build:*")),
    ("webhook_skip_verify", "GANTRY_WEBHOOK_SKIP_VERIFY", "DRONE_WEBHOOK_SKIP_VERIFY", "true", True),
    ("user_filter", "GANTRY_USER_FILTER", "DRONE_USER_FILTER", "ada,acme", ("ada", "acme")),
    ("registration_closed", "GANTRY_REGISTRATION_CLOSED", "DRONE_REGISTRATION_CLOSED", "true", True),
    ("repository_filter", "GANTRY_REPOSITORY_FILTER", "DRONE_REPOSITORY_FILTER", "acme,tools", ("acme", "tools")),
]
ORIGINS = ("https://ui.example.com", "http://[::1]:3000")
PROXIES = (ip_network("10.0.0.5"), ip_network("fd00::/8"))
BASE64 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
WORKFLOW = "https://prod-1.logic.azure.com:443/workflows/x/triggers/manual/paths/invoke?sig=secret"
#: Those that Drone does not have, or in parts.
OWN: list[tuple[str, str, str, Any]] = [
    *(
        (f"{kind}_token", f"GANTRY_{kind.upper()}_TOKEN", SECRET, SECRET)
        for kind in ("github", "gitea", "gitlab", "gogs")
    ),
    ("github_sha1_signatures", "GANTRY_GITHUB_SHA1_SIGNATURES", "true", True),
    ("quote_substitution", "GANTRY_QUOTE_SUBSTITUTION", "true", True),
    ("blobs", "GANTRY_BLOBS", "s3://bucket/some/prefix/", "s3://bucket/some/prefix"),
    ("artifacts_quota", "GANTRY_ARTIFACTS_QUOTA", "500GB", 500 << 30),
    ("anonymous_read", "GANTRY_ANONYMOUS_READ", "true", True),
    ("webhook_allow_private", "GANTRY_WEBHOOK_ALLOW_PRIVATE", "true", True),
    ("data", "GANTRY_DATA", "/srv/gantry", Path("/srv/gantry")),
    ("logs", "GANTRY_LOGS", "/srv/logs", Path("/srv/logs")),
    ("runner_lease", "GANTRY_RUNNER_LEASE", "5m", 300),
    ("runner_sandbox", "GANTRY_RUNNER_SANDBOX", "bwrap", "bwrap"),
    ("runner_user", "GANTRY_RUNNER_USER", "deploy-bot.1", "deploy-bot.1"),
    ("runner_limits", "GANTRY_RUNNER_LIMITS", "processes:99, files:0,memory:8G", Limits(99, 0, 8 << 30)),
    ("secret_endpoint", "GANTRY_SECRET_ENDPOINT", "http://127.0.0.1:3000", "http://127.0.0.1:3000"),
    ("secret_token", "GANTRY_SECRET_TOKEN", SECRET, SECRET),
    ("secret_skip_verify", "GANTRY_SECRET_SKIP_VERIFY", "true", True),
    ("url", "GANTRY_URL", "https://ci.example.com/sub/", "https://ci.example.com/sub"),
    ("database_url", "GANTRY_DATABASE_URL", "postgresql://u:p@h/n", "postgresql://u:p@h/n"),
    ("old_secret_keys", "GANTRY_OLD_SECRET_KEYS", f"{SECRET}, {SECRET}2", (SECRET, f"{SECRET}2")),
    ("cron_minimum", "GANTRY_CRON_MINIMUM", "5m", 300),
    ("git_roots", "GANTRY_GIT_ROOTS", "/srv/a:/srv/b", (Path("/srv/a"), Path("/srv/b"))),
    ("cors_origins", "GANTRY_CORS_ORIGINS", "https://UI.example.com, http://[::1]:3000", ORIGINS),
    ("connections", "GANTRY_CONNECTIONS", "500", 500),
    (
        "trusted_proxies",
        "GANTRY_TRUSTED_PROXIES",
        "10.0.0.5, fd00::/8",
        (ip_network("10.0.0.5"), ip_network("fd00::/8")),
    ),
    ("rate_limit", "GANTRY_RATE_LIMIT", "600", 600),
    ("demo", "GANTRY_DEMO", "true", True),
    ("log", "GANTRY_LOG", "text", "text"),
    ("log_limit", "GANTRY_LOG_LIMIT", "10MB", 10 * 1024 * 1024),
    ("retention_days", "GANTRY_RETENTION_DAYS", "90", 90),
    ("retention_builds", "GANTRY_RETENTION_BUILDS", "500", 500),
    ("workspace_limit", "GANTRY_WORKSPACE_LIMIT", "75%", Allowance("75%", share=0.75)),
    ("chat_secret", "GANTRY_CHAT_SECRET", SECRET, SECRET),
    ("slack_signing_secret", "GANTRY_SLACK_SIGNING_SECRET", f"{SECRET}, {SECRET}2", (SECRET, f"{SECRET}2")),
    ("slack_app_id", "GANTRY_SLACK_APP_ID", "A012AB3CD", "A012AB3CD"),
    ("slack_teams", "GANTRY_SLACK_TEAMS", "T1,E2", ("T1", "E2")),
    ("slack_token", "GANTRY_SLACK_TOKEN", SECRET, SECRET),
    ("slack_hooks", "GANTRY_SLACK_HOOKS", "https://hooks.slack-gov.com/", "https://hooks.slack-gov.com"),
    ("slack_api", "GANTRY_SLACK_API", "https://slack-gov.com/api", "https://slack-gov.com/api"),
    ("mattermost_token", "GANTRY_MATTERMOST_TOKEN", f"{SECRET},{SECRET}2", (SECRET, f"{SECRET}2")),
    ("mattermost_url", "GANTRY_MATTERMOST_URL", "https://chat.example.com", "https://chat.example.com"),
    ("mattermost_bot_token", "GANTRY_MATTERMOST_BOT_TOKEN", SECRET, SECRET),
    ("teams_secret", "GANTRY_TEAMS_SECRET", f"{BASE64}, {BASE64}", (BASE64, BASE64)),
    ("teams_tenants", "GANTRY_TEAMS_TENANTS", "one,two", ("one", "two")),
    ("teams_workflow", "GANTRY_TEAMS_WORKFLOW", WORKFLOW, WORKFLOW),
]


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.upper().startswith(("GANTRY_", "DRONE_")):
            monkeypatch.delenv(name)


def load(monkeypatch: pytest.MonkeyPatch, **values: str) -> Settings:
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return settings.load(os.environ)


def problems(monkeypatch: pytest.MonkeyPatch, **values: str) -> list[str]:
    with pytest.raises(BadSettings) as refused:
        load(monkeypatch, **values)
    head, *lines = refused.value.message.splitlines()
    assert head == "the settings are wrong:"
    return [line.strip() for line in lines]


def test_without_any_there_is_a_server_of_ones_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)

    made = load(monkeypatch)

    assert (made.data, made.bind, made.host, made.port) == (tmp_path / "data", "127.0.0.1:8080", "127.0.0.1", 8080)
    assert made.public_url == "http://127.0.0.1:8080"
    assert made.database == f"sqlite:///{tmp_path}/data/gantry.sqlite"
    assert made.roots == (tmp_path / "data",)
    assert (made.admin, made.runner_capacity, made.cron_interval) == (None, 2, 30)
    assert (made.demo, made.private_mode) == (False, False)
    assert (made.secret_key, made.cookie_secret, made.rpc_secret) == ("", "", "")


@pytest.mark.parametrize(("field", "ours", "drones", "text", "value"), BOTH, ids=[row[1] for row in BOTH])
def test_a_setting_has_drones_name_too_and_ours_wins(
    monkeypatch: pytest.MonkeyPatch, field: str, ours: str, drones: str, text: str, value: Any
) -> None:
    assert getattr(load(monkeypatch, **{drones: text}), field) == value
    others = {
        "BIND": ":1",
        "ADMIN": "username:x",
        "RUNNER_CAPACITY": "1",
        "CRON_INTERVAL": "1s",
        "RUNNER_LEASE": "1s",
        "RUNNER_PATIENCE": "1s",
        "PRIVATE_MODE": "false",
        "METRICS_ANONYMOUS": "false",
    }
    other = others.get(ours.removeprefix("GANTRY_"), _other(value))
    assert getattr(load(monkeypatch, **{ours: text, drones: other}), field) == value


def _other(value: Any) -> str:
    """Another good value of the same kind."""
    if value == ENDPOINT:
        return "https://other.example.com"
    if isinstance(value, dict):
        return "C:2"
    return {bool: "false", int: "9s"}.get(type(value), "x" * 20)


@pytest.mark.parametrize(("field", "ours", "text", "value"), OWN, ids=[row[1] for row in OWN])
def test_a_setting_of_ours_is_read(
    monkeypatch: pytest.MonkeyPatch, field: str, ours: str, text: str, value: Any
) -> None:
    assert getattr(load(monkeypatch, **{ours: text}), field) == value


@pytest.mark.parametrize(("text", "value"), [("true", True), ("", False)])
def test_a_runner_on_another_machine_may_quote_values_too(text: str, value: bool) -> None:
    required = {"DRONE_RPC_HOST": "gantry.example.com", "DRONE_RPC_SECRET": SECRET}

    assert runner.load({**required, "GANTRY_QUOTE_SUBSTITUTION": text}).quote_substitution is value


def test_every_setting_is_tested() -> None:
    assert sorted(settings.names()) == sorted([row[1] for row in BOTH] + [row[1] for row in OWN])


def test_the_page_lists_every_setting_with_drones_name_and_a_meaning_and_no_other() -> None:
    rows = re.findall(r"^\| `(GANTRY_\w+)` \| ([^|]*)\|[^|]+\| [^|]{5,}\|$", OF_SERVERS, re.MULTILINE)

    assert [name for name, _ in rows] == settings.names()
    named = {name: re.findall(r"`(DRONE_\w+)`", cell) for name, cell in rows}
    assert {ours: [drones] for _, ours, drones, _, _ in BOTH}.items() <= named.items()
    assert sorted(itertools.chain(*named.values())) == sorted(
        str(name)
        for field in Settings.model_fields.values()
        for name in getattr(field.validation_alias, "choices", [field.validation_alias])
        if str(name).startswith("DRONE_")
    )


#: Settings of a runner whose default depends on the machine.
OF_THE_MACHINE = {"DRONE_RUNNER_NAME", "DRONE_RUNNER_ROOT"}


def defaults(page: str) -> dict[str, str]:
    """The defaults of a page: the value that the cell begins with, as one writes it in the environment, or words."""
    rows = re.findall(r"^\| `(\w+)` \|(?:[^|]*\|)? ([^|]+) \| [^|]*\|$", page, re.MULTILINE)
    return {name: re.sub(r"^(?:`([^`]+)`|([^\s,:]+)).*", r"\1\2", cell) for name, cell in rows}


def test_the_defaults_of_the_page_are_those_of_the_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    told = defaults(OF_SERVERS)
    assert list(told) == settings.names()

    assert not wrong_defaults(Settings, told, {})


def test_the_page_lists_every_setting_of_a_runner_with_its_default() -> None:
    needed = {"DRONE_RPC_HOST": "gantry.example.com", "DRONE_RPC_SECRET": SECRET}
    told = defaults(OF_RUNNERS)

    assert list(told) == [_name(field) for field in runner.RunnerSettings.model_fields.values()]
    assert not wrong_defaults(runner.RunnerSettings, {name: told[name] for name in told.keys() - needed}, needed)


def _name(field: FieldInfo) -> str:
    alias = field.validation_alias
    return str(alias.choices[0] if isinstance(alias, AliasChoices) else alias)


def wrong_defaults(kind: type[Variables], told: Mapping[str, str], needed: Mapping[str, str]) -> list[str]:
    """The settings whose default is another one than the page tells. What is off or empty is told in words."""
    made, wrong = read(kind, needed), []
    for field, facts in kind.model_fields.items():
        if (name := _name(facts)) in told:
            value, text = getattr(made, field), told[name]
            if value is False:
                right = text == "off"
            elif value in ("", (), {}, None) or name in OF_THE_MACHINE:
                right = not text[0].isdigit()
            else:
                right = getattr(read(kind, {**needed, name: text}), field) == value
            wrong += [] if right else [f"{name}: {text}, not {value!r}"]
    return wrong


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("memory:512m", Limits(memory=512 << 20)),
        ("files:1024,", Limits(files=1024)),
        ("memory:1t", Limits(memory=1 << 40)),
    ],
)
def test_a_limit_that_is_absent_keeps_its_default(monkeypatch: pytest.MonkeyPatch, text: str, limits: Limits) -> None:
    assert load(monkeypatch, GANTRY_RUNNER_LIMITS=text).runner_limits == limits


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("SANDBOX", "docker", "'auto', 'bwrap' or 'none'"),
        ("USER", "a b", "must be the name of an account of this machine"),
        ("USER", "--root", "must be the name of an account of this machine"),
        ("LIMITS", "cpu:1", "has 'cpu': the limits are processes, files and memory"),
        ("LIMITS", "files:1k", "needs files: to be a number, or 0 for no limit"),
        ("LIMITS", "processes:-1", "needs processes: to be a number, or 0 for no limit"),
        ("LIMITS", "memory:8gb", "needs memory: to be a size such as 512m or 8g, or 0 for no limit"),
        ("LIMITS", "memory", "needs memory: to be a size such as 512m or 8g, or 0 for no limit"),
    ],
)
def test_what_separates_steps_must_be_known(monkeypatch: pytest.MonkeyPatch, name: str, text: str, words: str) -> None:
    (problem,) = problems(monkeypatch, **{f"GANTRY_RUNNER_{name}": text})

    assert problem.startswith(f"GANTRY_RUNNER_{name} ")
    assert words in problem


@pytest.mark.parametrize("name", settings.names())
def test_an_empty_value_is_none(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    assert load(monkeypatch, **{name: ""}) == load(monkeypatch)


@pytest.mark.parametrize(
    ("values", "url"),
    [
        ({"DRONE_SERVER_HOST": "ci.example.com"}, "http://ci.example.com"),
        ({"DRONE_SERVER_HOST": "https://CI.example.com", "DRONE_SERVER_PROTO": "https"}, "https://ci.example.com"),
        ({"DRONE_SERVER_HOST": "ci.example.com:8443", "DRONE_SERVER_PROTO": "http"}, "http://ci.example.com:8443"),
        ({"DRONE_SERVER_HOST": "ci.example.com", "GANTRY_URL": "http://mine"}, "http://mine"),
        ({"DRONE_SERVER_PROTO": "https"}, "http://127.0.0.1:8080"),
    ],
)
def test_drones_address_comes_in_parts(monkeypatch: pytest.MonkeyPatch, values: dict[str, str], url: str) -> None:
    assert load(monkeypatch, **values).public_url == url


@pytest.mark.parametrize(
    ("values", "database"),
    [
        ({"driver": "sqlite3", "datasource": "/data/db.sqlite"}, "sqlite:////data/db.sqlite"),
        (
            {"driver": "postgres", "datasource": "postgres://u:p@h/n?sslmode=disable"},
            "postgresql://u:p@h/n?sslmode=disable",
        ),
        ({"driver": "postgres", "datasource": "postgresql://u:p@h/n"}, "postgresql://u:p@h/n"),
    ],
)
def test_drones_database_comes_in_parts(monkeypatch: pytest.MonkeyPatch, values: dict[str, str], database: str) -> None:
    named = {f"DRONE_DATABASE_{name.upper()}": value for name, value in values.items()}

    assert load(monkeypatch, **named).database == database
    assert load(monkeypatch, **named, GANTRY_DATABASE_URL="sqlite:///mine").database == "sqlite:///mine"


def test_a_driver_of_drones_that_is_not_used_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    made = load(monkeypatch, DRONE_DATABASE_DRIVER="mysql", GANTRY_DATABASE_URL="sqlite:///mine")

    assert made.database == "sqlite:///mine"


@pytest.mark.parametrize(
    ("bind", "host", "port", "url"),
    [
        (":8080", "", 8080, "http://localhost:8080"),
        ("0.0.0.0:80", "0.0.0.0", 80, "http://localhost:80"),
        ("[::]:80", "::", 80, "http://localhost:80"),
        ("[::1]:8080", "::1", 8080, "http://[::1]:8080"),
        ("localhost:0", "localhost", 0, "http://localhost:0"),
    ],
)
def test_where_to_listen(monkeypatch: pytest.MonkeyPatch, bind: str, host: str, port: int, url: str) -> None:
    made = load(monkeypatch, GANTRY_BIND=bind)

    assert (made.host, made.port, made.public_url) == (host, port, url)


def test_folders_may_start_at_home_and_become_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ada")

    made = load(monkeypatch, GANTRY_DATA="~/gantry", GANTRY_GIT_ROOTS="~/git:here::")

    assert made.data == Path("/home/ada/gantry")
    assert made.roots == (Path("/home/ada/git"), tmp_path / "here")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("GANTRY_BIND", "8080", "HOST:PORT"),
        ("GANTRY_BIND", "localhost:http", "HOST:PORT"),
        ("GANTRY_BIND", "localhost:65536", "HOST:PORT"),
        ("GANTRY_URL", "ci.example.com", "http://HOST"),
        ("GANTRY_URL", "ftp://ci.example.com", "http://HOST"),
        ("GANTRY_URL", "https://", "http://HOST"),
        ("GANTRY_URL", "https://ci.example.com/?a=b", "http://HOST"),
        ("GANTRY_URL", "https://[::1", ""),
        ("GANTRY_DATABASE_URL", "mysql://h/n", "sqlite:///PATH"),
        ("GANTRY_DATABASE_URL", "sqlite://x", "sqlite:///PATH"),
        ("DRONE_DATABASE_DRIVER", "mysql", "sqlite3 or postgres"),
        ("DRONE_GIT_PASSWORD", "hush\nhost=evil.example.com", "one line"),
        ("GANTRY_ADMIN", "ada", "username"),
        ("GANTRY_ADMIN", "admin:true", "username"),
        ("GANTRY_ADMIN", "username:a b", "username"),
        ("GANTRY_ADMIN", "username:" + "x" * 51, "username"),
        ("GANTRY_ADMIN", "username:ada,admin:yes", "true or false for admin"),
        ("GANTRY_ADMIN", "username:ada,machine:true", "token"),
        ("GANTRY_ADMIN", "username:ada,colour:red", "known are"),
        ("GANTRY_SECRET_KEY", "fifteen letters", "16 characters"),
        ("GANTRY_OLD_SECRET_KEYS", "sixteen letters!,fifteen letters", "16 characters each"),
        ("GANTRY_COOKIE_SECRET", "x", "16 characters"),
        ("DRONE_RPC_SECRET", "x" * 7, "8 characters"),
        ("GANTRY_RUNNER_CAPACITY", "many", "integer"),
        ("GANTRY_RUNNER_CAPACITY", "-1", "0"),
        ("GANTRY_LOG_LIMIT", "10KB", "from 64 KB to 64 MB"),
        ("GANTRY_LOG_LIMIT", "65MB", "from 64 KB to 64 MB"),
        ("GANTRY_RETENTION_DAYS", "-1", "0"),
        ("GANTRY_RETENTION_BUILDS", "some", "integer"),
        ("GANTRY_WORKSPACE_LIMIT", "much", "500MB"),
        ("GANTRY_WORKSPACE_LIMIT", "10", "500MB"),
        ("GANTRY_WORKSPACE_LIMIT", "0%", "1% to 100%"),
        ("GANTRY_WORKSPACE_LIMIT", "101%", "1% to 100%"),
        ("GANTRY_WORKSPACE_LIMIT", "\u0661%", "1% to 100%"),
        ("GANTRY_WORKSPACE_LIMIT", "1KB", "1.0 MB"),
        ("GANTRY_RUNNER_CAPACITY", "1001", "1000"),
        ("GANTRY_CRON_INTERVAL", "30", "must be a duration"),
        ("GANTRY_RUNNER_LEASE", "25h", "must be from 1s to 24h"),
        ("GANTRY_RUNNER_PATIENCE", "0s", "must be from 1s to 8760h"),
        ("GANTRY_CRON_INTERVAL", "0s", "must be from 1s to 24h"),
        ("GANTRY_CRON_INTERVAL", "24h1s", "must be from 1s to 24h"),
        ("GANTRY_DEMO", "perhaps", "bool"),
        ("GANTRY_SLACK_SIGNING_SECRET", "fifteen letters", "16 characters each"),
        ("GANTRY_TEAMS_SECRET", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "16 bytes in base64"),
        ("GANTRY_TEAMS_SECRET", "AAEC", "16 bytes in base64"),
        ("GANTRY_TEAMS_WORKFLOW", "ftp://logic.azure.com/", "the workflow's address"),
        ("GANTRY_CORS_ORIGINS", "*", "http://HOST"),
        ("GANTRY_CORS_ORIGINS", "https://*.example.com", "http://HOST"),
        ("GANTRY_CORS_ORIGINS", "ui.example.com", "http://HOST"),
        ("GANTRY_CORS_ORIGINS", "null", "http://HOST"),
        ("GANTRY_CORS_ORIGINS", "https://good.example.com https://ada:x@h", "http://HOST"),
        ("GANTRY_CORS_ORIGINS", "https://[::1", "http://HOST"),
        ("GANTRY_CORS_ORIGINS", "https://h:x", "http://HOST"),
        ("GANTRY_CORS_ORIGINS", "https://ui.example.com/", "no slash"),
        ("GANTRY_CORS_ORIGINS", "https://ui.example.com/app", "no path"),
        ("GANTRY_METRICS_ANONYMOUS", "perhaps", "bool"),
        ("GANTRY_RATE_LIMIT", "-1", "0"),
        ("GANTRY_RATE_LIMIT", "some", "integer"),
        ("DRONE_WEBHOOK_ENDPOINT", "https://ci.example.com,ftp://ci.example.com/", "http:// or https://"),
        ("DRONE_WEBHOOK_ENDPOINT", "https://ci.example.com, https://ci.example.com/", "http:// or https://"),
        ("GANTRY_COLOUR", "red", "not a setting"),
    ],
)
def test_what_is_wrong_is_told_by_the_name_it_was_given(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    (problem,) = problems(monkeypatch, **{name: value})

    assert problem.startswith(f"{name} ")
    assert words in problem


def test_all_problems_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = problems(
        monkeypatch,
        GANTRY_BIND="x",
        GANTRY_URL="x",
        DRONE_DATABASE_DRIVER="oracle",
        GANTRY_ADMIN="x",
        GANTRY_SECRET_KEY="x",
        GANTRY_COOKIE_SECRET="x",
        GANTRY_RPC_SECRET="x",
        GANTRY_RUNNER_CAPACITY="x",
        GANTRY_DEMO="x",
        GANTRY_TYPO="x",
        GANTRY_OTHER="x",
    )

    assert len(found) == 11
    assert len({problem.split()[0] for problem in found}) == 11


def test_no_problem_shows_a_value_that_may_be_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    found = problems(
        monkeypatch,
        GANTRY_ADMIN="username:ada,token:hush,hush:hush,hush-hush",
        GANTRY_SECRET_KEY="hush",
        GANTRY_DATABASE_URL="oracle://u:hush@h/n",
        GANTRY_URL="ftp://u:hush@h",
        GANTRY_WEBHOOK_ENDPOINT="ftp://u:hush@h",
        GANTRY_TYPO="hush",
    )

    assert len(found) == 6
    assert "hush" not in "".join(found)


@pytest.mark.parametrize(
    "name", ["GANTRY_SERVER", "GANTRY_TOKEN", "GANTRY_TEST_POSTGRES", "DRONE_ANYTHING", "XGANTRY_X"]
)
def test_names_that_others_read_are_let_be(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    load(monkeypatch, **{name: "x"})


def test_names_are_in_capitals(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(monkeypatch, gantry_bind="x").bind == "127.0.0.1:8080"


def test_settings_are_frozen_and_do_not_show_what_is_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    made = load(
        monkeypatch,
        GANTRY_SECRET_KEY="hush" * 4,
        GANTRY_COOKIE_SECRET="hush" * 4,
        GANTRY_RPC_SECRET="hush" * 4,
        GANTRY_OLD_SECRET_KEYS="hush" * 4,
        GANTRY_ADMIN="username:ada,token:hush",
        GANTRY_WEBHOOK_ENDPOINT="https://example.com/hush",
        GANTRY_WEBHOOK_SECRET="hush",
        DRONE_DATABASE_DRIVER="postgres",
        DRONE_DATABASE_DATASOURCE="postgres://u:hush@h/n",
    )

    assert "hush" not in repr(made)
    assert "hush" not in str(made)
    with pytest.raises(ValidationError):
        made.bind = ":1"  # type: ignore[misc]  # it is frozen


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("username:ada", Bootstrap("ada")),
        (" username : ada , admin : TRUE ", Bootstrap("ada", admin=True)),
        ("username:ada,machine:true,token:a:b", Bootstrap("ada", machine=True, token="a:b")),
        ("username:ada,admin:false,machine:false,token:", Bootstrap("ada")),
    ],
)
def test_an_account_is_read_as_drone_writes_it(text: str, expected: Bootstrap) -> None:
    assert values.bootstrap(text) == expected


def test_a_host_is_named_by_its_address_and_two_of_them_by_what_shows_that_they_are_used() -> None:
    def forges(**environ: str) -> list[tuple[str, str]]:
        return [(forge.kind, forge.server) for forge in settings.load(environ).forges]

    assert forges() == []
    assert forges(DRONE_GITHUB_CLIENT_ID="x") == [("github", "https://github.com")]
    assert forges(GANTRY_GITLAB_TOKEN="x") == [("gitlab", "https://gitlab.com")]
    assert forges(DRONE_GOGS_SERVER="http://gogs:3000/", GANTRY_GITEA_SERVER="https://git.example.com") == [
        ("gitea", "https://git.example.com"),
        ("gogs", "http://gogs:3000"),
    ]
    assert "hush" not in repr(settings.load({"GANTRY_GITHUB_TOKEN": "hush-hush-hush-hush"}).forges)
