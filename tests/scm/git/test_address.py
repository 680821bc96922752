"""Which addresses are read from."""

import subprocess
from pathlib import Path

import pytest

from app.errors import Invalid, Unreadable
from app.scm.git import address
from tests.scm.repository import Repository


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.com/demo/hello.git",
        "https://git.example.com:8443/demo",
        "https://10.0.0.7/demo",
        "https://[::1]:8443/demo",
        "https://git_1.example.com/a%20b",
        "ssh://git@git.example.com/demo.git",
        "ssh://git@git.example.com:2222/~ada/demo.git",
        "ssh://git.example.com/demo.git",
    ],
)
def test_https_and_ssh_are_taken(url: str) -> None:
    address.check(url, [])
    assert address.resolve(url, []) == address.Remote(url)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "bad_url"),
        ("https://git.example.com/a b", "bad_url"),
        ("https://git.example.com/a\nb", "bad_url"),
        ("https://git.example.com/ü", "bad_url"),
        ("https://git.example.com/" + "x" * 2048, "bad_url"),
        ("https://git.example.com/a%0ab", "bad_url"),
        ("https://git.example.com/a?b", "bad_url"),
        ("https://git.example.com/a#b", "bad_url"),
        ("https://git.example.com\\a", "bad_url"),
        ("https://git.example.com:port/a", "bad_url"),
        ("https://git.example.com:0/a", "bad_url"),
        ("https://git.example.com:99999/a", "bad_url"),
        ("https://[::1/a", "bad_url"),
        ("https://git.example.com", "bad_url"),
        ("https://git.example.com/", "bad_url"),
        ("https:///a", "bad_url"),
        ("https://-oProxyCommand=id/a", "bad_url"),
        ("ssh://-oProxyCommand=id/a", "bad_url"),
        ("ssh://%2doProxyCommand=id/a", "bad_url"),
        ("ssh://-x@git.example.com/a", "bad_url"),
        ("ssh://a@b@git.example.com/a", "bad_url"),
        ("https://token@git.example.com/a", "credentials_in_url"),
        ("https://ada:secret@git.example.com/a", "credentials_in_url"),
        ("ssh://git:secret@git.example.com/a", "credentials_in_url"),
        ("http://git.example.com/a", "insecure_scheme"),
        ("http://127.0.0.1/a", "insecure_scheme"),
        ("git://git.example.com/a", "insecure_scheme"),
        ("git@git.example.com:demo/hello.git", "scp_form"),
        ("git.example.com:demo", "scp_form"),
        ("ext::sh -c id", "bad_url"),
        ("ext::id", "bad_scheme"),
        ("ext::https://x/y", "bad_scheme"),
        ("HTTPS://git.example.com/a", "bad_scheme"),
        ("ftp://git.example.com/a", "bad_scheme"),
        ("--upload-pack=id", "bad_scheme"),
        ("/srv/git/demo", "bad_scheme"),
        ("C:\\git", "bad_scheme"),
    ],
)
def test_everything_else_is_refused_with_its_rule(url: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        address.check(url, [Path("/srv/git")])

    (problem,) = refused.value.problems
    assert (problem.field, problem.code) == ("git_http_url", code)


def test_a_refusal_shows_the_way_out_and_no_secret() -> None:
    with pytest.raises(Invalid, match=r"ssh://git@git\.example\.com/demo\.git instead"):
        address.check("git@git.example.com:demo.git", [])
    with pytest.raises(Invalid, match="use https://"):
        address.check("http://git.example.com/demo.git", [])
    with pytest.raises(Invalid) as refused:
        address.check("https://ada:hunter2@git.example.com/demo", [])
    assert "hunter2" not in str(refused.value)


def test_local_repositories_are_read_below_the_roots_only(tmp_path: Path) -> None:
    inside, outside = Repository(tmp_path / "root" / "a b"), Repository(tmp_path / "rootless")
    roots = [tmp_path / "root"]
    inside_url = inside.url.replace(" ", "%20")
    escape = f"file://{tmp_path}/root/../rootless"

    address.check(inside_url, roots)
    assert address.resolve(inside_url, roots).url == inside_url + "/.git"
    for url in (outside.url, escape, escape.replace("..", "%2e%2e"), "file:///"):
        with pytest.raises(Invalid, match="not below"):
            address.check(url, roots)
        with pytest.raises(Unreadable, match="not below"):
            address.resolve(url, roots)


def test_symbolic_links_are_followed_before_the_roots_are_asked(tmp_path: Path) -> None:
    outside = Repository(tmp_path / "outside")
    root = tmp_path / "root"
    (root / "work").mkdir(parents=True)
    (root / "link").symlink_to(outside.path)
    (root / "loop").symlink_to(root / "loop")
    (root / "work" / ".git").symlink_to(outside.path / ".git")
    (tmp_path / "alias").symlink_to(root)
    inside = Repository(root / "inside")

    for name in ("link", "loop"):
        with pytest.raises(Invalid, match="not below"):
            address.check(f"file://{root}/{name}", [root])
    with pytest.raises(Unreadable, match="not a git repository"):
        address.resolve(f"file://{root}/work", [root])
    found = address.resolve(f"file://{tmp_path}/alias/inside", [tmp_path / "alias"])
    assert found.url == f"{inside.url}/.git"


@pytest.mark.parametrize("url", ["file://host/srv/git", "file://localhost/srv/git", "file://", "file://a"])
def test_a_file_address_has_no_host(url: str) -> None:
    with pytest.raises(Invalid, match="three slashes"):
        address.check(url, [Path("/")])


def test_without_roots_no_local_repository_is_read(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="reads no local repositories"):
        address.check(Repository(tmp_path / "demo").url, [])


def test_what_is_no_repository_is_told_when_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "worktree").mkdir()
    (tmp_path / "worktree" / ".git").write_text("gitdir: /etc\n")

    for name in ("empty", "file", "worktree", "missing"):
        address.check(f"file://{tmp_path}/{name}", [tmp_path])
        with pytest.raises(Unreadable, match="is not a git repository") as unreadable:
            address.resolve(f"file://{tmp_path}/{name}", [tmp_path])
        assert unreadable.value.code == "repository_unreachable"


def test_the_usual_endings_of_a_repository_are_found(tmp_path: Path) -> None:
    work = Repository(tmp_path / "work")
    work.commit()
    subprocess.run(["git", "clone", "-q", "--bare", work.path, tmp_path / "bare.git"], check=True)

    for asked, found in (("work", "work/.git"), ("bare", "bare.git"), ("bare.git/", "bare.git")):
        remote = address.resolve(f"file://{tmp_path}/{asked}", [tmp_path])
        assert remote.url == f"file://{tmp_path}/{found}"
        assert f"safe.directory={tmp_path}/{found}" in remote.upload_pack
