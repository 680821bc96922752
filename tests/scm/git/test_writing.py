"""Notes and tags of ours in real repositories: beside those of others, with credentials, on old servers."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.errors import Unavailable, Unreadable
from app.scm.git import writing
from app.scm.git.host import Git
from app.scm.host import Access, Account, Source
from app.scm.plain import Author
from app.scm.ssh import Identity
from tests.scm import https, sshd
from tests.scm.conftest import Shim
from tests.scm.repository import Repository
from tests.scm.sshd import SshHost

AUTHOR = Author("Gantry", "noreply@ci.example.com")


def note(repository: Repository, sha: str) -> str:
    return repository.git("notes", "--ref=ci", "show", sha)


async def test_a_note_is_written_and_replaced_and_others_stay(
    host: Git, source: Source, repository: Repository
) -> None:
    first = repository.git("rev-parse", "main")
    second = repository.commit()
    await host.put_note(source, first, "1 push running", AUTHOR)
    await host.put_note(source, second, "2 push success", AUTHOR)

    await host.put_note(source, first, "1 push success\n3 promote production success", AUTHOR)

    assert note(repository, first) == "1 push success\n3 promote production success"
    assert note(repository, second) == "2 push success"
    assert repository.git("log", "--format=%an %ae", "refs/notes/ci") == "\n".join(
        ["Gantry noreply@ci.example.com"] * 3
    )


async def test_notes_that_somebody_writes_meanwhile_stay(
    shim: Shim, host: Git, source: Source, repository: Repository, tmp_path: Path
) -> None:
    """The other is faster between our fetch and our push, three times."""
    head = repository.git("rev-parse", "main")
    others = [repository.commit(message=f"other {number}") for number in range(3)]
    (tmp_path / "others").write_text("".join(f"{sha}\n" for sha in others))
    shim.behave(
        f"""case "$*" in *push*refs/notes/ci*)
        sha=$(head -n 1 {tmp_path}/others); sed -i 1d {tmp_path}/others
        [ -z "$sha" ] || GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x \\
            "$real" -C {repository.path} notes --ref=ci add -m theirs "$sha" 2>/dev/null
        ;; esac"""
    )

    await host.put_note(source, head, "ours", AUTHOR)

    assert [note(repository, sha) for sha in (head, *others)] == ["ours", "theirs", "theirs", "theirs"]


async def test_notes_that_others_write_all_the_time_are_for_later(
    shim: Shim, host: Git, source: Source, repository: Repository
) -> None:
    head = repository.git("rev-parse", "main")
    shim.behave(
        f"""case "$*" in *push*refs/notes/ci*)
        GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x \\
            "$real" -C {repository.path} notes --ref=ci append -m more {head} 2>/dev/null
        ;; esac"""
    )

    with pytest.raises(Unavailable) as later:
        await host.put_note(source, head, "ours", AUTHOR)

    assert later.value.code == "notes_overtaken"
    assert shim.calls("notes") >= writing.ATTEMPTS


async def test_many_notes_at_one_time_are_all_written(host: Git, source: Source, repository: Repository) -> None:
    commits = [repository.commit() for _ in range(3)]

    await asyncio.gather(*(host.put_note(source, sha, sha, AUTHOR) for sha in commits))

    assert [note(repository, sha) for sha in commits] == commits


async def test_a_tag_names_the_commit_and_is_made_once(host: Git, source: Source, repository: Repository) -> None:
    first = repository.git("rev-parse", "main")
    repository.commit()

    for _ in range(2):
        await host.put_tag(source, first, "deploy/production/42", "Build 42\n\nhttp://ci/42", AUTHOR)

    assert repository.git("rev-parse", "deploy/production/42^{commit}") == first
    assert repository.git("cat-file", "-t", "deploy/production/42") == "tag"
    assert repository.git("tag", "-l", "--format=%(contents)%(taggername)") == "Build 42\n\nhttp://ci/42\nGantry"


async def test_a_tag_of_another_commit_is_not_moved(host: Git, source: Source, repository: Repository) -> None:
    first = repository.git("rev-parse", "main")
    second = repository.commit()
    repository.git("tag", "deploy/production/1", first)

    with pytest.raises(Unreadable) as refused:
        await host.put_tag(source, second, "deploy/production/1", "x", AUTHOR)

    assert refused.value.code == "tag_exists"
    assert repository.git("rev-parse", "deploy/production/1") == first


async def test_a_commit_that_no_ref_leads_to_gets_its_tag(host: Git, source: Source, repository: Repository) -> None:
    lost = repository.commit({"big": "x" * 1000})
    repository.git("reset", "-q", "--hard", "HEAD~1")

    await host.put_tag(source, lost, "deploy/production/1", "x", AUTHOR)

    assert repository.git("rev-parse", "deploy/production/1^{commit}") == lost


async def test_a_server_that_does_not_negotiate_gets_the_files_again(
    shim: Shim, host: Git, source: Source, repository: Repository
) -> None:
    first = repository.git("rev-parse", "main")
    repository.commit()
    shim.behave('case "$*" in *--negotiate-only*) exit 128;; esac')

    await host.put_tag(source, first, "deploy/production/1", "x", AUTHOR)

    assert repository.git("rev-parse", "deploy/production/1^{commit}") == first


async def test_no_hook_of_a_repository_of_this_machine_runs_as_the_server(
    host: Git, source: Source, repository: Repository, tmp_path: Path
) -> None:
    for name in ("pre-receive", "update", "post-receive", "reference-transaction"):
        hook = repository.path / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        hook.chmod(0o755)
    head = repository.git("rev-parse", "main")

    await host.put_tag(source, head, "deploy/production/1", "x", AUTHOR)
    await host.put_note(source, head, "x", AUTHOR)

    assert note(repository, head) == "x"
    assert not (tmp_path / "ran").exists()


async def test_nothing_is_left_after_writing(host: Git, source: Source, repository: Repository, tmp_path: Path) -> None:
    head = repository.git("rev-parse", "main")
    await host.put_note(source, head, "x", AUTHOR)

    assert list((tmp_path / "mirrors" / "passing").iterdir()) == []


@pytest.fixture
def remote(repository: Repository) -> Iterator[SshHost]:
    with sshd.serving(repository.path.parent) as made:
        yield made


async def test_the_credentials_of_the_repository_are_used_and_hooks_of_the_host_may_decline(
    remote: SshHost, repository: Repository, tmp_path: Path
) -> None:
    text, key = sshd.new_key("ssh-rsa")
    remote.known.append(key)

    async def access(_: Source) -> Access:
        return Identity(text, remote.known_hosts)

    git = Git(tmp_path / "mirrors", [], environ={"PATH": os.environ["PATH"]}, access=access)
    source, head = Source(1, f"{remote.url}{repository.path}/.git"), repository.git("rev-parse", "main")
    await git.put_note(source, head, "noted", AUTHOR)
    assert note(repository, head) == "noted"

    hook = repository.path / ".git" / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho no tags here >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(Unreadable, match=r"pre-receive hook declined"):
        await git.put_tag(source, head, "deploy/production/1", "x", AUTHOR)


async def test_notes_and_tags_are_written_over_https(repository: Repository, tmp_path: Path) -> None:
    with https.serving(repository.path.parent, tmp_path) as remote:
        environ = {"PATH": os.environ["PATH"], "GIT_SSL_CAINFO": str(remote.ca)}
        git = Git(tmp_path / "mirrors", [], environ=environ, account=Account(https.LOGIN, https.PASSWORD))
        source, commits = Source(1, f"{remote.url}/demo/.git"), [repository.commit() for _ in range(2)]

        for number in range(3):
            await git.put_note(source, commits[number % 2], f"note {number}", AUTHOR)
            await git.put_tag(source, commits[0], f"deploy/production/{number}", "x", AUTHOR)

    assert [note(repository, sha) for sha in commits] == ["note 2", "note 1"]
    assert len(repository.git("tag", "-l").split()) == 3
