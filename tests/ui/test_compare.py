"""What lies between two commits, as a page."""

import pytest

from app.scm.forge import Comparison
from app.scm.host import Commit, Source
from app.scm.hosts import Hosts
from tests.builds.farside import NOW
from tests.ui.farside import Place

COMPARE = "/octocat/hello/-/compare"


@pytest.fixture
async def commits(place: Place, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three commits with a build each, of a host that compares; the last has no files that differ from itself."""
    shas: list[str] = []
    for title in ("First", "Second: <b>the</b> basket", "Third"):
        await place.scene.push(title=title)
        shas.append((await place.scene.build(len(shas) + 1)).after)

    async def compare(_: Hosts, source: Source, before: str, after: str) -> Comparison:
        new = shas[shas.index(before) + 1 : shas.index(after) + 1]
        made = [Commit(sha, f"message of {sha[:4]}\n\nmore", "ada", "Ada", "", NOW - 60) for sha in new]
        return Comparison(tuple(made), tuple(f"src/<{sha[:4]}>.py" for sha in new))

    monkeypatch.setattr(Hosts, "compare", compare)
    return shas


async def test_commits_and_files_stand_newest_first_with_their_builds(place: Place, commits: list[str]) -> None:
    page = await place.page(f"{COMPARE}/1...3")

    assert page.text("tbody th") == f"{commits[2][:8]} {commits[1][:8]}"
    assert page.links("tbody a") == ["/octocat/hello/3", "/octocat/hello/2"]
    assert "2 commits, 2 files" in page.text(".facts")
    assert f"src/<{commits[1][:4]}>.py" in page.text("ul.files")
    assert f"{COMPARE}/3...1" in page.links()


async def test_what_is_the_same_says_so(place: Place, commits: list[str]) -> None:
    assert "Both are the same commit." in (await place.page(f"{COMPARE}/{commits[0]}...1")).text()
    assert "The second has no commit" in (await place.page(f"{COMPARE}/3...1")).text()


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        ("1", 400, "three dots"),
        ("...", 400, "three dots"),
        ("1...%2399", 404, "build 99 not found"),
        ("1...<script>", 404, "<script>"),
    ],
)
@pytest.mark.usefixtures("commits")
async def test_words_that_name_nothing_are_told(place: Place, words: str, status: int, told: str) -> None:
    assert told in (await place.page(f"{COMPARE}/{words}", status=status)).text()


async def test_a_host_that_cannot_compare_says_so(place: Place) -> None:
    await place.scene.push()
    await place.scene.push()

    assert "cannot" in (await place.page(f"{COMPARE}/1...2", status=422)).text()


async def test_only_readers_see_the_page(place: Place, commits: list[str]) -> None:
    await place.page(f"{COMPARE}/1...2", "nobody", status=404)
