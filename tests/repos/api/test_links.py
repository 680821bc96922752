"""From a branch, tag or commit to its page at the git host (contract drone-rest 3.7)."""

from dataclasses import replace

import httpx2
import pytest

from app.accounts import store as accounts
from app.db.connect import Database
from app.errors import NotFound
from app.repos import store
from app.repos.api import links
from app.repos.model import Repo
from tests.accounts import farside
from tests.web.asgi import serving

SHA = "7fd1a60b01f91b314f59955a4e4d4e80d8edf11d"
URL = "https://git.example.com/acme/web.git"
REPO = Repo(
    id=0,
    namespace="acme",
    name="web",
    uid="1",
    git_http_url=URL,
    link=URL.removesuffix(".git"),
    visibility="public",
)


@pytest.mark.parametrize(
    ("ref", "sha", "path"),
    [
        ("main", "", "tree/main"),
        ("refs/heads/feature/a b", "", "tree/feature/a%20b"),
        ("refs/heads/main", SHA, f"commit/{SHA}"),
        ("", SHA, f"commit/{SHA}"),
        ("refs/tags/v1.0", "", "tree/v1.0"),
        ("refs/tags/v1.0", SHA, "tree/v1.0"),
        ("refs/pull/7/head", SHA, "pull/7"),
        ("refs/pull/x/head", "", "tree/refs/pull/x/head"),
        ("main?x=1#y\r\nSet-Cookie: a=b", "", "tree/main%3Fx%3D1%23y%0D%0ASet-Cookie%3A%20a%3Db"),
        ("", "../../evil", "commit/..%2F..%2Fevil"),
    ],
)
def test_a_reference_has_a_page(ref: str, sha: str, path: str) -> None:
    assert links.page(REPO, ref, sha) == f"https://git.example.com/acme/web/{path}"


@pytest.mark.parametrize("url", ["file:///srv/git/web.git", "git@example.com:acme/web.git"])
def test_a_repository_without_pages_says_so(url: str) -> None:
    bare = replace(REPO, git_http_url=url, link="http://gantry.test/acme/web")

    with pytest.raises(NotFound, match="acme/web has no web pages"):
        links.page(bare, "main", "")


async def get(db: Database, path: str, repo: Repo = REPO) -> httpx2.Response:
    owner = await db.write(accounts.create("ann", token="ann-token", now=1))
    await db.write(store.create(replace(repo, user_id=owner.id)))
    async with serving(links.routes, **farside.state(db, private_mode=False)) as client:
        return await client.get(path)


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("tree/feature/x", "tree/feature/x"),
        (f"src/main?sha={SHA}", f"commit/{SHA}"),
        (f"commit/{SHA}", f"commit/{SHA}"),
        (f"commit/{SHA}?ref=refs/tags/v1", "tree/v1"),
    ],
)
async def test_the_route_leads_to_the_page(db: Database, path: str, target: str) -> None:
    answer = await get(db, f"/link/acme/web/{path}")

    assert answer.status_code == 303
    assert answer.headers["location"] == f"https://git.example.com/acme/web/{target}"


async def test_a_private_repository_is_not_told_of(db: Database) -> None:
    assert (await get(db, "/link/acme/web/tree/main", replace(REPO, visibility="private"))).status_code == 401
