"""`gantry bundle export`, `import` and `verify`: versions as files, and what proves that nothing was changed."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.cli.bundle_options import called, counted, project_option
from app.cli.remote import bundle_files, bundles
from app.cli.remote.artifacts import Tell, pieces
from app.cli.remote.client import PATIENT, Client, Json
from app.cli.terminal import output
from app.cli.terminal.arguments import present
from app.cli.terminal.commands import command
from app.cli.terminal.options import Session, json_option
from app.cli.terminal.progress import Progress
from app.errors import AppError
from app.size import text as size_text

if TYPE_CHECKING:
    from app.bundles.signing.keys import PublicKey

#: What statements tell, in words.
_KINDS = {
    "create": "created",
    "import": "imported",
    "promote": "promoted to",
    "delete_promotion": "promotion deleted from",
}
_FILE = click.Path(dir_okay=False, path_type=Path)
_EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)


class NotVerified(AppError):
    """Something of a version is not as it was signed."""

    code = "not_verified"


class Files(AppError):
    """A file on this machine that cannot be read or written."""

    code = "file"


@command(example="gantry bundle export shop 1.0 shop-1.0.tar")
@click.argument("name")
@click.argument("version")
@click.argument("file", required=False, type=_FILE)
@project_option
@json_option
@click.pass_obj
def export(session: Session, name: str, version: str, file: Path | None, project: str | None) -> None:
    """Write a version to one file: a tar with the manifest, all evidence, and the bytes of its files.

    Without FILE the file is NAME-VERSION.tar. An export that breaks off leaves no file.
    """
    target = file or Path(f"{name}-{version}.tar")
    with ExitStack() as shown, Client(session.connection(), timeout=PATIENT) as client:

        def begin(total: int) -> Tell:
            return shown.enter_context(Progress(target.name, total)).add

        try:
            size = bundle_files.export(client, name, version, target, present(project=project), begin)
        except OSError as error:
            raise Files(f"cannot write {target}: {error.strerror or error}") from error
    done = {"file": str(target), "size": size}
    session.show(done, lambda _: f"{called(name, version)} is in {output.line(target)}, {size_text(size)}")


@command("import", example="gantry bundle import shop-1.0.tar")
@click.argument("file", type=_EXISTING)
@project_option
@json_option
@click.pass_obj
def import_(session: Session, file: Path, project: str | None) -> None:
    """Bring a version from a file to this server, which verifies the file first, with the keys that the server has."""
    with Client(session.connection(), timeout=PATIENT) as client:
        try:
            with Progress(file.name, file.stat().st_size) as progress:
                done = bundle_files.send(client, file, present(project=project), progress.add)
        except OSError as error:
            raise Files(f"cannot read {file}: {error.strerror or error}") from error
    session.show(done, _imported)


def _imported(done: Json) -> str:
    name, version = (str(done.get(f"release_bundle_{word}", "")) for word in ("name", "version"))
    return f"{called(name, version)} is imported into {output.line(done.get('repository_key', ''))}"


@command(example="gantry bundle verify shop 1.0")
@click.argument("what", nargs=-1, required=True, metavar="NAME VERSION | FILE")
@click.option(
    "--key",
    "keys",
    multiple=True,
    type=_EXISTING,
    metavar="PUBLIC.pem",
    help="With FILE: a public key that you trust; repeatable.",
)
@project_option
@json_option
@click.pass_obj
def verify(session: Session, what: Sequence[str], keys: Sequence[Path], project: str | None) -> None:
    """Verify the signature, every digest and the evidence of a version; exit code 1 when something was changed.

    NAME VERSION asks the server. FILE, an exported version, is verified on this machine, against the keys of --key: a
    key that only lies in the file proves nothing.
    """
    if len(what) == 2 and not keys:
        name, version = what
        with Client(session.connection(), timeout=PATIENT) as client:
            found = client.record("GET", bundles.own(name, version, "verify"), query=present(project=project))
        session.show(found, _judged)
        if not found.get("ok"):
            raise NotVerified(f"{name} {version} is not as it was signed: see above")
    elif len(what) == 1 and keys:
        session.show(_verified(Path(what[0]), {path: _public_key(path) for path in keys}), _sound)
    elif len(what) == 1:
        raise click.UsageError(
            "to verify a file, say which public keys you trust, with --key; or name a version: NAME VERSION"
        )
    else:
        raise click.UsageError("name a version, as NAME VERSION, or one FILE with --key")


def _judged(found: Json) -> str:
    name, version = (str(found.get(f"release_bundle_{word}", "")) for word in ("name", "version"))
    if found.get("ok"):
        counts = [_number(int(found.get(word) or 0), word) for word in ("artifacts", "statements", "promotions")]
        return f"{called(name, version)} is as it was signed: {', '.join(counts)}"
    return "\n".join(f"{called(name, version)}: {output.line(problem)}" for problem in found.get("problems") or [])


def _number(count: int, words: str) -> str:
    return f"{count} {words.removesuffix('s') if count == 1 else words}"


def _public_key(path: Path) -> "PublicKey":
    from app.bundles.signing.keys import LONGEST_PEM, BadKey, public_key

    try:
        with path.open("rb") as file:
            return public_key(file.read(LONGEST_PEM + 1).decode("ascii", "replace"))
    except BadKey as error:
        raise click.BadParameter(f"{path}: {error.message}", param_hint="--key") from error
    except OSError as error:
        raise Files(f"cannot read {path}: {error.strerror or error}") from error


def _verified(file: Path, keys: Mapping[Path, "PublicKey"]) -> Json:
    """What was found right in a file; Invalid for what was not."""
    try:
        with Progress(file.name, file.stat().st_size) as progress:
            return asyncio.run(_read(file, keys, progress.add))
    except OSError as error:
        raise Files(f"cannot read {file}: {error.strerror or error}") from error


async def _read(file: Path, keys: Mapping[Path, "PublicKey"], tell: Tell) -> Json:
    from app.artifacts import times
    from app.bundles.transfer import reading

    async def parts() -> AsyncIterator[bytes]:
        for piece in pieces(file, tell):
            yield piece

    opened = await reading.opened(parts(), {key.keyid: key for key in keys.values()})
    await opened.blobs(reading.hashed)
    return {
        "release_bundle_name": opened.manifest.name,
        "release_bundle_version": opened.manifest.version,
        "ok": True,
        "artifacts": len(opened.manifest.artifacts),
        "size": sum(opened.manifest.blobs().values()),
        "statements": [
            {
                "seq": stated.seq,
                "kind": stated.kind,
                "at": times.text_of(stated.at),
                "environment": stated.predicate.get("environment", ""),
                "by": stated.by,
            }
            for stated in opened.statements
        ],
        "keys": [
            {"file": str(path), "keyid": key.keyid, "signed": key.keyid in opened.keyids} for path, key in keys.items()
        ],
    }


def _sound(found: Json) -> str:
    lines = [
        f"{called(found['release_bundle_name'], found['release_bundle_version'])} is as it was signed: "
        f"{counted(found['artifacts'], found['size'])}"
    ]
    for each in found["statements"]:
        where = f" {output.line(each['environment'])}" if each["environment"] else ""
        lines.append(f"  {each['at']}  {_KINDS[each['kind']]}{where} by {output.line(each['by'])}")
    lines += [f"  signed with {output.line(key['file'])}" for key in found["keys"] if key["signed"]]
    return "\n".join(lines)
