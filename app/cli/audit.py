"""`gantry audit`: shows the record of who did what, and verifies that the record is unchanged."""

import json

import click

from app.cli.remote.client import Json
from app.cli.terminal import output
from app.cli.terminal.commands import group
from app.cli.terminal.options import Session, api_path, json_option, past, repo_argument, repo_path
from app.errors import AppError

#: Rows of the chain that one request asks for.
PAGE = 1000


class Broken(AppError):
    """The record was changed after it was written."""

    code = "audit_broken"


@group()
def audit() -> None:
    """See, export and verify the record of who did what."""


@audit.command("ls", example="gantry audit ls acme/web --verb build. --since 7d")
@repo_argument(from_clone=False)
@click.option("--verb", metavar="VERB", help="What was done: build.promote; or build. for all that builds know.")
@click.option("--by", "actor", metavar="LOGIN", help="Who did it.")
@click.option("--since", callback=past, metavar="TIME", help="From then on: 2026-01-31, or an age, as in 12h or 7d.")
@click.option("--until", callback=past, metavar="TIME", help="Up to then.")
@click.option("--limit", type=click.IntRange(1, 100), default=25, show_default=True, help="Rows at most.")
@json_option
@click.pass_obj
def ls(
    session: Session,
    slug: str | None,
    verb: str | None,
    actor: str | None,
    since: int | None,
    until: int | None,
    limit: int,
) -> None:
    """List what was done, the newest first: to a repository (its administrators), or on the whole server."""
    given = {"verb": verb, "actor": actor, "since": since, "until": until, "per_page": limit}
    query = {name: str(value) for name, value in given.items() if value is not None}
    path = repo_path(slug, "audit") if slug else api_path("audit")
    with session.client() as client:
        session.show(client.records(path, query=query), _table)


@audit.command(example="gantry audit export > audit.jsonl")
@click.pass_obj
def export(session: Session) -> None:
    """Print the whole record as lines of JSON, the oldest row first (administrators).

    Each line is a sealed row with its hash, in the order of the chain; what was done in the last seconds may not be
    there yet.
    """
    after = 0
    with session.client() as client:
        while True:
            query = {"per_page": str(PAGE), "cursor": f"after:{after}"}
            rows = client.records(api_path("audit", "chain"), query=query)
            for row in rows:
                output.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")))
            if len(rows) < PAGE:
                return
            after = rows[-1]["seq"]


@audit.command(example="gantry audit verify")
@json_option
@click.pass_obj
def verify(session: Session) -> None:
    """Walk the whole record and see whether anybody has changed it since; exit code 1 if so (administrators)."""
    with session.client() as client:
        verdict = client.record("GET", api_path("audit", "verify"))
    session.show(verdict, _verdict)
    if broken := verdict.get("broken"):
        raise Broken(f"the record does not hold: {broken.get('message', '')}")


def _verdict(verdict: Json) -> str:
    head = verdict.get("head") or {}
    return output.block(
        [
            ("Rows that hold", str(verdict.get("holds", ""))),
            ("Not sealed yet", str(verdict.get("unsealed", ""))),
            ("Last of them", f"{head.get('seq', '')} {output.line(head.get('hash', ''))}".strip()),
        ]
    )


def _table(rows: list[Json]) -> str:
    return output.table(
        ["TIME", "BY", "VERB", "SUBJECT", "CHANGE"],
        [
            [
                output.moment(row.get("time") or 0),
                _actor(row.get("actor") or {}),
                output.line(row.get("verb", "")),
                output.line(row.get("subject", "")),
                _change(row.get("before") or {}, row.get("after") or {}),
            ]
            for row in rows
        ],
    )


def _actor(actor: Json) -> str:
    kind, name = output.line(actor.get("kind", "")), output.line(actor.get("name", ""), 30)
    return name if kind == "person" else f"{kind} {name}".strip()


def _change(before: Json, after: Json) -> str:
    """The facts as `name: before → after`, without the parts that are absent."""
    return ", ".join(
        f"{output.line(name)}: " + " → ".join(_fact(side[name]) for side in (before, after) if name in side)
        for name in {**before, **after}
    )


def _fact(value: object) -> str:
    return output.line(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), 40)
