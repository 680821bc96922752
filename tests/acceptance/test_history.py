"""A long history over HTTP: links that lead through it, numbers of pages, and what is taken out of it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from app.cli.bench.history import grow
from tests.acceptance.conftest import SLUG
from tests.acceptance.server import Server
from tests.scm.repository import Repository

BUILDS = f"/api/repos/{SLUG}/builds"
PIPELINE = """
kind: pipeline
type: exec
name: default
clone: {disable: true}
steps: [{name: step, commands: ['echo done']}]
"""
#: Builds in all: a push, a promotion that ran, and copies of it.
COUNT = 120


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("history")
    repository = Repository(folder / "hello-world")
    with Server(folder / "server", git_roots=str(folder)) as server:
        sha = repository.commit({".drone.yml": PIPELINE}, "Add the pipeline")
        server.register(repository.url, SLUG, default_branch="main")
        server.push(SLUG, sha)
        server.finished(SLUG, 1)
        server.finished(SLUG, server.promote(SLUG)["number"])
        grow_by(server, COUNT - 2)
        for name in ("a", "b", "c"):
            server.register(repository.url, f"acme/{name}", default_branch="main")
        yield server


def grow_by(server: Server, copies: int) -> None:
    """Copies of build 2, with its stage and step, on a database that nobody else writes to meanwhile."""
    build = server.json("GET", f"{BUILDS}/2")
    grow(server.database, build["id"], copies)


def numbers(answer: httpx2.Response) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [build["number"] for build in answer.json()]


def walk(server: Server, path: str, rel: str = "next") -> list[list[Any]]:
    """The pages that links lead through."""
    answer = server.ask("GET", path)
    pages = [answer.json()]
    while rel in answer.links:
        address = answer.links[rel]["url"]
        assert address.startswith(f"{server.url}/api/")
        answer = server.ask("GET", address)
        assert answer.status_code == 200
        pages.append(answer.json())
    return pages


@pytest.mark.parametrize("size", [1, 7, 25, 60, 100, 1000])
def test_links_lead_through_all_builds_newest_first(server: Server, size: int) -> None:
    pages = walk(server, f"{BUILDS}?per_page={size}")

    assert [build["number"] for page in pages for build in page] == list(range(COUNT, 0, -1))
    assert {len(page) for page in pages[:-1]} <= {min(size, 100)}


def test_links_lead_back_from_the_end(server: Server) -> None:
    pages = walk(server, f"{BUILDS}?per_page=30&page=4", "prev")

    assert [[build["number"] for build in page] for page in pages] == [
        list(range(top, top - 30, -1)) for top in (30, 60, 90, 120)
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("event=promote", range(COUNT, 1, -1)),
        ("event=push", [1]),
        ("target=production&status=success", range(COUNT, 1, -1)),
        ("branch=main", range(COUNT, 0, -1)),
    ],
)
def test_links_keep_the_filter(server: Server, query: str, expected: Any) -> None:
    pages = walk(server, f"{BUILDS}?{query}&per_page=50")

    assert [build["number"] for page in pages for build in page] == list(expected)


def test_a_link_never_holds_a_token_and_keeps_the_rest(server: Server) -> None:
    token = server.client.headers["Authorization"].removeprefix("Bearer ")
    with server.visitor() as anyone:
        answer = anyone.get(f"{BUILDS}?branch=main&access_token={token}&per_page=2&page=2")

    assert token not in answer.headers["link"]
    assert answer.links["next"]["url"] == f"{server.url}{BUILDS}?branch=main&per_page=2&cursor=after:117"
    assert answer.links["prev"]["url"] == f"{server.url}{BUILDS}?branch=main&per_page=2&cursor=before:118"
    assert answer.links["first"]["url"] == f"{server.url}{BUILDS}?branch=main&per_page=2"


@pytest.mark.parametrize("page", [1, 2, 3, 5, 12, 13, 4000, 10**17])
def test_a_page_by_its_number_is_exact(server: Server, page: int) -> None:
    expected = list(range(COUNT, 0, -1))[(page - 1) * 10 : page * 10]

    assert numbers(server.ask("GET", f"{BUILDS}?per_page=10&page={page}")) == expected


@pytest.mark.parametrize("cursor", ["x", "after:x", "after:1;2", "57", "before:", "after:-1", "after:" + "1" * 40])
def test_an_invented_cursor_is_refused_by_field(server: Server, cursor: str) -> None:
    for path in (BUILDS, "/api/repos"):
        answer = server.ask("GET", path, params={"cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")
        assert [error["field"] for error in answer.json()["errors"]] == ["cursor"]


@pytest.mark.parametrize("size", [1, 3, 25])
def test_links_lead_through_all_repositories_by_slug(server: Server, size: int) -> None:
    pages = walk(server, f"/api/repos?per_page={size}")
    back = walk(server, f"/api/repos?per_page={size}&page={-(-4 // size)}", "prev")

    slugs = ["acme/a", "acme/b", "acme/c", SLUG]
    assert [repo["slug"] for page in pages for repo in page] == slugs
    assert sorted(repo["slug"] for page in back for repo in page) == slugs


def test_all_repositories_fit_on_one_page(server: Server) -> None:
    answer = server.ask("GET", "/api/repos?per_page=100000")

    assert len(answer.json()) == 4
    assert set(answer.links) == {"first"}


PURGES = [
    ("", "missing_before"),
    ("before=", "missing_before"),
    ("before=x", "not_a_number"),
    ("before=1.5", "not_a_number"),
    ("before=1%20", "not_a_number"),
    ("before=%D9%A3", "not_a_number"),
    ("before=9223372036854775808", "not_a_number"),
    ("before=" + "9" * 5000, "not_a_number"),
]


@pytest.mark.parametrize(("query", "code"), PURGES)
def test_a_purge_wants_a_number(server: Server, query: str, code: str) -> None:
    answer = server.ask("DELETE", f"{BUILDS}?{query}")

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert [error["field"] for error in answer.json()["errors"]] == ["before"]
    assert len(answer.text) < 1000
    assert len(server.json("GET", f"{BUILDS}?per_page=100")) == 100


@pytest.mark.parametrize("before", ["0", "-5", "1", "-9223372036854775807"])
def test_a_purge_of_nothing_is_done(server: Server, before: str) -> None:
    answer = server.ask("DELETE", f"{BUILDS}?before={before}")

    assert (answer.status_code, answer.content) == (204, b"")
    assert server.json("GET", f"{BUILDS}/1")["number"] == 1


FORGETS = ["/branches/main", "/branches/a/b", "/pulls/7", "/deployments/production", "/deployments/eu/west"]


def test_who_may_take_something_out(server: Server) -> None:
    purge = f"{BUILDS}?before=1"
    with server.visitor() as anyone, server.account("nobody") as nobody, server.account("writer") as writer:
        server.json("PUT", f"/api/repos/{SLUG}/collaborators/writer", json={"write": True})
        for path in [f"{BUILDS}{end}" for end in FORGETS]:
            assert [who.delete(path).status_code for who in (anyone, nobody)] == [401, 404]
        assert [who.delete(purge).status_code for who in (anyone, nobody, writer)] == [401, 404, 403]
        assert writer.delete(f"{BUILDS}/pulls/1").status_code == 204
        server.json("PUT", f"/api/repos/{SLUG}/collaborators/writer", json={"read": True})
        assert writer.delete(f"{BUILDS}/pulls/1").status_code == 403
    assert server.ask("DELETE", "/api/repos/acme/nothing/builds?before=1").status_code == 404


@pytest.mark.parametrize("end", [*FORGETS, "/branches/%00", "/branches/", "/pulls/x", "/pulls/%F0%9F%9A%80"])
def test_what_is_not_remembered_is_forgotten_all_the_same(server: Server, end: str) -> None:
    kept = [server.json("GET", f"{BUILDS}/{kind}") for kind in ("branches", "deployments")]
    if end in ("/branches/main", "/deployments/production"):
        end += "x"

    status = server.ask("DELETE", BUILDS + end).status_code

    assert status == 204 or (status == 400 and end in ("/branches/%00", "/branches/"))
    assert [server.json("GET", f"{BUILDS}/{kind}") for kind in ("branches", "deployments")] == kept


def test_a_branch_and_a_target_are_forgotten_until_they_are_built_again(server: Server) -> None:
    assert len(server.json("GET", f"{BUILDS}/branches")) == len(server.json("GET", f"{BUILDS}/deployments")) == 1

    for _ in range(2):
        assert server.ask("DELETE", f"{BUILDS}/branches/main").status_code == 204
        assert server.ask("DELETE", f"{BUILDS}/deployments/production").status_code == 204

    assert server.json("GET", f"{BUILDS}/branches") == server.json("GET", f"{BUILDS}/deployments") == []
    assert server.json("GET", f"{BUILDS}/1")["number"] == 1


def test_a_purge_leaves_what_is_newer_or_not_over_and_nothing_else(server: Server) -> None:
    server.ask("DELETE", "/api/queue")
    waiting = server.promote(SLUG)["number"]
    newest = server.promote(SLUG)["number"]
    log = server.data / "logs"
    assert [path for path in log.rglob("*") if path.is_file()]

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda before: server.ask("DELETE", f"{BUILDS}?before={before}"), (50, 100, 122, 9)))

    assert {(answer.status_code, answer.content) for answer in answers} == {(204, b"")}
    assert numbers(server.ask("GET", BUILDS)) == [newest, waiting]
    assert [path for path in log.rglob("*") if path.is_file()] == []
    assert server.ask("GET", f"{BUILDS}/2").json()["message"] == "build 2 not found"
    assert server.ask("GET", f"{BUILDS}/2/logs/1/1").status_code == 404
    again = server.promote(SLUG, waiting)["number"]
    assert again == newest + 1
    server.ask("POST", "/api/queue")
    assert server.finished(SLUG, waiting)["status"] == "success"
    assert [repo["build"]["number"] for repo in server.json("GET", "/api/user/builds")] == [again, newest, waiting]
