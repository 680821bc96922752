"""The files with which the server is installed: every setting that they name exists and has a good value, and their
ports, paths, accounts and services fit together. Nothing is started; docs/install.md says what was tried by hand."""

import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from app.cli import main
from app.main.routes import ROWS
from app.settings import server as settings
from app.settings.server import Settings

ROOT = Path(__file__).parents[1]
CONTAINERFILE = (ROOT / "Containerfile").read_text()
COMPOSE = (ROOT / "compose.yaml").read_text()
KUBERNETES = {one["kind"]: one for one in yaml.safe_load_all((ROOT / "docs" / "kubernetes.yaml").read_text())}
PATHS = {str(row.path) for row in ROWS if row.method == "GET"}
#: What an administrator writes beside compose.yaml.
DOT_ENV = {"GANTRY_HOST": "ci.example.com", "POSTGRES_PASSWORD": "0123456789abcdef"}


def directives(name: str) -> list[str]:
    """What the last stage of the image says under a word."""
    final = CONTAINERFILE.rpartition("\nFROM ")[2].replace("\\\n", " ")
    return re.findall(rf"^{name} +(.*)$", final, re.MULTILINE)


def image() -> dict[str, str]:
    return dict(word.split("=", 1) for line in directives("ENV") for word in line.split())


def composed() -> dict[str, Any]:
    """The file of compose as compose reads it: with the variables of `.env`."""
    text = re.sub(r"(?<!\$)\$\{(\w+):\?[^}]+\}", lambda found: DOT_ENV[found[1]], COMPOSE)
    assert not re.search(r"(?<!\$)\$(?!\$)", text)
    read: dict[str, Any] = yaml.safe_load(text.replace("$$", "$"))
    return read


def pod() -> dict[str, Any]:
    spec: dict[str, Any] = KUBERNETES["Deployment"]["spec"]["template"]["spec"]
    return spec


def container() -> dict[str, Any]:
    (one,) = pod()["containers"]
    assert isinstance(one, dict)
    return one


def pods_environment() -> dict[str, str]:
    """The environment of the pod, with its secrets."""
    secrets = KUBERNETES["Secret"]["stringData"]
    given = {}
    for one in container()["env"]:
        reference = one.get("valueFrom", {}).get("secretKeyRef")
        assert reference is None or reference["name"] == KUBERNETES["Secret"]["metadata"]["name"]
        given[one["name"]] = secrets[reference["key"]] if reference else one["value"]
    return given


def test_the_image_listens_where_it_says_and_is_not_root() -> None:
    made = settings.load(image())
    (check,) = directives("HEALTHCHECK")

    assert directives("EXPOSE") == [str(made.port)]
    assert made.host == ""
    assert directives("VOLUME") == [str(made.data)]
    assert f"http://127.0.0.1:{made.port}/healthz" in check
    assert "/healthz" in PATHS
    assert directives("USER") == ["10001"]
    assert "--uid 10001" in CONTAINERFILE
    assert CliRunner().invoke(main, [*yaml.safe_load(directives("CMD")[0]), "--help"]).exit_code == 0


def test_the_image_is_made_of_files_that_are_there_and_of_all_that_the_wheel_needs() -> None:
    taken = [line[2:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!/")]

    assert all((ROOT / name).exists() for name in taken)
    assert {"app", "fixtures/demo", "LICENSE", "README.md", "pyproject.toml", "constraints.txt"} <= set(taken)


def test_the_services_of_compose_fit_together() -> None:
    services = composed()["services"]
    ours, database = services["gantry"], services["postgres"]["environment"]
    made = settings.load(image() | ours["environment"])
    caddyfile = composed()["configs"]["caddyfile"]["content"]

    assert made.public_url == f"https://{DOT_ENV['GANTRY_HOST']}"
    user, password, name = (database[f"POSTGRES_{part}"] for part in ("USER", "PASSWORD", "DB"))
    assert made.database == f"postgresql://{user}:{password}@postgres:5432/{name}"
    assert ours["volumes"] == [f"data:{made.data}"]
    assert f"reverse_proxy gantry:{made.port} " in caddyfile
    assert caddyfile.startswith("{$GANTRY_HOST} {")
    assert services["caddy"]["environment"]["GANTRY_HOST"] == DOT_ENV["GANTRY_HOST"]
    (network,) = composed()["networks"]["default"]["ipam"]["config"]
    assert network["subnet"] in [str(one) for one in made.trusted_proxies]
    named = {volume.split(":")[0] for service in services.values() for volume in service["volumes"]}
    assert named == set(composed()["volumes"])
    assert all(name in services for service in services.values() for name in service.get("depends_on", {}))


def test_the_pod_gets_good_settings_and_its_probes_ask_what_the_server_answers() -> None:
    made = settings.load(image() | pods_environment())
    one = container()

    assert [port["containerPort"] for port in one["ports"]] == [made.port]
    probes = [one[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")]
    assert [probe["path"] for probe in probes] == ["/healthz", "/healthz", "/readyz"]
    assert {probe["path"] for probe in probes} <= PATHS
    assert {probe["port"] for probe in probes} == {one["ports"][0]["name"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in one["volumeMounts"]}
    assert made.data.is_relative_to(mounts["data"])
    assert mounts.keys() == {volume["name"] for volume in pod()["volumes"]}
    assert pod()["securityContext"]["runAsUser"] == int(directives("USER")[0])


def test_one_server_has_the_volume_and_every_selector_finds_its_pod() -> None:
    deployment = KUBERNETES["Deployment"]["spec"]
    labels = deployment["template"]["metadata"]["labels"]

    assert (deployment["replicas"], deployment["strategy"]) == (1, {"type": "Recreate"})
    assert deployment["selector"]["matchLabels"] == labels
    assert KUBERNETES["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert KUBERNETES["Service"]["spec"]["selector"] == labels
    (claim,) = [volume["persistentVolumeClaim"] for volume in pod()["volumes"] if "persistentVolumeClaim" in volume]
    assert claim["claimName"] == KUBERNETES["PersistentVolumeClaim"]["metadata"]["name"]
    (rule,) = KUBERNETES["Ingress"]["spec"]["rules"]
    backend = rule["http"]["paths"][0]["backend"]["service"]
    assert backend["name"] == KUBERNETES["Service"]["metadata"]["name"]
    assert backend["port"]["name"] in [port["name"] for port in KUBERNETES["Service"]["spec"]["ports"]]


@pytest.fixture(scope="module")
def unit() -> str:
    done = CliRunner().invoke(main, ["service", "--systemd"])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_unit_of_systemd_starts_this_command_with_good_settings(unit: str) -> None:
    lines = dict(line.split("=", 1) for line in unit.splitlines() if "=" in line and not line.startswith("#"))
    program, verb = lines["ExecStart"].split()
    made: Settings = settings.load(dict(word.split("=", 1) for word in lines["Environment"].split()))

    assert Path(program).stat().st_mode & stat.S_IXUSR
    assert verb == "serve"
    assert made.data == Path("/var/lib") / lines["StateDirectory"]
    assert lines["User"] == "gantry"


def test_the_unit_names_the_account_that_was_asked_for() -> None:
    assert "\nUser=deploy\n" in CliRunner().invoke(main, ["service", "--systemd", "--user", "deploy"]).stdout


def test_the_unit_leaves_steps_their_sandbox(unit: str) -> None:
    """What docs/security.md says of a unit, and what hides a part of /proc: then no sandbox may mount its own."""
    names = {line.partition("=")[0] for line in unit.splitlines()}

    assert not names & {
        "RestrictNamespaces", "ProtectKernelTunables", "ProtectKernelLogs", "ProtectProc", "ProcSubset",
        "ProtectControlGroups", "SystemCallFilter", "MemoryDenyWriteExecute", "PrivateUsers",
    }  # fmt: skip
    assert "\nDelegate=yes\n" in unit


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_takes_the_unit(unit: str, tmp_path: Path) -> None:
    file = tmp_path / "gantry.service"
    file.write_text(unit)

    done = subprocess.run(["systemd-analyze", "verify", file], capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")


def test_the_pages_name_no_setting_that_does_not_exist() -> None:
    known = {*settings.names(), *settings.OTHERS, "GANTRY_HOST"}
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.*"), ROOT / "compose.yaml", ROOT / "Containerfile"]
    texts = {page.name: page.read_text() for page in pages if page.suffix != ".png"}
    named = {(page, name) for page, text in texts.items() for name in re.findall(r"\bGANTRY_[A-Z_]+\b", text)}

    assert not {(page, name) for page, name in named if name not in known}
