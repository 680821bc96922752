"""Files, commits, branches and tags: the part of the contract that plain git keeps as well."""

import pytest

from app.errors import Invalid, NotFound, Unreadable
from app.scm.host import Source
from tests.scm.forge.conftest import Reading

NONE = "0123456789" * 4


async def test_a_file_is_read_as_it_was_at_a_commit(reading: Reading) -> None:
    old = reading.project.push(
        {".drone.yml": "\ufeffkind: pipeline\nname: grün\n", "ci/a b/deploy.yml": "kind: secret\n"}
    )
    new = reading.project.push({".drone.yml": "kind: template\n"})

    assert await reading.host.read_file(reading.source, old, ".drone.yml") == "kind: pipeline\nname: grün\n"
    assert await reading.host.read_file(reading.source, new, ".drone.yml") == "kind: template\n"
    assert await reading.host.read_file(reading.source, new.upper(), "ci/a b/deploy.yml") == "kind: secret\n"


async def test_a_file_that_is_none_says_why(reading: Reading) -> None:
    work = reading.project.work.path
    work.joinpath("dangling.yml").symlink_to("nothing.yml")
    work.joinpath("up.yml").symlink_to("ci")
    sha = reading.project.push({"ci/deploy.yml": "a\n", "latin.yml": b"gr\xfcn\n", "large.yml": b"#" * 9_000_000})

    async def code(path: str) -> str:
        with pytest.raises(Unreadable) as caught:
            await reading.host.read_file(reading.source, sha, path)
        assert path in caught.value.message
        assert sha[:12] in caught.value.message
        return caught.value.code

    assert await code("absent.yml") == "config_not_found"
    assert await code("ci/absent.yml") == "config_not_found"
    assert await code("ci/deploy.yml/below.yml") == "config_not_found"
    assert await code("ci") == "config_not_a_file"
    assert await code("dangling.yml") == "config_symlink"
    assert await code("up.yml") == "config_symlink"
    assert await code("latin.yml") == "config_not_utf8"
    assert await code("large.yml") == "config_too_large"


async def test_a_link_to_a_file_is_refused_except_by_github_which_follows_it_in_silence(reading: Reading) -> None:
    reading.project.work.path.joinpath("link.yml").symlink_to("ci/deploy.yml")
    sha = reading.project.push({"ci/deploy.yml": "a: 1"})

    if reading.name == "github":
        assert await reading.host.read_file(reading.source, sha, "link.yml") == "a: 1"
        return
    with pytest.raises(Unreadable) as caught:
        await reading.host.read_file(reading.source, sha, "link.yml")

    assert caught.value.code == "config_symlink"
    assert await reading.host.read_file(reading.source, sha, "ci/deploy.yml") == "a: 1"


async def test_a_file_of_a_commit_that_is_not_there_is_not_found(reading: Reading) -> None:
    reading.project.push({".drone.yml": "kind: pipeline\n"})

    with pytest.raises((NotFound, Unreadable)) as caught:
        await reading.host.read_file(reading.source, NONE, ".drone.yml")

    assert caught.value.code != "config_not_found"


async def test_a_file_at_the_limit_is_read_whole_or_refused_as_too_large(reading: Reading) -> None:
    sha = reading.project.push({"large.yml": "#" * 1_020_000, "empty.yml": ""})

    assert await reading.host.read_file(reading.source, sha, "empty.yml") == ""
    if reading.name == "github":  # gives no content above 1 MB
        with pytest.raises(Unreadable) as caught:
            await reading.host.read_file(reading.source, sha, "large.yml")
        assert caught.value.code == "config_too_large"
    else:
        assert len(await reading.host.read_file(reading.source, sha, "large.yml")) == 1_020_000


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../up.yml", "a//b", "a\nb", "a\udcff"])
async def test_a_path_that_no_file_can_have_is_refused(reading: Reading, path: str) -> None:
    with pytest.raises(Invalid):
        await reading.host.read_file(reading.source, NONE, path)
    with pytest.raises(Invalid):
        await reading.host.read_file(reading.source, "main", ".drone.yml")


async def test_a_commit_is_found_by_each_of_its_names(reading: Reading) -> None:
    project, host, source = reading.project, reading.host, reading.source
    first = project.push({"a": "1"}, "first")
    project.tag("light")
    project.tag("v1/äöü", "a tag of its own")
    feature = project.push({"b": "2"}, "feature", branch="feature/grün")
    project.push({"a": "3"}, "last")

    assert (await host.branch(source, "feature/grün")).sha == feature
    for name in (first, first.upper(), first[:12], "light", "v1/äöü", "refs/tags/v1/äöü", "refs/tags/light"):
        assert (await host.commit(source, name)).sha == first, name
    for name in (feature, "feature/grün", "refs/heads/feature/grün"):
        assert (await host.commit(source, name)).sha == feature, name


async def test_a_commit_has_its_message_author_and_time(reading: Reading) -> None:
    sha = reading.project.push({"a": "1"}, "Say hello\n\nIn a file of its own.")

    found = await reading.host.branch(reading.source, "main")

    assert found.sha == sha
    assert found.message.strip() == "Say hello\n\nIn a file of its own."
    assert (found.author_name, found.author_email) == ("Ada", "ada@example.com")
    assert found.timestamp == 1_700_000_100
    assert found.author_login == ""
    assert (await reading.host.commit(reading.source, sha)).message.startswith("Say hello")


async def test_what_is_not_there_is_not_found(reading: Reading) -> None:
    reading.project.push({"a": "1"})

    for name in ("nothing", "no/thing", "refs/tags/nothing", "refs/heads/nothing", "abcdef0", NONE):
        with pytest.raises((NotFound, Unreadable)):
            await reading.host.commit(reading.source, name)
    with pytest.raises(NotFound, match="branch nothing not found"):
        await reading.host.branch(reading.source, "nothing")


@pytest.mark.parametrize("name", ["", "-x", "a..b", "a b", "a.lock", "refs/heads/a^", "a\x00"])
async def test_a_name_that_git_refuses_never_reaches_the_host(reading: Reading, name: str) -> None:
    with pytest.raises(Invalid):
        await reading.host.commit(reading.source, name)
    with pytest.raises(Invalid):
        await reading.host.branch(reading.source, name)


async def test_the_default_branch_is_told(reading: Reading) -> None:
    reading.project.push({"a": "1"})

    assert await reading.host.default_branch(reading.source) == "main"


async def test_what_was_forgotten_is_read_anew(reading: Reading) -> None:
    sha = reading.project.push({".drone.yml": "kind: pipeline\n"})
    await reading.host.read_file(reading.source, sha, ".drone.yml")

    await reading.host.forget(reading.source)
    await reading.host.drop_unused(set(), 0)

    assert await reading.host.read_file(reading.source, sha, ".drone.yml") == "kind: pipeline\n"


async def test_a_repository_that_is_not_there_is_an_error_of_the_host(reading: Reading) -> None:
    other = Source(2, reading.source.url.replace("hello-world", "goodbye"), reading.source.host)

    for asking in (reading.host.default_branch(other), reading.host.branch(other, "main")):
        with pytest.raises((NotFound, Unreadable)):
            await asking


async def test_a_host_serves_its_own_addresses(reading: Reading) -> None:
    assert reading.host.serves(reading.source.url)
    reading.host.check_url(reading.source.url)
    assert reading.host.name == reading.source.host
