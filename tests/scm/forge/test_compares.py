"""What commits have changed (contract scm-api 2)."""

import pytest

from app.errors import Invalid, NotFound
from app.scm.forge import Compares
from tests.scm.forge.conftest import Side

NONE = "0123456789" * 4

pytestmark = pytest.mark.parametrize("name", ["github", "gitea", "gitlab"])


def host(side: Side) -> Compares:
    assert isinstance(side.host, Compares)
    return side.host


async def test_the_commits_between_two_are_told_with_their_paths(side: Side) -> None:
    before = side.project.push({"a": "1", "b": "1"}, "first")
    second = side.project.push({"a": "2"}, "second")
    third = side.project.push({"ci/grün.yml": "3"}, "third")

    found = await host(side).compare(side.source, before, third)

    assert [commit.sha for commit in found.commits] == [second, third]
    assert [commit.message.strip() for commit in found.commits] == ["second", "third"]
    assert found.commits[0].author_email == "ada@example.com"
    assert found.paths == ("a", "ci/grün.yml")


async def test_of_very_many_commits_the_newest_are_told(side: Side) -> None:
    before = side.project.push({"a": "1"}, "first")
    work = side.project.work
    stream = "".join(
        f"commit refs/heads/many\ncommitter A <a@example.com> {1_700_000_000 + number} +0000\ndata 2\nc\n"
        + (f"from {before}\n" if number == 0 else "")
        for number in range(300)
    )
    work.git("fast-import", "--quiet", stdin=stream.encode())
    work.git("push", "-q", "origin", "many")
    after = work.git("rev-parse", "many")

    found = await host(side).compare(side.source, before, after)

    assert len(found.commits) == 250
    assert found.commits[-1].sha == after


async def test_the_paths_of_a_commit_are_told_and_both_of_a_renamed_file(side: Side) -> None:
    side.project.push({"old.txt": "the same\n" * 20, "gone.txt": "1", "kept.txt": "1"})
    side.project.work.git("mv", "old.txt", "new.txt")
    side.project.work.git("rm", "-q", "gone.txt")
    sha = side.project.push({"kept.txt": "2"})

    assert list(await host(side).changed(side.source, sha)) == ["gone.txt", "kept.txt", "new.txt", "old.txt"]


async def test_very_many_paths_come_on_several_pages(side: Side) -> None:
    sha = side.project.push({f"f{number:03}": str(number) for number in range(350)})

    found = await host(side).changed(side.source, sha)

    assert len(found) == (300 if side.name == "github" else 350)


async def test_what_was_compared_is_not_asked_for_again(side: Side) -> None:
    before = side.project.push({"a": "1"})
    after = side.project.push({"a": "2"})
    await host(side).compare(side.source, before, after)
    await host(side).changed(side.source, after)
    count = len(side.far.requests)

    await host(side).compare(side.source, before, after)
    await host(side).changed(side.source, after)

    assert len(side.far.requests) == count


async def test_a_commit_that_is_not_there_is_not_found(side: Side) -> None:
    sha = side.project.push({"a": "1"})

    for asking in (host(side).compare(side.source, NONE, sha), host(side).changed(side.source, NONE)):
        with pytest.raises(NotFound):
            await asking
    with pytest.raises(Invalid):
        await host(side).compare(side.source, "main", sha)
