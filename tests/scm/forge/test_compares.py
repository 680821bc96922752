"""What commits have changed (contract scm-api 2)."""

import shutil
from pathlib import Path

import pytest

from app.errors import Invalid, NotFound
from app.scm.forge import Compares, Comparison
from tests.scm.forge.conftest import Reading

NONE = "0123456789" * 4


def host(reading: Reading) -> Compares:
    """Every host compares, also plain git."""
    assert isinstance(reading.host, Compares)
    return reading.host


async def test_the_commits_between_two_are_told_with_their_paths(reading: Reading) -> None:
    before = reading.project.push({"a": "1", "b": "1"}, "first")
    second = reading.project.push({"a": "2"}, "second")
    third = reading.project.push({"ci/grün.yml": "3"}, "third")

    found = await host(reading).compare(reading.source, before, third)

    assert [commit.sha for commit in found.commits] == [second, third]
    assert [commit.message.strip() for commit in found.commits] == ["second", "third"]
    assert found.commits[0].author_email == "ada@example.com"
    assert found.paths == ("a", "ci/grün.yml")


async def test_of_very_many_commits_the_newest_are_told(reading: Reading) -> None:
    before = reading.project.push({"a": "1"}, "first")
    work = reading.project.work
    stream = "".join(
        f"commit refs/heads/many\ncommitter A <a@example.com> {1_700_000_000 + number} +0000\ndata 2\nc\n"
        + (f"from {before}\n" if number == 0 else "")
        for number in range(300)
    )
    work.git("fast-import", "--quiet", stdin=stream.encode())
    work.git("push", "-q", "origin", "many")
    after = work.git("rev-parse", "many")

    found = await host(reading).compare(reading.source, before, after)

    assert len(found.commits) == 250
    assert found.commits[-1].sha == after


async def test_the_paths_of_a_commit_are_told_and_both_of_a_renamed_file(reading: Reading) -> None:
    reading.project.push({"old.txt": "the same\n" * 20, "gone.txt": "1", "kept.txt": "1"})
    reading.project.work.git("mv", "old.txt", "new.txt")
    reading.project.work.git("rm", "-q", "gone.txt")
    sha = reading.project.push({"kept.txt": "2"})

    assert list(await host(reading).changed(reading.source, sha)) == ["gone.txt", "kept.txt", "new.txt", "old.txt"]


async def test_very_many_paths_come_on_several_pages(reading: Reading) -> None:
    sha = reading.project.push({f"f{number:03}": str(number) for number in range(350)})

    found = await host(reading).changed(reading.source, sha)

    assert len(found) == (300 if reading.name == "github" else 350)


async def test_what_was_compared_is_not_asked_for_again(reading: Reading) -> None:
    before = reading.project.push({"a": "1"})
    after = reading.project.push({"a": "2"})
    await host(reading).compare(reading.source, before, after)
    await host(reading).changed(reading.source, after)
    reading.end()

    await host(reading).compare(reading.source, before, after)
    await host(reading).changed(reading.source, after)


@pytest.mark.parametrize("reading", ["gogs", "git"], indirect=True)
async def test_what_git_has_compared_is_kept_in_memory(reading: Reading, tmp_path: Path) -> None:
    before, after = (reading.project.push({"a": str(number)}) for number in range(2))
    found = await host(reading).compare(reading.source, before, after)
    shutil.rmtree(tmp_path / "mirrors")
    reading.end()

    assert await host(reading).compare(reading.source, before, after) == found


async def test_a_commit_that_is_not_there_is_not_found(reading: Reading) -> None:
    sha = reading.project.push({"a": "1"})

    for asking in (host(reading).compare(reading.source, NONE, sha), host(reading).changed(reading.source, NONE)):
        with pytest.raises(NotFound):
            await asking
    with pytest.raises(Invalid):
        await host(reading).compare(reading.source, "main", sha)


@pytest.mark.parametrize("reading", ["gogs", "git"], indirect=True)
async def test_of_branches_that_have_parted_git_tells_what_is_new_on_one(reading: Reading) -> None:
    project = reading.project
    project.push({"a": "1", "z": "1"}, "common")
    before = project.push({"a": "2"}, "left", "left")
    project.work.git("checkout", "-q", "main")
    project.push({"b": "1"}, "one", "right")
    after = project.push({"folder/c": "1", "z": "2"}, "two", "right")

    found = await host(reading).compare(reading.source, before, after)

    assert [commit.message.strip() for commit in found.commits] == ["one", "two"]
    assert found.paths == ("b", "folder/c", "z")
    assert list(await host(reading).changed(reading.source, after)) == ["folder/c", "z"]
    assert (await host(reading).compare(reading.source, after, after)) == Comparison((), ())


@pytest.mark.parametrize("reading", ["gogs", "git"], indirect=True)
async def test_of_histories_that_have_nothing_in_common_all_is_new(reading: Reading) -> None:
    project = reading.project
    before = project.push({"a": "1"}, "first")
    project.work.git("checkout", "-q", "--orphan", "other")
    project.work.git("rm", "-rfq", ".")
    after = project.work.commit({"b": "1"}, "alone")
    project.work.git("push", "-q", "origin", "other")

    found = await host(reading).compare(reading.source, before, after)

    assert ([commit.sha for commit in found.commits], found.paths) == ([after], ("a", "b"))
    assert list(await host(reading).changed(reading.source, after)) == ["b"]


@pytest.mark.parametrize("reading", ["gogs", "git"], indirect=True)
async def test_what_was_fetched_to_compare_goes_with_the_repository(reading: Reading, tmp_path: Path) -> None:
    shas = [reading.project.push({"a": str(number)}) for number in range(2)]
    await host(reading).compare(reading.source, *shas)
    assert {path.name for path in (tmp_path / "mirrors").glob("1.*")} == {"1.git", "1.history.git"}

    await reading.host.forget(reading.source)
    assert not list((tmp_path / "mirrors").glob("1.*"))

    await host(reading).compare(reading.source, *shas)
    assert len(list((tmp_path / "mirrors").glob("1.*"))) == 2
    await reading.host.drop_unused([], since=2**40)
    assert not list((tmp_path / "mirrors").glob("1.*"))
