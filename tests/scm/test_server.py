"""Which addresses of repositories are at a server of a host."""

import pytest

from app.errors import Invalid, Unreadable
from app.scm.server import Server

PUBLIC = Server("https://github.com")
BELOW = Server("https://git.example.com/gitea")
LOCAL = Server("http://127.0.0.1:3000")
NESTED = Server("https://gitlab.example.com", nested=True)


@pytest.mark.parametrize(
    ("server", "url", "slug"),
    [
        (PUBLIC, "https://github.com/octocat/hello-world.git", "octocat/hello-world"),
        (PUBLIC, "https://GitHub.com/octocat/hello-world", "octocat/hello-world"),
        (PUBLIC, "git@github.com:octocat/hello-world.git", "octocat/hello-world"),
        (PUBLIC, "ssh://git@github.com/octocat/hello-world.git", "octocat/hello-world"),
        (PUBLIC, "ssh://git@github.com:22/octocat/hello-world.git", "octocat/hello-world"),
        (PUBLIC, "https://github.com:443/octocat/.github", "octocat/.github"),
        (BELOW, "https://git.example.com/gitea/octocat/hello-world.git", "octocat/hello-world"),
        (BELOW, "git@git.example.com:octocat/hello-world.git", "octocat/hello-world"),
        (LOCAL, "http://127.0.0.1:3000/octocat/hello-world.git", "octocat/hello-world"),
        (NESTED, "https://gitlab.example.com/a/b/c.git", "a/b/c"),
    ],
)
def test_the_addresses_of_a_repository_have_its_slug(server: Server, url: str, slug: str) -> None:
    assert server.serves(url)
    assert server.slug(url) == slug


@pytest.mark.parametrize(
    ("server", "url"),
    [
        (PUBLIC, "https://github.com.example.com/octocat/hello-world"),
        (PUBLIC, "https://example.com/github.com/hello-world"),
        (PUBLIC, "git@example.com:github.com/hello-world"),
        (PUBLIC, "file:///github.com/octocat/hello-world"),
        (PUBLIC, "https://github.com:8443/octocat/hello-world"),
        (PUBLIC, "https://github.com:x/octocat/hello-world"),
        (PUBLIC, "https://[github.com/octocat/hello-world"),
        (PUBLIC, ""),
        (BELOW, "https://git.example.com/octocat/hello-world"),
        (LOCAL, "http://127.0.0.1:3001/octocat/hello-world.git"),
    ],
)
def test_other_addresses_are_not_served(server: Server, url: str) -> None:
    assert not server.serves(url)
    with pytest.raises(Unreadable):
        server.slug(url)
    with pytest.raises(Invalid):
        server.check(url)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("git@github.com:octocat/hello-world.git", "scp_form"),
        ("http://github.com/octocat/hello-world", "insecure_scheme"),
        ("https://me:secret@github.com/octocat/hello-world", "credentials_in_url"),
        ("https://github.com/octocat", "bad_url"),
        ("https://github.com/a/b/c", "bad_url"),
        ("https://github.com/octocat/..", "bad_url"),
        ("https://github.com/octocat/a%0ab", "bad_url"),
        ("https://github.com/octocat/a?b", "bad_url"),
        ("https://github.com/octocat/" + "a" * 3000, "bad_url"),
    ],
)
def test_an_address_that_is_never_read_from_says_why(url: str, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        PUBLIC.check(url)

    assert [problem.code for problem in caught.value.problems] == [code]
    assert "secret" not in caught.value.message


def test_http_is_read_from_where_the_server_itself_has_no_other() -> None:
    LOCAL.check("http://127.0.0.1:3000/octocat/hello-world.git")
    NESTED.check("https://gitlab.example.com/a/b/c.git")
