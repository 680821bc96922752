"""`gantry search`: repositories, builds, commits and targets by a few words."""

import click

from app.cli.remote.client import Json
from app.cli.terminal import output
from app.cli.terminal.commands import command
from app.cli.terminal.options import Session, api_path, json_option


@command(
    example=[
        "gantry search web",
        "gantry search 'acme/web#42'",
        "gantry search 5fcb01b",
        "gantry search web production",
    ]
)
@click.argument("words", nargs=-1, required=True)
@json_option
@click.pass_obj
def search(session: Session, words: tuple[str, ...]) -> None:
    """Find a repository, a build, a commit or a target.

    WORDS are a part of a repository's name, with a build's number or a target after it, or digits of a commit (from 7).
    At most eight are found that you may read, the most exact first.
    """
    with session.client() as client:
        session.show(client.records(api_path("search"), query={"q": " ".join(words)}), _table)


def _table(found: list[Json]) -> str:
    rows = [[output.line(one.get("kind", "")), _what(one), _state(one), _link(one)] for one in found]
    return output.table(["KIND", "WHAT", "STATUS", "ADDRESS"], rows, empty="Nothing was found")


def _what(one: Json) -> str:
    slug, build, target = output.line(one.get("slug", "")), one.get("build"), output.line(one.get("target", ""))
    if build:
        return f"{slug}#{build.get('number')} {output.commit(build)}"
    return f"{slug} {target}" if target else slug


def _link(one: Json) -> str:
    return output.line(one.get("link", ""))


def _state(one: Json) -> str:
    return output.state(one["build"]) if one.get("build") else "-"
