"""`gantry login` and `gantry logout`: keep the token of a server, and forget it."""

import ipaddress
import os
import re
import sys
from urllib.parse import urlsplit

import click

from app.cli.remote import contexts
from app.cli.remote.client import Client, Connection, Refused, is_address
from app.cli.remote.contexts import Context
from app.cli.terminal import output
from app.cli.terminal.commands import command
from app.cli.terminal.options import SERVER_VARIABLES, TOKEN_VARIABLES, Session, json_option
from app.errors import NotFound, Unauthorized


def context_name(value: str) -> str:
    """A name of a context: letters, digits and `.:_-`."""
    if not re.fullmatch(r"[\w.:\[\]-]{1,100}", value):
        raise click.BadParameter(f"{value!r} cannot be a name: write letters, digits, dots or hyphens")
    return value


def _address(value: str) -> str:
    server = value.strip().rstrip("/")
    if not is_address(server):
        raise click.BadParameter(f"{value!r} is no address of a server: write one as in https://ci.example.com")
    return server


@command(
    example=[
        "gantry login https://ci.example.com",
        "gantry login https://ci.example.com --name production --token-stdin < token.txt",
    ]
)
@click.argument("url", type=_address)
@click.option("--name", type=context_name, help="The name of the context; else the server's host.")
@click.option("--token-stdin", is_flag=True, help="Read the token from standard input, rather than ask for it.")
@json_option
@click.pass_obj
def login(session: Session, url: str, name: str | None, token_stdin: bool) -> None:
    """Keep the token of a server, and use that server from now on.

    The token is tried before it is kept. It is kept in a file of yours that no other user can read, under a name:
    see gantry context. The variables GANTRY_SERVER and GANTRY_TOKEN win over what is kept.
    """
    kept = contexts.read()
    if url.startswith("http:") and not _is_loopback(url):
        output.write(f"Warning: {url} is plain http: whoever is on the way can read your token", err=True)
    token = _token(token_stdin)
    account = _account(Connection.checked(url, token))
    called = name or urlsplit(url).netloc
    contexts.write(kept.with_(called, Context(url, token)))
    session.show(
        {"name": called, "server": url, "login": account},
        lambda _: f"Logged in to {url} as {output.line(account)}; context {called}, kept in {contexts.path()}",
    )
    for variable in (*SERVER_VARIABLES, *TOKEN_VARIABLES):
        if os.environ.get(variable):
            output.write(f"Note: {variable} is set, and wins over what is kept", err=True)


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _token(from_stdin: bool) -> str:
    if from_stdin:
        token = sys.stdin.readline().strip()
    elif sys.stdin.isatty():
        token = str(click.prompt("Token of your account", hide_input=True, err=True)).strip()
    else:
        raise click.UsageError("there is no terminal to ask for the token at: give it on standard input, --token-stdin")
    if not token:
        raise click.UsageError("the token is empty")
    return token


def _account(connection: Connection) -> str:
    """The login of the token's account; Unauthorized."""
    try:
        with Client(connection) as client:
            return str(client.record("GET", "/api/user").get("login", ""))
    except Refused as error:
        if error.status != 401:
            raise
        raise Unauthorized(f"{connection.server} does not know this token; nothing is kept") from error


@command(example=["gantry logout", "gantry logout production"])
@click.argument("name", type=context_name, required=False, metavar="[NAME]")
@json_option
@click.pass_obj
def logout(session: Session, name: str | None) -> None:
    """Forget the token of a server: of the context in use, or another.

    The token itself stays good. End it, before or elsewhere, with gantry token rm.
    """
    kept = contexts.read()
    if not (gone := name or kept.current):
        raise NotFound("no context is in use; name one of: " + (", ".join(kept.known) or "none is kept"))
    contexts.write(kept.without(gone))
    session.tell(f"The token of context {gone} is forgotten here; it stays good: end it with gantry token rm")
