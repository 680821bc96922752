"""*Go to* over HTTP: for everybody, of what each may read."""

import pytest

from tests.acceptance.conftest import SLUG, Begin
from tests.acceptance.server import Server

PIPELINE = """
kind: pipeline
type: exec
name: default
clone: {disable: true}
steps: [{name: say, commands: [echo hello]}]
"""


@pytest.fixture(scope="module")
def server(begin: Begin) -> Server:
    return begin(PIPELINE)[0]


def test_words_lead_to_pages(server: Server) -> None:
    number = server.promote(SLUG, 1, "production")["number"]
    after = server.json("GET", f"/api/repos/{SLUG}/builds/1")["after"]

    build, repository, commit, target = (
        server.json("GET", "/api/search", params={"q": words})[0]
        for words in (f"hello-world#{number}", "hello", after[:8], "hello prod")
    )

    assert (build["kind"], build["build"]["number"], repository["kind"]) == ("build", number, "repository")
    assert (commit["kind"], commit["build"]["after"]) == ("commit", after)
    assert (target["kind"], target["target"]) == ("target", "production")
    links = [one["link"].partition(SLUG)[2] for one in (build, repository, commit, target)]
    assert links == [f"/{number}", "", f"/{commit['build']['number']}", "/-/targets/production"]


def test_strangers_find_only_what_is_public(server: Server) -> None:
    with server.visitor() as anybody:
        hidden = anybody.get("/api/search?q=hello")
        server.json("PATCH", f"/api/repos/{SLUG}", json={"visibility": "public"})
        shown = anybody.get("/api/search?q=hello")
        server.json("PATCH", f"/api/repos/{SLUG}", json={"visibility": "private"})

    assert (hidden.status_code, hidden.json()) == (200, [])
    assert [one["slug"] for one in shown.json()] == [SLUG]


@pytest.mark.parametrize("query", ["", "?q=", "?q=%00", "?q=%ED%A0%80", "?q=" + "x" * 5000, "?q=%25%5B*"])
def test_odd_words_find_nothing(server: Server, query: str) -> None:
    assert server.json("GET", f"/api/search{query}") == []
