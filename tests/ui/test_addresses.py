"""Addresses of pages, and how they are read."""

from urllib.parse import unquote, urljoin, urlsplit

import pytest

from app.repos.model import Repo
from app.ui import addresses


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("/", ["", ""]),
        ("/acme/web", ["", "acme", "web"]),
        ("/acme/web/", ["", "acme", "web", ""]),
        ("/acme/web/42", ["", "acme", "web", "42"]),
        ("/acme/web/42/1/2", ["", "acme", "web", "42", "1", "2"]),
        ("/group/team/web", ["", "group/team", "web"]),
        ("/group/team/web/42", ["", "group/team", "web", "42"]),
        ("/group/team/web/42/1/2/", ["", "group/team", "web", "42", "1", "2", ""]),
        ("/group/team/web/-/logs/42/1/2", ["", "group/team", "web", "-", "logs", "42", "1", "2"]),
        ("/acme/web/-/logs/42/1/2", ["", "acme", "web", "-", "logs", "42", "1", "2"]),
        ("/acme/web/42/-/promote", ["", "acme", "web", "42", "-", "promote"]),
        ("/group/team/web/42/-/promote", ["", "group/team", "web", "42", "-", "promote"]),
        ("/acme/42/-/targets/x", ["", "acme", "42", "-", "targets", "x"]),
        ("/acme/7", ["", "acme", "7"]),
        ("/acme/web/7/8", ["", "acme/web", "7", "8"]),
        ("/group%2Fteam/7", ["", "group/team", "7"]),
        ("/-/static/abc/vendor/x.js", ["", "-", "static", "abc", "vendor", "x.js"]),
        ("/-/go", ["", "-", "go"]),
        ("/login", ["", "login"]),
        ("//", ["", "", ""]),
    ],
)
def test_a_path_is_split_with_its_namespace_in_one_part(path: str, parts: list[str]) -> None:
    assert addresses.split(unquote(path), path.encode()) == parts


@pytest.mark.parametrize(
    ("namespace", "name"), [("acme", "web"), ("group/team", "web"), ("group/team", "7"), ("ä b", "<x>?#")]
)
def test_every_address_is_read_as_it_was_written(namespace: str, name: str) -> None:
    repo = Repo(1, namespace, name)
    cases = {
        addresses.repo(repo): [],
        addresses.build(repo, 42): ["42"],
        addresses.step(repo, 42, 1, 2): ["42", "1", "2"],
        addresses.raw_log(repo, 42, 1, 2): ["-", "logs", "42", "1", "2"],
        addresses.ours(repo, "promote", number=42): ["42", "-", "promote"],
        addresses.target(repo, "eu/production"): ["-", "targets", "eu/production"],
        addresses.compare(repo, "main", "5fcb01b"): ["-", "compare", "main...5fcb01b"],
    }

    for address, rest in cases.items():
        assert addresses.split(unquote(address), address.encode()) == ["", namespace, name, *rest]


#: Names that browsers, or readers of addresses, could take for something else.
ODD = [".", "..", "~.", "~..", "~~.", "...", "~", "-", "%2e", "%2E.", "%2F", "%", "a%20b", "a b", "?x=1", "#x", "+"]
ODD += ["a/b", "a/../b", "/", "//", "&", ";x", ":x", "1", "a\\b", "promote", "\u00fc\u0436", "\U0001f600", "\u202eb"]


def browsed(address: str) -> str:
    """The path that a browser asks for, by the rules of the URL Standard (4.4, path state)."""
    path = address.partition("#")[0].partition("?")[0].replace("\\", "/")
    parts: list[str] = []
    for part in path.split("/")[1:]:
        dots = part.lower().replace("%2e", ".")
        if dots == "..":
            del parts[-1:]
        elif dots != ".":
            parts.append(part)
    return "/" + "/".join(parts)


@pytest.mark.parametrize("name", ODD)
def test_a_browser_leaves_every_name_in_an_address_as_it_is(name: str) -> None:
    repo = Repo(1, "group/team", "web")
    cases = {
        addresses.target(repo, name): ["", "group/team", "web", "-", "targets", name],
        addresses.ours(repo, "settings", "secrets", name, "remove"): [
            *["", "group/team", "web", "-", "settings", "secrets", name, "remove"]
        ],
        addresses.below(addresses.BUNDLES, "shop", name): ["", "-", "bundles", "shop", name],
    }

    for address, parts in cases.items():
        assert browsed(address) == address
        assert urlsplit(urljoin("http://gantry.test/x/", address)).path == address
        assert addresses.split(unquote(address), address.encode()) == parts


def test_a_query_has_what_has_a_value() -> None:
    assert addresses.ours(Repo(1, "acme", "web"), "promote", number=42, target="a&b", key="") == (
        "/acme/web/42/-/promote?target=a%26b"
    )


@pytest.mark.parametrize(
    ("path", "own"),
    [
        *[("/", True), ("/acme/web/42?x=1#L5", True), ("/a//b", True), ("", False), ("//evil.test", False)],
        *[("/\\evil.test", False), ("https://evil.test", False), ("javascript:alert(1)", False), ("/a\nb", False)],
        *[("/\t/evil.test", False), ("/a\\b", False), ("acme/web", False), ("/\u202ea", False)],
    ],
)
def test_a_path_of_this_server_leads_nowhere_else(path: str, own: bool) -> None:
    assert addresses.is_own(path) is own


def test_scripts_find_a_log_of_a_nested_namespace_in_the_api() -> None:
    repo = Repo(1, "group/team", "web")

    assert addresses.log_api(repo, 42, 1, 2) == "/api/repos/group%2Fteam/web/builds/42/logs/1/2"
    assert addresses.build_api(repo, 42) == "/api/repos/group%2Fteam/web/builds/42"
    assert addresses.log_stream(repo, 42, 1, 2) == "/api/stream/group%2Fteam/web/42/1/2"
