"""`gantry artifact`: puts, gets, lists, copies, moves and removes artifacts."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from app.cli.artifact_store import gc, verify
from app.cli.remote import artifacts
from app.cli.remote.artifacts import Place, Tell
from app.cli.remote.client import Client, Json, Refused
from app.cli.terminal import output
from app.cli.terminal.commands import group
from app.cli.terminal.options import Session, confirm, json_option, yes_option
from app.cli.terminal.progress import Progress
from app.errors import AppError, Invalid
from app.size import text as size_text

_STORAGE = "/artifactory/api/storage"


def place(value: str) -> Place:
    """An artifact repository and a path in it, as `REPOSITORY/PATH`."""
    try:
        return artifacts.place_of(value)
    except Invalid as error:
        raise click.BadParameter(error.message) from error


def pair(value: str) -> tuple[str, str]:
    """A property, as `KEY=VALUE`; a value may hold `=`."""
    key, equals, text = value.partition("=")
    if not key or not equals:
        raise click.BadParameter(f"{value!r} is not KEY=VALUE")
    return key, text


class Files(AppError):
    """A file on this machine that cannot be read or written."""

    code = "file"


@group()
def artifact() -> None:
    """Put, get, list, copy, move and remove artifacts."""


@artifact.command(example="gantry artifact put dist/app.zip libs-dev-local/app/ --build-name app --build-number 42")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="FILE...")
@click.argument("target", type=place, metavar="REPOSITORY/PATH")
@click.option(
    "-p", "--prop", "properties", multiple=True, type=pair, metavar="KEY=VALUE", help="A property; repeatable."
)
@click.option("--build-name", envvar="DRONE_REPO", help="The build-info that the files belong to.  [env: DRONE_REPO]")
@click.option("--build-number", envvar="DRONE_BUILD_NUMBER", help="Its number.  [env: DRONE_BUILD_NUMBER]")
@json_option
@click.pass_obj
def put(
    session: Session,
    files: Sequence[Path],
    target: Place,
    properties: Sequence[tuple[str, str]],
    build_name: str | None,
    build_number: str | None,
) -> None:
    """Upload files, and folders with all below them.

    A path that ends with a slash is a folder to put them into. Bytes that the server has already are not sent again.
    In a step of a pipeline the files get the name and number of its build as properties.
    """
    known = dict(properties)
    build = [("build.name", build_name), ("build.number", build_number)] if build_name and build_number else []
    said = [*properties, *((key, value) for key, value in build if value and key not in known)]
    todo = list(_uploads(files, target))
    with session.client() as client:
        done = [_put(client, file, where, said) for file, where in todo]
    session.show(done, _uploaded)


def _uploads(files: Sequence[Path], target: Place) -> Iterator[tuple[Path, Place]]:
    into = target.folder or len(files) > 1
    for file in files:
        if file.is_dir():
            root = target.joined(file.resolve().name) if into else target
            for found in sorted(path for path in file.rglob("*") if path.is_file()):
                yield found, root.joined(found.relative_to(file).as_posix())
        else:
            yield file, target.joined(file.name) if into else target


def _put(client: Client, file: Path, where: Place, properties: Sequence[tuple[str, str]]) -> Json:
    try:
        with Progress(file.name, file.stat().st_size) as progress:
            return artifacts.put(client, file, where, properties, progress.add)
    except OSError as error:
        raise Files(f"cannot read {file}: {error.strerror or error}") from error


def _uploaded(done: list[Json]) -> str:
    return output.table(
        ["FILE", "SIZE", "SHA256"],
        [
            [
                output.line(f"{one.get('repo', '')}{one.get('path', '')}"),
                size_text(int(one.get("size") or 0)),
                output.line((one.get("checksums") or {}).get("sha256", "")),
            ]
            for one in done
        ],
    )


@artifact.command(example="gantry artifact get libs-release-local/app/app.zip")
@click.argument("source", type=place, metavar="REPOSITORY/PATH")
@click.argument("target", required=False, type=click.Path(path_type=Path), metavar="[FILE|FOLDER]")
@json_option
@click.pass_obj
def get(session: Session, source: Place, target: Path | None) -> None:
    """Download a file, or a folder with all below it.

    A download that broke off goes on where it ended, and the sha256 is checked at the end.
    """
    with session.client() as client:
        done = [_got(client, where, file) for where, file in _downloads(client, source, target)]
    session.show(done, lambda got: "\n".join(map(_received, got)))


def _downloads(client: Client, source: Place, target: Path | None) -> Iterator[tuple[Place, Path]]:
    into = target if target is not None else Path()
    if not source.folder:
        name = source.path.rpartition("/")[2]
        yield source, into / name if target is None or target.is_dir() else into
        return
    for entry in artifacts.files_below(client, source):
        path = str(entry.get("uri", "")).strip("/")
        if not path or {".", ".."} & set(path.split("/")):
            raise Invalid(f"the server names a file {path!r}, which is not below {source}")
        yield source.joined(path), into / path


def _got(client: Client, where: Place, file: Path) -> Json:
    with ExitStack() as shown:

        def begin(total: int, had: int) -> Tell:
            return shown.enter_context(Progress(file.name, total, done=had)).add

        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            got = artifacts.get(client, where, file, begin)
        except OSError as error:
            raise Files(f"cannot write {file}: {error.strerror or error}") from error
    return {"file": str(got.file), "size": got.size, "sha256": got.sha256, "resumed": got.resumed}


def _received(got: Json) -> str:
    note = "  (went on where an earlier download ended)" if got["resumed"] else ""
    return f"{output.line(got['file'])}  {size_text(got['size'])}{note}"


@artifact.command("ls", example="gantry artifact ls libs-dev-local/app --recursive")
@click.argument("where", type=place, metavar="REPOSITORY[/PATH]")
@click.option("-r", "--recursive", is_flag=True, help="Also what is in the folders below.")
@json_option
@click.pass_obj
def ls(session: Session, where: Place, recursive: bool) -> None:
    """List what is in a folder."""
    query = {"list": "", "listFolders": "1", "deep": "1" if recursive else "0"}
    with session.client() as client:
        answer = client.record("GET", f"{_STORAGE}/{where.url}", query=query)
    session.show(answer.get("files") or [], _listed)


def _listed(files: list[Json]) -> str:
    return output.table(
        ["NAME", "SIZE", "MODIFIED", "SHA1"],
        [
            [
                output.line(str(one.get("uri", "")).strip("/")) + "/" * bool(one.get("folder")),
                "-" if one.get("folder") else size_text(int(one.get("size") or 0)),
                output.line(one.get("lastModified", "")),
                output.line(one.get("sha1", "")) or "-",
            ]
            for one in files
        ],
    )


@artifact.command(example="gantry artifact info libs-release-local/app/app.zip")
@click.argument("where", type=place, metavar="REPOSITORY/PATH")
@json_option
@click.pass_obj
def info(session: Session, where: Place) -> None:
    """Show a file or a folder, with its properties."""
    path = f"{_STORAGE}/{where.url}"
    with session.client() as client:
        answer = client.record("GET", path)
        answer["properties"] = _properties(client, path)
    session.show(answer, _block)


def _properties(client: Client, path: str) -> Json:
    try:
        found = client.record("GET", path, query={"properties": ""}).get("properties")
    except Refused as error:
        if error.status != 404:
            raise
        found = None
    return found if isinstance(found, dict) else {}


def _block(answer: Json) -> str:
    sums = answer.get("checksums") or {}
    properties = answer.get("properties") or {}
    lines = [
        ("Path", output.line(f"{answer.get('repo', '')}{answer.get('path', '')}")),
        ("Size", size_text(int(answer["size"])) if "size" in answer else ""),
        ("Type", output.line(answer.get("mimeType", "")) if "size" in answer else "folder"),
        ("Created", f"{output.line(answer.get('created', ''))} by {output.line(answer.get('createdBy', ''))}"),
        ("Modified", f"{output.line(answer.get('lastModified', ''))} by {output.line(answer.get('modifiedBy', ''))}"),
        ("SHA256", output.line(sums.get("sha256", ""))),
        ("SHA1", output.line(sums.get("sha1", ""))),
        ("MD5", output.line(sums.get("md5", ""))),
        *(
            (f"{output.line(key)}", ", ".join(output.line(value) for value in values))
            for key, values in properties.items()
        ),
    ]
    return output.block(lines)


@artifact.command(example="gantry artifact rm libs-dev-local/app/old.zip --yes")
@click.argument("where", type=place, metavar="REPOSITORY/PATH")
@yes_option
@json_option
@click.pass_obj
def rm(session: Session, where: Place, yes: bool) -> None:
    """Remove a file, or a folder with all below it."""
    confirm(f"Remove {where}?", yes)
    slash = "/" if where.folder else ""
    with session.client() as client:
        client.call("DELETE", f"/artifactory/{where.url}{slash}")
    session.tell(f"{output.line(where)} is removed")


def _moving(name: str, words: str, example: str) -> Callable[..., Any]:
    @artifact.command(name, help=words, example=example)
    @click.argument("source", type=place, metavar="REPOSITORY/PATH")
    @click.argument("target", type=place, metavar="REPOSITORY/PATH")
    @click.option("--dry-run", is_flag=True, help="Do nothing, but say what would be done.")
    @json_option
    @click.pass_obj
    def moving(session: Session, source: Place, target: Place, dry_run: bool) -> None:
        verb = {"cp": "copy", "mv": "move"}[name]
        query = {"to": f"/{target}" + "/" * target.folder, "failFast": "1"} | ({"dry": "1"} if dry_run else {})
        with session.client() as client:
            answer = client.record("POST", f"/artifactory/api/{verb}/{source.url}", query=query)
        session.show(answer, _messages)

    return moving


cp = _moving(
    "cp",
    "Copy a file or a folder. The copy shares the bytes with its source.",
    "gantry artifact cp libs-dev-local/app/ libs-release-local/app/ --dry-run",
)
mv = _moving("mv", "Move a file or a folder.", "gantry artifact mv libs-dev-local/app/ libs-release-local/app/")


def _messages(answer: Json) -> str:
    return "\n".join(output.line(one.get("message", "")) for one in answer.get("messages") or [])


artifact.add_command(gc)
artifact.add_command(verify)
