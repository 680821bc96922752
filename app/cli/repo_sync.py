"""`gantry repo sync`: synchronises the caller's repositories with git hosts, and tells how far that is."""

import time
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread

import click

from app.cli.remote.client import PATIENT, Client, Connection, Json, Refused, Unreachable
from app.cli.terminal import output
from app.cli.terminal.progress import StatusLine
from app.errors import AppError

PATH, ACCOUNT = "/api/user/repos", "/api/user"
#: Seconds between two looks how far it is, and without any answer after which the command gives up.
PAUSE, PATIENCE = 1.0, 120.0
LATER = "The server goes on; gantry whoami shows how far it is, and gantry repo ls what came"


def synchronise(connection: Connection, line: StatusLine) -> list[Json]:
    """All repositories of the caller, once the hosts have told of them: however long that takes.

    The first error of a host is raised. Unreachable when the server does not answer any more.
    """
    try:
        return _followed(connection, line)
    except KeyboardInterrupt:
        line.clear()
        output.write(f"\nStopped waiting. {LATER}", err=True)
        raise click.exceptions.Exit(130) from None
    finally:
        line.clear()


def _followed(connection: Connection, line: StatusLine) -> list[Json]:
    ended = _asked(connection)
    with Client(connection) as client:
        heard = time.monotonic()
        while True:
            with suppress(Empty):  # not ended yet
                answer = ended.get(timeout=PAUSE)
                break
            with suppress(AppError):  # the answer to the synchronisation itself counts
                _show(client, line)
                heard = time.monotonic()
            if time.monotonic() - heard > PATIENCE:
                raise Unreachable(f"{connection.server} does not answer. {LATER}")
        if not isinstance(answer, AppError):
            return answer
        if not _is_of_the_way(answer) or not _show(client, line):
            raise answer
        while _show(client, line):  # a proxy was less patient than the server
            time.sleep(PAUSE)
        return client.records(PATH)


def _asked(connection: Connection) -> "SimpleQueue[list[Json] | AppError]":
    """Ask for the synchronisation in a thread that ends with the process; the answer, or the error, comes later."""
    ended = SimpleQueue[list[Json] | AppError]()

    def ask() -> None:
        try:
            with Client(connection, timeout=PATIENT) as client:
                ended.put(client.sent("POST", PATH))
        except AppError as error:
            ended.put(error)

    Thread(target=ask, daemon=True).start()
    return ended


def _is_of_the_way(error: AppError) -> bool:
    """Whether the server may work on, although there was an error."""
    return isinstance(error, Unreachable | Refused) and error.passing


def _show(client: Client, line: StatusLine) -> bool:
    """Show how far it is at each host; whether the server works on."""
    user = client.record("GET", ACCOUNT)
    hosts = [host for host in user.get("hosts") or () if host.get("syncing")]
    if hosts:
        told = ", ".join(f"{host.get('host', '')}: {host.get('repositories', 0)} repositories" for host in hosts)
        line.show(output.line(f"{told} so far"))
    return bool(user.get("syncing"))
