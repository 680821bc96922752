"""What the APIs of hosts answer, as Gantry's own values; each function raises what `Api` takes for a wrong answer."""

from base64 import b64decode
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from app.errors import Unreadable
from app.scm import files
from app.scm.forge import Listed
from app.scm.host import Commit
from app.scm.webhooks import Registered

#: Bytes of a file above which GitHub may leave out the content.
_MOST_OF_GITHUB = 1_000_000
_MODES = {"symlink": files.SYMLINK, "submodule": files.SUBMODULE, "dir": files.DIRECTORY}


def text(value: Any) -> str:
    """Text that any database accepts; empty for null."""
    return str(value or "").replace("\0", "\ufffd")


def seconds(moment: Any) -> int:
    """Unix seconds of a time in ISO 8601; 0 without one."""
    return max(0, int(datetime.fromisoformat(moment).timestamp())) if moment else 0


def account(found: Any) -> str:
    """The login of an account; empty for null, as where an e-mail address is of no account."""
    return text((found or {}).get("login") or (found or {}).get("username"))


def commit(found: Any) -> Commit:
    """A commit as GitHub shows it, and Gitea and Gogs after it."""
    inner = found["commit"]
    author, committer = inner.get("author") or {}, inner.get("committer") or {}
    return Commit(
        sha=str(found["sha"]),
        message=text(inner.get("message")),
        author_login=account(found.get("author")),
        author_name=text(author.get("name")),
        author_email=text(author.get("email")),
        timestamp=seconds(committer.get("date") or author.get("date")),
    )


def listed(found: Any) -> Listed:
    """A repository as GitHub shows it, and Gitea and Gogs after it."""
    rights = found.get("permissions") or {}
    private = "private" if found.get("private") else "internal" if found.get("internal") else "public"
    return Listed(
        uid=str(found["id"]),
        slug=f"{account(found['owner'])}/{text(found['name'])}",
        http_url=text(found.get("clone_url")),
        ssh_url=text(found.get("ssh_url")),
        link=text(found.get("html_url")),
        default_branch=text(found.get("default_branch")),
        visibility=text(found.get("visibility")) or private,
        archived=bool(found.get("archived")),
        read=bool(rights.get("pull", True)),
        write=bool(rights.get("push")),
        admin=bool(rights.get("admin")),
    )


def contents(found: Any, path: str, sha: str, most: int) -> str:
    """The text of a file in an answer of `contents`, as GitHub, Gitea and Gogs give it; Unreadable for what is no file.

    A directory is a list of its entries. The content of a large file is left out.
    """
    if isinstance(found, list):
        raise files.unsuitable(files.DIRECTORY, path, sha)
    if found["type"] != "file":
        raise files.unsuitable(_MODES.get(found["type"], text(found["type"])), path, sha)
    if found.get("encoding") == "none":
        most = min(most, _MOST_OF_GITHUB)
    if (size := int(found["size"])) > most:
        raise files.too_large(path, sha, most=most, size=size)
    return files.text(decoded(found, path, sha), path, sha)


def decoded(found: Any, path: str, sha: str) -> bytes:
    """The bytes of a file in an answer: `content`, in base64 with line breaks."""
    if found.get("encoding") not in {"base64", None, ""}:
        message = f"{path} at commit {sha[:12]} is sent in the unknown encoding {text(found['encoding'])[:40]!r}"
        raise Unreadable(message, code="config_not_utf8")
    return b64decode(found.get("content") or "")


def paths(changed: Iterable[tuple[Any, Any]]) -> tuple[str, ...]:
    """The paths of changes, each of which has a new and an old path, once and in order."""
    return tuple(sorted({text(path) for change in changed for path in change if path}))


def changes(found: Any) -> list[tuple[Any, Any]]:
    """The new and the old path of each file of a commit, as GitHub shows it, and Gitea after it."""
    return [(file["filename"], file.get("previous_filename")) for file in found.get("files") or ()]


def named(found: Any) -> tuple[str, str]:
    """Kind and id of the object that a ref or a tag names, as GitHub shows it, and Gitea after it."""
    return str(found["object"]["type"]), str(found["object"]["sha"])


def tag(found: Any) -> tuple[str, str]:
    """The name of a tag and the id of its object, in a list of refs as GitHub shows it, and Gitea after it."""
    return text(found["ref"]).removeprefix("refs/tags/"), named(found)[1]


def registered(found: Any) -> Registered:
    """A webhook of a repository as GitHub shows it, and Gitea and Gogs after it."""
    return Registered(ident(found), text(found["config"].get("url")))


def ident(found: Any) -> str:
    """The id of a thing."""
    return str(found["id"])
