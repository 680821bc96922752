"""A temporary database on a PostgreSQL server; other databases are not changed."""

import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit, urlunsplit

from app.cli.bench.load import BenchFailed


@contextmanager
def scratch(url: str) -> Iterator[str]:
    """The address of a new, empty database on the server of `url`; the database is deleted when the block ends.

    Its owner is the user of `url`, who must be allowed to create databases.
    """
    name = f"gantry_bench_{secrets.token_hex(6)}"
    _client("createdb", url, name)
    try:
        yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    finally:
        _client("dropdb", url, "--force", name)


def _client(program: str, url: str, *arguments: str) -> None:
    """Run a client program of PostgreSQL; the password is in its environment, where other users cannot see it."""
    parts = urlsplit(url)
    given = {
        "PGHOST": parts.hostname,
        "PGPORT": parts.port,
        "PGUSER": parts.username and unquote(parts.username),
        "PGPASSWORD": parts.password and unquote(parts.password),
    }
    environment = {**os.environ, **{name: str(value) for name, value in given.items() if value}}
    database = unquote(parts.path.removeprefix("/")) or "postgres"
    command = [program, "--no-password", f"--maintenance-db={database}", *arguments]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise BenchFailed(f"{program} is not installed: it comes with PostgreSQL's client programs") from error
    if done.returncode:
        raise BenchFailed(done.stderr.strip())
