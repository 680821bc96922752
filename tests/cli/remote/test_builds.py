"""The words that stand for a build."""

from typing import Any

import pytest

from app.cli.remote import builds
from app.cli.remote.client import Client, Connection, Refused
from app.cli.terminal import options
from app.errors import Invalid, NotFound
from tests.cli.conftest import Gantry
from tests.cli.farside import FarSide, answer, recorded

SLUG = "octocat/hello-world"
BUILDS = f"/api/repos/{SLUG}/builds"
SHA = "5fcb01b" + "0" * 33


@pytest.fixture
def client(far: FarSide) -> Client:
    return Client(Connection(far.url, "x"))


def build(number: int, ref: str = "refs/heads/main", **more: Any) -> dict[str, Any]:
    return {"number": number, "ref": ref, "after": SHA, "status": "success", **more}


def asked(far: FarSide) -> list[dict[str, str]]:
    """What the lists of builds were filtered by."""
    return [one.query for one in far.asked if one.path == BUILDS]


def test_a_number_is_taken_as_it_is(client: Client, far: FarSide) -> None:
    assert builds.find(client, SLUG, "42") == 42
    assert far.asked == []


def test_last_is_the_newest_of_the_default_branch(client: Client, far: FarSide) -> None:
    far.on("GET", f"{BUILDS}/latest", answer(build(7)))

    assert builds.find(client, SLUG, "last") == 7


def test_last_with_a_status_is_the_newest_with_it(client: Client, far: FarSide) -> None:
    far.on("GET", f"/api/repos/{SLUG}", answer({"default_branch": "trunk"}))
    far.on("GET", BUILDS, answer([build(9, status="failure"), build(8)]), answer([]))

    assert builds.find(client, SLUG, "last:success") == 8
    assert asked(far) == [{"branch": "trunk", "status": "success", "per_page": "100"}]
    with pytest.raises(NotFound, match=f"no build of the default branch of {SLUG} is success"):
        builds.number(client, SLUG, "last:success")


def test_what_waits_for_an_approval_is_blocked_and_not_pending(client: Client, far: FarSide) -> None:
    far.on("GET", f"/api/repos/{SLUG}", answer({"default_branch": "trunk"}))
    far.on("GET", BUILDS, answer([build(9, status="pending", blocked=True), build(8, status="pending")]))

    assert builds.find(client, SLUG, "last:blocked") == 9
    assert builds.find(client, SLUG, "last:pending") == 8


def test_a_status_that_is_none_is_refused_with_the_nearest(client: Client, far: FarSide) -> None:
    with pytest.raises(Invalid, match=r"'sucess' is no status of a build. Did you mean 'success'\?"):
        builds.find(client, SLUG, "last:sucess")
    assert far.asked == []


@pytest.mark.parametrize("word", ["feature/x", "branch:feature/x", "refs/heads/feature/x"])
def test_a_branch_is_its_newest_build(client: Client, far: FarSide, word: str) -> None:
    far.on("GET", BUILDS, answer([build(6, "refs/heads/feature/x")]))

    assert builds.find(client, SLUG, word) == 6
    assert asked(far) == [{"branch": "feature/x", "per_page": "1"}]


@pytest.mark.parametrize("word", ["tag:v1.2", "refs/tags/v1.2"])
def test_a_tag_may_be_said_to_be_one(client: Client, far: FarSide, word: str) -> None:
    far.on("GET", BUILDS, answer([build(5, "refs/tags/v1.2")]))

    assert builds.find(client, SLUG, word) == 5
    assert asked(far) == [{"tag": "v1.2", "per_page": "1"}]


def test_a_name_that_is_no_branch_is_a_tag(client: Client, far: FarSide) -> None:
    far.on("GET", BUILDS, answer([]), answer([build(5, "refs/tags/v1.2")]))

    assert builds.find(client, SLUG, "v1.2") == 5


@pytest.mark.parametrize("word", ["5fcb01b", "5FCB01B0"])
def test_digits_that_name_no_branch_and_no_tag_are_a_commit(client: Client, far: FarSide, word: str) -> None:
    far.on("GET", BUILDS, answer([]), answer([]), answer([build(4)]))

    assert builds.find(client, SLUG, word) == 4
    assert asked(far)[-1] == {"commit": word, "per_page": "1"}


@pytest.mark.parametrize("word", [SHA, SHA.upper(), "commit:5fcb01b"])
def test_a_whole_id_is_nothing_but_a_commit(client: Client, far: FarSide, word: str) -> None:
    far.on("GET", BUILDS, answer([build(4)]))

    assert builds.find(client, SLUG, word) == 4
    assert asked(far) == [{"commit": word.removeprefix("commit:"), "per_page": "1"}]


def test_what_has_no_build_is_none(client: Client, far: FarSide) -> None:
    far.on("GET", BUILDS, answer([]))

    assert builds.find(client, SLUG, "main") is None
    with pytest.raises(NotFound, match=f"{SLUG} has no build of a branch or tag 'abcdef'$"):
        builds.number(client, SLUG, "abcdef")
    with pytest.raises(NotFound, match=f"{SLUG} has no build of a branch, tag or commit 'abcdef0'$"):
        builds.number(client, SLUG, "abcdef0")
    with pytest.raises(NotFound, match=f"{SLUG} has no build of a tag 'tag:v9'$"):
        builds.number(client, SLUG, "tag:v9")
    with pytest.raises(NotFound, match="if acme/web is the repository, the build after it is missing"):
        builds.number(client, SLUG, "acme/web")


def test_a_server_that_knows_no_such_filter_gives_no_wrong_build(client: Client, far: FarSide) -> None:
    """Drone's server answers with the newest builds of any branch or commit."""
    far.on("GET", BUILDS, answer([build(9, "refs/heads/other", after="f" * 40)]))

    assert builds.find(client, SLUG, "5fcb01b") is None


def test_an_unknown_repository_is_told_as_such(client: Client) -> None:
    with pytest.raises(Refused):
        builds.number(client, SLUG, "main")


@pytest.mark.parametrize("args", [[SLUG, "main"], [f"{SLUG}#main"], ["-R", SLUG, "main"], ["main", "-R", SLUG]])
def test_commands_take_the_word_with_the_repository_in_several_ways(
    gantry: Gantry, far: FarSide, args: list[str]
) -> None:
    far.on("GET", BUILDS, answer([build(2)]))
    far.on("GET", f"{BUILDS}/2", answer(recorded("promoted build, finished")))

    done = gantry("build", "info", *args)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Number:   2\n")


def test_a_promotion_of_a_branch_needs_no_build(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", f"/api/repos/{SLUG}/promote", answer(recorded("promote with parameters")))

    assert gantry("promote", f"{SLUG}#main", "production").returncode == 0
    assert [one.query for one in far.asked] == [{"branch": "main", "target": "production"}]


def test_a_promotion_of_the_last_success_is_one_of_that_build(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", f"/api/repos/{SLUG}", answer({"default_branch": "main"}))
    far.on("GET", BUILDS, answer([build(2)]))
    far.on("POST", f"{BUILDS}/2/promote", answer(recorded("promote with parameters")))

    assert gantry("promote", SLUG, "last:success", "production").returncode == 0


@pytest.mark.parametrize("word", ["0", "\u0663", "main^", "a..b", "fix:1", "last:", "last:sucess", "commit:main"])
def test_a_word_that_stands_for_nothing_is_wrong_usage(gantry: Gantry, far: FarSide, word: str) -> None:
    assert gantry("build", "info", SLUG, word).returncode == 2
    assert far.asked == []


def test_a_hash_in_a_name_separates_nothing_where_no_repository_is_before(client: Client) -> None:
    assert options.build("fix#1") == "fix#1"
    assert [meaning.name for meaning in builds.meanings("fix#1")] == ["fix#1", "fix#1"]


def test_two_repositories_for_one_build_are_refused(gantry: Gantry, far: FarSide) -> None:
    done = gantry("build", "info", "-R", "acme/web", f"{SLUG}#42")

    assert (done.returncode, far.asked) == (2, [])
    assert f"the repository is given twice, as 'acme/web' and as '{SLUG}'" in done.stderr
