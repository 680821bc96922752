"""Writes notes and tags into a repository, through a repository of its own that is thrown away (contract scm-api 9.2).

A mirror is not written into: what a push leaves there would be read as if the remote had it.
"""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from app.errors import Unavailable, Unreadable
from app.scm.git.address import Remote
from app.scm.git.command import Command, Refused
from app.scm.plain import Author

log = logging.getLogger(__name__)

NOTES = "refs/notes/ci"
#: Attempts at a note whose ref somebody else moves.
ATTEMPTS = 5
#: How much of a commit is fetched in order to tag it. Most servers say that they have the commit: they get a tag alone.
#: Others get the files of the commit again. A commit that no ref leads to is sent with all that leads to it.
_WAYS = (("--depth=1", "--filter=tree:0"), ("--depth=1",), ())
_FETCH = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance")
_PUSH = ("push", "--porcelain", "--no-thin", "origin")
#: A part of git's message that the remote has no such ref.
_ABSENT = "couldn't find remote ref"
#: Parts of what `push` prints of a ref: somebody else was faster; the remote wants no such ref, however it is sent.
_OVERTAKEN = (b"non-fast-forward", b"fetch first", b"stale info", b"cannot lock ref", b"failed to update ref")
_FINAL = (b"[rejected]", b"declined")


async def put_note(git: Command, remote: Remote, sha: str, text: str, author: Author) -> None:
    """See Marks."""
    for _ in range(ATTEMPTS):
        async with _own(git, sha) as place:
            await _fetch_notes(git, place, remote)
            words = ("notes", f"--ref={NOTES}", "add", "--force", f"--message={text}", sha)
            await git.run(*words, at=place, env=_by(author))
            try:
                await git.run(*_PUSH, f"{NOTES}:{NOTES}", at=place, remote=remote)
                return
            except Refused as refused:
                if not any(words in refused.out for words in _OVERTAKEN):
                    raise _refusal(refused, remote) from refused
                log.info("somebody else has written notes meanwhile", extra={"url": remote.url, "commit": sha})
    raise Unavailable(f"{remote.url}: others write {NOTES} all the time", code="notes_overtaken")


async def _fetch_notes(git: Command, place: Path, remote: Remote) -> None:
    """Fetch the newest commit of the notes. With the notes: over https, git compares new ones with those."""
    try:
        await git.run(*_FETCH, "--depth=1", "origin", f"+{NOTES}:{NOTES}", at=place, remote=remote)
    except Refused as refused:
        if _ABSENT not in refused.reason:
            raise


async def put_tag(git: Command, remote: Remote, sha: str, name: str, text: str, author: Author) -> None:
    """See Marks."""
    ref = f"refs/tags/{name}"
    if await _is_there(git, remote, sha, ref):
        return
    *cheap, last = _WAYS
    for way in cheap:
        try:
            await _tag(git, remote, sha, ref, text, author, way)
            return
        except Refused as refused:
            if any(words in refused.out for words in _FINAL):
                raise
    await _tag(git, remote, sha, ref, text, author, last)


async def _is_there(git: Command, remote: Remote, sha: str, ref: str) -> bool:
    out = await git.run("ls-remote", "--quiet", "--", "origin", ref, f"{ref}^{{}}", remote=remote)
    lines = (line.partition("\t") for line in out.decode(errors="replace").splitlines())
    found = {name: oid for oid, _, name in lines}
    there = found.get(f"{ref}^{{}}") or found.get(ref)
    if there not in (None, sha):
        raise Unreadable(f"{remote.url} has the tag {ref} already, of commit {there}", code="tag_exists")
    return there is not None


async def _tag(
    git: Command, remote: Remote, sha: str, ref: str, text: str, author: Author, way: tuple[str, ...]
) -> None:
    async with _own(git, sha) as place:
        await git.run(*_FETCH, *way, "origin", sha, at=place, remote=remote)
        words = ("tag", "--annotate", f"--message={text}", "--", ref.removeprefix("refs/tags/"), sha)
        await git.run(*words, at=place, env=_by(author))
        try:
            await git.run("-c", "push.negotiate=true", *_PUSH, f"{ref}:{ref}", at=place, remote=remote)
        except Refused as refused:
            raise _refusal(refused, remote) from refused


@asynccontextmanager
async def _own(git: Command, sha: str) -> AsyncIterator[Path]:
    """An empty repository with ids as long as this one, as long as the block lasts."""
    with git.passing() as place:
        object_format = "sha256" if len(sha) == 64 else "sha1"
        options = ("--quiet", "--bare", "--template=", f"--object-format={object_format}")
        await git.run("init", *options, "--", str(place))
        yield place


def _by(author: Author) -> Mapping[str, str]:
    return {
        "GIT_AUTHOR_NAME": author.name,
        "GIT_AUTHOR_EMAIL": author.email,
        "GIT_COMMITTER_NAME": author.name,
        "GIT_COMMITTER_EMAIL": author.email,
    }


def _refusal(refused: Refused, remote: Remote) -> Refused:
    """The same error with what the remote says of the ref, if git has printed that."""
    lines = refused.out.decode(errors="replace").splitlines()
    said = next((line.split("\t")[-1] for line in lines if line.startswith("!")), "")
    return Refused(said[:300] or refused.reason, remote, refused.out)
