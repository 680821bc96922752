"""The files of `pipelines/` really run, each in a repository of its own, by the commands that its comment tells."""

import asyncio
import hmac
import inspect
import re
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from app.convert.convert import Converter, Facts
from app.pipeline.document import parse
from app.pipeline.event import Event
from app.pipeline.plan import plan
from tests.acceptance.server import Server
from tests.acceptance.site import FOLDER, PROJECT, Site

GANTRY = "gantry.yml"
PAGE = "<title>First</title>\n"
#: Stands for what takes minutes: tests of tests that run themselves would never end.
MAKEFILE = ".venv/dev check test: ; @echo made $@\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    everything, packages = tmp_path_factory.getbasetemp(), tmp_path_factory.mktemp("packages")
    _keep_backend(packages)
    offline = f"PIP_NO_INDEX:1,PIP_FIND_LINKS:{packages}"
    folder = tmp_path_factory.mktemp("pipelines")
    with Server(folder, git_roots=str(everything), runner_environ=offline) as server:
        yield server


FILES = {path.stem: path for path in sorted(FOLDER.rglob("*"))}


def _site(request: pytest.FixtureRequest) -> Site:
    file = FILES[str(request.fixturename).replace("_", "-")].name
    return Site(request.getfixturevalue("server"), request.getfixturevalue("tmp_path"), file, request.node.name)


# One for each file; its name is the file's.
gantry = pytest.fixture(_site, name="gantry")
parallel_steps = pytest.fixture(_site, name="parallel_steps")
promote = pytest.fixture(_site, name="promote")
regions = pytest.fixture(_site, name="regions")
rollback = pytest.fixture(_site, name="rollback")
staging_before_production = pytest.fixture(_site, name="staging_before_production")


def _outcome(build: Any) -> list[str]:
    """How a build and, with their steps in order, its stages ended."""
    return [f"{build['event']} {build['status']}", *map(_stage_outcome, build["stages"])]


def _stage_outcome(stage: Any) -> str:
    steps = ", ".join(f"{step['name']} {step['status']}" for step in stage.get("steps", []))
    return f"{stage['name']} {stage['status']}: {steps}"


def test_every_file_is_exercised_below() -> None:
    tests = [test for name, test in globals().items() if name.startswith("test_")]
    used = [one for test in tests for one in inspect.signature(test).parameters.values()]
    exercised = {one.name.replace("_", "-") for one in used if one.annotation is Site}

    assert FILES.keys() == exercised
    assert len(FILES) == len(list(FOLDER.rglob("*")))


@pytest.mark.parametrize("path", FILES.values(), ids=lambda path: path.name)
def test_every_file_is_sound_says_what_to_type_and_pastes_no_value(path: Path) -> None:
    text = path.read_text()

    assert parse(_made(path.name, "push")).pipelines
    assert "\n#   gantry " in re.split(r"^(?!#)", text, maxsplit=1, flags=re.MULTILINE)[0]
    assert not re.search(r"(?<!\$)\$\{", text)


def _made(file: str, event: str, **params: str) -> str:
    """The YAML of a file for an event."""
    facts = Facts({"event": event, "params": params})
    return asyncio.run(Converter(_no_template).convert(file, (FOLDER / file).read_text(), facts, _no_import))


async def _no_template(_namespace: str, _scm: str, _name: str) -> None:
    return None


async def _no_import(path: str) -> str:
    raise AssertionError(path)


PUSH = Event("push", "acme/web", branch="main", ref="refs/heads/main")
TAG = Event("tag", "acme/web", ref="refs/tags/v1", action="create")
PULL = Event("pull_request", "acme/web", branch="main", ref="refs/pull/1/head", action="opened")


def _deployment(kind: str, target: str) -> Event:
    return Event(kind, "acme/web", branch="main", ref="refs/heads/main", target=target)


@pytest.mark.parametrize(
    ("file", "event", "expected"),
    [
        (GANTRY, PUSH, {"test": ()}),
        (GANTRY, TAG, {"test": ()}),
        (GANTRY, PULL, {"test": ()}),
        (GANTRY, _deployment("promote", "release"), {"release": ()}),
        (GANTRY, _deployment("promote", "production"), {}),
        (GANTRY, _deployment("rollback", "release"), {}),
        ("promote.yml", PUSH, {"test": ()}),
        ("promote.yml", _deployment("promote", "staging"), {"deploy": ()}),
        ("promote.yml", _deployment("rollback", "production"), {"deploy": ()}),
        ("promote.yml", _deployment("promote", "../production"), {}),
        ("staging-before-production.yml", PUSH, {"test": ()}),
        (
            "staging-before-production.yml",
            _deployment("promote", "staging"),
            {"staging": (), "smoke-test": ("staging",)},
        ),
        (
            "staging-before-production.yml",
            _deployment("promote", "production"),
            {"staging": (), "smoke-test": ("staging",), "production": ("smoke-test",)},
        ),
        ("staging-before-production.yml", _deployment("rollback", "production"), {}),
        ("rollback.yml", PUSH, {"test": ()}),
        ("rollback.yml", _deployment("promote", "production"), {"release": ()}),
        ("rollback.yml", _deployment("rollback", "production"), {"go-back": ()}),
        ("parallel-steps.yml", PUSH, {"site": ()}),
        ("parallel-steps.yml", _deployment("promote", "production"), {}),
    ],
)
def test_an_event_starts_what_the_file_promises(file: str, event: Event, expected: dict[str, Any]) -> None:
    planned = plan(parse((FOLDER / file).read_text()), event)

    assert {stage.name: stage.depends_on for stage in planned.stages} == expected


@pytest.mark.parametrize(
    ("event", "params", "expected"),
    [
        ("push", {}, {"test": ()}),
        ("promote", {"REGIONS": "eu"}, {"deploy-eu": (), "compare": ("deploy-eu",)}),
        ("rollback", {"REGIONS": "us,eu"}, {"deploy-us": (), "deploy-eu": (), "compare": ("deploy-us", "deploy-eu")}),
    ],
)
def test_parameters_start_what_the_file_promises(event: str, params: dict[str, str], expected: dict[str, Any]) -> None:
    planned = plan(parse(_made("regions.star", event, **params)), Event(event, "acme/web"))

    assert {stage.name: stage.depends_on for stage in planned.stages} == expected


def test_a_promotion_goes_to_the_regions_that_it_names(regions: Site) -> None:
    sha = regions.repository.commit({regions.file: regions.text, "index.html": PAGE})
    assert regions.enter("gantry repo add").returncode == 0
    assert _outcome(regions.push(sha)) == ["push success", "test success: clone success, page success"]

    followed = regions.enter("gantry promote")

    assert followed.returncode == 0, followed.stdout + followed.stderr
    assert _outcome(regions.finished(2)) == [
        "promote success",
        "deploy-eu success: clone success, copy success",
        "deploy-us success: clone success, copy success",
        "compare success: clone success, eu success, us success",
    ]
    assert sorted(path.name for path in (regions.folder / "depot/production").iterdir()) == ["eu", "us"]
    refused = regions.promote(1, "production", REGIONS="eu,moon")
    reason = 'starlark: fail: there is no region "moon"; say where to, as in -p REGIONS=ap,eu,us (.drone.star:'
    assert (refused["status"], refused["error"][: len(reason)]) == ("error", reason)


def _package(depot: Path) -> str:
    """The page in the package of a depot, whose signature must be right."""
    package = depot / "site.tar"
    signature = hmac.new(b"k3y-of-acme", package.read_bytes(), "sha256").hexdigest()
    assert (depot / "site.tar.hmac").read_text() == signature + "\n"
    with tarfile.open(package) as tar:
        page = tar.extractfile("index.html")
        assert page is not None
        return page.read().decode()


def test_a_promotion_puts_a_signed_package_into_the_depot_and_a_rollback_an_older_one(promote: Site) -> None:
    (promote.folder / "key.txt").write_text("k3y-of-acme")
    depot = promote.folder / "depot/production"

    assert _outcome(promote.begin({"index.html": PAGE})) == [
        "push success",
        "test success: clone success, page success",
    ]
    assert promote.enter("gantry secret add").returncode == 0
    followed = promote.enter("gantry promote")
    assert followed.returncode == 0, followed.stdout + followed.stderr
    assert f"packing version 1.4 of {promote.slug} for production, from build 1" in followed.stdout
    first = promote.finished(2)
    assert _outcome(first) == [
        "promote success",
        "deploy success: clone success, package success, sign success, publish success",
    ]
    assert _package(depot) == PAGE

    pushed = promote.commit({"index.html": "<title>Second</title>"})
    promote.promote(pushed["number"], "production", **first["params"] | {"VERSION": "1.5"})
    assert _package(depot) == "<title>Second</title>"

    assert promote.enter("gantry rollback").returncode == 0
    back = promote.finished(5)
    assert (back["event"], back["parent"], back["params"]) == ("rollback", 2, first["params"])
    assert "packing version 1.4" in promote.log(back, "deploy", "package")
    assert _package(depot) == PAGE


def test_without_the_secret_nothing_is_published_and_a_parameter_is_never_run(promote: Site) -> None:
    promote.begin({"index.html": PAGE})
    trap = promote.folder / "trap"
    version = f'1"; touch {trap}; echo "$(touch {trap}) `touch {trap}`'

    build = promote.promote(1, "production", DEPOT=str(promote.folder / "depot"), VERSION=version)

    assert _outcome(build) == [
        "promote failure",
        "deploy failure: clone success, package success, sign failure, publish skipped",
    ]
    assert "add the secret signing_key first" in promote.log(build, "deploy", "sign")
    assert f"packing version {version} of" in promote.log(build, "deploy", "package")
    assert not trap.exists()
    assert not (promote.folder / "depot").exists()


def test_a_version_goes_over_staging_to_production(staging_before_production: Site) -> None:
    site = staging_before_production
    sha = site.begin({"index.html": PAGE})["after"]

    assert site.enter("gantry promote acme/web 1 staging").returncode == 0
    staged = site.finished(2)
    on_staging = ["staging success: clone success, deploy success", "smoke-test success: release success, page success"]
    assert _outcome(staged) == ["promote success", *on_staging]
    assert (site.folder / "www/staging/release").read_text() == f"1.4 {sha}\n"
    assert not (site.folder / "www/production").exists()

    assert site.enter("gantry promote acme/web 2 production").returncode == 0
    build = site.finished(3)
    assert _outcome(build) == ["promote success", *on_staging, "production success: clone success, deploy success"]
    assert (build["parent"], build["params"], build["after"]) == (2, staged["params"], sha)
    assert "version 1.4 is in production, promoted by octocat from build 2" in site.log(build, "production", "deploy")
    for file in ("index.html", "release"):
        assert (site.folder / "www/production" / file).read_text() == (site.folder / "www/staging" / file).read_text()


def test_what_fails_on_staging_never_reaches_production(staging_before_production: Site) -> None:
    site = staging_before_production
    site.begin({"index.html": "a page without a title"})

    build = site.promote(1, "production", WWW=str(site.folder / "www"), VERSION="1.4", STAGED="yes")

    assert _outcome(build) == [
        "promote failure",
        "staging success: clone success, deploy success",
        "smoke-test failure: release success, page failure",
        "production skipped: ",
    ]
    assert not (site.folder / "www/production").exists()


#: Two targets that wait for each other: they end only when they run at one moment.
TOGETHER = """
lint: ; @touch ../lint; until test -e ../unit; do sleep 0.02; done; echo a fault; exit 1
unit: ; @touch ../unit; until test -e ../lint; do sleep 0.02; done; echo no fault
"""
BROKEN = "lint unit: ; @echo $@ is broken; exit 1\n"


def test_steps_run_at_one_moment_beside_their_service(parallel_steps: Site) -> None:
    build = parallel_steps.begin({"public/index.html": PAGE, "Makefile": TOGETHER})

    assert _outcome(build) == [
        "push success",
        "site success: clone success, server success, lint failure, unit success, page success, "
        "package success, notify skipped",
    ]
    shown = parallel_steps.enter("gantry log")
    assert (shown.returncode, PAGE in shown.stdout) == (0, True)
    assert '"GET / HTTP/1.1" 200' in parallel_steps.log(build, "site", "server")
    assert "public/index.html" in parallel_steps.log(build, "site", "package")


def test_a_failure_that_is_not_ignored_leaves_out_what_follows_and_is_told(parallel_steps: Site) -> None:
    build = parallel_steps.begin({"public/index.html": PAGE, "Makefile": BROKEN})

    assert _outcome(build) == [
        "push failure",
        "site failure: clone success, server success, lint failure, unit failure, page success, "
        "package skipped, notify success",
    ]
    link = f"{parallel_steps.server.url}/{parallel_steps.slug}/1"
    told = f"build 1 of {parallel_steps.slug} has failed in unit, see {link}\n"
    assert told in parallel_steps.log(build, "site", "notify")


def test_a_rollback_points_back_at_an_older_release_without_a_clone(rollback: Site) -> None:
    sha = rollback.begin({"index.html": PAGE})["after"]
    page = rollback.folder / "www/production/index.html"

    assert rollback.enter("gantry promote").returncode == 0
    released = rollback.finished(2)
    assert _outcome(released) == ["promote success", "release success: clone success, unpack success, switch success"]
    assert page.read_text() == PAGE
    rollback.commit({"index.html": "<title>Second</title>"})
    rollback.promote(3, "production", **released["params"] | {"VERSION": "1.5"})
    assert page.read_text() == "<title>Second</title>"

    assert rollback.enter("gantry rollback").returncode == 0
    back = rollback.finished(5)
    assert _outcome(back) == ["rollback success", "go-back success: find success, switch success"]
    told = f"production goes back to build 2, version 1.4, commit {sha}\n"
    assert told in rollback.log(back, "go-back", "find")
    assert page.read_text() == PAGE


def test_there_is_no_way_back_to_what_was_never_released(rollback: Site) -> None:
    rollback.begin({"index.html": PAGE})
    query = {"target": "production", "WWW": str(rollback.folder / "www")}

    made = rollback.server.json("POST", f"/api/repos/{rollback.slug}/builds/1/rollback", params=query)

    build = rollback.finished(made["number"])
    assert _outcome(build) == ["rollback failure", "go-back failure: find failure, switch skipped"]
    assert "it was never released, promote it instead" in rollback.log(build, "go-back", "find")


#: Stands for the one package that building the wheel takes from a registry.
BACKEND = """
import os, pathlib, tomllib, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = tomllib.loads(pathlib.Path("pyproject.toml").read_text())["project"]["name"]
    version = os.environ.get("SETUPTOOLS_SCM_PRETEND_VERSION", "0.1.dev0")
    stem = "-".join((name.replace("-", "_"), version))
    with zipfile.ZipFile(pathlib.Path(folder, stem + "-py3-none-any.whl"), "w") as wheel:
        about = "Metadata-Version: 2.1\\nName: {}\\nVersion: {}\\n"
        wheel.writestr(stem + ".dist-info/METADATA", about.format(name, version))
        wheel.writestr(stem + ".dist-info/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
        for path in sorted(pathlib.Path("app").rglob("*.py")):
            wheel.write(path)
    return stem + "-py3-none-any.whl"
"""


def _keep_backend(packages: Path) -> None:
    """Put the build backend of pyproject.toml where pip finds it without a network."""
    for name, version, files in (("hatchling", "1.27.0", {"hatchling/build.py": BACKEND}), ("hatch_vcs", "0.5.0", {})):
        with zipfile.ZipFile(packages / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
            about = f"{name}-{version}.dist-info"
            files |= {
                f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
                f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
                f"{about}/RECORD": "",
            }
            for path, text in files.items():
                wheel.writestr(path, text)


def _checkout(site: Site) -> str:
    """Commit this project, as far as a wheel needs it, with a Makefile that does nothing; the commit."""
    for name in ("app", "pipelines"):
        shutil.copytree(PROJECT / name, site.repository.path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, site.repository.path)
    return site.repository.commit({"Makefile": MAKEFILE})


def test_a_push_of_the_project_is_checked_and_tested_and_a_promotion_builds_its_wheel(gantry: Site) -> None:
    sha = _checkout(gantry)
    gantry.text = gantry.text.replace("https://git.example.com/acme/gantry.git", gantry.repository.url)
    assert gantry.enter("gantry repo add").returncode == 0

    pushed = gantry.push(sha)

    assert _outcome(pushed) == [
        "push success",
        "test success: clone success, setup success, check success, test success",
    ]
    made = {step: f"made {target}\n" for step, target in (("setup", ".venv/dev"), ("check", "check"), ("test", "test"))}
    assert all(text in gantry.log(pushed, "test", step) for step, text in made.items())

    followed = gantry.enter("gantry promote")
    assert followed.returncode == 0, followed.stdout + followed.stderr
    build = gantry.finished(2)
    assert _outcome(build) == [
        "promote success",
        "release success: clone success, version success, wheel success, keep success",
    ]
    told = f"a snapshot of main, commit {sha}"
    assert told in gantry.log(build, "release", "version")
    [wheel] = (gantry.folder / "wheels").iterdir()
    assert wheel.name == "gantry_server-0.1.dev0-py3-none-any.whl"
    assert sha256(wheel.read_bytes()).hexdigest() in gantry.log(build, "release", "wheel")
    assert "app/cli/build.py" in zipfile.ZipFile(wheel).namelist()


def test_a_release_of_a_tag_is_the_version_that_the_tag_names(gantry: Site) -> None:
    sha = _checkout(gantry)
    gantry.server.register(gantry.repository.url, gantry.slug, config_path="pipelines/gantry.yml")
    right, wrong = "v1.2.3", "latest"
    for tag in (right, wrong):
        gantry.repository.git("tag", tag)
        assert _outcome(gantry.push(sha, f"refs/tags/{tag}"))[0] == "tag success"

    good, bad = (gantry.promote(number, "release") for number in (1, 2))

    assert _outcome(good)[0] == "promote success"
    assert f"version 1.2.3, tag {right}, commit {sha}" in gantry.log(good, "release", "version")
    log = gantry.log(good, "release", "wheel")
    assert "gantry_server-1.2.3-py3-none-any.whl" in log
    assert "sha256:" in log
    assert "not kept" in gantry.log(good, "release", "keep")
    assert _outcome(bad) == [
        "promote failure",
        "release failure: clone success, version failure, wheel skipped, keep skipped",
    ]
    assert f"tag {wrong} names no version" in gantry.log(bad, "release", "version")


def test_the_project_s_makefile_knows_what_its_pipeline_makes() -> None:
    commands = [c for p in parse((FOLDER / GANTRY).read_text()).pipelines for s in p.steps for c in s.commands]
    targets = [command.removeprefix("make ") for command in commands if command.startswith("make ")]

    assert targets == [".venv/dev", "check", "test"]
    subprocess.run(["make", "-n", *targets], cwd=PROJECT, check=True, capture_output=True)
