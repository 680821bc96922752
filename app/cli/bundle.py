"""`gantry bundle`: release bundles, and where their versions are."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from app.cli.bundle_create import add, create, finalize
from app.cli.bundle_file import export, import_, verify
from app.cli.bundle_options import called, counted, project_option
from app.cli.bundle_promote import promote
from app.cli.remote import bundles
from app.cli.remote.client import PATIENT, Client, Json
from app.cli.terminal import output
from app.cli.terminal.arguments import present
from app.cli.terminal.commands import group
from app.cli.terminal.options import Session, confirm, json_option, yes_option
from app.errors import NotFound

#: Entries that a list shows, unless others are asked for, and entries that are asked for at once.
SHOWN, PAGE = 50, 10_000

limit_option = click.option(
    "--limit", type=click.IntRange(1, 1000), default=SHOWN, show_default=True, help="How many to show, the newest."
)


@group()
def bundle() -> None:
    """Create, promote, verify and carry release bundles.

    A version of a release bundle is a set of artifacts that is frozen, signed, and promoted as one.
    """


@bundle.command("ls", example="gantry bundle ls shop --filter '1.0*'")
@click.argument("name", required=False)
@click.option("--filter", "pattern", metavar="PATTERN", help="Only these names or versions, as in 1.0*")
@limit_option
@project_option
@json_option
@click.pass_obj
def ls(session: Session, name: str | None, pattern: str | None, limit: int, project: str | None) -> None:
    """List the release bundles, or the versions of one, newest first."""
    query = present(filter_by=pattern, limit=str(limit), project=project)
    with session.client() as client:
        if name is None:
            session.show(client.record("GET", bundles.path("release_bundle/groups"), query=query), _names)
        else:
            where = bundles.path("release_bundle/records", name)
            session.show(client.record("GET", where, query=query), _versions)


def _names(answer: Json) -> str:
    found = bundles.entries(answer, "release_bundles")
    rows = [
        [
            output.line(one.get("release_bundle_name", "")),
            output.line(one.get("release_bundle_version_latest", "")),
            str(one.get("release_bundle_versions_count", "")),
            output.line(one.get("created", "")),
        ]
        for one in found
    ]
    return _paged(output.table(["NAME", "LATEST", "VERSIONS", "CREATED"], rows), len(found), answer)


def _versions(answer: Json) -> str:
    found = bundles.entries(answer, "release_bundles")
    rows = [
        [
            output.line(one.get("release_bundle_version", "")),
            output.status(str(one.get("status", ""))),
            output.line(one.get("release_bundle_tag") or "") or "-",
            output.line(one.get("created", "")),
            output.line(one.get("created_by", "")),
        ]
        for one in found
    ]
    return _paged(output.table(["VERSION", "STATUS", "TAG", "CREATED", "BY"], rows), len(found), answer)


def _paged(table: str, shown: int, answer: Json) -> str:
    more = int(answer.get("total") or 0) - shown
    if more > 0:
        output.write(f"There are {more} more: see --limit and --filter", err=True)
    return table


@bundle.command(example="gantry bundle show shop 1.0")
@click.argument("name")
@click.argument("version", required=False)
@limit_option
@project_option
@json_option
@click.pass_obj
def show(session: Session, name: str, version: str | None, limit: int, project: str | None) -> None:
    """Show where each version is, since when, by whom and from which builds; or all of one version."""
    query = present(project=project)
    with session.client() as client:
        if version is None:
            session.show(_places(client, name, limit, query), _whereabouts)
        else:
            session.show(_version(client, name, version, query), _block)


def _places(client: Client, name: str, limit: int, query: Mapping[str, str]) -> Json:
    """The versions of a name, each with what it was made from, its last promotion, and the environments where it is."""
    answer = client.record(
        "GET",
        bundles.path("release_bundle/records", name),
        query={**query, "limit": str(limit), "include": "messages,source"},
    )
    done: dict[str, list[Json]] = {}
    for promotion in _pages(client, bundles.path("promotion/records", name), "promotions", query):
        if promotion.get("status") == "COMPLETED":
            done.setdefault(str(promotion.get("release_bundle_version", "")), []).append(promotion)
    for one in bundles.entries(answer, "release_bundles"):
        promotions = done.get(str(one.get("release_bundle_version", "")), [])
        one["environments"] = _environments(promotions)
        if promotions:
            one["promotion"] = promotions[0]
    return answer


def _environments(promotions: Sequence[Json]) -> list[str]:
    """Where a version is after its promotions, of which the newest comes first: a move leaves where it came from."""
    found: dict[str, None] = {}
    for promotion in reversed(promotions):
        if promotion.get("operation") == "move":
            found.pop(str(promotion.get("source_environment", "")), None)
        found.pop(environment := str(promotion.get("environment", "")), None)
        found[environment] = None
    return list(found)


def _pages(client: Client, path: str, name: str, query: Mapping[str, str]) -> Iterator[Json]:
    """The entries of a whole list, asked for page by page."""
    offset = 0
    while True:
        answer = client.record("GET", path, query={**query, "limit": str(PAGE), "offset": str(offset)})
        found = bundles.entries(answer, name)
        yield from found
        offset += len(found)
        if not found or offset >= int(answer.get("total") or 0):
            return


def _promotions(client: Client, name: str, version: str, query: Mapping[str, str]) -> list[Json]:
    """The promotions of a version, the newest first."""
    return list(_pages(client, bundles.path("promotion/records", name, version), "promotions", query))


def _whereabouts(answer: Json) -> str:
    found = bundles.entries(answer, "release_bundles")
    rows = []
    for one in found:
        at = one.get("promotion") or one
        rows.append(
            [
                output.line(one.get("release_bundle_version", "")),
                output.status(str(one.get("status", ""))),
                ", ".join(map(output.line, one.get("environments") or [])) or "-",
                output.line(at.get("created", "")),
                output.line(at.get("created_by", "")),
                ", ".join(_sources(one.get("source"))) or "-",
            ]
        )
    head = ["VERSION", "STATUS", "WHERE", "SINCE", "BY", "FROM"]
    return _paged(output.table(head, rows), len(found), answer)


def _sources(said: Any) -> list[str]:
    """What a version was made from, in words."""
    source: Json = said if isinstance(said, dict) else {}
    builds = [
        f"{output.line(one.get('build_name', ''))} {output.line(one.get('build_number', ''))}"
        for one in bundles.entries(source, "builds")
    ]
    others = [
        f"{output.line(one.get('release_bundle_name', ''))} {output.line(one.get('release_bundle_version', ''))}"
        for one in bundles.entries(source, "release_bundles")
    ]
    queries = [output.line(source["aql"], 60)] if source.get("aql") else []
    packages = [
        f"{output.line(one.get('package_name', ''))} {output.line(one.get('package_version', ''))}"
        for one in bundles.entries(source, "packages")
    ]
    return [*builds, *others, *packages, *queries]


def _version(client: Client, name: str, version: str, query: Mapping[str, str]) -> Json:
    found = client.record("GET", bundles.path("release_bundle/records", name, version), query=query)
    listed = client.record(
        "GET", bundles.path("release_bundle/records", name), query={**query, "filter_by": version, "limit": "1"}
    )
    for one in bundles.entries(listed, "release_bundles"):
        found = {**one, **found}
    return {
        "release_bundle_name": name,
        "release_bundle_version": version,
        **found,
        "promotions": _promotions(client, name, version, query),
    }


def _block(found: Json) -> str:
    artifacts = bundles.entries(found, "artifacts")
    bytes_ = sum(int(one.get("size") or 0) for one in artifacts)
    head = output.block(
        [
            ("Name", output.line(found.get("release_bundle_name", ""))),
            ("Version", output.line(found.get("release_bundle_version", ""))),
            ("Status", output.status(str(found.get("status", "")))),
            ("Tag", output.line(found.get("release_bundle_tag") or "")),
            ("Created", f"{output.line(found.get('created', ''))} by {output.line(found.get('created_by', ''))}"),
            ("From", ", ".join(_sources(found.get("source")))),
            ("Holds", counted(len(artifacts), bytes_)),
        ]
    )
    files = [
        [
            output.line(f"{one.get('source_repository_key', '')}/{one.get('path', '')}"),
            output.line(one.get("checksum", "")),
        ]
        for one in artifacts[:SHOWN]
    ]
    parts = [head, output.grid(["ARTIFACT", "SHA256"], files)]
    if len(artifacts) > SHOWN:
        parts[-1] += f"\nand {len(artifacts) - SHOWN} more: see --json"
    if promotions := bundles.entries(found, "promotions"):
        head_of = ["ENVIRONMENT", "STATUS", "SINCE", "BY", "REPOSITORIES", ""]
        parts.append(output.grid(head_of, map(_promotion, promotions)))
    return "\n\n".join(parts)


def _promotion(one: Json) -> list[str]:
    return [
        output.line(one.get("environment", "")),
        output.status(str(one.get("status", ""))),
        output.line(one.get("created", "")),
        output.line(one.get("created_by", "")),
        ", ".join(map(output.line, one.get("included_repository_keys") or [])),
        _remark(one),
    ]


def _remark(promotion: Json) -> str:
    """What else is told of a promotion: that it was a move, why the order was overridden, why it failed."""
    moved = "moved" if (promotion.get("operation"), promotion.get("status")) == ("move", "COMPLETED") else ""
    reason = promotion.get("override_reason")
    words = [moved, f"override: {reason}" if reason else "", *bundles.texts(promotion)]
    return output.line("; ".join(filter(None, words)), 100)


@bundle.command(example="gantry bundle tag shop 1.0 stable")
@click.argument("name")
@click.argument("version")
@click.argument("tag", required=False)
@project_option
@json_option
@click.pass_obj
def tag(session: Session, name: str, version: str, tag: str | None, project: str | None) -> None:
    """Give a version a tag; without TAG, take its tag away."""
    body = present(tag=tag, exist=True)
    where = bundles.path("release_bundle/records", name, version, "tag")
    with session.client() as client:
        answer = client.record("PUT", where, query=present(project=project), body=body)
    words = f"has the tag {output.line(tag)}" if tag else "has no tag"
    session.show(answer, lambda _: f"{called(name, version)} {words}")


@bundle.command(example="gantry bundle rm shop 1.0 --yes")
@click.argument("name")
@click.argument("version")
@click.option("--promotion", metavar="ENVIRONMENT", help="Only its promotions to this environment.")
@yes_option
@project_option
@json_option
@click.pass_obj
def rm(session: Session, name: str, version: str, promotion: str | None, yes: bool, project: str | None) -> None:
    """Remove a version with all its promotions, or its promotions to one environment.

    Files that promotions have put go, too, unless another promotion has put the same there. The sources stay.
    """
    what = f"the promotions of {name} {version} to {promotion}" if promotion else f"{name} {version}"
    confirm(f"Remove {what}?", yes)
    query = {"async": "false", **present(project=project)}
    with Client(session.connection(), timeout=PATIENT) as client:
        if promotion is None:
            client.call("DELETE", bundles.path("release_bundle/records", name, version), query=query)
        else:
            for created in _promoted(client, name, version, promotion, present(project=project)):
                client.call("DELETE", bundles.path("promotion/records", name, version, created), query=query)
    words = f"The promotions of {called(name, version)} to {output.line(promotion)} are" if promotion else None
    session.tell(f"{words or f'{called(name, version)} is'} removed")


def _promoted(client: Client, name: str, version: str, environment: str, query: Mapping[str, str]) -> list[int]:
    """The times of the promotions to an environment, the newest first. NotFound without any."""
    found = [
        int(one["created_millis"])
        for one in _promotions(client, name, version, query)
        if str(one.get("environment", "")).lower() == environment.lower()
    ]
    if not found:
        raise NotFound(f"{name} {version} was not promoted to {environment}")
    return found


for command in (create, add, finalize, promote, verify, export, import_):
    bundle.add_command(command)
