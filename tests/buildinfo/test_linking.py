"""Which stored files belong to a run."""

from collections.abc import Sequence

import pytest

from app.artifacts.model import Sums
from app.buildinfo import linking
from app.buildinfo.linking import Candidate
from app.buildinfo.model import Artifact

ONE, TWO = Sums("s1", "a1", "m1"), Sums("s2", "a2", "m2")
#: Other bytes with the SHA-1 of ONE.
TWIN = Sums("s3", "a1", "m3")


def entry(sums: Sums, path: str = "", repo: str = "", name: str = "a.txt") -> Artifact:
    return Artifact("m", name, "", path, repo, sums)


def file(number: int, path: str = "x/a.txt", sums: Sums = ONE, repo: str = "dev") -> Candidate:
    return Candidate(number, 1, repo, "", path, 1, sums)


@pytest.mark.parametrize(
    ("artifact", "files", "ids"),
    [
        pytest.param(entry(ONE), [file(1), file(2, "y"), file(3, sums=TWO)], [1, 2], id="all-copies"),
        pytest.param(entry(Sums(sha1="a1")), [file(1), file(2, sums=TWIN)], [1, 2], id="sha1-alone-means-both"),
        pytest.param(entry(Sums("s3", "a1")), [file(1), file(2, sums=TWIN)], [2], id="sha256-decides"),
        pytest.param(entry(Sums(sha256="s2")), [file(1), file(2, sums=TWO)], [2], id="without-sha1"),
        pytest.param(entry(Sums(md5="m2")), [file(1), file(2, sums=TWO)], [2], id="md5-alone"),
        pytest.param(entry(Sums(), "x/a.txt"), [file(1), file(2, "y/a.txt")], [1], id="path-alone"),
        pytest.param(entry(Sums()), [file(1)], [], id="nothing-said"),
        pytest.param(entry(TWO), [file(1)], [], id="other-bytes"),
    ],
)
def test_files_belong_by_their_checksums(artifact: Artifact, files: Sequence[Candidate], ids: list[int]) -> None:
    [(found, fitting)] = linking.belonging([artifact], files)

    assert found is artifact
    assert [each.item_id for each in fitting] == ids


@pytest.mark.parametrize(
    ("artifact", "files", "chosen"),
    [
        pytest.param(
            entry(ONE, "x/a.txt", "dev"), [file(1, repo="b"), file(2), file(3, "a.txt")], 2, id="own-place-first"
        ),
        pytest.param(entry(ONE, "x/a.txt"), [file(1, "a.txt"), file(2, "x/a.txt")], 2, id="then-own-path"),
        pytest.param(entry(ONE), [file(1, "x/b.txt"), file(2, "y/a.txt")], 2, id="then-own-name"),
        pytest.param(entry(ONE), [file(1, "x/b.txt"), file(2, "y/c.txt")], 1, id="then-any"),
        pytest.param(entry(ONE), [], None, id="none"),
    ],
)
def test_one_file_stands_for_an_artifact(artifact: Artifact, files: Sequence[Candidate], chosen: int | None) -> None:
    found = linking.preferred(artifact, files)

    assert (found.item_id if found else None) == chosen


def test_only_what_lacks_something_is_filled_in_from_what_may_be_read() -> None:
    entries = [entry(ONE, "x/a.txt"), entry(Sums(sha1="a1")), entry(Sums(sha1="a2"))]

    found = linking.missing(entries, [file(1), file(2, "y", TWO)], lambda each: each.item_id == 1)

    assert {at: each.item_id for at, each in found.items()} == {1: 1}
