"""`gantry encrypt`: encrypts a value for a pipeline file, so that only this repository's pipelines can read it."""

import click

from app.cli.terminal import arguments, output
from app.cli.terminal.commands import command
from app.cli.terminal.options import Session, json_option, repo_path, slug_argument


@command(example="gantry encrypt acme/web @key.txt")
@slug_argument
@arguments.value_argument
@json_option
@click.pass_obj
def encrypt(session: Session, slug: str, given: str | None) -> None:
    """Encrypt a value for a pipeline file.

    What is printed is the data of a document of kind secret, which only this repository's pipelines can read.

    Other users of this machine can see a value on the command line: prefer @FILE, taken as it is, or standard
    input, of which one line end is removed. Without a value a terminal is asked.
    """
    body = {"data": arguments.read_value(given)}
    with session.client() as client:
        answer = client.record("POST", repo_path(slug, "encrypt"), body=body)
    session.show(answer, lambda _: output.line(answer.get("data", "")))
