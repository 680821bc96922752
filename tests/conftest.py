"""What every test may use."""

import os
import signal
import ssl
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from functools import cache
from pathlib import Path

import httpcore2
import hypothesis
import pytest

from app.db.connect import Alterable, connect
from tests import postgres

ENGINE = "postgresql" if postgres.SERVER else "sqlite"
ACCEPTANCE = Path(__file__).parent / "acceptance"
#: Acceptance tests in which the database has no part that others have not.
APART = {
    *(
        "test_converters",
        "test_demo",
        "test_distribution",
        "test_extensions",
        "test_limits",
        "test_log_api",
        "test_pipelines",
    ),
    *("test_readme", "test_recorded_triggers", "test_remote_runner", "test_separation", "test_server", "test_start"),
    *("test_steps", "test_values_in_commands"),
}

#: A slow machine is no failure, and a change fails only for what it changes: the examples are the same in every run.
#: `--hypothesis-profile=searching` looks for others.
_PATIENT = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile("searching", _PATIENT)
hypothesis.settings.register_profile("patient", _PATIENT, derandomize=True)
hypothesis.settings.load_profile("patient")
_read_authorities = httpcore2.default_ssl_context
#: Where tests write if TMPDIR does not say: nothing in memory waits for the disk, which is most of what a commit takes.
MEMORY = Path("/dev/shm")
#: Bytes that must be free there: several times what the whole suite holds at once.
ROOM = 4 << 30


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--examples-ran", nargs="*", default=[], help="paths of which only the properties are left to run")


def pytest_configure() -> None:
    """Give workers and children what a process needs: interrupts, which a background job ignores, and bytecode."""
    if "TMPDIR" not in os.environ and _takes_files(MEMORY):
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None  # to be found anew
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # hundreds of processes would compile the project anew
    sys.dont_write_bytecode = False
    httpcore2.default_ssl_context = _trust


def _trust(*, _trust_env: bool = True) -> ssl.SSLContext:
    """The authorities that each HTTP client reads, also those of `httpx2.get`, which speak no TLS here: read once."""
    given = (os.environ.get(name) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"))
    return _authorities(_trust_env, *given)


@cache
def _authorities(trust_env: bool, *_: str | None) -> ssl.SSLContext:
    return _read_authorities(_trust_env=trust_env)


def _takes_files(folder: Path) -> bool:
    """Whether there is room, and programs may be run there."""
    if not folder.is_dir():
        return False
    system = os.statvfs(folder)
    return system.f_bavail * system.f_frsize >= ROOM and not system.f_flag & os.ST_NOEXEC


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what is to be run again on PostgreSQL, and leave out what has run."""
    if ran := [config.rootpath / path for path in config.getoption("--examples-ran")]:
        items[:] = [item for item in items if _is_property(item) or not any(map(item.path.is_relative_to, ran))]
    for item in items:
        acceptance = item.path.parent == ACCEPTANCE and item.path.stem not in APART
        if acceptance or {"database_url", "empty_database_url"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("postgres")


def _is_property(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and hypothesis.is_hypothesis_test(item.obj)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=[ENGINE])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, of the engine that is tested."""
    return f"sqlite:///{tmp_path / 'gantry.sqlite'}" if request.param == "sqlite" else postgres.create_database()


@pytest.fixture(params=[ENGINE])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a new database of the newest version, of the engine that is tested."""
    if request.param == "postgresql":
        with postgres.lent() as url:
            yield url
        return
    path = tmp_path / "gantry.sqlite"
    path.write_bytes(_migrated())
    yield f"sqlite:///{path}"


@cache
def _migrated() -> bytes:
    """An SQLite file of the newest version: to copy one takes less time than to migrate a new one."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gantry.sqlite"
        postgres.apart(postgres.migrated(f"sqlite:///{path}"))
        return path.read_bytes()


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Alterable]:
    """A migrated database, of the engine that is tested."""
    database = connect(database_url)
    await database.open()
    yield database
    await database.close()
