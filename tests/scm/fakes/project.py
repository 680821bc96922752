"""A project of a fake host: a bare repository that tells the host of each push, and what the host keeps beside it."""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.scm.repository import ENV, Repository

_FORMAT = "%H%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%T%x00%P%x00%B"
#: Tells the host of the refs that a push has moved, and waits for its answer. To start Python and import a client takes
#: longer than all that git does for a push.
_POST_RECEIVE = r"""#!/usr/bin/env bash
refs=$(cat) LC_ALL=C
exec 3<>/dev/tcp/{host}/{port}
printf 'POST %s HTTP/1.0\r\nHost: {host}:{port}\r\nContent-Length: %d\r\n\r\n%s' '{path}' ${{#refs}} "$refs" >&3
cat <&3 >/dev/null
"""
KINDS = {"100644": "file", "100755": "file", "120000": "symlink", "160000": "submodule", "040000": "dir"}


@dataclass(frozen=True)
class Shown:
    """A commit, as git shows it."""

    sha: str
    author: tuple[str, str, str]
    committer: tuple[str, str, str]
    tree: str
    parents: list[str]
    message: str


@dataclass(frozen=True)
class Entry:
    """An entry of a tree; `size` is 0 for what has none."""

    mode: str
    kind: str
    oid: str
    size: int
    path: str

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass
class Said:
    """A comment under an issue or a pull request; `seen` are those who show eyes beside it."""

    id: int
    number: int
    who: str
    text: str
    written: str
    seen: list[str] = field(default_factory=list)


@dataclass
class Talk:
    """An issue, or a pull request. `origin` is the project of its commits by id, None for one that is gone."""

    number: int
    title: str
    is_request: bool
    origin: int | None
    closed: bool = False


@dataclass
class Project:
    """`levels` are the levels of access, as GitLab counts: 10 sees, 30 writes, 40 administers."""

    id: int
    slug: str
    bare: Path
    work: Repository
    private: bool = False
    archived: bool = False
    default_branch: str = "main"
    levels: dict[str, int] = field(default_factory=dict)
    hooks: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    deployments: list[dict[str, Any]] = field(default_factory=list)
    talks: dict[int, Talk] = field(default_factory=dict)
    comments: list[Said] = field(default_factory=list)
    #: Who pushes next.
    pusher: str = "octocat"

    @property
    def namespace(self) -> str:
        return self.slug.rpartition("/")[0]

    @property
    def name(self) -> str:
        return self.slug.rpartition("/")[2]

    # What a person does with a working copy.

    def push(self, files: dict[str, str | bytes] | None = None, message: str = "change", branch: str = "main") -> str:
        """Commit the files on a branch and push it; the id of the commit."""
        heads = self.work.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split()
        if branch in heads:
            self.work.git("checkout", "-q", branch)
        elif heads:
            self.work.git("checkout", "-q", "-b", branch)
        sha = self.work.commit(files, message)
        self.work.git("push", "-q", "origin", f"HEAD:refs/heads/{branch}")
        return sha

    def tag(self, name: str, message: str = "") -> str:
        """Push a tag, annotated if there is a message; the id that the ref has."""
        self.work.git("tag", *(["-a", "-m", message] if message else []), name)
        self.work.git("push", "-q", "origin", f"refs/tags/{name}")
        return self.work.git("rev-parse", f"refs/tags/{name}")

    # What the host reads.

    def git(self, *args: str) -> str | None:
        """The output of git; None when git refuses."""
        done = subprocess.run(["git", "-C", str(self.bare), *args], capture_output=True, check=False, env=ENV)
        return done.stdout.decode("utf-8", "surrogateescape") if done.returncode == 0 else None

    def resolve(self, name: str, kind: str = "commit") -> str | None:
        found = self.git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{{kind}}}")
        return found.strip() if found else None

    def commit(self, name: str) -> Shown | None:
        """The commit of any name that git understands."""
        sha = self.resolve(name)
        return next(self._log("--no-walk", sha)) if sha else None

    def _log(self, *args: str) -> Iterator[Shown]:
        out = self.git("log", f"--format={_FORMAT}%x1e", *args) or ""
        for one in out.split("\x1e")[:-1]:
            oid, an, ae, ad, cn, ce, cd, tree, parents, body = one.lstrip("\n").split("\0", 9)
            yield Shown(oid, (an, ae, ad), (cn, ce, cd), tree, parents.split(), body)

    def refs(self, prefix: str) -> dict[str, tuple[str, str]]:
        """Kind and id of each ref with this prefix."""
        out = self.git("for-each-ref", "--format=%(refname) %(objecttype) %(objectname)", prefix) or ""
        return {name: (kind, oid) for name, kind, oid in (line.split() for line in out.splitlines())}

    def entries(self, sha: str, path: str = "") -> list[Entry]:
        """The entry of a path, or those of the directory for a path that ends with a slash."""
        out = self.git("ls-tree", "-l", "-z", "--full-tree", sha, *(["--", path] if path else [])) or ""
        found = []
        for line in filter(None, out.split("\0")):
            head, _, name = line.partition("\t")
            mode, kind, oid, size = head.split()
            found.append(Entry(mode, kind, oid, int(size) if size.isdecimal() else 0, name))
        return found

    def blob(self, oid: str) -> bytes:
        return subprocess.check_output(["git", "-C", str(self.bare), "cat-file", "blob", oid], env=ENV)

    def between(self, before: str, after: str) -> list[Shown]:
        """The commits that one has and the other has not, the oldest first."""
        return list(self._log("--reverse", f"{before}..{after}"))

    def changes(self, after: str, before: str = "") -> list[tuple[str, str, str]]:
        """Letter, old path and new path of each change of a commit, or between two."""
        names = [before, after] if before else ["--root", after]
        out = self.git("diff-tree", "-r", "-M", "--no-commit-id", "--name-status", "-z", *names) or ""
        words = iter(filter(None, out.split("\0")))
        found = []
        for letter in words:
            old = next(words)
            found.append((letter[0], old, next(words) if letter[0] in "RC" else old))
        return found

    def move(self, root: Path, slug: str, told: Callable[[str], str]) -> None:
        """Give the project another slug, as `created` would have."""
        bare = root / "bare" / f"{slug}.git"
        bare.parent.mkdir(parents=True, exist_ok=True)
        self.slug, self.bare = slug, self.bare.rename(bare)
        self.work.git("remote", "set-url", "origin", str(bare))
        _tell(bare, told(slug))


def created(root: Path, number: int, slug: str, told: Callable[[str], str]) -> Project:
    """A new project with a bare repository and a working copy. `told` gives the address that hears of pushes."""
    bare = root / "bare" / f"{slug}.git"
    bare.mkdir(parents=True)
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(bare)], check=True, env=ENV)
    with bare.joinpath("config").open("a") as config:
        config.write("[http]\n\treceivepack = true\n[uploadpack]\n\tallowFilter = true\n")
    _tell(bare, told(slug))
    work = Repository(root / "work" / str(number))
    work.git("remote", "add", "origin", str(bare))
    return Project(number, slug, bare, work)


def _tell(bare: Path, url: str) -> None:
    hook = bare / "hooks" / "post-receive"
    hook.parent.mkdir(exist_ok=True)
    at = urlsplit(url)
    hook.write_text(_POST_RECEIVE.format(host=at.hostname, port=at.port, path=at.path))
    hook.chmod(0o755)
