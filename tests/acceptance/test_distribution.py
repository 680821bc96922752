"""What the package index hands out: a wheel with all that the server needs, whose version is that of the last tag."""

import os
import re
import resource
import subprocess
import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

from app import DISTRIBUTION
from tests.acceptance.server import Server
from tests.scm.repository import Repository
from tests.soon import PATIENCE

ROOT = Path(__file__).parents[2]
#: What another name in the environment tells uv, which does not read pip's.
OF_PIP = {"PIP_INDEX_URL": "UV_DEFAULT_INDEX", "PIP_CERT": "SSL_CERT_FILE"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    python("-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(folder), str(ROOT))
    (made,) = folder.iterdir()
    return made


@pytest.fixture(scope="module")
def command(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command `gantry` of an environment that holds nothing but the wheel and what the wheel asks for."""
    folder = tmp_path_factory.mktemp("installed")
    pips = {ours: os.environ[theirs] for theirs, ours in OF_PIP.items() if theirs in os.environ}
    environment = {**os.environ, **pips, "UV_TOOL_DIR": str(folder / "tools"), "UV_TOOL_BIN_DIR": str(folder / "bin")}
    python(
        "-m",
        "uv",
        "tool",
        "install",
        "-q",
        "--compile-bytecode",
        "--python",
        sys.executable,
        str(wheel),
        environment=environment,
    )
    return folder / "bin" / "gantry"


def python(*arguments: str, folder: Path | None = None, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def version_in(folder: Path) -> str:
    return python("-m", "hatchling", "version", folder=folder)


@pytest.fixture
def clone(tmp_path: Path) -> Repository:
    """A repository with what the version and a distribution are made of."""
    repository = Repository(tmp_path / "clone")
    files = {name: (ROOT / name).read_bytes() for name in ("pyproject.toml", "README.md", "LICENSE", "app/__init__.py")}
    repository.commit({**files, "fixtures/demo/README.md": b"hello\n"})
    return repository


def test_the_wheel_has_the_name_of_the_index_and_the_files_that_the_server_reads_and_no_tests(wheel: Path) -> None:
    names = ZipFile(wheel).namelist()
    there = {
        str(path.relative_to(ROOT)) for path in (ROOT / "app").rglob("*") if path.suffix in (".sql", ".html", ".sh")
    }
    demo = {f"app/cli/demo_files/{path.relative_to(ROOT / 'fixtures/demo')}" for path in _files(ROOT / "fixtures/demo")}

    assert wheel.name.startswith("gantry_server-")
    assert there | demo <= set(names)
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"app"}


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_the_demo_of_an_installed_wheel_can_be_promoted(command: Path, tmp_path: Path) -> None:
    server = Server(tmp_path, demo="true")
    server.program = (str(command),)

    with server:
        server.until(lambda: "Promote that build" in server.log.read_text(), "the demo is ready")
        words = ["build", "promote", "demo/hello", "1", "production", "-p", "VERSION=9", "--follow"]
        settings = {"GANTRY_SERVER": server.url, "GANTRY_TOKEN": server.client.headers["Authorization"].split()[1]}
        done = subprocess.run(
            [command, *words], env=server.environment | settings, capture_output=True, text=True, timeout=PATIENCE
        )

    assert done.returncode == 0, done.stderr
    assert "production serves version 9" in done.stdout
    assert f"{command} promote" in server.log.read_text()


def test_the_installed_command_says_its_version_within_a_quarter_of_a_second(command: Path, wheel: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = subprocess.run([command, "--version"], capture_output=True, text=True, check=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)

    assert said == f"gantry {wheel.name.split('-')[1]}\n"
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.25


def test_a_tag_is_the_version_and_what_follows_the_tag_is_before_the_next(clone: Repository) -> None:
    clone.git("tag", "v1.2.3")
    at_the_tag = version_in(clone.path)
    sha = clone.commit({"more": "more"})

    assert at_the_tag == "1.2.3"
    assert version_in(clone.path) == f"1.2.4.dev1+g{sha[:9]}"


def test_without_a_tag_and_without_history_there_is_a_version_too(clone: Repository, tmp_path: Path) -> None:
    clone.path.joinpath(".git").rename(tmp_path / "history")
    without_history = version_in(clone.path)
    (tmp_path / "history").rename(clone.path / ".git")

    assert without_history == "0.1.0.dev0"
    assert re.fullmatch(r"0\.1\S*\.dev1\+g[0-9a-f]+", version_in(clone.path))


def test_a_release_whose_tag_is_not_in_the_clone_is_told_its_version(clone: Repository) -> None:
    told = os.environ | {"SETUPTOOLS_SCM_PRETEND_VERSION": "2.3.4"}

    assert python("-m", "hatchling", "version", folder=clone.path, environment=told) == "2.3.4"


def test_an_sdist_keeps_the_version_that_it_was_made_with(clone: Repository, tmp_path: Path) -> None:
    clone.git("tag", "v1.2.3")
    python("-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path / "dist"), folder=clone.path)
    (made,) = (tmp_path / "dist").iterdir()
    with tarfile.open(made) as archive:
        archive.extractall(tmp_path, filter="data")
    unpacked = tmp_path / made.name.removesuffix(".tar.gz")

    assert unpacked.name == f"{DISTRIBUTION.replace('-', '_')}-1.2.3"
    assert version_in(unpacked) == "1.2.3"
    assert (unpacked / "fixtures/demo/README.md").exists()
