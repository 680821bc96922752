"""Mirrors survive whatever happens to them, and to the server that keeps them."""

import asyncio
import hashlib
import os
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from app.errors import Invalid, NotFound, Unreadable
from app.scm.git.host import Git
from app.scm.host import Source
from tests.scm.conftest import Shim
from tests.scm.repository import Repository
from tests.soon import soon

CONFIG = ".drone.yml"


def pack(mirror: Path) -> Path:
    """The largest pack, made writable."""
    found = max(mirror.glob("objects/pack/*.pack"), key=lambda path: path.stat().st_size)
    found.chmod(0o600)
    return found


def scribble(mirror: Path) -> None:
    path = pack(mirror)
    path.write_bytes(path.read_bytes()[:40] + bytes(path.stat().st_size - 40))


def scribble_file(mirror: Path) -> None:
    smallest = min(mirror.glob("objects/pack/*.pack"), key=lambda path: path.stat().st_size)
    smallest.chmod(0o600)
    raw = smallest.read_bytes()
    smallest.write_bytes(raw[:14] + bytes(len(raw) - 34) + raw[-20:])


def lose_file(mirror: Path) -> None:
    """The pack of the file, and its index, but not the promise of it."""
    smallest = min(mirror.glob("objects/pack/*.pack"), key=lambda path: path.stat().st_size)
    for suffix in (".pack", ".idx", ".promisor"):
        smallest.with_suffix(suffix).unlink()


def empty(mirror: Path) -> None:
    shutil.rmtree(mirror)
    mirror.mkdir()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "pack-is-empty": lambda mirror: os.truncate(pack(mirror), 0),
    "pack-is-cut": lambda mirror: os.truncate(pack(mirror), 100),
    "pack-is-garbage": scribble,
    "packs-are-gone": lambda mirror: shutil.rmtree(mirror / "objects" / "pack"),
    "file-is-gone": lose_file,
    "file-is-garbage": scribble_file,
    "objects-are-gone": lambda mirror: shutil.rmtree(mirror / "objects"),
    "head-is-gone": lambda mirror: (mirror / "HEAD").unlink(),
    "head-is-empty": lambda mirror: os.truncate(mirror / "HEAD", 0),
    "settings-are-garbage": lambda mirror: (mirror / "config").write_text("[[["),
    "settings-are-gone": lambda mirror: (mirror / "config").unlink(),
    "shallow-is-garbage": lambda mirror: (mirror / "shallow").write_text("garbage\n"),
    "everything-is-gone": shutil.rmtree,
    "only-the-directory-is-left": empty,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
async def test_a_damaged_mirror_is_made_anew(
    host: Git,
    source: Source,
    repository: Repository,
    tmp_path: Path,
    damage: Callable[[Path], object],
) -> None:
    repository.commit({f"folder{i}/file": f"{i}" for i in range(50)})  # trees worth damaging
    old = (await host.branch(source, "main")).sha
    await host.read_file(source, old, CONFIG)
    new = repository.commit({CONFIG: "newer\n"})

    damage(tmp_path / "mirrors" / "1.git")

    assert (await host.branch(source, "main")).sha == new
    assert await host.read_file(source, new, CONFIG) == "newer\n"
    assert await host.read_file(source, old, CONFIG) == "kind: pipeline\n"


async def test_a_sound_mirror_is_kept_when_the_remote_fails(host: Git, source: Source, repository: Repository) -> None:
    sha = (await host.branch(source, "main")).sha
    await host.read_file(source, sha, CONFIG)
    shutil.rmtree(repository.path / ".git" / "objects")
    (repository.path / ".git" / "objects").mkdir()
    for oid in ("1" * 40, "2" * 40):
        with pytest.raises((Unreadable, NotFound)):
            await host.commit(source, oid)
    assert await host.read_file(source, sha, CONFIG) == "kind: pipeline\n"


async def test_locks_and_pieces_left_behind_are_removed(
    host: Git, source: Source, repository: Repository, tmp_path: Path
) -> None:
    await host.branch(source, "main")
    new = repository.commit({CONFIG: "newer\n"})
    mirror = tmp_path / "mirrors" / "1.git"
    left = ["shallow.lock", "config.lock", "packed-refs.lock", f"refs/keep/{new}.lock", "shallow_Ab1"]
    left += ["objects/pack/tmp_pack_Ab1"]
    for name in left:
        (mirror / name).write_text("")

    assert await host.read_file(source, new, CONFIG) == "newer\n"
    assert not any((mirror / name).exists() for name in left)


async def test_a_half_made_mirror_is_never_seen(host: Git, source: Source, tmp_path: Path) -> None:
    for name in ("1.new", "1.search"):
        (tmp_path / "mirrors" / name / "objects").mkdir(parents=True)
        (tmp_path / "mirrors" / name / "HEAD").write_text("half")
    sha = (await host.branch(source, "main")).sha
    assert (await host.commit(source, sha[:7])).sha == sha
    assert not (tmp_path / "mirrors" / "1.new").exists()


async def test_a_server_killed_in_the_middle_of_a_fetch_goes_on_afterwards(
    shim: Shim, source: Source, repository: Repository, tmp_path: Path
) -> None:
    sha = repository.git("rev-parse", "HEAD")
    mirrors = tmp_path / "mirrors"
    shim.behave('case "$*" in *index-pack*) echo >"$here/in-the-middle"; exec sleep 600 ;; esac')
    environ = {"PATH": os.environ["PATH"]}
    program = f"""
import asyncio, pathlib
from app.scm.git.host import Git, Source
host = Git(pathlib.Path({str(mirrors)!r}), [pathlib.Path({str(tmp_path)!r})], environ={environ!r})
asyncio.run(host.read_file(Source(1, {source.url!r}), {sha!r}, {CONFIG!r}))
"""
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    try:
        await soon((tmp_path / "shim" / "in-the-middle").exists)
    finally:
        orphans = psutil.Process(server.pid).children(recursive=True)
        server.kill()
        await server.wait()
        for orphan in orphans:
            with suppress(psutil.NoSuchProcess):
                orphan.kill()
    assert (mirrors / "1.git" / "shallow.lock").exists()
    shim.behave("")

    host = Git(mirrors, [tmp_path / "root"], environ={"PATH": os.environ["PATH"]})
    assert await host.read_file(source, sha, CONFIG) == "kind: pipeline\n"


OLD_SERVER = """
case "$*" in *"upload-pack --strict /"*)
    for directory; do :; done
    unset GIT_PROTOCOL
    exec "$real" upload-pack "$directory" ;;
esac
"""


async def test_a_server_that_sends_only_what_its_refs_lead_to_is_read(
    shim: Shim, host: Git, source: Source, repository: Repository
) -> None:
    old = repository.git("rev-parse", "HEAD")
    repository.commit({CONFIG: "middle\n"})
    newest = repository.commit({CONFIG: "newest\n"})
    shim.behave(OLD_SERVER)

    assert await host.read_file(source, newest, CONFIG) == "newest\n"
    assert await host.read_file(source, old, CONFIG) == "kind: pipeline\n"
    with pytest.raises(NotFound, match=r"commit 1{40} not found"):
        await host.commit(source, "1" * 40)
    assert shim.calls("--unshallow") > 0
    later = repository.commit({CONFIG: "later\n"})
    assert await host.read_file(source, later, CONFIG) == "later\n"


async def test_branches_may_take_the_place_of_each_other(
    shim: Shim, host: Git, source: Source, repository: Repository
) -> None:
    shim.behave(OLD_SERVER)
    commits = [repository.commit({CONFIG: f"{i}"}) for i in range(4)]
    repository.git("branch", "a", commits[0])
    assert await host.read_file(source, commits[1], CONFIG) == "1"
    assert shim.calls("refs/seen") == 0
    repository.git("branch", "-D", "a")
    repository.git("branch", "a/b", commits[0])
    assert await host.read_file(source, commits[2], CONFIG) == "2"


async def test_an_abbreviation_of_two_commits_is_refused(host: Git, source: Source, repository: Repository) -> None:
    """Two commits whose ids begin alike, from a search over 2^14 messages for seven digits."""
    tree = repository.git("rev-parse", "HEAD^{tree}")
    first, second = _alike(tree)
    for raw in (first, second):
        oid = repository.git("hash-object", "-tcommit", "-w", "--stdin", stdin=raw)
        repository.git("update-ref", f"refs/heads/{oid}-x", oid)
    with pytest.raises(Invalid, match="begins more than one commit: write more digits"):
        await host.commit(source, oid[:7])


def _alike(tree: str) -> tuple[bytes, bytes]:
    seen: dict[str, bytes] = {}
    for number in range(200_000):
        raw = f"tree {tree}\nauthor A <a@x> 1 +0000\ncommitter C <c@x> 2 +0000\n\n{number}\n".encode()
        oid = hashlib.sha1(b"commit %d\0" % len(raw) + raw).hexdigest()
        if oid[:7] in seen:
            return seen[oid[:7]], raw
        seen[oid[:7]] = raw
    raise AssertionError("no two ids are alike")


async def test_many_packs_become_few_and_nothing_is_lost(
    host: Git, source: Source, repository: Repository, tmp_path: Path
) -> None:
    commits = [repository.commit({CONFIG: f"{i}\n", f"d{i}/f": f"{i}"}) for i in range(55)]
    for sha in commits:
        await host.commit(source, sha)
        await host.read_file(source, sha, CONFIG)
    shutil.rmtree(repository.path)

    assert len(list((tmp_path / "mirrors" / "1.git" / "objects" / "pack").glob("*.pack"))) <= 55
    for i, sha in enumerate(commits):
        assert await host.read_file(source, sha, CONFIG) == f"{i}\n"


async def test_nothing_is_left_of_a_repository_that_is_forgotten(
    host: Git, source: Source, repository: Repository, tmp_path: Path
) -> None:
    sha = repository.git("rev-parse", "HEAD")
    await host.read_file(source, sha, CONFIG)
    await host.read_file(Source(11, source.url), sha, CONFIG)
    (tmp_path / "mirrors" / "1.new").mkdir()

    await host.forget(source)
    await host.forget(source)

    assert [path.name for path in (tmp_path / "mirrors").glob("1*")] == ["11.git"]
    assert await host.read_file(source, sha, CONFIG) == "kind: pipeline\n"


async def test_mirrors_of_unused_repositories_are_dropped_unless_they_were_fetched_lately(
    host: Git, source: Source, repository: Repository, tmp_path: Path
) -> None:
    sha, mirrors = repository.git("rev-parse", "HEAD"), tmp_path / "mirrors"
    for repo_id in (1, 2, 3):
        await host.read_file(Source(repo_id, source.url), sha, CONFIG)
    (mirrors / "note.txt").touch()
    for path in (mirrors / "1.git", mirrors / "2.git"):
        for inner in [path, *path.rglob("*")]:
            os.utime(inner, (1, 1))

    await host.drop_unused({1}, 1000)

    assert sorted(path.name for path in mirrors.iterdir()) == ["1.git", "3.git", "home", "note.txt"]
    assert await host.read_file(Source(2, source.url), sha, CONFIG) == "kind: pipeline\n"


async def test_a_mirror_is_removed_once_nobody_fetches_into_it(
    shim: Shim, host: Git, source: Source, repository: Repository, tmp_path: Path
) -> None:
    shim.behave('case "$*" in *fetch*) sleep 0.3;; esac')
    reading = asyncio.create_task(host.read_file(source, repository.git("rev-parse", "HEAD"), CONFIG))
    await soon((tmp_path / "mirrors" / "1.git").exists)

    await host.forget(source)

    assert await reading == "kind: pipeline\n"
    assert not list((tmp_path / "mirrors").glob("1*"))


async def test_those_who_read_and_those_who_forget_take_turns(
    shim: Shim, host: Git, source: Source, repository: Repository
) -> None:
    shim.behave('case "$*" in *"fetch --quiet"*) mkdir $here/one && sleep 0.05 && rmdir $here/one || exit 1;; esac')
    sha = repository.git("rev-parse", "HEAD")
    work: list[asyncio.Task[object]] = []
    async with asyncio.TaskGroup() as tasks:
        for _ in range(4):
            work += [tasks.create_task(host.read_file(source, sha, CONFIG)) for _ in range(2)]
            work.append(tasks.create_task(host.forget(source)))
            await asyncio.wait(work[-3:], return_when=asyncio.FIRST_COMPLETED)  # the next ones meet the others

    assert [task.result() for task in work] == [*["kind: pipeline\n"] * 2, None] * 4
