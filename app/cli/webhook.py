"""`gantry webhook`: whom the server tells what happens, and what became of that."""

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from app.cli.remote.client import Client, Json
from app.cli.terminal import arguments, options, output
from app.cli.terminal.commands import OneOf, group
from app.cli.terminal.options import NUMBER, Session, api_path, json_option, past, repo_argument, repo_path, yes_option

F = TypeVar("F", bound=Callable[..., Any])

FORMATS = ("standard", "cloudevents", "cdevents", "drone", "slack", "mattermost", "teams")
#: Seconds that `ping` waits for the answer of the endpoint, and between two looks.
PATIENCE, LOOK = 20.0, 0.2

_repo = repo_argument(from_clone=False, without="else give --namespace or --system.")
_namespace = click.option("--namespace", metavar="NAMESPACE", help="Of all repositories of a namespace.")
_system = click.option("--system", is_flag=True, help="Of the whole server (administrators).")
id_argument = click.argument("webhook", type=NUMBER, metavar="ID")
#: The options of what is told, and how.
_SHAPE = (
    click.option("--event", "events", multiple=True, metavar="PATTERN", help="Types, as in promotion.*; else all."),
    click.option("--target", "targets", multiple=True, metavar="PATTERN", help="Targets, as in prod*; else all."),
    click.option("--status", "statuses", multiple=True, metavar="PATTERN", help="Statuses; else all."),
    click.option("--secret", metavar=arguments.VALUE, help="What requests are signed with; else the server makes one."),
)


def place_options(function: F) -> F:
    """Let a command take a repository, a namespace, or the whole server."""
    return _repo(_namespace(_system(function)))


def shape_options(function: F) -> F:
    """Let a command take what is told, and how."""
    for option in reversed(_SHAPE):
        function = option(function)
    return function


@group()
def webhook() -> None:
    """Tell other programs and chats what happens.

    PATTERN may have * for any text and ? for one character. The options --event, --target and --status can be
    repeated.
    """


@webhook.command("ls", example=["gantry webhook ls acme/web", "gantry webhook ls --system"])
@place_options
@json_option
@click.pass_obj
def ls(session: Session, slug: str | None, namespace: str | None, system: bool) -> None:
    """List the webhooks of a repository, of a namespace or of the server."""
    with session.client() as client:
        session.show(client.records(_path(slug, namespace, system)), _table)


@webhook.command(
    example=[
        "gantry webhook add acme/web https://example.com/hooks --event 'promotion.*' --target 'prod*'",
        "gantry webhook add --namespace acme https://hooks.slack.com/services/… --format slack --event 'promotion.*'",
    ]
)
@place_options
@click.argument("url")
@click.option("--format", "format_", type=OneOf(FORMATS), default="standard", show_default=True)
@shape_options
@json_option
@click.pass_obj
def add(
    session: Session,
    slug: str | None,
    namespace: str | None,
    system: bool,
    url: str,
    format_: str,
    events: Sequence[str],
    targets: Sequence[str],
    statuses: Sequence[str],
    secret: str | None,
) -> None:
    """Add a webhook. A secret that the server makes is shown this once: give it to the receiver.

    Other users of this machine can see a secret on the command line: prefer @FILE, or - for standard input.
    """
    told = {"events": list(events), "targets": list(targets), "statuses": list(statuses)}
    body: Json = {"url": url, "format": format_, **told, **_secret(secret)}
    with session.client() as client:
        session.show(client.record("POST", _path(slug, namespace, system), body=body), _block)


@webhook.command(example="gantry webhook info acme/web 7")
@place_options
@id_argument
@json_option
@click.pass_obj
def info(session: Session, slug: str | None, namespace: str | None, system: bool, webhook: int) -> None:
    """Show a webhook, and whether what it sends is taken."""
    with session.client() as client:
        session.show(client.record("GET", _path(slug, namespace, system, webhook)), _block)


@webhook.command(
    example=[
        "gantry webhook update acme/web 7 --event 'promotion.*' --event 'rollback.*'",
        "gantry webhook update acme/web 7 --new-secret",
        "gantry webhook update acme/web 7 --on",
    ]
)
@place_options
@id_argument
@click.option("--url", help="Where to.")
@click.option("--format", "format_", type=OneOf(FORMATS))
@shape_options
@click.option("--new-secret", is_flag=True, help="Let the server make another secret, and show it this once.")
@click.option("--on/--off", "active", default=None, help="Send from now on, or nothing any more.")
@json_option
@click.pass_obj
def update(
    session: Session,
    slug: str | None,
    namespace: str | None,
    system: bool,
    webhook: int,
    url: str | None,
    format_: str | None,
    events: Sequence[str],
    targets: Sequence[str],
    statuses: Sequence[str],
    secret: str | None,
    new_secret: bool,
    active: bool | None,
) -> None:
    """Change a webhook; what is not given stays as it is. An empty PATTERN lets all through.

    Requests are signed with the secret before a new one for another day, too.
    """
    if secret is not None and new_secret:
        raise click.UsageError("--secret and --new-secret exclude each other")
    lists = {"events": events, "targets": targets, "statuses": statuses}
    told = {name: list(filter(None, patterns)) for name, patterns in lists.items() if patterns}
    body = arguments.present(url=url, format=format_, active=active) | told | _secret(secret)
    if new_secret:
        body["secret"] = ""
    if not body:
        raise click.UsageError("nothing to change: give at least one option")
    with session.client() as client:
        session.show(client.record("PATCH", _path(slug, namespace, system, webhook), body=body), _block)


@webhook.command(example="gantry webhook rm acme/web 7 --yes")
@place_options
@id_argument
@yes_option
@json_option
@click.pass_obj
def rm(session: Session, slug: str | None, namespace: str | None, system: bool, webhook: int, yes: bool) -> None:
    """Remove a webhook with its deliveries, also those that wait."""
    path = _path(slug, namespace, system, webhook)
    options.confirm(f"Remove webhook {webhook} with its deliveries?", yes)
    with session.client() as client:
        client.call("DELETE", path)
    session.tell(f"Webhook {webhook} is removed")


@webhook.command(example="gantry webhook ping acme/web 7")
@place_options
@id_argument
@json_option
@click.pass_obj
def ping(session: Session, slug: str | None, namespace: str | None, system: bool, webhook: int) -> None:
    """Send an event that tells nothing, and show what was answered. What waits for the webhook is sent first."""
    path = _path(slug, namespace, system, webhook)
    with session.client() as client:
        sent = client.record("POST", f"{path}/ping")
        session.show(_answered(client, f"{path}/deliveries/{sent['id']}"), _details)


def _answered(client: Client, path: str) -> Json:
    """A delivery once it was tried, or as it is after PATIENCE."""
    deadline = time.monotonic() + PATIENCE
    while not (found := client.record("GET", path)).get("tries") and time.monotonic() < deadline:
        time.sleep(LOOK)
    return found


@webhook.command(
    example=["gantry webhook deliveries acme/web 7 --state failed", "gantry webhook deliveries acme/web 7 4711"]
)
@place_options
@id_argument
@click.argument("delivery", type=NUMBER, required=False)
@click.option("--state", type=OneOf(("waiting", "delivered", "failed")), help="Only those of a state.")
@click.option("--page", type=NUMBER, default=1, show_default=True)
@click.option("--limit", type=click.IntRange(1, 100), default=25, show_default=True, help="Deliveries on a page.")
@json_option
@click.pass_obj
def deliveries(
    session: Session,
    slug: str | None,
    namespace: str | None,
    system: bool,
    webhook: int,
    delivery: int | None,
    state: str | None,
    page: int,
    limit: int,
) -> None:
    """List what was sent in the last 14 days, the newest first; or show one delivery with request and answer."""
    path = _path(slug, namespace, system, webhook) + "/deliveries"
    with session.client() as client:
        if delivery is not None:
            session.show(client.record("GET", f"{path}/{delivery}"), _details)
            return
        query = {"page": str(page), "per_page": str(limit), **arguments.present(state=state)}
        session.show(client.records(path, query=query), _deliveries)


@webhook.command(
    example=["gantry webhook redeliver acme/web 7 4711", "gantry webhook redeliver acme/web 7 --failed --since 2d"]
)
@place_options
@id_argument
@click.argument("ids", type=NUMBER, nargs=-1, metavar="[DELIVERY]...")
@click.option("--failed", is_flag=True, help="All that have failed, of the time that --since and --until say.")
@click.option("--since", callback=past, metavar="TIME", help="A time (UTC), or an age as in 12h or 7d.")
@click.option("--until", callback=past, metavar="TIME", help="The same: up to then.")
@json_option
@click.pass_obj
def redeliver(
    session: Session,
    slug: str | None,
    namespace: str | None,
    system: bool,
    webhook: int,
    ids: Sequence[int],
    failed: bool,
    since: int | None,
    until: int | None,
) -> None:
    """Send deliveries once more, with the same ids of their events, after all that waits."""
    if bool(ids) == failed or (ids and (since or until)):
        raise click.UsageError("give the ids of deliveries (gantry webhook deliveries), or --failed")
    path = _path(slug, namespace, system, webhook)
    with session.client() as client:
        if failed:
            query = {name: str(value) for name, value in arguments.present(since=since, until=until).items()}
            told = client.record("POST", f"{path}/redeliver", query=query)
            session.show(told, lambda one: f"{one['redelivered']:,} are sent once more")
        for delivery in ids:
            client.call("POST", f"{path}/deliveries/{delivery}/redeliver")
            session.tell(f"{delivery} is sent once more")


def _path(slug: str | None, namespace: str | None, system: bool, *more: int) -> str:
    """The path of the webhooks of a place, or of one of them; UsageError for no place and for several."""
    if [slug is not None, namespace is not None, system].count(True) != 1:
        raise click.UsageError("say whose webhooks: of a repository (NAMESPACE/NAME), --namespace, or --system")
    if slug is not None:
        return repo_path(slug, "webhooks", *more)
    return api_path("webhooks", *([] if namespace is None else [namespace]), *more)


def _secret(given: str | None) -> Json:
    return {} if given is None else {"secret": arguments.read_value(given)}


def _table(webhooks: list[Json]) -> str:
    return output.table(
        ["ID", "ADDRESS", "FORMAT", "EVENTS", "TARGETS", "STATE"],
        [
            [
                str(one.get("id", "")),
                output.line(one.get("url", ""), 60),
                output.line(one.get("format", "")),
                _patterns(one, "events"),
                _patterns(one, "targets"),
                _state(one),
            ]
            for one in webhooks
        ],
    )


def _patterns(webhook: Json, name: str) -> str:
    return output.line(", ".join(map(str, webhook.get(name) or ())) or "all", 60)


def _state(webhook: Json) -> str:
    if not webhook.get("active"):
        return output.line(f"off: {webhook['reason']}" if webhook.get("reason") else "off")
    since = webhook.get("failing_since") or 0
    return f"failing since {output.moment(since)}" if since else "on"


def _block(webhook: Json) -> str:
    pairs = [
        ("Webhook", str(webhook.get("id", ""))),
        ("Of", output.line(webhook.get("repo") or webhook.get("namespace") or "the server")),
        ("Address", output.line(webhook.get("url", ""))),
        ("Format", output.line(webhook.get("format", ""))),
        ("Events", _patterns(webhook, "events")),
        ("Targets", _patterns(webhook, "targets")),
        ("Statuses", _patterns(webhook, "statuses")),
        ("Secrets", str(webhook.get("secrets", ""))),
        ("Public key", output.line(webhook.get("public_key", ""))),
        ("State", _state(webhook)),
        ("Secret", output.line(webhook.get("secret", ""))),
    ]
    return output.block([pair for pair in pairs if pair[1]])


def _deliveries(found: list[Json]) -> str:
    now = time.time()
    return output.table(
        ["ID", "EVENT", "STATE", "MADE", "TRIES", "STATUS", "TOOK", ""],
        [
            [
                str(one.get("id", "")),
                output.line(one.get("type", "")),
                output.line(one.get("state", "")),
                output.ago(one.get("created") or 0, now),
                str(one.get("tries", "")),
                str(one.get("status") or ""),
                f"{one.get('duration', 0)} ms" if one.get("attempted") else "",
                output.line(one.get("error", ""), 80),
            ]
            for one in found
        ],
    )


def _details(one: Json) -> str:
    pairs = [
        ("Delivery", str(one.get("id", ""))),
        ("Event", f"{output.line(one.get('type', ''))} {output.line(one.get('event', ''))}"),
        ("State", output.line(one.get("state", ""))),
        ("Made", output.moment(one.get("created") or 0)),
        ("Tries", str(one.get("tries", ""))),
        ("Error", output.line(one.get("error", ""))),
    ]
    blocks = [output.block([pair for pair in pairs if pair[1]])]
    for title, part in (("Request", one.get("request")), ("Answer", one.get("answer"))):
        if part:
            lines = [f"{output.line(name)}: {output.line(value)}" for name, value in part.get("headers", {}).items()]
            status = f" {part['status']}" if "status" in part else ""
            blocks.append("\n".join([f"{title}{status}", *lines, "", output.printable(str(part.get("body", "")))]))
    return "\n\n".join(blocks)
