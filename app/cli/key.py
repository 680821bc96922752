"""`gantry key`: key pairs that sign release bundles, and public keys that are trusted."""

import sys
import time
from typing import Any

import click

from app.cli.remote.bundles import key_pair
from app.cli.remote.client import Json
from app.cli.terminal import arguments, output
from app.cli.terminal.commands import OneOf, group
from app.cli.terminal.options import Session, confirm, json_option, yes_option
from app.errors import NotFound

TYPES = ("ED25519", "ECDSA", "GPG", "RSA")


@group()
def key() -> None:
    """Keep the key pairs that sign release bundles.

    The private half of a pair is kept sealed, and never shown. A pair that was replaced or removed keeps its public
    half, so that what it has signed can be verified.
    """


@key.command("ls", example="gantry key ls --retired")
@click.option("--retired", is_flag=True, help="Those that were replaced or removed, too.")
@json_option
@click.pass_obj
def ls(session: Session, retired: bool) -> None:
    """List the key pairs; `default` signs when no pair is named, and is made when it is first needed."""
    query = {"retired": "true"} if retired else None
    with session.client() as client:
        session.show(client.records(key_pair(), query=query), _table)


@key.command(example="gantry key create releases")
@click.argument("name")
@click.option("--type", "kind", type=OneOf(TYPES, case_sensitive=False), help="Without keys, ED25519.")
@click.option("--alias", help="Another name, for people.")
@click.option(
    "--private", metavar="@FILE|-", help="A private key as PEM; without it and --public the server makes one."
)
@click.option("--public", metavar="PEM|@FILE|-", help="A public key as PEM; alone, it is trusted and signs nothing.")
@click.option("--passphrase", metavar=arguments.VALUE, help="Of the private key; without it a terminal is asked.")
@json_option
@click.pass_obj
def create(
    session: Session,
    name: str,
    kind: str | None,
    alias: str | None,
    private: str | None,
    public: str | None,
    passphrase: str | None,
) -> None:
    """Make a key pair, or upload one: Ed25519, or ECDSA on the curve P-256."""
    if [private, public, passphrase].count("-") > 1:
        raise click.UsageError("standard input can give one of --private, --public and --passphrase")
    secret = _text(private, "--private")
    body = arguments.present(
        pairName=name,
        pairType=kind,
        alias=alias,
        publicKey=_text(public, "--public"),
        privateKey=secret,
        passphrase=_passphrase(passphrase, secret),
    )
    with session.client() as client:
        client.text("POST", key_pair(), body=body)
        made = client.record("GET", key_pair(name))
    session.show(made, _block)


@key.command(example="gantry key show releases --pem > releases.pub")
@click.argument("name")
@click.option("--keyid", metavar="ID", help="One of its keys by the beginning of its id, retired ones included.")
@click.option("--pem", is_flag=True, help="Only the public key, for `gantry bundle verify --key FILE`.")
@json_option
@click.pass_obj
def show(session: Session, name: str, keyid: str | None, pem: bool) -> None:
    """Show the public half of a key pair."""
    with session.client() as client:
        pair = (
            client.record("GET", key_pair(name))
            if keyid is None
            else _one(client.records(key_pair(), query=_ALL), name, keyid)
        )
    session.show(pair, (lambda shown: str(shown.get("publicKey", "")).strip()) if pem else _block)


@key.command(example="gantry key rotate releases")
@click.argument("name")
@json_option
@click.pass_obj
def rotate(session: Session, name: str) -> None:
    """Replace a key pair by a new one; what the old one has signed can still be verified."""
    with session.client() as client:
        session.show(client.record("POST", key_pair(name, "rotate")), _block)


@key.command(example="gantry key rm releases")
@click.argument("name")
@click.option(
    "--forget",
    is_flag=True,
    help="All its public keys, too: what they have signed cannot be verified any more.",
)
@yes_option
@json_option
@click.pass_obj
def rm(session: Session, name: str, forget: bool, yes: bool) -> None:
    """Remove a key pair: it signs nothing more, and its private half is erased."""
    confirm(f"Remove the key pair {name}{', and all that verifies what it has signed' if forget else ''}?", yes)
    with session.client() as client:
        client.text("DELETE", key_pair(name), query={"forget": "true"} if forget else None)
    session.tell(f"Key pair {output.line(name)} is removed")


_ALL = {"retired": "true"}


def _one(pairs: list[Json], name: str, keyid: str) -> Json:
    found = [pair for pair in pairs if pair.get("pairName") == name and str(pair.get("keyId")).startswith(keyid)]
    if len(found) != 1:
        raise NotFound(f"{len(found) or 'none'} of the keys of {name} begin with {keyid}: see gantry key ls --retired")
    return found[0]


def _text(given: str | None, option: str) -> str | None:
    return None if given is None else arguments.text(given, option, "give the key as PEM")


def _passphrase(given: str | None, private: str | None) -> str | None:
    """The passphrase that is given; at a terminal, an encrypted key asks for one."""
    if given is not None:
        return arguments.read_value(given)
    if private is None or "ENCRYPTED" not in private or not sys.stdin.isatty():
        return None
    return str(click.prompt("Passphrase", hide_input=True, err=True))


def _table(pairs: list[Json]) -> str:
    now = time.time()
    return output.table(
        ["NAME", "TYPE", "KEY ID", "CREATED", "RETIRED"],
        [
            [
                output.line(pair.get("pairName", "")),
                output.line(pair.get("pairType", "")),
                output.short(pair.get("keyId", ""), 16) or "-",
                output.ago(pair.get("created") or 0, now),
                output.ago(pair.get("retired") or 0, now),
            ]
            for pair in pairs
        ],
    )


def _block(pair: Any) -> str:
    known = output.block(
        [
            ("Name", output.line(pair.get("pairName", ""))),
            ("Type", output.line(pair.get("pairType", ""))),
            ("Alias", output.line(pair.get("alias", ""))),
            ("Key id", output.line(pair.get("keyId", ""))),
            ("Created", output.moment(pair.get("created") or 0)),
            ("Retired", output.moment(pair["retired"]) if pair.get("retired") else ""),
        ]
    )
    return f"{known}\n{output.printable(str(pair.get('publicKey', '')).strip())}".rstrip()
