"""`gantry repo credentials`: what the host of a private repository wants to see. The server never returns a secret."""

import time
from typing import Any

import click

from app.cli.remote.client import Json
from app.cli.terminal import arguments, options, output
from app.cli.terminal.commands import OneOf, command
from app.cli.terminal.options import Session, json_option, repo_path, slug_argument, yes_option


@command(example="gantry repo credentials acme/web set --name bot --token @token")
@slug_argument
@click.argument("action", type=OneOf(["set", "show", "rm"]))
@click.option("--name", help="With set, of an https:// address: the login at the host.")
@click.option("--token", metavar=arguments.VALUE, help="With set: the token or password of the login; else asked for.")
@click.option("--key", metavar="@FILE|-", help="With set, of an ssh:// address: the private key.")
@click.option("--known-hosts", metavar="@FILE", help="With set: the host's keys, as ssh-keyscan prints them.")
@yes_option
@json_option
@click.pass_obj
def credentials(
    session: Session,
    slug: str,
    action: str,
    name: str | None,
    token: str | None,
    key: str | None,
    known_hosts: str | None,
    yes: bool,
) -> None:
    """Set, show or remove the credentials of a private repository of plain git.

    An https:// address takes --name and --token, an ssh:// address --key and --known-hosts. Other users of this
    machine can see a value on the command line: prefer @FILE or - (standard input). Compare what ssh-keyscan prints
    with what the host's administrator says before you believe it. `gantry repo repair` then tells whether they work.
    """
    given = (name, token, key, known_hosts)
    if action != "set" and any(value is not None for value in given):
        raise click.UsageError(f"{action} takes no credentials; only set does")
    path = repo_path(slug, "credentials")
    body = _body(*given) if action == "set" else None
    if action == "rm":
        options.confirm(f"Remove the credentials of {slug}?", yes)
    with session.client() as client:
        if action == "rm":
            client.send("DELETE", path)
            session.tell(f"The credentials of {slug} are removed")
        elif body is not None:
            session.show(client.record("PUT", path, body=body), _block)
        else:
            session.show(client.record("GET", path), _block)


def _body(name: str | None, token: str | None, key: str | None, known_hosts: str | None) -> Json:
    """The credentials that were given, read from where they are; UsageError for a mixture."""
    of_ssh, of_https = (key, known_hosts), (name, token)
    if any(value is not None for value in of_ssh):
        if any(value is not None for value in of_https):
            raise click.UsageError(
                "give --name and --token, or --key and --known-hosts: an address takes one of the two"
            )
        if key is None or known_hosts is None:
            raise click.UsageError("give both --key and --known-hosts: a host is believed by its pinned keys alone")
        way_out = "give the file that ssh-keygen or ssh-keyscan wrote"
        return {
            "key": arguments.text(key, "the key", way_out),
            "known_hosts": arguments.text(known_hosts, "the host's keys", way_out),
        }
    if name is None:
        raise click.UsageError("give --name and --token, or --key and --known-hosts")
    value = arguments.read_value(token)
    return {"name": name, "token": value.rstrip("\r\n")}


def _block(found: Any) -> str:
    is_key = found.get("kind") == "ssh"
    return output.block(
        [
            ("Kind", output.line(found.get("kind", ""))),
            ("Key" if is_key else "Name", output.line(found.get("name", ""))),
            ("Fingerprint", output.line(found.get("fingerprint", ""))),
            ("Set", output.ago(found.get("updated") or 0, time.time())),
        ]
    )
