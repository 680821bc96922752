"""`gantry repo rotate-key`: another key that signs what the hook of a repository tells."""

import click

from app.cli.remote.client import Json
from app.cli.terminal import output
from app.cli.terminal.commands import command
from app.cli.terminal.options import Session, json_option, repo_path, slug_argument


@command(example="gantry repo rotate-key acme/web")
@slug_argument
@json_option
@click.pass_obj
def rotate_key(session: Session, slug: str) -> None:
    """Make another key that signs what the hook of a repository tells; the key before counts for another day.

    The webhook that Gantry has registered at the host gets it. Any other hook must be given it within the day.
    """
    with session.client() as client:
        done = client.record("POST", repo_path(slug, "hook", "rotate"))
    session.show(done, lambda one: _told(slug, one))


def _told(slug: str, done: Json) -> str:
    until = output.moment(done.get("until") or 0)
    if done.get("at_host"):
        return f"{output.line(slug)} has another key, and its host has it, too; the key before counts until {until}"
    pairs = [("Key", output.line(done.get("key", ""))), ("Before", f"the key before counts until {until}")]
    again = f"gantry repo hook {output.line(slug)} --install; a webhook made by hand: give it the key"
    return output.block([*pairs, ("Next", again)])
