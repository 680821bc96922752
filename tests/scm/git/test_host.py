"""Branches, commits and files of plain git repositories."""

import asyncio
import os
import shutil
import socket
from pathlib import Path

import pytest

from app.errors import AppError, Invalid, NotFound, Unavailable, Unreadable
from app.scm.git.host import Git
from app.scm.host import Commit, Source
from tests.scm.conftest import Shim
from tests.scm.repository import Repository


def head(repository: Repository) -> str:
    return repository.git("rev-parse", "HEAD")


async def test_a_branch_is_its_newest_commit(host: Git, source: Source, repository: Repository) -> None:
    first = await host.branch(source, "main")
    repository.git("checkout", "-qb", "feature/x")
    newer = repository.commit(message="second\n\nwith a body: é\n")

    assert first == Commit(first.sha, "first\n", "", "Ada", "ada@example.com", 1700000100)
    assert (await host.branch(source, "main")).sha == first.sha
    assert (await host.branch(source, "feature/x")).sha == newer
    assert (await host.branch(source, "feature/x")).message == "second\n\nwith a body: é\n"


async def test_a_branch_that_is_not_there_is_named(host: Git, source: Source) -> None:
    with pytest.raises(NotFound, match=r"^branch nope not found$"):
        await host.branch(source, "nope")


async def test_a_branch_is_not_mistaken_for_another_of_the_same_ending(
    host: Git, source: Source, repository: Repository
) -> None:
    repository.git("update-ref", "refs/other/refs/heads/nope", "HEAD")
    repository.git("branch", "a/nope")
    with pytest.raises(NotFound):
        await host.branch(source, "nope")


@pytest.mark.parametrize("name", ["", "-x", "--upload-pack=id", "a..b", "a b", "*", "a\nb", "x" * 2000])
async def test_impossible_names_are_refused(host: Git, source: Source, name: str) -> None:
    with pytest.raises(Invalid) as refused:
        await host.branch(source, name)
    assert refused.value.problems[0].field == "branch"
    with pytest.raises(Invalid) as refused:
        await host.commit(source, name)
    assert refused.value.problems[0].field == "commit"


async def test_the_default_branch_is_what_head_names(host: Git, source: Source, repository: Repository) -> None:
    assert await host.default_branch(source) == "main"
    repository.git("checkout", "-qb", "release/1.x")
    assert await host.default_branch(source) == "release/1.x"
    repository.git("checkout", "-q", "--detach")
    with pytest.raises(Unreadable, match="set the branch yourself") as unreadable:
        await host.default_branch(source)
    assert unreadable.value.code == "no_default_branch"


async def test_an_empty_repository_has_no_branch_and_no_commit(host: Git, tmp_path: Path) -> None:
    source = Source(1, Repository(tmp_path / "root" / "empty").url)
    with pytest.raises(Unreadable, match="push a first commit"):
        await host.default_branch(source)
    with pytest.raises(NotFound):
        await host.branch(source, "main")
    with pytest.raises(NotFound, match="empty"):
        await host.commit(source, "abcdef1")
    with pytest.raises(NotFound):
        await host.commit(source, "a" * 40)


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
async def test_a_commit_is_found_by_all_its_names(host: Git, tmp_path: Path, object_format: str) -> None:
    repository = Repository(tmp_path / "root" / "r", object_format=object_format)
    source = Source(1, repository.url)
    old = repository.commit({"f": "1"}, "old")
    repository.git("tag", "light")
    middle = repository.commit({"f": "2"}, "middle")
    repository.git("tag", "-a", "-m", "text of the tag", "annotated")
    newest = repository.commit({"f": "3"}, "newest")
    repository.git("update-ref", "refs/pull/7/head", middle)
    tag_object = repository.git("rev-parse", "refs/tags/annotated")

    names = {"light": old, "annotated": middle, "refs/tags/annotated": middle, tag_object: middle}
    names |= {"main": newest, "refs/heads/main": newest, "HEAD": newest, "refs/pull/7/head": middle}
    names |= {old: old, old.upper(): old, old[:7]: old, middle[:12]: middle, newest[:10]: newest}
    for name, expected in names.items():
        assert (await host.commit(source, name)).sha == expected, name
    assert await host.read_file(source, old, "f") == "1"
    assert await host.read_file(source, middle, "f") == "2"


async def test_an_old_commit_is_found_by_its_abbreviation_alone(
    host: Git, source: Source, repository: Repository, tmp_path: Path
) -> None:
    old = head(repository)
    for number in range(3):
        repository.commit({"f": str(number)})

    assert (await host.commit(source, old[:8])).sha == old
    assert sorted(path.name for path in (tmp_path / "mirrors").iterdir()) == ["1.git", "home"]


async def test_a_branch_goes_before_a_tag_and_an_abbreviation(
    host: Git, source: Source, repository: Repository
) -> None:
    old = head(repository)
    repository.git("tag", "both")
    newest = repository.commit()
    repository.git("branch", "both")
    repository.git("branch", old[:7])
    assert (await host.commit(source, old[:7])).sha == newest
    assert (await host.commit(source, "both")).sha == newest
    assert (await host.commit(source, "refs/tags/both")).sha == old


async def test_an_unreachable_commit_is_found_by_id(host: Git, source: Source, repository: Repository) -> None:
    lost = repository.commit({"f": "lost"})
    repository.git("reset", "-q", "--hard", "HEAD~")
    assert await host.read_file(source, lost, "f") == "lost"


@pytest.mark.parametrize("name", ["nope", "abcdef1", "0" * 39 + "1", "f" * 40, "f" * 64, "0" * 40])
async def test_a_commit_that_is_not_there_is_named(host: Git, source: Source, name: str) -> None:
    with pytest.raises(NotFound, match=name):
        await host.commit(source, name)


async def test_what_is_no_commit_is_not_found_before_and_after_it_is_in_the_mirror(
    host: Git, source: Source, repository: Repository
) -> None:
    blob, tree = repository.git("rev-parse", "HEAD:.drone.yml"), repository.git("rev-parse", "HEAD:ci")
    for oid in (blob, tree):
        with pytest.raises(NotFound, match="not a commit"):
            await host.commit(source, oid)
    newer = repository.commit({"other": "not in the mirror, though its commit will be"})
    await host.commit(source, newer)
    with pytest.raises(NotFound, match="not a commit"):
        await host.commit(source, repository.git("rev-parse", "HEAD:other"))
    await host.read_file(source, newer, ".drone.yml")
    for oid in (blob, tree):
        with pytest.raises(NotFound, match="not a commit"):
            await host.commit(source, oid)
    assert (await host.branch(source, "main")).sha == newer


async def test_odd_commits_are_read_as_well_as_they_can_be(host: Git, source: Source, repository: Repository) -> None:
    tree = repository.git("rev-parse", "HEAD^{tree}")
    people = "author Jos\xe9 <j@x> 1 +0000\ncommitter C <c@x> 2 +0000\n"

    async def stored(text: str) -> Commit:
        raw = f"tree {tree}\n{text}".encode("latin-1")
        return await host.commit(
            source, repository.git("hash-object", "-tcommit", "-w", "--stdin", "--literally", stdin=raw)
        )

    latin = await stored(f"{people}encoding ISO-8859-1\n\nna\xefve\n")
    assert (latin.author_name, latin.message) == ("José", "naïve\n")
    unknown = await stored(f"{people}encoding klingon\n\nhi\n")
    assert (unknown.author_name, unknown.message) == ("Jos\ufffd", "hi\n")
    signed = await stored(f"{people}gpgsig -----BEGIN\n author Eve <e@x> 9 +0000\n -----END\n\nhi")
    assert (signed.author_email, signed.message, signed.timestamp) == ("j@x", "hi", 2)
    silent = await stored(people + "\n")
    assert silent.message == ""


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
async def test_a_file_is_read_as_it_was_at_the_commit(host: Git, tmp_path: Path, object_format: str) -> None:
    repository = Repository(tmp_path / "root" / "r", object_format=object_format)
    source = Source(1, repository.url)
    files = {"a/b/c.yml": "deep\n", "é ü.yml": "named\n", "bom": "\ufefftext", "empty": "", "-x": "d"}
    old = repository.commit({**files, ".drone.yml": "old\n"})
    new = repository.commit({".drone.yml": "new\r\nline"})

    for path, text in {**files, "bom": "text", ".drone.yml": "old\n"}.items():
        assert await host.read_file(source, old, path) == text
    assert await host.read_file(source, new, ".drone.yml") == "new\r\nline"
    assert await host.read_file(source, old.upper(), ".drone.yml") == "old\n"


async def test_what_is_no_readable_file_is_told_with_path_commit_and_rule(
    tmp_path: Path, repository: Repository, source: Source
) -> None:
    host = Git(tmp_path / "mirrors", [tmp_path / "root"], max_file=20, environ={"PATH": os.environ["PATH"]})
    (repository.path / "link").symlink_to(".drone.yml")
    (repository.path / "folder").symlink_to("ci")
    files: dict[str, str | bytes] = {"big": "x" * 21, "fits": "x" * 20, "latin": b"na\xefve"}
    repository.commit(files)
    entry = f"160000,{head(repository)},module"
    repository.git("update-index", "--add", "--cacheinfo", entry)
    repository.git("commit", "-qm", "module")
    sha = head(repository)

    async def failure(path: str) -> tuple[str, str]:
        with pytest.raises(Unreadable) as unreadable:
            await host.read_file(source, sha, path)
        return unreadable.value.code, unreadable.value.message

    short = f"at commit {sha[:12]}"
    missing = "config_not_found"
    assert await failure("nope.yml") == (missing, f"nope.yml not found {short}")
    assert await failure("ci/nope.yml") == (missing, f"ci/nope.yml not found {short}")
    assert await failure("nope/a.yml") == (missing, f"nope/a.yml not found {short}")
    assert await failure(".drone.yml/a") == (missing, f".drone.yml/a not found {short}")
    rule = "only regular files are read"
    link = "config_symlink"
    assert await failure("link") == (link, f"link {short} is a symbolic link; {rule}")
    assert await failure("folder/deploy.yml") == (link, f"folder {short} is a symbolic link; {rule}")
    other = "config_not_a_file"
    assert await failure("ci") == (other, f"ci {short} is a directory; {rule}")
    assert await failure("module") == (other, f"module {short} is a submodule; {rule}")
    assert await failure("module/a") == (other, f"module {short} is a submodule; {rule}")
    large = f"big {short} has 21 bytes, more than the 20 that are read"
    assert await failure("big") == ("config_too_large", large)
    text = f"latin {short} is not UTF-8 text: byte 2 is wrong"
    assert await failure("latin") == ("config_not_utf8", text)
    assert await host.read_file(source, sha, "fits") == "x" * 20


@pytest.mark.parametrize(
    "path", ["", "/etc/passwd", "../x", "a/../b", "a//b", "./a", "a/", "a\nb", "a\0b", "x" * 5000, "\ud800"]
)
async def test_impossible_paths_are_refused(host: Git, source: Source, path: str) -> None:
    with pytest.raises(Invalid) as refused:
        await host.read_file(source, "a" * 40, path)
    assert refused.value.problems[0].field == "config_path"


@pytest.mark.parametrize("sha", ["", "main", "abcdef1", "-x", "a" * 41, "a" * 40 + "\n", "HEAD~1"])
async def test_a_file_is_read_at_a_whole_id_only(host: Git, source: Source, sha: str) -> None:
    with pytest.raises(Invalid, match="no full commit id"):
        await host.read_file(source, sha, ".drone.yml")


async def test_a_file_at_a_commit_that_is_not_there(host: Git, source: Source) -> None:
    with pytest.raises(NotFound, match=f"commit {'1' * 40} not found"):
        await host.read_file(source, "1" * 40, ".drone.yml")


async def test_what_was_read_once_needs_no_remote(
    shim: Shim, host: Git, source: Source, repository: Repository
) -> None:
    sha = (await host.branch(source, "main")).sha
    text = await host.read_file(source, sha, ".drone.yml")
    shutil.rmtree(repository.path)
    shim.forget()

    assert await host.read_file(source, sha, ".drone.yml") == text
    assert (await host.commit(source, sha)).sha == sha
    assert (await host.commit(source, sha[:9])).sha == sha
    with pytest.raises(Unreadable, match=r"^nope\.yml not found"):
        await host.read_file(source, sha, "nope.yml")
    assert (shim.calls("cat-file"), shim.calls("fetch"), shim.calls("ls-remote")) == (4, 0, 0)
    with pytest.raises(Unreadable) as gone:
        await host.branch(source, "main")
    assert gone.value.code == "repository_unreachable"


async def test_only_the_file_that_is_asked_for_comes_over(
    host: Git, source: Source, repository: Repository, tmp_path: Path
) -> None:
    sha = repository.commit({"other": "not asked for"})
    await host.read_file(source, sha, ".drone.yml")
    shutil.rmtree(repository.path)
    with pytest.raises(Unreadable, match="is not a git repository"):
        await host.read_file(source, sha, "other")
    assert await host.read_file(source, sha, ".drone.yml") == "kind: pipeline\n"


async def test_callers_at_the_same_time_share_one_fetch(
    shim: Shim, host: Git, source: Source, repository: Repository
) -> None:
    sha = head(repository)
    texts = await asyncio.gather(*(host.read_file(source, sha, ".drone.yml") for _ in range(8)))
    assert texts == ["kind: pipeline\n"] * 8
    assert shim.calls("init") == 1
    assert shim.calls("fetch") == 2  # the commit, and the file


async def test_a_repository_that_is_moved_is_followed(host: Git, repository: Repository) -> None:
    old = await host.branch(Source(1, repository.url), "main")
    moved = repository.path.rename(repository.path.parent / "moved")
    repository.path = moved
    newer = repository.commit({".drone.yml": "moved\n"})

    assert (await host.branch(Source(1, repository.url), "main")).sha == newer
    assert await host.read_file(Source(1, repository.url), newer, ".drone.yml") == "moved\n"
    assert await host.read_file(Source(1, repository.url), old.sha, "ci/deploy.yml")


@pytest.mark.parametrize("scheme", ["https", "ssh"])
async def test_a_host_that_does_not_answer_is_told_with_its_reason(host: Git, scheme: str) -> None:
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        source = Source(1, f"{scheme}://127.0.0.1:{taken.getsockname()[1]}/demo.git")
        for call in (host.default_branch(source), host.read_file(source, "a" * 40, "f")):
            with pytest.raises(Unreadable, match=f"^{scheme}://127.*([Cc]onnect|refused)") as failed:
                await call
            assert failed.value.code == "repository_unreachable"


async def test_git_that_takes_too_long_is_stopped(shim: Shim, tmp_path: Path, source: Source) -> None:
    host = Git(tmp_path / "mirrors", [tmp_path / "root"], timeout=0.5, environ={"PATH": os.environ["PATH"]})
    shim.behave('case "$*" in *"upload-pack --strict /"*) sleep 600 ;; esac')
    with pytest.raises(Unavailable, match=r"git took longer than 0\.5 s") as late:
        await host.branch(source, "main")
    assert late.value.code == "timeout"


async def test_a_repository_of_another_account_is_read(host: Git, source: Source, repository: Repository) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    for path in (repository.path, *repository.path.rglob("*")):
        os.chown(path, 12345, 12345, follow_symlinks=False)
    sha = (await host.branch(source, "main")).sha
    assert await host.read_file(source, sha, ".drone.yml") == "kind: pipeline\n"


async def test_settings_of_others_have_no_effect(
    tmp_path: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "ran"
    around = Repository(tmp_path / "around")
    around.git("config", f"url.file://{tmp_path}/nowhere.insteadOf", "file://")
    (tmp_path / "home").mkdir()
    shutil.copy(around.path / ".git" / "config", tmp_path / "home" / ".gitconfig")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GIT_SSH_COMMAND", f"touch {marker}")
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    repository.git("config", "uploadpack.packObjectsHook", f"touch {marker};")
    repository.git("config", "core.fsmonitor", f"touch {marker};")
    host = Git(around.path / "mirrors", [tmp_path / "root"], environ={"PATH": os.environ["PATH"]})
    source = Source(1, repository.url)

    sha = (await host.branch(source, "main")).sha
    assert await host.read_file(source, sha, ".drone.yml") == "kind: pipeline\n"
    assert not marker.exists()
    assert list((around.path / "mirrors" / "home").iterdir()) == []


async def test_a_file_address_is_judged_at_every_fetch(host: Git, repository: Repository, tmp_path: Path) -> None:
    outside = Repository(tmp_path / "outside")
    secret = outside.commit({"secret": "x"})
    link = tmp_path / "root" / "link"
    link.symlink_to(repository.path)
    source = Source(1, f"file://{link}")
    host.check_url(source.url)
    link.unlink()
    link.symlink_to(outside.path)
    with pytest.raises(AppError) as refused:
        await host.read_file(source, secret, "secret")
    assert refused.value.code == "repository_unreachable"
