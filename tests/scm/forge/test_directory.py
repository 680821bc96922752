"""People, their repositories and rights, and how git shows their tokens (contract scm-api 6, 7.1)."""

from dataclasses import replace

import pytest

from app.errors import NotFound, Unauthorized, Unavailable
from app.scm.forge import Clones, Compares, Credential, Directory, Hooks, Logins, Organisations, Passwords
from tests.scm.forge.conftest import Side

OCTOCAT = Credential("bearer", "octocat-token")


async def test_a_token_belongs_to_an_account(side: Side) -> None:
    for kind in ("bearer", "token"):
        found = await side.host.person(replace(OCTOCAT, kind=kind))

        assert found.login == "octocat"
        assert found.uid == str(side.far.people["octocat"].id)
        assert found.email == "octocat@example.com"
        assert found.avatar.startswith(side.far.url)


async def test_a_token_is_shown_as_the_host_wants_it(side: Side) -> None:
    await side.host.person(Credential("bearer", "octocat-token"))
    await side.host.person(Credential("token", "octocat-token"))

    names = {"authorization", "private-token"}
    shown = [
        {name: asked.headers[name] for name in names & set(asked.headers)} for asked in side.far.calls("GET .*/user$")
    ]
    bearer, token = {"authorization": "Bearer octocat-token"}, {"authorization": "token octocat-token"}
    expected = {
        "github": [bearer, bearer],
        "gitea": [bearer, token],
        "gogs": [token, token],
        "gitlab": [bearer, {"private-token": "octocat-token"}],
    }
    assert shown == expected[side.name]
    assert {asked.headers["user-agent"] for asked in side.far.requests} == {"Gantry"}


async def test_a_token_that_the_host_does_not_know_is_refused(side: Side) -> None:
    with pytest.raises(Unauthorized) as caught:
        await side.host.person(Credential("bearer", "a-lost-token"))

    assert caught.value.message.startswith(f"{side.name} answered 401 to GET")
    assert "a-lost-token" not in caught.value.message


async def test_all_pages_of_the_repositories_are_read(side: Side) -> None:
    for number in range(120):
        side.far.projects[f"octocat/p{number}"] = replace(side.project, id=1000 + number, slug=f"octocat/p{number}")
    told: list[int] = []

    found = await side.host.repositories(OCTOCAT, told.append)

    assert {one.slug for one in found} == set(side.far.projects)
    assert told[-1] == 121
    assert len(told) == (1 if side.name == "gogs" else len(side.far.calls("GET .*(repos|projects)$")))


async def test_a_repository_has_its_addresses_and_the_rights_of_the_account(side: Side) -> None:
    for login, level in {"reader": 10, "writer": 30, "keeper": 40}.items():
        side.far.add_person(login)
        side.project.levels[login] = level
    side.project.push({"a": "1"})
    side.project.private = True

    found = [await side.host.repository(Credential("bearer", f"{who}-token"), side.project.slug) for who in (
        "reader", "writer", "keeper")]  # fmt: skip

    assert [(one.read, one.write, one.admin) for one in found] == [
        (True, False, False),
        (True, True, False),
        (True, True, True),
    ]
    one = found[0]
    assert (one.uid, one.slug) == (str(side.project.id), "octocat/hello-world")
    assert one.http_url == side.source.url
    assert one.ssh_url == "git@127.0.0.1:octocat/hello-world.git"
    assert one.link == f"{side.far.url}/octocat/hello-world"
    assert (one.default_branch, one.visibility, one.archived) == ("main", "private", False)


async def test_a_repository_that_is_hidden_is_not_found(side: Side) -> None:
    side.far.add_person("stranger")
    side.project.private = True

    for slug in (side.project.slug, "octocat/none", "octocat", "../user/repos", "a/..", ""):
        with pytest.raises(NotFound):
            await side.host.repository(Credential("bearer", "stranger-token"), slug)


@pytest.mark.parametrize("name", ["gitlab"])
async def test_a_project_of_a_nested_group_is_read(side: Side) -> None:
    project = side.far.add_project("a/b/c/project")
    sha = project.push({".drone.yml": "kind: pipeline\n"})
    source = replace(side.source, url=side.far.clone_url(project))

    side.host.check_url(source.url)
    assert (await side.host.repository(OCTOCAT, "a/b/c/project")).slug == "a/b/c/project"
    assert await side.host.read_file(source, sha, ".drone.yml") == "kind: pipeline\n"


async def test_the_organisations_of_an_account_are_listed(side: Side) -> None:
    side.far.people["octocat"].organisations = ["zoo", "acme"]

    assert await side.host.organisations(OCTOCAT) == ["acme", "zoo"]


async def test_git_shows_a_token_as_the_host_takes_it(side: Side) -> None:
    account = side.host.clone_account(OCTOCAT)
    side.project.private = True
    sha = side.project.push({"a": "1"})
    address = side.source.url.replace("http://", f"http://{account.login}:{account.password}@")

    assert side.project.work.git("ls-remote", address, "refs/heads/main").split()[0] == sha
    assert side.host.clone_account(Credential("basic", "secret", "bot")).login == "bot"
    assert "octocat-token" not in repr(replace(account, login=""))


async def test_each_host_has_what_its_software_has(side: Side) -> None:
    everywhere = (Hooks, Directory, Clones)
    assert all(isinstance(side.host, one) for one in everywhere)
    assert isinstance(side.host, Compares)
    assert isinstance(side.host, Logins) == (side.name != "gogs")
    assert isinstance(side.host, Passwords) == (side.name == "gogs")


@pytest.mark.parametrize("name", ["gogs"])
async def test_gogs_takes_a_password_for_an_account_and_for_a_new_token(side: Side) -> None:
    assert isinstance(side.host, Passwords)
    account = side.far.people["octocat"]

    found = await side.host.person(Credential("basic", account.password, "octocat"))
    granted = await side.host.token("octocat", account.password)

    assert (found.login, found.email) == ("octocat", "octocat@example.com")
    assert (await side.host.person(Credential("token", granted.token))).uid == found.uid
    assert granted.expires == 0
    for login, password in {"octocat": "wrong", "nobody": "wrong", "": "", "a:b": "c"}.items():
        with pytest.raises(Unauthorized) as caught:
            await side.host.person(Credential("basic", password, login))
        assert "wrong" not in caught.value.message.replace("or wrong", "")
        with pytest.raises(Unauthorized):
            await side.host.token(login, password)


@pytest.mark.parametrize(
    ("namespace", "administers"),
    [("kim", True), ("Kim", True), ("acme", True), ("other", False), ("octocat", False), ("none", False)],
)
async def test_a_host_tells_who_administers_a_namespace(side: Side, namespace: str, *, administers: bool) -> None:
    """Kim administers acme, and is a member of other. Gogs knows no roles."""
    side.far.add_person("kim", organisations=["acme", "other"], administered=["acme"])

    if side.name == "gogs":
        assert not isinstance(side.host, Organisations)
    else:
        assert isinstance(side.host, Organisations)
        assert await side.host.administers(Credential("bearer", "kim-token"), namespace) is administers


async def test_a_host_that_fails_does_not_tell_who_administers(side: Side) -> None:
    side.far.fail("500", "orgs|groups")

    if isinstance(side.host, Organisations):
        again = side.again(attempts=1)
        assert isinstance(again, Organisations)
        with pytest.raises(Unavailable):
            await again.administers(OCTOCAT, "acme")
