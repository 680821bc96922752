"""Objects are read as they are, even those that no fetch would let in."""

import os
from pathlib import Path

import pytest

from app.scm.git import objects
from app.scm.git.command import Command
from app.scm.git.objects import Absent
from app.scm.host import Commit, TooLarge
from tests.scm.repository import Repository


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path / "mirrors", timeout=30, known_hosts=None, environ={"PATH": os.environ["PATH"]})


@pytest.mark.parametrize(
    ("author", "name", "email"),
    [
        ("author A B <a@x> 5 +0000", "A B", "a@x"),
        ("author <a@x> 5 +0000", "", "a@x"),
        ("author A <> 5 +0000", "A", ""),
        ("author A\0B <a@x> 5 +0000", "A\ufffdB", "a@x"),
        ("author nobody", "nobody", ""),
        ("author", "", ""),
        ("nothing", "", ""),
    ],
)
async def test_broken_authors_are_kept_as_far_as_they_go(
    command: Command, repository: Repository, author: str, name: str, email: str
) -> None:
    raw = f"tree {'0' * 40}\n{author}\ncommitter C <c@x>\n\nhi\n".encode()
    write = ("hash-object", "-tcommit", "-w", "--stdin", "--literally")
    oid = repository.git(*write, stdin=raw)
    async with command.objects(repository.path / ".git") as found:
        read = await objects.read_commit(found, oid)
    assert read == Commit(oid, "hi\n", "", name, email, 0)


async def test_what_is_too_large_is_told_from_its_header(command: Command, repository: Repository) -> None:
    repository.commit({"big": bytes(50_000_000)})
    with pytest.raises(TooLarge, match="50000000 bytes"):
        async with command.objects(repository.path / ".git") as found:
            await found.read(repository.git("rev-parse", "HEAD:big"), most=1000)


async def test_what_is_not_there_is_named_and_the_next_is_read(command: Command, repository: Repository) -> None:
    head = repository.git("rev-parse", "HEAD")
    async with command.objects(repository.path / ".git") as found:
        with pytest.raises(Absent) as absent:
            await found.find(f"{'1' * 40}^{{commit}}")
        assert (absent.value.oid, absent.value.peeled) == ("1" * 40, True)
        assert (await objects.read_commit(found, head)).sha == head


async def test_a_directory_without_a_repository_has_no_objects(
    command: Command, repository: Repository, tmp_path: Path
) -> None:
    """Not even those of a repository around it."""
    inner = repository.path / "inner"
    inner.mkdir()
    for directory in (inner, tmp_path / "missing"):
        with pytest.raises(Absent):
            async with command.objects(directory) as found:
                await found.find(repository.git("rev-parse", "HEAD"))
