"""`gantry sign`: makes the signature that the pipeline file of a protected repository must have."""

import stat
from pathlib import Path

import click

from app.cli import atomic
from app.cli.remote.client import Json
from app.cli.terminal import arguments, output
from app.cli.terminal.commands import command
from app.cli.terminal.options import Session, json_option, repo_path, slug_argument
from app.errors import Invalid


@command(example="gantry sign acme/web --save")
@slug_argument
@click.argument("file", default=".drone.yml")
@click.option("--save", is_flag=True, help="Write the signature into the file; one that is there is replaced.")
@json_option
@click.pass_obj
def sign(session: Session, slug: str, file: str, save: bool) -> None:
    """Sign the pipeline file of a protected repository.

    FILE is .drone.yml unless it is arguments. Without --save, the signature's hmac is printed.
    """
    text = arguments.content(file, file, "save it as UTF-8")
    _refuse_sources(file, text)
    with session.client() as client:
        answer = client.record("POST", repo_path(slug, "sign"), body={"data": text})
    if save:
        _save(Path(file).resolve(), text, answer)
    session.show(answer, lambda signed: f"signed: {file}" if save else output.line(signed.get("data", "")))


def _refuse_sources(file: str, text: str) -> None:
    from app.convert.convert import converts

    if converts(file, text):
        raise Invalid(
            f"{file} is converted when a build begins, and a signature counts in what it makes, not in the file: "
            "only plain YAML can be signed"
        )


def _save(path: Path, text: str, answer: Json) -> None:
    from app.pipeline import signature

    try:
        atomic.write(path, signature.signed(text, answer["data"]), stat.S_IMODE(path.stat().st_mode))
    except OSError as error:
        raise Invalid(f"cannot write {path}: {error.strerror}") from error
