"""`gantry chat`: the people of chats who act with your account."""

import time

import click

from app.cli.remote.client import Json
from app.cli.terminal import options, output
from app.cli.terminal.commands import group
from app.cli.terminal.options import Session, api_path, json_option, yes_option

_TITLES = {"slack": "Slack", "mattermost": "Mattermost", "teams": "Microsoft Teams", "chat": "a bot"}


@group()
def chat() -> None:
    """Link what you are in a chat to your account here.

    In the chat, the command login shows a code. Whoever you link may do there what you may do here.
    """


@chat.command(example="gantry chat link k3Jd9sLq")
@click.argument("code")
@yes_option
@json_option
@click.pass_obj
def link(session: Session, code: str, yes: bool) -> None:
    """Let the person to whom the chat has shown a code act with your account.

    Go on only if that person is you: a code that somebody has sent you lets that person act in your name.
    """
    with session.client() as client:
        person = client.record("POST", "/api/user/chats", query={"dry_run": "true"}, body={"code": code})
        options.confirm(f"Let {_person(person)} act with your account? Go on only if this is you.", yes)
        linked = client.record("POST", "/api/user/chats", body={"code": code})
    session.show(linked, lambda made: f"{_person(made)} acts with your account now")


@chat.command(example="gantry chat ls")
@json_option
@click.pass_obj
def ls(session: Session) -> None:
    """List who acts with your account."""
    with session.client() as client:
        session.show(client.records("/api/user/chats"), _table)


@chat.command(example="gantry chat unlink 3")
@click.argument("chat", metavar="ID", type=int)
@yes_option
@json_option
@click.pass_obj
def unlink(session: Session, chat: int, yes: bool) -> None:
    """Let a person of a chat act with your account no longer; gantry chat ls has the ids."""
    options.confirm(f"Unlink the chat {chat}?", yes)
    with session.client() as client:
        client.call("DELETE", api_path("user", "chats", str(chat)))
    session.tell(f"The chat {chat} is unlinked")


def _person(chat: Json) -> str:
    tenant = output.line(chat.get("tenant_name") or chat.get("tenant", ""))
    where = _title(chat) + (f", {tenant}" if tenant else "")
    return f"{output.line(chat.get('name') or '')} ({output.line(chat.get('user', ''))}) of {where}".strip()


def _title(chat: Json) -> str:
    return _TITLES.get(chat.get("system", ""), output.line(chat.get("system", "")))


def _table(chats: list[Json]) -> str:
    now = time.time()
    return output.table(
        ["ID", "CHAT", "WORKSPACE", "PERSON", "NAME", "LINKED"],
        [
            [
                str(chat.get("id", "")),
                _title(chat),
                output.line(chat.get("tenant_name") or chat.get("tenant") or "-"),
                output.line(chat.get("user", "")),
                output.line(chat.get("name") or "-"),
                output.ago(chat.get("created") or 0, now),
            ]
            for chat in chats
        ],
        empty="No chat is linked to your account; say login in one",
    )
