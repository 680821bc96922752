"""Options and words that the commands of release bundles share."""

from collections.abc import Mapping

import click

from app.cli.remote import bundles
from app.cli.remote.client import Client, Json
from app.cli.terminal import output
from app.cli.terminal.progress import Progress
from app.size import text as size_text

project_option = click.option("--project", help="The project of the release bundle; without it, the one of all.")
key_option = click.option("--key", metavar="NAME", help="The key that signs; without it, the server's default.")
follow_option = click.option(
    "--follow", is_flag=True, help="Let the server work by itself, and show how far it is until it has ended."
)


def called(name: str, version: str) -> str:
    """A version in words."""
    return f"{output.line(name)} {output.line(version)}"


def counted(files: int, size: int) -> str:
    """A number of files, and their bytes together."""
    return f"{files} file{'' if files == 1 else 's'}, {size_text(size)}"


def signed_by(client: Client, key: str | None) -> Mapping[str, str]:
    """The header that names the key; NotFound when there is none of this name.

    A server without any registered key would sign with its own one, whatever the header says.
    """
    if key and key != bundles.OWN_KEY:
        client.record("GET", bundles.key_pair(key))
    return {bundles.SIGNING_KEY: key or ""}


def followed(client: Client, name: str, status: str, query: Mapping[str, str]) -> Json:
    """The status of work after its end; a terminal shows meanwhile how many files are done."""
    with Progress(name, 0, words=_files) as progress:
        return bundles.ended(client, status, query, progress.at)


def _files(count: int) -> str:
    return f"{count} files"


def mode(follow: bool) -> dict[str, str]:
    """The query that says whether the server answers before the work has ended."""
    return {"async": "true" if follow else "false"}
